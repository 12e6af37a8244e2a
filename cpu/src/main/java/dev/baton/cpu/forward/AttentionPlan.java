package dev.baton.cpu.forward;

import java.util.Arrays;

/**
 * The queries of one pass, cut into items: an item is a run of consecutive positions of one
 * sequence, short enough for a thread's scratch.
 */
final class AttentionPlan {
  private int items;
  private int[] row = new int[16];
  private int[] rows = new int[16];
  private int[] position = new int[16];
  private int[][] table = new int[16][];

  void clear() {
    items = 0;
  }

  /**
   * Adds a run.
   *
   * @param firstRow row of its first query
   * @param count queries
   * @param firstPosition position of the first query in its sequence
   * @param blockTable of that sequence
   * @param longest most queries of an item
   */
  void add(int firstRow, int count, int firstPosition, int[] blockTable, int longest) {
    for (int from = 0; from < count; from += longest) {
      if (items == row.length) {
        grow();
      }
      row[items] = firstRow + from;
      rows[items] = Math.min(longest, count - from);
      position[items] = firstPosition + from;
      table[items] = blockTable;
      items++;
    }
  }

  private void grow() {
    int size = 2 * items;
    row = Arrays.copyOf(row, size);
    rows = Arrays.copyOf(rows, size);
    position = Arrays.copyOf(position, size);
    table = Arrays.copyOf(table, size);
  }

  int items() {
    return items;
  }

  int row(int item) {
    return row[item];
  }

  int rows(int item) {
    return rows[item];
  }

  int position(int item) {
    return position[item];
  }

  int[] table(int item) {
    return table[item];
  }
}
