package dev.baton.cpu.forward;

import dev.baton.cpu.kernel.AttentionKernels;
import dev.baton.cpu.kernel.ElementKernels;
import dev.baton.cpu.kernel.Kernels;
import dev.baton.cpu.kernel.Simd;
import dev.baton.cpu.kernel.Touch;
import dev.baton.cpu.threads.Team;
import dev.baton.model.config.ModelConfig;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;

/**
 * Attention over the block table with an online softmax. Work is cut by (run of positions, KV
 * head); the query heads of a group and several positions share each panel of keys and values. Keys
 * are taken in tiles of fixed places counted from position 0, whatever the cut of the queries, so a
 * query's result has the same bits in a long prefill chunk and in a decode step.
 */
final class Attention {
  /** Query rows (positions × heads of a group) of an item, unless the group alone is larger. */
  private static final int ROWS = 64;

  private static final int TILE = 4;
  private static final int KEYS = Simd.KEYS;

  /** Keys between two looks at the running maximum. */
  private static final int KEY_TILE = 64;

  private static final int PANELS = KEY_TILE / KEYS;
  private static final AttentionKernels KERNELS = Kernels.attention();
  private static final ElementKernels ELEMENTS = Kernels.elements();

  private final Team team;
  private final KvPool pool;
  private final int kvHeads;
  private final int group;
  private final int headSize;
  private final int paddedHead;
  private final int querySize;
  private final int window;
  private final float scale;
  private final Scratch[] scratch;

  Attention(Team team, KvPool pool, ModelConfig model) {
    this.team = team;
    this.pool = pool;
    kvHeads = model.kvHeads();
    group = model.groupSize();
    headSize = model.headSize();
    paddedHead = pool.valueGroups() * KEYS;
    querySize = model.querySize();
    window = model.slidingWindow().orElse(Integer.MAX_VALUE);
    scale = (float) (1 / Math.sqrt(headSize));
    scratch = new Scratch[team.size()];
    int rows = Math.max(ROWS, group);
    for (int i = 0; i < scratch.length; i++) {
      scratch[i] = new Scratch(rows, headSize, paddedHead);
    }
  }

  /** Most queries of an item. */
  int longestRun() {
    return Math.max(1, ROWS / group);
  }

  /**
   * Runs all items of a plan.
   *
   * @param q queries, rotated; head h of row r begins at r * ld + h * headSize
   * @param out packed [rows, heads * headSize], multiplied by {@code outScale}
   * @param rows rows in all
   */
  void run(
      AttentionPlan plan, int layer, float[] q, int ld, float[] out, int rows, float outScale) {
    int items = plan.items();
    // Later items of a prompt see more keys: they go first, so that the threads end together.
    team.run(
        items * kvHeads,
        (chunk, thread) -> {
          int item = items - 1 - chunk / kvHeads;
          int head = chunk % kvHeads;
          Item work = new Item(plan, item, layer, head, scratch[thread]);
          work.loadQueries(q, ld);
          work.overKeys();
          work.store(out, rows, outScale);
        });
  }

  /** What a thread works on; rows are ordered by position, then head of the group. */
  private static final class Scratch {
    final float[] q;
    final float[] out;
    final float[] scores;
    final float[] state;

    /** Of the panels of a tile of keys: where their values are, and how many keys count. */
    final long[] groups = new long[PANELS];

    final int[] keys = new int[PANELS];

    Scratch(int rows, int headSize, int paddedHead) {
      q = new float[rows * headSize];
      out = new float[rows * paddedHead];
      scores = new float[rows * KEY_TILE];
      state = new float[2 * rows];
    }
  }

  private final class Item {
    private final Scratch s;
    private final int head;
    private final int layer;
    private final int[] table;
    private final int position;
    private final int firstRow;
    private final int count;
    private final MemorySegment kv = pool.data();

    Item(AttentionPlan plan, int item, int layer, int head, Scratch scratch) {
      this.s = scratch;
      this.head = head;
      this.layer = layer;
      table = plan.table(item);
      position = plan.position(item);
      firstRow = plan.row(item);
      count = plan.rows(item) * group;
    }

    void loadQueries(float[] q, int ld) {
      for (int r = 0; r < count; r++) {
        int from = (firstRow + r / group) * ld + (head * group + r % group) * headSize;
        int to = Packed.index(r, headSize);
        Packed.scaled(q, from, headSize, scale, s.q, to, Packed.width(r, count));
        s.state[2 * r] = Float.NEGATIVE_INFINITY;
        s.state[2 * r + 1] = 0;
      }
      Arrays.fill(s.out, 0, count * paddedHead, 0);
    }

    /** Position of row r of this item. */
    private int position(int r) {
      return position + r / group;
    }

    /** Position of a panel's first key. */
    private int start(int panel) {
      int perBlock = pool.panelsPerBlock();
      return panel / perBlock * pool.layout().blockSize() + panel % perBlock * KEYS;
    }

