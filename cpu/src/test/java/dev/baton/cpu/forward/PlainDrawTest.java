package dev.baton.cpu.forward;

import static org.assertj.core.api.Assertions.assertThat;

import dev.baton.engine.sampling.LogitsSampler;
import dev.baton.engine.sampling.SamplingParams;
import java.util.Arrays;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.Test;

class PlainDrawTest {
  private static final int AT = 7;

  @Test
  void drawsWhatTheReferenceDraws() {
    long seed = System.nanoTime();
    Random random = new Random(seed);
    int unknown = 0;
    for (int vocabulary : new int[] {1, 2, 255, 256, 257, 3001}) {
      PlainDraw draw = new PlainDraw(vocabulary);
      LogitsSampler reference = new LogitsSampler(vocabulary);
      for (int round = 0; round < 300; round++) {
        float spread = (float) Math.exp(4 * random.nextDouble() - 2);
        float[] logits = new float[vocabulary];
        for (int i = 0; i < vocabulary; i++) {
          logits[i] =
              round % 5 == 0 && random.nextInt(4) == 0
                  ? Float.NEGATIVE_INFINITY
                  : spread * (float) random.nextGaussian();
        }
        SamplingParams params = at((float) Math.exp(4 * random.nextDouble() - 3), round);
        float[] padded = new float[AT + vocabulary + 5];
        Arrays.fill(padded, Float.NaN);
        System.arraycopy(logits, 0, padded, AT, vocabulary);
        int token = draw.draw(padded, AT, params, round);
        int expected = reference.sample(logits, params, new int[0], 0, 0, round);
        if (token < 0) {
          unknown += round % 5 == 0 ? 0 : 1;
        } else {
          assertThat(token).as("vocabulary %d, seed %d", vocabulary, seed).isEqualTo(expected);
        }
      }
    }
    assertThat(unknown).as("draws near a border").isLessThan(3);
  }

  @Test
  void leavesWhatIsNoNumberAndBordersToTheReference() {
    PlainDraw draw = new PlainDraw(300);
    float[] logits = new float[300];
    assertThat(draw.draw(logits, 0, at(1, 3), 0)).isNotNegative();
    for (float odd : new float[] {Float.NaN, Float.POSITIVE_INFINITY}) {
      logits[299] = odd;
      assertThat(draw.draw(logits, 0, at(1, 3), 0)).isEqualTo(-1);
    }
    Arrays.fill(logits, Float.NEGATIVE_INFINITY);
    assertThat(draw.draw(logits, 0, at(1, 3), 0)).isEqualTo(-1);
  }

  @Test
  void coversTheTemperatureAlone() {
    assertThat(PlainDraw.covers(at(1, 0), 10)).isTrue();
    assertThat(PlainDraw.covers(SamplingParams.GREEDY, 10)).isFalse();
    assertThat(PlainDraw.covers(new SamplingParams(1, 3, 1, 0, 1, 0, 0, 0, -1, Map.of()), 10))
        .isFalse();
    assertThat(PlainDraw.covers(new SamplingParams(1, 10, 1, 0, 1, 0, 0, 0, -1, Map.of()), 10))
        .isTrue();
    assertThat(PlainDraw.covers(new SamplingParams(1, 0, .9f, 0, 1, 0, 0, 0, -1, Map.of()), 10))
        .isFalse();
    assertThat(PlainDraw.covers(new SamplingParams(1, 0, 1, .1f, 1, 0, 0, 0, -1, Map.of()), 10))
        .isFalse();
  }

  private static SamplingParams at(float temperature, long seed) {
    return new SamplingParams(temperature, 0, 1, 0, 1, 0, 0, seed, -1, Map.of());
  }
}
