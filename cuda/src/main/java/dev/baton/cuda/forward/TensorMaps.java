package dev.baton.cuda.forward;

import dev.baton.cuda.binding.Driver;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.HashMap;
import java.util.Map;

/** Descriptions of weights for the copy engine, kept once made. For one thread. */
final class TensorMaps implements AutoCloseable {
  private static final int STEP = 64;

  private final Driver driver;
  private final Arena arena = Arena.ofShared();

  private record Key(long array, int rows, int k, int box, boolean pairs) {}

  private final Map<Key, MemorySegment> maps = new HashMap<>();

  TensorMaps(Driver driver) {
    this.driver = driver;
  }

  /**
   * Weights [n, k] in boxes of a tile's rows.
   *
   * @param box rows of a tile
   * @param pairs [2 n, k]: n gates, then n ups; a box has 8 gates, their 8 ups, and so on
   */
  MemorySegment weights(long array, int n, int k, int box, boolean pairs) {
    return maps.computeIfAbsent(
        new Key(array, n, k, box, pairs),
        key -> {
          long row = 2L * k;
          return pairs
              ? driver.tensorMap(
                  arena,
                  array,
                  new long[] {k, 8, 2, n / 8},
                  new long[] {row, row * n, 8 * row},
                  new int[] {STEP, 8, 2, box / 16})
              : rows(key);
        });
  }

  private MemorySegment rows(Key key) {
    return driver.tensorMap(
        arena,
        key.array(),
        new long[] {key.k(), key.rows()},
        new long[] {2L * key.k()},
        new int[] {STEP, key.box()});
  }

  @Override
  public void close() {
    arena.close();
  }
}
