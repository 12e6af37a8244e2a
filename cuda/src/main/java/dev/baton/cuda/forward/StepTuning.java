package dev.baton.cuda.forward;

import dev.baton.cuda.forward.Products.Choice;
import dev.baton.engine.backend.BackendOptions;
import dev.baton.engine.backend.Step;
import dev.baton.engine.backend.StepListener;
import dev.baton.engine.backend.StepSequence;
import dev.baton.engine.sampling.SamplingParams;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.function.Predicate;
import java.util.function.ToLongFunction;

/**
 * Chooses how the products of decode steps are computed by the time of whole steps. A product that
 * is fastest alone need not be the fastest behind attention and before the next product: kernels of
 * Baton's overlap with their neighbours, cuBLASLt's do not, and what one leaves on the
 * multiprocessors decides where the next finds room.
 */
final class StepTuning {
  private static final System.Logger LOG = System.getLogger(StepTuning.class.getName());

  /** Batch sizes for which there is a choice worth the time. */
  private static final int[] SEQUENCES = {1, 2, 4, 8, 16, 32};

  private static final int CONTEXT = 512;
  private static final int REPEATS = 2;

  /** Another way is taken if it takes less than this share of the time. */
  private static final double LEAD = 0.997;

  private final Products products;
  private final TuningCache cache;
  private final StepRunner runner;
  private final BackendOptions options;
  private final int blocks;
  private final String model;

  /**
   * Tuning of a loaded model.
   *
   * @param runner with graphs; those of other batch sizes keep what was chosen before
   * @param blocks of the pool; what it holds is overwritten
   * @param model what the step's time depends on beside the products
   */
  StepTuning(
      Products products,
      TuningCache cache,
      StepRunner runner,
      BackendOptions options,
      int blocks,
      String model) {
    this.products = products;
    this.cache = cache;
    this.runner = runner;
    this.options = options;
    this.blocks = blocks;
    this.model = model;
  }

  /** Sets the products' ways, from the cache where it has them. */
  void run() {
    for (int sequences : SEQUENCES) {
      List<Products.Key> keys = products.contested(sequences);
      if (sequences > options.maxNumSeqs() || keys.isEmpty()) {
        continue;
      }
      String name = "step of " + sequences + ", " + model;
      List<Choice> kept = Products.decoded(cache.get(name).orElse(""));
      if (!known(keys, kept)) {
        kept = search(keys, sequences);
        cache.put(name, Products.encoded(kept));
      }
      choose(keys, kept);
    }
  }

  private boolean known(List<Products.Key> keys, List<Choice> choices) {
    if (choices.size() != keys.size()) {
      return false;
    }
    for (int i = 0; i < keys.size(); i++) {
      if (!products.finalists(keys.get(i)).contains(choices.get(i))) {
        return false;
      }
    }
    return true;
  }

  private void choose(List<Products.Key> keys, List<Choice> choices) {
    for (int i = 0; i < keys.size(); i++) {
      products.choose(keys.get(i), choices.get(i));
    }
  }

  private List<Choice> search(List<Products.Key> keys, int sequences) {
    runner.submit(step(sequences)).await(); // writes the step's numbers
    return fastest(
        keys.stream().map(products::finalists).toList(),
        choices -> {
          choose(keys, choices);
          long nanos = runner.recordedNanos(sequences, REPEATS);
          LOG.log(
              System.Logger.Level.DEBUG,
              "step of %d: %d us %s".formatted(sequences, nanos / 1000, choices));
          return nanos;
        });
  }

  /**
   * The fastest ways found: one kind for all products first, then product by product.
   *
   * @param finalists of each product, the fastest alone first
   * @param nanos time of a step whose products are computed in such ways
   */
  static List<Choice> fastest(List<List<Choice>> finalists, ToLongFunction<List<Choice>> nanos) {
    Search search = new Search(nanos);
    search.consider(finalists.stream().map(ways -> ways.get(0)).toList());
    search.consider(alike(finalists, c -> c.way() == Products.Way.LIBRARY));
    search.consider(alike(finalists, c -> c.way() != Products.Way.LIBRARY && c.fused()));
    search.consider(alike(finalists, c -> c.way() != Products.Way.LIBRARY && !c.fused()));
    for (int i = 0; i < finalists.size(); i++) {
      for (Choice other : finalists.get(i)) {
        List<Choice> changed = new ArrayList<>(search.best);
        changed.set(i, other);
        search.consider(changed);
      }
    }
    return search.best;
  }

  /** The first way of that kind for each product that has one; for others the first of all. */
  private static List<Choice> alike(List<List<Choice>> finalists, Predicate<Choice> kind) {
    return finalists.stream()
        .map(ways -> ways.stream().filter(kind).findFirst().orElse(ways.get(0)))
        .toList();
  }

  private static final class Search {
    private final ToLongFunction<List<Choice>> nanos;
    private final Set<List<Choice>> seen = new HashSet<>();
    private List<Choice> best = List.of();
    private long least = Long.MAX_VALUE;

    Search(ToLongFunction<List<Choice>> nanos) {
      this.nanos = nanos;
    }

    void consider(List<Choice> choices) {
      if (!seen.add(choices)) {
        return;
      }
      long time = nanos.applyAsLong(choices);
      if (time < least * LEAD) {
        least = time;
        best = List.copyOf(choices);
      }
    }
  }

  private Step step(int sequences) {
    int context = Math.min(CONTEXT, options.maxModelLen() - 1);
    int[] tokens = new int[context + 1];
    Arrays.fill(tokens, StepSequence.DEVICE_TOKEN);
    int each = context / options.blockSize() + 1;
    List<StepSequence> all = new ArrayList<>();
    for (int slot = 0; slot < sequences; slot++) {
      int first = slot * each;
      int[] table = new int[each];
      Arrays.setAll(table, i -> (first + i) % blocks);
      all.add(
          new StepSequence(
              slot, true, context, 1, tokens, context, table, true, SamplingParams.GREEDY, 0));
    }
    return new Step(0, all, StepListener.NONE);
  }
}