    /** Keys of a panel that are not padding. */
    private int size(int panel) {
      int inBlock = panel % pool.panelsPerBlock() * KEYS;
      return Math.min(KEYS, pool.layout().blockSize() - inBlock);
    }

    private int panelOf(int key) {
      int blockSize = pool.layout().blockSize();
      return key / blockSize * pool.panelsPerBlock() + key % blockSize / KEYS;
    }

    private long keys(int panel) {
      int perBlock = pool.panelsPerBlock();
      return pool.keys(layer, table[panel / perBlock], head, panel % perBlock);
    }

    /** All rows against a tile's keys, then against its values: either stays in the L1 cache. */
    void overKeys() {
      int last = panelOf(position(count - 1));
      int first = panelOf(Math.max(0, position - window + 1)) / PANELS * PANELS;
      for (int panel = first; panel <= last; panel += PANELS) {
        if (count <= TILE) {
          touch(panel, end(panel, 0));
        }
        for (int r = 0; r < count; r += TILE) {
          scores(panel, end(panel, r), r);
        }
        for (int r = 0; r < count; r += TILE) {
          if (panel < end(panel, r)) {
            values(panel, end(panel, r), r);
          }
        }
      }
    }

    /**
     * A decode step reads every key and value once, in panels that lie scattered over the pool: too
     * short for the processor to read ahead.
     */
    private void touch(int from, int to) {
      for (int panel = from; panel < to; panel++) {
        Touch.lines(kv, keys(panel), pool.panelBytes());
      }
    }

    /** Rows of the tile that begins with row r. */
    private int rows(int r) {
      return Math.min(TILE, count - r);
    }

    /** End of the panels of a tile of keys that the rows from r on see. */
    private int end(int panel, int r) {
      return Math.min(panel + PANELS, panelOf(position(r + rows(r) - 1)) + 1);
    }

    /** Up to four rows times the keys of panels [from, to). */
    private void scores(int from, int to, int r) {
      int rows = rows(r);
      for (int panel = from; panel < to; panel++) {
        int at = r * KEY_TILE + (panel - from) * KEYS;
        KERNELS.scores(kv, keys(panel), headSize, s.q, r * headSize, rows, s.scores, at, KEY_TILE);
      }
    }

    /** Up to four rows' softmax, and their weights times the values of panels [from, to). */
    private void values(int from, int to, int r) {
      int rows = rows(r);
      float[] scores = s.scores;
      boolean whole = whole(from, to, position(r), position(r + rows - 1));
      for (int i = r; i < r + rows; i++) {
        if (!whole) {
          mask(from, to, position(i), i * KEY_TILE);
        }
        int n = (to - from) * KEYS;
        float factor = KERNELS.softmax(scores, i * KEY_TILE, n, s.state, 2 * i);
        if (factor != 1) {
          ELEMENTS.scale(s.out, i * paddedHead, paddedHead, factor);
        }
      }
      int seen = position(r + rows - 1) + 1;
      for (int panel = from; panel < to; panel++) {
        s.groups[panel - from] = pool.values(keys(panel));
        s.keys[panel - from] = Math.min(size(panel), seen - start(panel));
      }
      for (int g = 0; g < pool.valueGroups(); g++) {
        KERNELS.values(
            kv,
            s.groups,
            s.keys,
            to - from,
            4L * g * KEYS * KEYS,
            scores,
            r * KEY_TILE,
            KEY_TILE,
            rows,
            s.out,
            r * paddedHead + g * KEYS,
            paddedHead);
      }
    }

    /** Whether queries at {@code first} to {@code last} see all keys of panels [from, to). */
    private boolean whole(int from, int to, int first, int last) {
      return pool.layout().blockSize() % KEYS == 0
          && start(to - 1) + KEYS <= first + 1
          && start(from) > (long) last - window;
    }

    /** Sets the scores of keys that the query at {@code position} does not see to -infinity. */
    private void mask(int from, int to, int position, int at) {
      for (int panel = from; panel < to; panel++) {
        int start = start(panel);
        int row = at + (panel - from) * KEYS;
        int end = Math.clamp(position + 1L - start, 0, size(panel));
        if (end < KEYS) {
          Arrays.fill(s.scores, row + end, row + KEYS, Float.NEGATIVE_INFINITY);
        }
        int begin = Math.clamp((long) position - window + 1 - start, 0, KEYS);
        if (begin > 0) {
          Arrays.fill(s.scores, row, row + begin, Float.NEGATIVE_INFINITY);
        }
      }
    }

    void store(float[] out, int rows, float outScale) {
      for (int r = 0; r < count; r++) {
        int row = firstRow + r / group;
        int width = Packed.width(row, rows);
        int column = (head * group + r % group) * headSize;
        int to = Packed.index(row, querySize) + column * width;
        float factor = outScale / s.state[2 * r + 1];
        Packed.scaled(s.out, r * paddedHead, headSize, factor, out, to, width);
      }
    }
  }
}
