package dev.baton.model.tokenizer;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.baton.model.Checkout;
import dev.baton.model.ModelFormatException;
import java.io.IOException;
import java.net.URL;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

final class TokenizerTest {
  private static Tokenizer demo;

  @TempDir Path dir;

  @BeforeAll
  static void load() {
    demo = Tokenizers.load(Checkout.DEMO);
  }

  @AfterAll
  static void close() throws Exception {
    demo.close();
  }

  @Test
  void goldensAreIdentical() {
    List<Golden> goldens = Golden.read();
    assertThat(goldens).hasSize(10);
    for (Golden g : goldens) {
      assertThat(demo.encode(g.text(), true)).as(g.text()).isEqualTo(g.ids());
      assertThat(demo.decode(g.ids(), true)).isEqualTo(g.decoded());
    }
  }

  @Test
  void bosIsAddedOnlyWhenAsked() {
    assertThat(demo.encode("", true)).containsExactly(0);
    assertThat(demo.encode("", false)).isEmpty();
    assertThat(demo.encode("<|begin_of_text|>hi", false)[0]).isZero();
  }

  @Test
  void theVocabularyIsKnown() {
    assertThat(demo.vocabSize()).isEqualTo(1156);
    assertThat(demo.eosTokenId()).hasValue(4);
    assertThat(demo.specialTokenIds()).containsExactlyInAnyOrder(0, 1, 2, 3, 4, 5);
    assertThat(demo.token(4)).contains("<|eot_id|>");
    assertThat(demo.token(226)).contains("Ġ");
    assertThat(demo.token(-1)).isEmpty();
    assertThat(demo.token(1156)).isEmpty();
  }

  @Test
  void specialTokensAreKeptWhenAsked() {
    int[] ids = demo.encode("a<|eot_id|>b", true);
    assertThat(demo.decode(ids, false)).isEqualTo("<|begin_of_text|>a<|eot_id|>b");
    assertThat(demo.decode(ids, true)).isEqualTo("ab");
  }

  @Test
  void idsOutsideTheVocabularyGiveNoText() {
    assertThat(demo.decode(new int[] {-1, 1156, Integer.MAX_VALUE, Integer.MIN_VALUE}, false))
        .isEmpty();
  }

  @Test
  void longTextIsNeitherCutNorPadded() throws IOException {
    String text = "hello world ".repeat(20_000);
    assertThat(demo.decode(demo.encode(text, false), false)).isEqualTo(text);
    // A file that asks for truncation and padding, as saved after a training run.
    String json = Files.readString(Checkout.DEMO.resolve("tokenizer.json"));
    Files.writeString(
        dir.resolve("tokenizer.json"),
        json.replaceFirst(
                "\"truncation\": null",
                "\"truncation\": {\"direction\":\"Right\",\"max_length\":4,\"strategy\":\"LongestFirst\",\"stride\":0}")
            .replaceFirst(
                "\"padding\": null",
                "\"padding\": {\"strategy\":{\"Fixed\":64},\"direction\":\"Right\",\"pad_to_multiple_of\":null,"
                    + "\"pad_id\":5,\"pad_type_id\":0,\"pad_token\":\"<|finetune_right_pad_id|>\"}"));
    Tokenizer saved = Tokenizers.load(dir);
    assertThat(saved.encode("Hello, world!", true)).isEqualTo(demo.encode("Hello, world!", true));
    assertThat(saved.eosTokenId()).isEmpty();
    saved.close();
  }

  @Test
  void textThatIsNoUnicodeIsTakenAsReplacementCharacters() {
    for (String text : List.of("a\uD83D", "\uDE80b", "\uDE80\uD83D", "x\uD83Dy")) {
      String wellFormed = NativeTokenizer.withoutLoneSurrogates(text);
      assertThat(wellFormed).contains("\uFFFD").hasSameSizeAs(text);
      assertThat(demo.encode(text, false)).isEqualTo(demo.encode(wellFormed, false));
    }
    assertThat(NativeTokenizer.withoutLoneSurrogates("🚀")).isEqualTo("🚀");
    String controls = "\0\u0001\u007f\u0085\u2028\uFEFF";
    assertThat(demo.decode(demo.encode(controls, false), false)).isEqualTo(controls);
  }

