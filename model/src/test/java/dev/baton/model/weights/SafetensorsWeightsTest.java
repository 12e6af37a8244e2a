package dev.baton.model.weights;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.baton.model.Checkout;
import dev.baton.model.ModelDirectory;
import dev.baton.model.ModelFormatException;
import dev.baton.model.config.ElementType;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.SequencedMap;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

final class SafetensorsWeightsTest {
  private static final String TWO =
      "{\"b\":{\"dtype\":\"F16\",\"shape\":[3],\"data_offsets\":[8,14]},"
          + "\"a\":{\"dtype\":\"BF16\",\"shape\":[2,2],\"data_offsets\":[0,8]}}  ";

  @TempDir Path dir;
  private Path file;

  @BeforeEach
  void names() {
    file = dir.resolve("model.safetensors");
  }

  private WeightSource open() {
    return SafetensorsWeights.open(dir);
  }

  private void refuses(String... parts) {
    assertThatThrownBy(this::open)
        .isInstanceOf(ModelFormatException.class)
        .hasMessageContainingAll(parts)
        .hasMessageContaining(dir.toString());
  }

  @Test
  void tensorsAreViewsOfTheFile() throws IOException {
    SafetensorsFile.write(file, TWO, 14);
    try (WeightSource weights = open()) {
      assertThat(weights.names()).containsExactlyInAnyOrder("a", "b");
      Tensor a = weights.tensor("a", 2, 2);
      assertThat(a.type()).isEqualTo(ElementType.BF16);
      assertThat(a.shape()).containsExactly(2L, 2L);
      assertThat(a.elements()).isEqualTo(4);
      assertThat(a.data().toArray(ValueLayout.JAVA_BYTE)).containsExactly(0, 1, 2, 3, 4, 5, 6, 7);
      assertThat(weights.tensor("b", 3).data().toArray(ValueLayout.JAVA_BYTE))
          .containsExactly(8, 9, 10, 11, 12, 13);
      assertThat(a.data().isReadOnly()).isTrue();
    }
  }

  @Test
  void readingCopiesPartsOfATensor() throws IOException {
    SafetensorsFile.write(file, TWO, 14);
    try (WeightSource weights = open();
        Arena arena = Arena.ofConfined()) {
      Tensor b = weights.tensor("b", 3);
      MemorySegment part = arena.allocate(4);
      weights.read(b, 1, part);
      assertThat(part.toArray(ValueLayout.JAVA_BYTE)).containsExactly(9, 10, 11, 12);
      assertThatThrownBy(() -> weights.read(b, 3, part))
          .isInstanceOf(IndexOutOfBoundsException.class);
      Files.write(file, Arrays.copyOf(Files.readAllBytes(file), 12));
      assertThatThrownBy(() -> weights.read(b, 1, part))
          .isInstanceOf(ModelFormatException.class)
          .hasMessageContaining(file.toString());
    }
  }

  @Test
  void closingReleasesTheMapsOnceAndForAll() throws IOException {
    SafetensorsFile.write(file, TWO, 14);
    WeightSource weights = open();
    Tensor a = weights.tensor("a", 2, 2);
    weights.close();
    weights.close();
    assertThat(a.data().scope().isAlive()).isFalse();
    assertThatThrownBy(() -> weights.tensor("a", 2, 2)).isInstanceOf(IllegalStateException.class);
  }

  @Test
  void anotherShapeOrNameIsRefusedWithBoth() throws IOException {
    SafetensorsFile.write(file, TWO, 14);
    try (WeightSource weights = open()) {
      assertThatThrownBy(() -> weights.tensor("a", 4))
          .isInstanceOf(ModelFormatException.class)
          .hasMessageContainingAll("model.safetensors", "[2, 2]", "[4]");
      assertThatThrownBy(() -> weights.tensor("c", 4))
          .isInstanceOf(ModelFormatException.class)
          .hasMessageContaining("no tensor c");
    }
  }

  @Test
  void everyCutIsRefused() throws IOException {
    byte[] whole = Files.readAllBytes(SafetensorsFile.write(file, TWO, 14));
    for (int length = 0; length < whole.length; length++) {
      Files.write(file, Arrays.copyOf(whole, length));
      refuses("model.safetensors");
    }
    Files.write(file, Arrays.copyOf(whole, whole.length - 1));
    refuses("cut short");
    Files.write(file, Arrays.copyOf(whole, whole.length + 1));
    refuses("14 bytes", "holds 15");
  }

