package dev.baton.cuda.forward;

import dev.baton.cuda.binding.Driver;
import dev.baton.cuda.binding.Launcher;
import dev.baton.engine.backend.BackendOptions;
import dev.baton.engine.backend.PendingStep;
import dev.baton.engine.backend.Step;
import dev.baton.engine.backend.StepListener;
import dev.baton.engine.backend.StepResult;
import dev.baton.engine.backend.StepSequence;
import dev.baton.engine.sampling.TokenLogprobs;
import dev.baton.model.config.ModelConfig;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * Runs steps: writes their numbers, enqueues the forward pass or launches the recorded graph of a
 * decode step, and reads back what was sampled.
 */
final class StepRunner implements AutoCloseable {
  /** Steps that may be on the device at a time. */
  static final int IN_FLIGHT = 2;

  private static final ValueLayout.OfInt INT = ValueLayout.JAVA_INT;

  /** Layers that are announced together. */
  private static final int LAYER_GROUPS = 8;

  private final Device device;
  private final Driver driver;
  private final Launcher launcher;
  private final ForwardPass pass;
  private final SamplingStage sampling;
  private final WorkSpace space;
  private final ModelConfig config;
  private final StepWriter writer;
  private final LayerWatch watch;
  private final int[] graphSizes;
  private final long[] graphs;

  /** What one step in flight needs; two take turns. */
  private final class Lane {
    final MemorySegment numbers;
    final MemorySegment sampled;
    final MemorySegment reports;

    Lane(long stepBytes, int sequences) {
      numbers = driver.allocatePinned(stepBytes);
      sampled = driver.allocatePinned(4L * sequences);
      reports = driver.allocatePinned(4L * sequences * WorkSpace.REPORT);
    }

    void close() {
      driver.freePinned(numbers);
      driver.freePinned(sampled);
      driver.freePinned(reports);
    }
  }

  private final Lane[] lanes = new Lane[IN_FLIGHT];
  private int turn;

  /**
   * Where steps begin and end on the device. When a step is awaited, its own pair and that of the
   * step before have not been used again.
   */
  private final long[] begins = new long[2 * IN_FLIGHT];

  private final long[] ends = new long[2 * IN_FLIGHT];
  private long submitted;
  private long busyNanos;
  private long idleNanos;

  /**
   * Times of all steps so far, ns.
   *
   * @param busy from the begins of steps to their ends
   * @param idle from the ends of steps to the begins of the next ones
   */
  record Times(long busy, long idle) {}

  StepRunner(
      Device device,
      Launcher launcher,
      ForwardPass pass,
      SamplingStage sampling,
      WorkSpace space,
      ModelConfig config,
      BackendOptions options) {
    this.device = device;
    this.driver = device.driver();
    this.launcher = launcher;
    this.pass = pass;
    this.sampling = sampling;
    this.space = space;
    this.config = config;
    writer = new StepWriter(options.blockSize());
    watch = new LayerWatch(device);
    graphSizes = sizes(options.maxNumSeqs());
    graphs = new long[graphSizes.length];
    int maxBlocks = (options.maxModelLen() + options.blockSize() - 1) / options.blockSize();
    int tokens = Math.max(options.maxNumBatchedTokens(), options.maxNumSeqs());
    long bytes = 4 * StepLayout.capacity(tokens, options.maxNumSeqs(), maxBlocks);
    for (int i = 0; i < begins.length; i++) {
      begins[i] = driver.createEvent(true, false);
      ends[i] = driver.createEvent(true, false);
    }
    for (int i = 0; i < IN_FLIGHT; i++) {
      lanes[i] = new Lane(bytes, options.maxNumSeqs());
    }
  }

  /** Batch sizes with a graph: every one up to 4, then in steps of an eighth or less. */
  private static int[] sizes(int most) {
    List<Integer> sizes = new ArrayList<>();
    for (int n = 1; n < most; n += n < 4 ? 1 : n < 32 ? 4 : n < 256 ? 8 : 32) {
      sizes.add(n);
    }
    sizes.add(most);
    return sizes.stream().mapToInt(Integer::intValue).toArray();
  }

  /** Records the decode step of every batch size, instead of what was recorded before. */
  void recordGraphs() {
    destroyGraphs();
    for (int i = graphs.length - 1; i >= 0; i--) {
      recordGraph(i);
    }
  }

  private void recordGraph(int i) {
    driver.beginCapture(launcher.stream());
    pass.enqueue(StepLayout.ofDecodes(graphSizes[i]), layer -> {});
    graphs[i] = driver.endCapture(launcher.stream());
  }