  @Test
  void manyVirtualThreadsEncodeAtOnce() throws Exception {
    List<Golden> goldens = Golden.read();
    try (ExecutorService threads = Executors.newVirtualThreadPerTaskExecutor()) {
      List<Future<Boolean>> all = new ArrayList<>();
      for (int i = 0; i < 2000; i++) {
        Golden g = goldens.get(i % goldens.size());
        all.add(
            threads.submit(
                () -> {
                  assertThat(demo.encode(g.text(), true)).isEqualTo(g.ids());
                  assertThat(demo.decode(g.ids(), true)).isEqualTo(g.decoded());
                  return true;
                }));
      }
      for (Future<Boolean> f : all) {
        assertThat(f.get()).isTrue();
      }
    }
  }

  @Test
  void closingWhileOthersEncodeNeverCrashes() throws Exception {
    Tokenizer own = Tokenizers.load(Checkout.DEMO);
    try (ExecutorService threads = Executors.newVirtualThreadPerTaskExecutor()) {
      List<Future<Integer>> all = new ArrayList<>();
      for (int i = 0; i < 200; i++) {
        all.add(threads.submit(() -> own.encode("hello ".repeat(200), true).length));
      }
      all.add(
          threads.submit(
              () -> {
                own.close();
                own.close();
                return 1;
              }));
      for (Future<Integer> f : all) {
        try {
          assertThat(f.get()).isPositive();
        } catch (java.util.concurrent.ExecutionException e) {
          assertThat(e.getCause())
              .isInstanceOf(IllegalStateException.class)
              .hasMessageContaining("closed");
        }
      }
    }
    assertThatThrownBy(() -> own.encode("a", false)).isInstanceOf(IllegalStateException.class);
  }

