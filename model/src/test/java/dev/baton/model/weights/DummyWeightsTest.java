package dev.baton.model.weights;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.baton.model.Checkout;
import dev.baton.model.ModelDirectory;
import dev.baton.model.ModelFormatException;
import dev.baton.model.config.ElementType;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

final class DummyWeightsTest {
  private static final ModelDirectory QWEN2 =
      ModelDirectory.open(Checkout.GOLDENS.resolve("qwen2"));

  private static WeightSource open(long seed) {
    return Weights.open(QWEN2, LoadFormat.DUMMY, seed);
  }

  @Test
  void namesAndShapesAreThoseOfTheRealFiles() {
    for (String shape : Checkout.SHAPES) {
      ModelDirectory model = ModelDirectory.open(Checkout.GOLDENS.resolve(shape));
      try (WeightSource dummy = Weights.open(model, LoadFormat.DUMMY, 0);
          WeightSource files = Weights.open(model, LoadFormat.AUTO, 0)) {
        assertThat(dummy.names()).as(shape).containsExactlyInAnyOrderElementsOf(files.names());
        for (String name : dummy.names()) {
          long[] sizes =
              TensorShapes.of(model.config()).getOrDefault(name, List.of()).stream()
                  .mapToLong(Long::longValue)
                  .toArray();
          Tensor made = dummy.tensor(name, sizes);
          Tensor read = files.tensor(name, sizes);
          assertThat(made.data().byteSize()).isEqualTo(read.data().byteSize());
          assertThat(made.type()).isEqualTo(read.type());
        }
      }
    }
  }

  @Test
  void sameSeedAndNameGiveTheSameNumbersFromAnyThread() throws Exception {
    String name = "model.layers.1.mlp.up_proj.weight";
    try (WeightSource one = open(7);
        WeightSource two = open(7);
        ExecutorService threads = Executors.newFixedThreadPool(4)) {
      byte[] expected = bytes(one.tensor(name, 320, 128));
      List<Future<byte[]>> all = new ArrayList<>();
      for (int i = 0; i < 16; i++) {
        all.add(threads.submit(() -> bytes(two.tensor(name, 320, 128))));
      }
      for (Future<byte[]> f : all) {
        assertThat(f.get()).isEqualTo(expected);
      }
    }
  }

  @Test
  void anotherSeedOrNameGivesOtherNumbers() {
    try (WeightSource one = open(7);
        WeightSource two = open(8)) {
      byte[] a = bytes(one.tensor("model.layers.1.mlp.up_proj.weight", 320, 128));
      assertThat(a).isNotEqualTo(bytes(two.tensor("model.layers.1.mlp.up_proj.weight", 320, 128)));
      assertThat(a)
          .isNotEqualTo(bytes(one.tensor("model.layers.1.mlp.gate_proj.weight", 320, 128)));
      assertThat(a).isNotEqualTo(bytes(one.tensor("model.layers.2.mlp.up_proj.weight", 320, 128)));
    }
  }

  @Test
  void normsAreOneAndBiasesSmall() {
    try (WeightSource weights = open(0)) {
      for (float x : floats(weights.tensor("model.norm.weight", 128))) {
        assertThat(x).isEqualTo(1f);
      }
      for (float x : floats(weights.tensor("model.layers.0.self_attn.q_proj.bias", 128))) {
        assertThat(Math.abs(x)).isLessThan(0.1f);
      }
    }
  }

  @Test
  void uniformWeightsFillTheirIntervalNormsIncluded() {
    try (WeightSource weights = Weights.open(QWEN2, LoadFormat.DUMMY_UNIFORM, 5)) {
      for (String norm : List.of("model.norm.weight", "model.layers.0.input_layernorm.weight")) {
        Set<Float> values = new HashSet<>();
        for (float x : floats(weights.tensor(norm, 128))) {
          values.add(x);
        }
        assertThat(values).hasSizeGreaterThan(100);
      }
      int n = 320 * 128;
      double square = 0;
      double outerHalf = 0;
      for (float x : floats(weights.tensor("model.layers.1.mlp.up_proj.weight", 320, 128))) {
        assertThat(Math.abs(x)).isLessThanOrEqualTo(1e-3f);
        square += x * x;
        outerHalf += Math.abs(x) > 5e-4 ? 1 : 0;
      }
      assertThat(Math.sqrt(square / n)).isCloseTo(1e-3 / Math.sqrt(3), within(1e-5));
      assertThat(outerHalf / n).isCloseTo(0.5, within(0.02));
    }
  }

  @ParameterizedTest
  @EnumSource(ElementType.class)
  void numbersLookNormal(ElementType type) {
    int n = 1_000_003; // not a multiple of four, more than one chunk
    try (Arena arena = Arena.ofShared()) {
      MemorySegment data = arena.allocate((long) n * type.bytes());
      new RandomFill(type, DummyDistribution.NORMAL).random(data, 3, "x");
      float[] x = floats(new Tensor("x", type, List.of((long) n), data));
      double mean = 0;
      double square = 0;
      double neighbours = 0;
      int beyondTwo = 0;
      for (int i = 0; i < n; i++) {
        mean += x[i];
        square += x[i] * x[i];
        neighbours += i > 0 ? x[i] * x[i - 1] : 0;
        beyondTwo += Math.abs(x[i]) > 2 * DummyDistribution.STANDARD_DEVIATION ? 1 : 0;
      }
      assertThat(mean / n).isCloseTo(0, within(1e-4));
      assertThat(Math.sqrt(square / n)).isCloseTo(0.02, within(2e-4));
      assertThat(neighbours / square).isCloseTo(0, within(0.005));
      assertThat(beyondTwo / (double) n).isCloseTo(0.0455, within(0.002));
      assertThat(x[n - 1]).isNotZero();
    }
  }

  @Test
  void releasedAndClosedTensorsGiveTheirMemoryBack() {
    WeightSource weights = open(0);
    Tensor one = weights.tensor("model.norm.weight", 128);
    Tensor two = weights.tensor("model.norm.weight", 128);
    weights.release(one);
    weights.release(one);
    assertThat(one.data().scope().isAlive()).isFalse();
    assertThat(two.data().scope().isAlive()).isTrue();
    weights.close();
    weights.close();
    assertThat(two.data().scope().isAlive()).isFalse();
    assertThatThrownBy(() -> weights.tensor("model.norm.weight", 128))
        .isInstanceOf(IllegalStateException.class);
  }

  @Test
  void wrongNamesAndShapesAreRefused() {
    try (WeightSource weights = open(0)) {
      assertThatThrownBy(() -> weights.tensor("x", 1)).isInstanceOf(ModelFormatException.class);
      assertThatThrownBy(() -> weights.tensor("model.norm.weight", 127))
          .isInstanceOf(ModelFormatException.class)
          .hasMessageContainingAll("[128]", "[127]");
    }
  }

  private static byte[] bytes(Tensor t) {
    return t.data().toArray(ValueLayout.JAVA_BYTE);
  }

  private static float[] floats(Tensor t) {
    float[] out = new float[Math.toIntExact(t.elements())];
    for (int i = 0; i < out.length; i++) {
      out[i] =
          switch (t.type()) {
            case F32 -> t.data().getAtIndex(ValueLayout.JAVA_FLOAT, i);
            case F16 -> Float.float16ToFloat(t.data().getAtIndex(ValueLayout.JAVA_SHORT, i));
            case BF16 -> Float.intBitsToFloat(t.data().getAtIndex(ValueLayout.JAVA_SHORT, i) << 16);
          };
    }
    return out;
  }
}