  @Test
  void everyDamagedByteIsRefusedOrHarmless() throws IOException {
    long seed = System.nanoTime();
    System.out.println("seed " + seed);
    Random random = new Random(seed);
    byte[] whole = Files.readAllBytes(SafetensorsFile.write(file, TWO, 14));
    for (int i = 0; i < 3000; i++) {
      byte[] damaged = whole.clone();
      for (int n = random.nextInt(3); n >= 0; n--) {
        damaged[random.nextInt(damaged.length - 14)] = (byte) random.nextInt(256);
      }
      Files.write(file, damaged);
      try (WeightSource weights = open()) {
        // Still a file that says the truth about itself: every byte it names is there.
        for (String name : weights.names()) {
          assertThat(name).isNotNull();
        }
      } catch (ModelFormatException expected) {
        assertThat(expected.getMessage()).contains("model.safetensors").hasSizeLessThan(800);
      }
    }
  }

  @ParameterizedTest
  @ValueSource(longs = {-1, 0, 1, 100_000_001, Long.MAX_VALUE, Long.MIN_VALUE, 1_000_000})
  void aLyingHeaderLengthIsRefused(long claimed) throws IOException {
    SafetensorsFile.write(file, claimed, TWO.getBytes(StandardCharsets.UTF_8), 14);
    refuses("header");
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "'dtype':'F16','shape':[4],'data_offsets':[0,9]",
        "'dtype':'F16','shape':[5],'data_offsets':[0,8]",
        "'dtype':'F16','shape':[4],'data_offsets':[8,0]",
        "'dtype':'F16','shape':[4],'data_offsets':[-8,0]",
        "'dtype':'F16','shape':[4],'data_offsets':[2,10]",
        "'dtype':'F16','shape':[4],'data_offsets':[0,8,9]",
        "'dtype':'F16','shape':[4],'data_offsets':[0]",
        "'dtype':'F16','shape':[4],'data_offsets':[0,8.0]",
        "'dtype':'F16','shape':[4],'data_offsets':'0,8'",
        "'dtype':'F16','shape':[4],'data_offsets':[0,99999999999999999999]",
        "'dtype':'F16','shape':[-4],'data_offsets':[0,8]",
        "'dtype':'F16','shape':[-2,-2],'data_offsets':[0,8]",
        "'dtype':'F16','shape':[4611686018427387904,4],'data_offsets':[0,0]",
        "'dtype':'F16','shape':[2147483648,2147483648,2],'data_offsets':[0,0]",
        "'dtype':'F16','shape':[1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,4],'data_offsets':[0,8]",
        "'dtype':'F16','shape':null,'data_offsets':[0,8]",
        "'dtype':'F17','shape':[4],'data_offsets':[0,8]",
        "'dtype':16,'shape':[4],'data_offsets':[0,8]",
        "'shape':[4],'data_offsets':[0,8]",
        "'dtype':'F16','data_offsets':[0,8]",
        "'dtype':'F16','shape':[4]",
        "'dtype':'F16','shape':[4],'data_offsets':[0,8],'x':1",
        "'dtype':'F16','dtype':'F16','shape':[4],'data_offsets':[0,8]",
        "'dtype':'F4','shape':[1],'data_offsets':[0,0]",
      })
  void aLyingEntryIsRefused(String entry) throws IOException {
    SafetensorsFile.write(file, "{\"t\":{" + entry.replace('\'', '"') + "}}", 8);
    refuses("t");
  }

  @Test
  void overlapsHolesAndDoublesAreRefused() throws IOException {
    String t = "\"%s\":{\"dtype\":\"U8\",\"shape\":[4],\"data_offsets\":[%d,%d]}";
    SafetensorsFile.write(
        file, "{" + t.formatted("a", 0, 4) + "," + t.formatted("b", 2, 6) + "}", 6);
    refuses("tensor b", "overlap");
    SafetensorsFile.write(
        file, "{" + t.formatted("a", 0, 4) + "," + t.formatted("b", 5, 9) + "}", 9);
    refuses("tensor b", "hole");
    SafetensorsFile.write(
        file, "{" + t.formatted("a", 0, 4) + "," + t.formatted("a", 4, 8) + "}", 8);
    refuses("not valid JSON");
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "[]",
        "null",
        "{\"t\":7}",
        "{\"t\":[]}",
        "{} {}",
        "{\"__metadata__\":7}",
        "{\"__metadata__\":{\"a\":7}}",
        "{"
      })
  void aHeaderOfTheWrongFormIsRefused(String header) throws IOException {
    SafetensorsFile.write(file, header, 0);
    refuses("eader");
  }

  @Test
  void aDeepHeaderIsRefused() throws IOException {
    SafetensorsFile.write(file, "{\"t\":".repeat(100_000), 0);
    refuses("field t");
    SafetensorsFile.write(file, "{\"t\":{\"shape\":" + "[".repeat(100_000), 0);
    refuses("eader");
  }

  @Test
  void aTensorOfAnUnusedTypeIsNoHindrance() throws IOException {
    SafetensorsFile.write(
        file, "{\"i\":{\"dtype\":\"I64\",\"shape\":[2],\"data_offsets\":[0,16]}}", 16);
    try (WeightSource weights = open()) {
      assertThatThrownBy(() -> weights.tensor("i", 2))
          .isInstanceOf(ModelFormatException.class)
          .hasMessageContainingAll("I64", "F32, F16, BF16");
    }
  }

  @Test
  void aGitLfsPointerIsNamedAsAPossibility() throws IOException {
    Files.writeString(file, "version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 42\n");
    refuses("LFS");
  }

  @Test
  void noWeightsSaysWhatIsThere() throws IOException {
    refuses("neither", "--load-format dummy");
    Files.writeString(dir.resolve("pytorch_model.bin"), "x");
    refuses("pytorch_model.bin");
  }

  @Test
  void shardsAreReadThroughTheIndex() throws IOException {
    SafetensorsFile.write(dir.resolve("m-1.safetensors"), Map.of("a", List.of(2L)));
    SafetensorsFile.write(dir.resolve("m-2.safetensors"), Map.of("b", List.of(1L, 3L)));
    index("{\"a\":\"m-1.safetensors\",\"b\":\"m-2.safetensors\"}");
    try (WeightSource weights = open()) {
      assertThat(weights.names()).containsExactlyInAnyOrder("a", "b");
      assertThat(weights.tensor("b", 1, 3).data().byteSize()).isEqualTo(12);
    }
    index("{\"a\":\"m-2.safetensors\"}");
    refuses("says that m-2.safetensors holds tensor a");
    Files.delete(dir.resolve("m-2.safetensors"));
    index("{\"a\":\"m-1.safetensors\",\"b\":\"m-2.safetensors\"}");
    refuses("names 2 files, of which 1 are not there: m-2.safetensors");
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "../out.safetensors",
        "/etc/passwd",
        "sub/x.safetensors",
        "..",
        "",
        ".safetensors",
        "a\\u0000.safetensors"
      })
  void anIndexCannotNameFilesElsewhere(String name) throws IOException {
    index("{\"a\":\"" + name + "\"}");
    refuses("index.json", "allowed is the name of a .safetensors file");
  }

  @ParameterizedTest
  @ValueSource(strings = {"[]", "7", "{\"a\":7}", "{\"a\":[\"m\"]}"})
  void anIndexOfTheWrongFormIsRefused(String map) throws IOException {
    index(map);
    refuses("index.json");
  }

  private void index(String map) throws IOException {
    Files.writeString(dir.resolve("model.safetensors.index.json"), "{\"weight_map\":" + map + "}");
  }

  @Test
  void everyGoldenModelHoldsWhatItsConfigAsksFor() {
    for (String shape : Checkout.SHAPES) {
      check(ModelDirectory.open(Checkout.GOLDENS.resolve(shape)));
    }
    check(ModelDirectory.open(Checkout.DEMO));
  }

  private static void check(ModelDirectory model) {
    try (WeightSource weights = Weights.open(model, LoadFormat.AUTO, 0)) {
      TensorShapes.of(model.config())
          .forEach(
              (name, shape) -> {
                Tensor t =
                    weights.tensor(name, shape.stream().mapToLong(Long::longValue).toArray());
                assertThat(t.data().byteSize()).isEqualTo(t.elements() * t.type().bytes());
              });
    }
  }

  @Test
  void weightsOfAnotherConfigAreRefusedAtOnce() throws IOException {
    ModelDirectory qwen = ModelDirectory.open(Checkout.GOLDENS.resolve("qwen2"));
    ModelDirectory mixed = new ModelDirectory(Checkout.GOLDENS.resolve("mistral"), qwen.config());
    assertThatThrownBy(() -> Weights.open(mixed, LoadFormat.AUTO, 0))
        .isInstanceOf(ModelFormatException.class)
        .hasMessageContainingAll("q_proj.bias", "do not belong together");
    SequencedMap<String, List<Long>> shapes = new LinkedHashMap<>(TensorShapes.of(qwen.config()));
    shapes.remove("lm_head.weight");
    SafetensorsFile.write(file, shapes);
    assertThatThrownBy(
            () -> Weights.open(new ModelDirectory(dir, qwen.config()), LoadFormat.AUTO, 0))
        .isInstanceOf(ModelFormatException.class)
        .hasMessageContaining("tie_word_embeddings");
  }
}
