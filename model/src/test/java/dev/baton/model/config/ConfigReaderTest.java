package dev.baton.model.config;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.baton.model.Checkout;
import dev.baton.model.ModelDirectory;
import dev.baton.model.ModelFormatException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.OptionalInt;
import java.util.Random;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

final class ConfigReaderTest {
  @TempDir Path dir;

  /** A small valid Llama config as JSON values by key; null removes a key. */
  private static Map<String, String> llama() {
    Map<String, String> m = new LinkedHashMap<>();
    m.put("architectures", "[\"LlamaForCausalLM\"]");
    m.put("model_type", "\"llama\"");
    m.put("hidden_size", "64");
    m.put("intermediate_size", "96");
    m.put("num_hidden_layers", "2");
    m.put("num_attention_heads", "4");
    m.put("num_key_value_heads", "2");
    m.put("vocab_size", "128");
    m.put("max_position_embeddings", "512");
    m.put("torch_dtype", "\"float16\"");
    m.put("eos_token_id", "2");
    return m;
  }

  private static Map<String, String> of(String architecture) {
    Map<String, String> m = llama();
    m.put("architectures", "[\"" + architecture + "\"]");
    return m;
  }

  private ModelConfig read(Map<String, String> config) {
    return read(
        config.entrySet().stream()
            .map(e -> "\"" + e.getKey() + "\":" + e.getValue())
            .collect(Collectors.joining(",", "{", "}")));
  }

  private ModelConfig read(String json) {
    try {
      Files.writeString(dir.resolve("config.json"), json);
    } catch (IOException e) {
      throw new AssertionError(e);
    }
    return ModelDirectory.open(dir).config();
  }

  private void refuses(Map<String, String> config, String... parts) {
    assertThatThrownBy(() -> read(config))
        .isInstanceOf(ModelFormatException.class)
        .hasMessageContainingAll(parts)
        .hasMessageContaining("config.json");
  }

  private static Map<String, String> with(Map<String, String> m, String key, String value) {
    m.put(key, value);
    return m;
  }

  private static Map<String, String> without(Map<String, String> m, String key) {
    m.remove(key);
    return m;
  }

  @Test
  void demoModelReadsAsItIs() {
    ModelConfig c = ModelDirectory.open(Checkout.DEMO).config();
    assertThat(c)
        .isEqualTo(
            new ModelConfig(
                Architecture.LLAMA,
                256,
                6,
                4,
                2,
                64,
                768,
                1156,
                4096,
                1e-5,
                new RopeConfig(500_000, new RopeConfig.Llama3(8, 1, 4, 2048)),
                false,
                false,
                false,
                false,
                false,
                OptionalInt.empty(),
                ElementType.BF16,
                OptionalInt.of(0),
                List.of(1, 4)));
  }

  @Test
  void everyGoldenShapeOpens() {
    for (String shape : Checkout.SHAPES) {
      ModelConfig c = ModelDirectory.open(Checkout.GOLDENS.resolve(shape)).config();
      assertThat(c.vocabSize()).as(shape).isEqualTo(512);
      assertThat(c.elementType()).as(shape).isEqualTo(ElementType.BF16);
      assertThat(c.eosTokenIds()).as(shape).containsExactly(2);
      assertThat(c.qkNorm()).as(shape).isEqualTo(shape.equals("qwen3"));
      assertThat(c.attentionBias()).as(shape).isEqualTo(shape.equals("qwen2"));
      assertThat(c.outputBias()).as(shape).isFalse();
      assertThat(c.tiedEmbeddings()).as(shape).isEqualTo(shape.equals("llama-mqa-tied"));
    }
  }

  @Test
  void shapesForMeasurementsOpen() {
    ModelConfig small = ModelDirectory.open(Checkout.ROOT.resolve("models/llama-153m")).config();
    assertThat(small.kvSize()).isEqualTo(256);
    ModelConfig big = ModelDirectory.open(Checkout.ROOT.resolve("models/llama-3.1-8b")).config();
    assertThat(big.rope()).isEqualTo(new RopeConfig(500_000, new RopeConfig.Llama3(8, 1, 4, 8192)));
    assertThat(big.eosTokenIds()).containsExactly(128001, 128008, 128009);
    assertThat(big.headSize()).isEqualTo(128);
  }

