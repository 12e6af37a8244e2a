package dev.baton.cpu.forward;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

class SharesTest {
  @Test
  void everyUnitIsInOneShareAndNoThreadIsLeftOut() {
    for (int threads : new int[] {1, 2, 3, 16}) {
      for (int units = 1; units < 600; units++) {
        for (long bytes : new long[] {100, 98_304, 10_000_000}) {
          int[] begins = Shares.of(units, bytes, 1, threads);
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
  void manyRowsTakeOneUnitEach() {
    assertThat(Shares.of(3, 100, 17, 2)).containsExactly(0, 1, 2, 3);
  }

  @Test
  void sharesShrink() {
    assertThat(Shares.of(48, 196_608, 1, 2))
        .containsExactly(0, 12, 20, 26, 30, 34, 36, 38, 40, 42, 43, 44, 45, 46, 47, 48);
  }
}
