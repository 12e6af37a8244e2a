package dev.baton.cuda.forward;

import static org.assertj.core.api.Assertions.assertThat;

import dev.baton.cuda.kernel.Kernels;
import org.junit.jupiter.api.Test;

class DecodeAttentionTest {
  private static final int H200 = 132;

  @Test
  void clustersNeverHaveMoreBlocksThanTheDeviceHasMultiprocessors() {
    for (int blocks = 1; blocks <= 4096; blocks++) {
      DecodeAttention.Plan plan = DecodeAttention.plan(blocks, H200, true);
      assertThat(plan.cluster()).isIn(1, 2, 4, Kernels.MAX_CLUSTER);
      assertThat(plan.parts()).isBetween(1, 64);
      if (plan.cluster() > 1) {
        assertThat(blocks * plan.cluster() * plan.parts()).isLessThanOrEqualTo(H200);
      }
    }
  }

  @Test
  void aLongContextCanBeSplitAtEveryBatchSizeWithoutClusters() {
    for (int blocks = 1; blocks <= 4096; blocks++) {
      DecodeAttention.Plan plan = DecodeAttention.plan(blocks, H200, false);
      assertThat(plan.cluster()).isEqualTo(1);
      assertThat(plan.parts()).isGreaterThan(1);
    }
  }

  @Test
  void oneSequenceOfEightKvHeadsWorksInClustersOfEight() {
    assertThat(DecodeAttention.plan(8, H200, true)).isEqualTo(new DecodeAttention.Plan(8, 2, 512));
    assertThat(DecodeAttention.plan(16, H200, true)).isEqualTo(new DecodeAttention.Plan(4, 2, 512));
    assertThat(DecodeAttention.plan(64, H200, true)).isEqualTo(new DecodeAttention.Plan(2, 1, 512));
    assertThat(DecodeAttention.plan(256, H200, true))
        .isEqualTo(new DecodeAttention.Plan(1, 4, 2048));
  }
}
