package dev.baton.cuda.forward;

import dev.baton.cuda.binding.Launcher.Kernel;
import dev.baton.model.config.ElementType;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Collectors;

/** Times of prefill attention alone, on Llama-3.1-8B's shape, over several layers of a pool. */
final class PrefillBench extends CheckDevice {
  private static final int HEADS = 32;
  private static final int KV_HEADS = 8;
  private static final int BLOCK = 16;
  private static final int LAYERS = 8;
  private static final int TOKENS = 8192;
  private static final int BLOCKS = 2 * TOKENS / BLOCK;

  private final int headSize;

  private PrefillBench(ElementType type, int headSize) {
    super(type, headSize, 1);
    this.headSize = headSize;
  }

  static void run() {
    System.out.println("prefill attention alone, us a layer (TFLOP/s)");
    for (int headSize : new int[] {128, 64}) {
      try (PrefillBench bench = new PrefillBench(ElementType.F16, headSize)) {
        bench.all();
      }
    }
  }

  private void all() {
    System.out.println(device.name() + ", heads of " + headSize);
    Map<String, Optional<Kernel>> variants = new LinkedHashMap<>();
    variants.put("portable", Optional.empty());
    if (kernels.hopperPrefill().isPresent()) {
      variants.put("9.0", kernels.hopperPrefill());
    }
    int stride = (HEADS + 2 * KV_HEADS) * headSize;
    long q = noise((long) TOKENS * stride);
    long pool = noise((long) LAYERS * BLOCKS * 2 * BLOCK * KV_HEADS * headSize);
    long out = device.allocate(2L * TOKENS * HEADS * headSize, "output");
    int[][][] cases = {
      {{0, 8000}},
      {{0, 2048}},
      {{0, 512}},
      repeat(16, 0, 512),
      repeat(64, 0, 128),
      {{7500, 512}},
      {{0, 37}, {100, 300}, {0, 1500}, {2000, 211}, {0, 777}},
    };
    for (int[][] sequences : cases) {
      StringBuilder line = new StringBuilder();
      double work = work(sequences);
      for (Map.Entry<String, Optional<Kernel>> v : variants.entrySet()) {
        PrefillAttention attention =
            new PrefillAttention(
                driver,
                arena,
                launcher,
                kernels,
                v.getValue(),
                new PrefillAttention.Shape(HEADS, KV_HEADS, headSize, BLOCK, -1),
                new PrefillAttention.Memory(q, TOKENS, out, pool, (long) LAYERS * BLOCKS),
                device.multiprocessors());
        double micros = time(attention, sequences);
        line.append("  %s %.1f (%.0f)".formatted(v.getKey(), micros, work / micros / 1e6));
      }
      String what =
          Arrays.stream(sequences)
              .map(x -> x[1] + "@" + x[0])
              .collect(Collectors.groupingBy(x -> x, LinkedHashMap::new, Collectors.counting()))
              .entrySet()
              .stream()
              .map(x -> x.getValue() + " x " + x.getKey())
              .collect(Collectors.joining(", "));
      System.out.println("new@computed " + what + ":" + line);
    }
  }

  private static int[][] repeat(int n, int computed, int fresh) {
    int[][] out = new int[n][];
    Arrays.setAll(out, i -> new int[] {computed, fresh});
    return out;
  }

  private double work(int[][] sequences) {
    double keys = 0;
    for (int[] s : sequences) {
      keys += (double) s[1] * s[0] + (double) s[1] * (s[1] + 1) / 2;
    }
    return 4.0 * HEADS * headSize * keys;
  }

  private double time(PrefillAttention attention, int[][] sequences) {
    int n = sequences.length;
    int stride = TOKENS / BLOCK;
    int[] tables = new int[n * stride];
    int[] start = new int[n];
    int[] fresh = new int[n];
    int[] length = new int[n];
    int block = 0;
    int token = 0;
    for (int s = 0; s < n; s++) {
      start[s] = token;
      fresh[s] = sequences[s][1];
      length[s] = sequences[s][0] + fresh[s];
      token += fresh[s];
      for (int b = 0; b * BLOCK < length[s]; b++) {
        tables[s * stride + b] = block++ * 5 % BLOCKS;
      }
    }
    int tile = attention.tile(tiles(sequences, attention.tile()).size());
    List<int[]> tiles = tiles(sequences, tile);
    tiles.sort((a, b) -> Integer.compare(b[2], a[2]));
    PrefillAttention.Numbers numbers =
        new PrefillAttention.Numbers(
            ints(tiles.stream().flatMapToInt(t -> Arrays.stream(t, 0, 2)).toArray()),
            tiles.size(),
            tile,
            ints(start),
            ints(fresh),
            ints(length),
            ints(tables),
            ints(stride));
    driver.beginCapture(stream);
    for (int layer = 0; layer < LAYERS; layer++) {
      attention.enqueue(numbers, (long) layer * BLOCKS);
    }
    long graph = driver.endCapture(stream);
    long begin = driver.createEvent(true, false);
    long end = driver.createEvent(true, false);
    double[] times = new double[7];
    for (int i = 0; i < times.length; i++) {
      driver.record(begin, stream);
      driver.launchGraph(graph, stream);
      driver.record(end, stream);
      driver.synchronizeEvent(end, "timing");
      times[i] = driver.elapsedNanos(begin, end) / 1e3 / LAYERS;
    }
    driver.destroyGraph(graph);
    Arrays.sort(times);
    return times[times.length / 2];
  }

  private static List<int[]> tiles(int[][] sequences, int tile) {
    List<int[]> tiles = new ArrayList<>();
    for (int s = 0; s < sequences.length; s++) {
      for (int first = 0; first < sequences[s][1]; first += tile) {
        tiles.add(new int[] {s, first, sequences[s][0] + Math.min(first + tile, sequences[s][1])});
      }
    }
    return tiles;
  }

  /** Random elements; drawn once and repeated at an odd distance. */
  private long noise(long n) {
    try (Arena host = Arena.ofConfined()) {
      MemorySegment drawn = bits(host, randoms(1_000_003, 1));
      MemorySegment all = host.allocate(2 * n, 16);
      for (long at = 0; at < all.byteSize(); at += drawn.byteSize()) {
        long size = Math.min(drawn.byteSize(), all.byteSize() - at);
        MemorySegment.copy(drawn, ValueLayout.JAVA_BYTE, 0, all, ValueLayout.JAVA_BYTE, at, size);
      }
      return onDevice(all);
    }
  }
}
