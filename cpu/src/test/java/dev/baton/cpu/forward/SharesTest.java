package dev.baton.cpu.forward;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

class SharesTest {
  @Test
  void everyUnitIsInOneShareAndNoThreadIsLeftOut() {
    for (int threads : new int[] {1, 2, 3, 16}) {
      for (int units = 1; units < 600; units++) {
        for (long bytes : new long[] {100, 98_304, 10_000_000}) {
          int[] begins = Shares.of(units, bytes, threads);
          String what = units + " units of " + bytes + " bytes, " + threads + " threads";
          assertThat(begins[0]).as(what).isZero();
          assertThat(begins[begins.length - 1]).as(what).isEqualTo(units);
          for (int i = 1; i < begins.length; i++) {
            assertThat(begins[i]).as(what).isGreaterThan(begins[i - 1]);
          }
          assertThat(begins.length - 1).as(what).isGreaterThanOrEqualTo(Math.min(units, threads));
        }
      }
    }
  }

  @Test
  void sharesShrink() {
    assertThat(Shares.of(48, 196_608, 2))
        .containsExactly(0, 12, 20, 26, 30, 34, 36, 38, 40, 42, 43, 44, 45, 46, 47, 48);
  }
}