  @Test
  void olderAndNewerRopeFormsMeanTheSame() {
    String llama3 =
        "\"factor\":8,\"low_freq_factor\":1,\"high_freq_factor\":4,\"original_max_position_embeddings\":64";
    RopeConfig expected = new RopeConfig(5e5, new RopeConfig.Llama3(8, 1, 4, 64));
    Map<String, String> older = with(llama(), "rope_theta", "500000.0");
    assertThat(
            read(with(older, "rope_scaling", "{\"rope_type\":\"llama3\"," + llama3 + "}")).rope())
        .isEqualTo(expected);
    assertThat(read(with(older, "rope_scaling", "{\"type\":\"llama3\"," + llama3 + "}")).rope())
        .isEqualTo(expected);
    assertThat(
            read(with(
                    llama(),
                    "rope_parameters",
                    "{\"rope_type\":\"llama3\",\"rope_theta\":5e5," + llama3 + "}"))
                .rope())
        .isEqualTo(expected);
  }

  @Test
  void ropeDefaultsAndLinearScaling() {
    assertThat(read(llama()).rope()).isEqualTo(new RopeConfig(10_000, new RopeConfig.Unscaled()));
    assertThat(read(with(llama(), "rope_scaling", "null")).rope().scaling())
        .isEqualTo(new RopeConfig.Unscaled());
    assertThat(read(with(llama(), "rope_scaling", "{\"type\":\"linear\",\"factor\":4}")).rope())
        .isEqualTo(new RopeConfig(10_000, new RopeConfig.Linear(4)));
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "{\"rope_type\":\"yarn\",\"factor\":4}",
        "{\"type\":\"dynamic\",\"factor\":2}",
        "{\"rope_type\":\"longrope\"}",
        "{\"factor\":2}",
        "{\"full_attention\":{\"rope_type\":\"default\"}}",
        "{\"rope_type\":\"linear\"}",
        "{\"rope_type\":\"linear\",\"factor\":0}",
        "{\"rope_type\":\"llama3\",\"factor\":8,\"low_freq_factor\":4,\"high_freq_factor\":4}",
        "{\"rope_type\":\"default\",\"partial_rotary_factor\":0.5}",
        "{\"rope_type\":7}",
        "[1]",
        "\"linear\""
      })
  void otherRopeIsRefused(String scaling) {
    refuses(with(llama(), "rope_scaling", scaling), "rope_scaling");
    refuses(with(llama(), "rope_parameters", scaling), "rope_parameters");
  }

  @Test
  void missingKeysHaveTheArchitecturesDefaults() {
    ModelConfig llama =
        read(without(without(llama(), "num_key_value_heads"), "max_position_embeddings"));
    assertThat(llama.kvHeads()).isEqualTo(4);
    assertThat(llama.headSize()).isEqualTo(16);
    assertThat(llama.maxPositions()).isEqualTo(2048);
    assertThat(llama.rmsNormEps()).isEqualTo(1e-6);
    assertThat(llama.tiedEmbeddings()).isFalse();
    Map<String, String> qwen3 = of("Qwen3ForCausalLM");
    assertThat(read(qwen3).headSize()).isEqualTo(128);
    assertThat(read(with(qwen3, "head_dim", "32")).headSize()).isEqualTo(32);
    Map<String, String> mistral = with(of("MistralForCausalLM"), "num_attention_heads", "16");
    assertThat(read(without(with(mistral, "head_dim", "4"), "num_key_value_heads")).kvHeads())
        .isEqualTo(8);
    assertThat(read(without(with(llama(), "torch_dtype", "null"), "dtype")).elementType())
        .isEqualTo(ElementType.F32);
  }

  @Test
  void modelTypeStandsInForMissingArchitectures() {
    assertThat(read(without(llama(), "architectures")).architecture())
        .isEqualTo(Architecture.LLAMA);
  }

  @Test
  void biasesFollowTheArchitecture() {
    ModelConfig llama = read(with(with(llama(), "attention_bias", "true"), "mlp_bias", "true"));
    assertThat(List.of(llama.attentionBias(), llama.outputBias(), llama.mlpBias()))
        .containsExactly(true, true, true);
    ModelConfig qwen2 = read(of("Qwen2ForCausalLM"));
    assertThat(List.of(qwen2.attentionBias(), qwen2.outputBias(), qwen2.mlpBias()))
        .containsExactly(true, false, false);
    ModelConfig mistral =
        read(
            with(
                with(of("MistralForCausalLM"), "attention_bias", "true"),
                "sliding_window",
                "null"));
    assertThat(List.of(mistral.attentionBias(), mistral.outputBias()))
        .containsExactly(false, false);
  }

  @ParameterizedTest
  @CsvSource(
      nullValues = "-",
      value = {
        "-,                    [2],   2",
        "{},                   [2],   2",
        "{\"eos_token_id\":7}, [2],   7",
        "'{\"eos_token_id\":[7,9,7]}', 2, 7 9",
        "{\"eos_token_id\":null}, 2, 2",
        "-, null, ''",
        "-, -1, ''",
      })
  void generationConfigsEosWins(String generation, String eos, String expected) throws IOException {
    if (generation != null) {
      Files.writeString(dir.resolve("generation_config.json"), generation);
    }
    assertThat(read(with(llama(), "eos_token_id", eos)).eosTokenIds())
        .extracting(String::valueOf)
        .isEqualTo(expected.isEmpty() ? List.of() : List.of(expected.split(" ")));
  }

  @Test
  void aWindowThatAppliesLimitsTheSequence() {
    ModelConfig mistral = read(with(of("MistralForCausalLM"), "sliding_window", "128"));
    assertThat(mistral.slidingWindow()).hasValue(128);
    assertThat(mistral.maxPositions()).isEqualTo(128);
    ModelConfig wide = read(with(of("MistralForCausalLM"), "sliding_window", "512"));
    assertThat(wide.slidingWindow()).isEmpty();
    assertThat(wide.maxPositions()).isEqualTo(512);
    Map<String, String> qwen = with(of("Qwen2ForCausalLM"), "sliding_window", "128");
    assertThat(read(qwen).slidingWindow()).isEmpty();
    with(qwen, "use_sliding_window", "true");
    assertThat(read(qwen).slidingWindow()).as("28 layers are full by default").isEmpty();
    assertThat(read(with(qwen, "max_window_layers", "1")).slidingWindow()).hasValue(128);
    assertThat(
            read(with(qwen, "layer_types", "[\"full_attention\",\"full_attention\"]"))
                .slidingWindow())
        .isEmpty();
  }

  @Test
  void whatIsNotComputedIsRefusedByName() {
    refuses(of("GPT2LMHeadModel"), "GPT2LMHeadModel", "LlamaForCausalLM", "Qwen3ForCausalLM");
    refuses(without(without(llama(), "architectures"), "model_type"), "no architecture");
    refuses(with(llama(), "hidden_act", "\"gelu\""), "hidden_act", "gelu", "silu");
    refuses(with(llama(), "quantization_config", "{\"quant_method\":\"awq\"}"), "awq", "bfloat16");
    refuses(with(llama(), "num_local_experts", "8"), "mixture of experts");
    refuses(with(llama(), "torch_dtype", "\"float8_e4m3fn\""), "float8_e4m3fn", "bfloat16");
    assertThat(read(with(llama(), "dtype", "\"torch.bfloat16\"")).elementType())
        .isEqualTo(ElementType.BF16);
  }

  @ParameterizedTest
  @CsvSource({
    "hidden_size,0",
    "hidden_size,-4",
    "hidden_size,1e300",
    "hidden_size,true",
    "hidden_size,\"64\"",
    "hidden_size,64.5",
    "hidden_size,99999999999999999999",
    "hidden_size,null",
    "hidden_size,66",
    "num_attention_heads,0",
    "num_attention_heads,3",
    "num_key_value_heads,3",
    "num_key_value_heads,0",
    "num_hidden_layers,1000000",
    "vocab_size,0",
    "vocab_size,2147483648",
    "max_position_embeddings,0",
    "head_dim,7",
    "head_dim,100000",
    "intermediate_size,[]",
    "rms_norm_eps,0",
    "rms_norm_eps,\"x\"",
    "rope_theta,0",
    "rope_theta,-1",
    "eos_token_id,\"</s>\"",
    "eos_token_id,{}",
    "architectures,7",
    "architectures,[7]",
    "tie_word_embeddings,1",
    "attention_bias,\"no\"",
    "quantization_config,7",
    "torch_dtype,16"
  })
  void absurdValuesAreRefused(String key, String value) {
    refuses(with(llama(), key, value), key);
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "",
        " ",
        "{",
        "null",
        "[]",
        "7",
        "{} {}",
        "{\"a\":1,\"a\":2}",
        "<html>",
        "{\"a\":NaN}"
      })
  void whatIsNoJsonObjectIsRefused(String json) {
    assertThatThrownBy(() -> read(json))
        .isInstanceOf(ModelFormatException.class)
        .hasMessageContaining("config.json");
  }

  @Test
  void deepNestingIsRefused() {
    assertThatThrownBy(() -> read("[".repeat(100_000)))
        .isInstanceOf(ModelFormatException.class)
        .hasMessageContaining("config.json is not valid JSON");
    assertThatThrownBy(() -> read("{\"a\":".repeat(100_000)))
        .isInstanceOf(ModelFormatException.class);
  }

  @Test
  void bytesThatAreNoTextAreRefused() throws IOException {
    long seed = System.nanoTime();
    System.out.println("seed " + seed);
    Random random = new Random(seed);
    for (int i = 0; i < 200; i++) {
      byte[] bytes = new byte[random.nextInt(200)];
      random.nextBytes(bytes);
      Files.write(dir.resolve("config.json"), bytes);
      assertThatThrownBy(() -> ModelDirectory.open(dir)).isInstanceOf(ModelFormatException.class);
    }
  }

  @Test
  void aFileTooLargeForAConfigIsRefusedUnread() {
    assertThatThrownBy(() -> read("{\"a\":\"" + "x".repeat(5 << 20) + "\"}"))
        .isInstanceOf(ModelFormatException.class)
        .hasMessageContaining("at most");
  }

  @Test
  void wrongPathsSayWhatToDo() throws IOException {
    assertThatThrownBy(() -> ModelDirectory.open(dir.resolve("nowhere")))
        .isInstanceOf(ModelFormatException.class)
        .hasMessageContainingAll("There is no directory", "nowhere", "does not download");
    assertThatThrownBy(() -> ModelDirectory.open(dir))
        .isInstanceOf(ModelFormatException.class)
        .hasMessageContaining("holds no config.json");
    Path file = Files.writeString(dir.resolve("model.gguf"), "GGUF");
    assertThatThrownBy(() -> ModelDirectory.open(file))
        .isInstanceOf(ModelFormatException.class)
        .hasMessageContaining("is a file");
  }

  @Test
  void scaledFrequenciesAreThoseOfLlama31() {
    // Wavelengths below 8192/4 keep their frequency, those above 8192 have it divided by 8.
    double[] scaled =
        new RopeConfig(5e5, new RopeConfig.Llama3(8, 1, 4, 8192)).inverseFrequencies(128);
    double[] plain = new RopeConfig(5e5, new RopeConfig.Unscaled()).inverseFrequencies(128);
    for (int i = 0; i < 64; i++) {
      double wavelength = 2 * Math.PI / plain[i];
      double ratio = plain[i] / scaled[i];
      assertThat(ratio).isBetween(1 - 1e-9, 8 + 1e-9);
      if (wavelength < 2048) {
        assertThat(ratio).isEqualTo(1);
      } else if (wavelength > 8192) {
        assertThat(ratio).isEqualTo(8);
      }
    }
  }
}