  /**
   * Records the decode step of a batch size anew and gives its time, ns: the least of some. The
   * last step was one of that many sequences.
   */
  long recordedNanos(int sequences, int repeats) {
    int at = graphFor(sequences);
    driver.synchronize(launcher.stream());
    driver.destroyGraph(graphs[at]);
    graphs[at] = 0;
    recordGraph(at);
    long least = Long.MAX_VALUE;
    for (int i = 0; i < repeats; i++) {
      least = Math.min(least, graphNanos(sequences, 1));
    }
    return least;
  }

  /** By the thread that awaits steps. */
  Times times() {
    return new Times(busyNanos, idleNanos);
  }

  /** Time of the last step's graph alone, ns, without what surrounds it in a step. */
  long graphNanos(int sequences, int repeats) {
    long stream = launcher.stream();
    long graph = graphs[graphFor(sequences)];
    driver.launchGraph(graph, stream);
    driver.record(begins[0], stream);
    for (int i = 0; i < repeats; i++) {
      driver.launchGraph(graph, stream);
    }
    driver.record(ends[0], stream);
    driver.synchronizeEvent(ends[0], "timing a graph");
    return driver.elapsedNanos(begins[0], ends[0]) / repeats;
  }

  /**
   * Time of some parts of a step in a graph, ns, for checks; no step may be in flight.
   *
   * @param nanos for how long it is repeated, at least
   */
  long partNanos(Step step, Set<ForwardPass.Part> parts, long nanos) {
    device.makeCurrent();
    long stream = launcher.stream();
    StepLayout at = StepLayout.of(step, pass.prefillAttention());
    int ints = writer.write(step, at, lanes[turn].numbers);
    driver.copyToDevice(space.step(), lanes[turn].numbers, 4L * ints, stream);
    return repeatedNanos(() -> pass.enqueue(at, layer -> {}, parts), nanos);
  }

  /**
   * Time of a layer's products in a graph of several layers, ns a layer, for checks; no step may be
   * in flight.
   *
   * @param ways how each of them is computed
   * @param nanos for how long it is repeated, at least
   */
  long chainNanos(
      List<Products.Timed> timed, List<Products.Choice> ways, int rows, int layers, long nanos) {
    device.makeCurrent();
    Runnable chain =
        () -> {
          for (int layer = 0; layer < layers; layer++) {
            for (int i = 0; i < timed.size(); i++) {
              pass.products().run(ways.get(i), timed.get(i), layer, rows);
            }
          }
        };
    return repeatedNanos(chain, nanos) / layers;
  }

  /** Time of what is enqueued, in a graph that is replayed for so long. */
  private long repeatedNanos(Runnable enqueued, long nanos) {
    long stream = launcher.stream();
    driver.beginCapture(stream);
    enqueued.run();
    long graph = driver.endCapture(stream);
    driver.launchGraph(graph, stream);
    int repeats = 4;
    long last = 0;
    for (long spent = 0; spent < nanos; ) {
      driver.record(begins[0], stream);
      for (int i = 0; i < repeats; i++) {
        driver.launchGraph(graph, stream);
      }
      driver.record(ends[0], stream);
      driver.synchronizeEvent(ends[0], "timing a part of a step");
      long elapsed = driver.elapsedNanos(begins[0], ends[0]);
      spent += elapsed;
      last = elapsed / repeats;
      repeats = Math.clamp(repeats * nanos / 2 / Math.max(1, elapsed), 4, 1000);
    }
    driver.destroyGraph(graph);
    return last;
  }

  /** For checks. */
  ForwardPass pass() {
    return pass;
  }