  @Test
  void aDirectoryWithoutTokenizerSaysWhatToDo() {
    assertThat(Tokenizers.find(dir)).isEmpty();
    assertThatThrownBy(() -> Tokenizers.load(dir))
        .isInstanceOf(ModelFormatException.class)
        .hasMessageContainingAll("tokenizer.json", "token ids");
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "",
        "{",
        "[]",
        "7",
        "{}",
        "{\"model\":7}",
        "{\"model\":{}}",
        "{\"model\":{\"type\":\"BPE\",\"vocab\":{\"a\":-1},\"merges\":[]}}",
        "{\"model\":{\"type\":\"BPE\",\"vocab\":{\"a\":4294967296},\"merges\":[]}}",
        "{\"model\":{\"type\":\"BPE\",\"vocab\":{\"a\":\"x\"},\"merges\":[]}}",
        "{\"model\":{\"type\":\"BPE\",\"vocab\":{\"a\":0},\"merges\":[\"b c\"]}}",
        "{\"model\":{\"type\":\"Magic\",\"vocab\":{\"a\":0}}}",
        "{\"model\":{\"type\":\"BPE\",\"vocab\":{\"a\":0},\"merges\":[]},\"added_tokens\":7}",
        "{\"model\":{\"type\":\"BPE\",\"vocab\":{\"a\":0},\"merges\":[]},\"added_tokens\":[{\"content\":\"x\"}]}",
        "{\"model\":{\"type\":\"BPE\",\"vocab\":{\"a\":0},\"merges\":[]},\"decoder\":{\"type\":\"Nope\"}}",
        "{\"model\":{\"type\":\"BPE\",\"vocab\":{\"a\":0},\"merges\":[]},\"pre_tokenizer\":{\"type\":\"Split\","
            + "\"pattern\":{\"Regex\":\"(\"},\"behavior\":\"Isolated\",\"invert\":false}}",
      })
  void aBrokenTokenizerIsRefused(String json) throws IOException {
    Files.writeString(dir.resolve("tokenizer.json"), json);
    assertThatThrownBy(() -> Tokenizers.load(dir))
        .isInstanceOf(ModelFormatException.class)
        .hasMessageContaining("tokenizer.json")
        .message()
        .hasSizeLessThan(800);
  }

  @Test
  void aDeepOrCutTokenizerIsRefused() throws IOException {
    Files.writeString(dir.resolve("tokenizer.json"), "{\"model\":" + "[".repeat(100_000));
    assertThatThrownBy(() -> Tokenizers.load(dir)).isInstanceOf(ModelFormatException.class);
    String json = Files.readString(Checkout.DEMO.resolve("tokenizer.json"));
    for (int length = 1; length < json.length(); length += json.length() / 50) {
      Files.writeString(dir.resolve("tokenizer.json"), json.substring(0, length));
      assertThatThrownBy(() -> Tokenizers.load(dir)).isInstanceOf(ModelFormatException.class);
    }
  }

  @Test
  void aTemplateWithATokenThatItDoesNotDefineIsRefused() throws IOException {
    String json = Files.readString(Checkout.DEMO.resolve("tokenizer.json"));
    int at = json.indexOf("\"SpecialToken\"");
    Files.writeString(
        dir.resolve("tokenizer.json"),
        json.substring(0, at)
            + json.substring(at).replaceFirst("begin_of_text", "beginning_of_text"));
    assertThatThrownBy(() -> Tokenizers.load(dir))
        .isInstanceOf(ModelFormatException.class)
        .hasMessageContaining("<|beginning_of_text|>");
  }

  @Test
  void tokensInTheConfigMayBeObjects() throws IOException {
    Files.copy(Checkout.DEMO.resolve("tokenizer.json"), dir.resolve("tokenizer.json"));
    Files.writeString(
        dir.resolve("tokenizer_config.json"), "{\"eos_token\":{\"content\":\"<|eot_id|>\"}}");
    Tokenizer t = Tokenizers.load(dir);
    assertThat(t.eosTokenId()).hasValue(4);
    t.close();
    Files.writeString(dir.resolve("tokenizer_config.json"), "{\"eos_token\":7}");
    assertThatThrownBy(() -> Tokenizers.load(dir))
        .isInstanceOf(ModelFormatException.class)
        .hasMessageContaining("tokenizer_config.json");
  }

  @Test
  void theNativeLibraryIsUnpackedOnceAndForThisUserOnly() throws IOException {
    Path source = Files.writeString(dir.resolve("lib"), "native code");
    URL resource = source.toUri().toURL();
    Path folder = dir.resolve("cache");
    Path first = NativeTokenizers.unpack(resource, "libx.so", folder);
    assertThat(first).startsWith(folder).hasContent("native code");
    assertThat(PosixFilePermissions.toString(Files.getPosixFilePermissions(first)))
        .isEqualTo("rwx------");
    assertThat(NativeTokenizers.unpack(resource, "libx.so", folder)).isEqualTo(first);
    try (Stream<Path> files = Files.list(first.getParent())) {
      assertThat(files).containsExactly(first);
    }
    Path blocked = Files.writeString(dir.resolve("blocked"), "");
    Path own = NativeTokenizers.unpack(resource, "libx.so", blocked);
    assertThat(own).hasContent("native code").doesNotHaveToString(first.toString());
    Files.delete(own);
  }

  @Test
  void platformsAreNamedAsTheJarNamesThem() {
    assertThat(NativeTokenizers.platform("Linux", "amd64")).isEqualTo("linux-x86_64");
    assertThat(NativeTokenizers.platform("Linux", "aarch64")).isEqualTo("linux-aarch64");
    assertThat(NativeTokenizers.platform("Mac OS X", "aarch64")).isEqualTo("osx-aarch64");
  }
}
