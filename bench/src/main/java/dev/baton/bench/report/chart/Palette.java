package dev.baton.bench.report.chart;

import java.util.List;

/** Colours that stay apart for colour-blind readers: the set of Okabe and Ito, plus greys. */
final class Palette {
  static final int INK = 0x222222;
  static final int FAINT = 0x666666;
  static final int GRID = 0xe3e3e3;
  static final int LIMIT = 0x555555;

  /** For lines, one a deployment. */
  private static final List<Integer> LINES =
      List.of(0x0072b2, 0xd55e00, 0x009e73, 0xcc79a7, 0xe69f00, 0x56b4e9);

  private Palette() {}

  static int line(int index) {
    return LINES.get(index % LINES.size());
  }

  /** Black or white, whichever reads better on that fill. */
  static int textOn(int fill) {
    int luma = (299 * ((fill >> 16) & 255) + 587 * ((fill >> 8) & 255) + 114 * (fill & 255)) / 1000;
    return luma > 140 ? INK : 0xffffff;
  }
}