  /** Logits of a sampled row of the last step; no step may be in flight. */
  float[] logits(int row) {
    int vocab = config.vocabSize();
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment out = arena.allocate(4L * vocab);
      driver.copyToHost(out, space.logits() + 4L * vocab * row, 4L * vocab, launcher.stream());
      driver.synchronize(launcher.stream());
      return out.toArray(ValueLayout.JAVA_FLOAT);
    }
  }

  PendingStep submit(Step step) {
    device.makeCurrent();
    Lane lane = lanes[turn];
    List<StepSequence> sequences = step.sequences();
    boolean decodes = step.listener().equals(StepListener.NONE);
    boolean special = false;
    for (StepSequence s : sequences) {
      decodes &= s.newTokens() == 1 && s.sample();
      special |= SamplingStage.special(s);
    }
    int graph = decodes ? graphFor(sequences.size()) : -1;
    StepLayout at =
        graph >= 0
            ? StepLayout.ofDecodes(graphSizes[graph])
            : StepLayout.of(step, pass.prefillAttention());
    long stream = launcher.stream();
    int ints = writer.write(step, at, lane.numbers);
    long number = submitted++;
    driver.record(begins[mark(number)], stream);
    driver.copyToDevice(space.step(), lane.numbers, 4L * ints, stream);
    sampling.before(step, at, turn);
    LayerWatch.@Nullable Watched watched = null;
    if (graph >= 0) {
      driver.launchGraph(graphs[graph], stream);
    } else if (step.listener().equals(StepListener.NONE)) {
      pass.enqueue(at, layer -> {});
    } else {
      LayerWatch.Watched w = watch.watch(step, config.layers(), LAYER_GROUPS);
      pass.enqueue(at, layer -> w.enqueued(layer, stream));
      watched = w;
    }
    sampling.after();
    int rows = sampledRows(step);
    boolean reports = false;
    if (rows > 0) {
      driver.copyToHost(lane.sampled, space.sampled(), 4L * rows, stream);
      reports = special && wantsReports(sequences);
      if (reports) {
        driver.copyToHost(lane.reports, space.reports(), 4L * rows * WorkSpace.REPORT, stream);
      }
    }
    driver.record(ends[mark(number)], stream);
    turn = (turn + 1) % IN_FLIGHT;
    LayerWatch.@Nullable Watched listened = watched;
    boolean reported = reports;
    return () -> await(step, lane, number, listened, reported);
  }

  private StepResult await(
      Step step, Lane lane, long number, LayerWatch.@Nullable Watched watched, boolean reports) {
    device.makeCurrent();
    long begin = begins[mark(number)];
    long end = ends[mark(number)];
    driver.synchronizeEvent(end, "running step " + step.id());
    if (watched != null) {
      watched.awaitTold();
    }
    List<StepSequence> sequences = step.sequences();
    int[] tokens = new int[sequences.size()];
    @Nullable TokenLogprobs[] logprobs = new TokenLogprobs[sequences.size()];
    Arrays.fill(tokens, -1);
    int row = 0;
    for (int i = 0; i < tokens.length; i++) {
      StepSequence s = sequences.get(i);
      if (s.sample()) {
        tokens[i] = lane.sampled.getAtIndex(INT, row);
        if (reports && s.sampling().logprobs() >= 0 && tokens[i] >= 0) {
          logprobs[i] = report(lane.reports, (long) row * WorkSpace.REPORT);
        }
        row++;
      }
    }
    long nanos = driver.elapsedNanos(begin, end);
    busyNanos += nanos;
    if (number > 0) {
      idleNanos += driver.elapsedNanos(ends[mark(number - 1)], begin);
    }
    return new StepResult(tokens, logprobs, nanos);
  }

  private static TokenLogprobs report(MemorySegment reports, long at) {
    int n = reports.getAtIndex(INT, at + 1);
    int[] ids = new int[n];
    float[] values = new float[n];
    int most = (WorkSpace.REPORT - 2) / 2;
    for (int i = 0; i < n; i++) {
      ids[i] = reports.getAtIndex(INT, at + 2 + i);
      values[i] = reports.getAtIndex(ValueLayout.JAVA_FLOAT, at + 2 + most + i);
    }
    return new TokenLogprobs(reports.getAtIndex(ValueLayout.JAVA_FLOAT, at), ids, values);
  }

  private static int mark(long number) {
    return (int) (number % (2 * IN_FLIGHT));
  }

  private int graphFor(int sequences) {
    int at = Arrays.binarySearch(graphSizes, sequences);
    at = at >= 0 ? at : -at - 1;
    return at < graphs.length ? at : -1;
  }

  private static int sampledRows(Step step) {
    int rows = 0;
    for (StepSequence s : step.sequences()) {
      rows += s.sample() ? 1 : 0;
    }
    return rows;
  }

  private static boolean wantsReports(List<StepSequence> sequences) {
    for (StepSequence s : sequences) {
      if (s.sample() && s.sampling().logprobs() >= 0) {
        return true;
      }
    }
    return false;
  }

  @Override
  public void close() {
    driver.synchronize(launcher.stream());
    watch.close();
    for (Lane lane : lanes) {
      lane.close();
    }
    destroyGraphs();
    for (int i = 0; i < begins.length; i++) {
      driver.destroyEvent(begins[i]);
      driver.destroyEvent(ends[i]);
    }
    sampling.close();
    driver.destroyStream(launcher.stream());
  }

  private void destroyGraphs() {
    for (int i = 0; i < graphs.length; i++) {
      if (graphs[i] != 0) {
        driver.destroyGraph(graphs[i]);
        graphs[i] = 0;
      }
    }
  }
}
