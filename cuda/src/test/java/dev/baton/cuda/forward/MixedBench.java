package dev.baton.cuda.forward;

import dev.baton.cuda.binding.LibraryFinder;
import dev.baton.cuda.forward.ForwardPass.Part;
import dev.baton.engine.backend.PendingStep;
import dev.baton.engine.backend.Step;
import dev.baton.engine.backend.StepListener;
import dev.baton.engine.backend.StepSequence;
import dev.baton.engine.sampling.SamplingParams;
import dev.baton.model.ModelDirectory;
import dev.baton.model.config.ElementType;
import dev.baton.model.weights.LoadFormat;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.EnumSet;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * Times of steps in which some sequences decode while a prompt is computed, at Llama-3.1-8B's
 * shape: as they are run, from one graph, and by their parts. Each figure is from a time long
 * enough for the device's clock to have come down to what its power allows.
 */
final class MixedBench {
  private static final int CONTEXT = 576;
  private static final long NANOS = 80_000_000;
  private static final Set<Part> PRODUCTS =
      EnumSet.of(Part.QKV, Part.OUTPUT, Part.GATE_UP, Part.DOWN);

  private final CudaBackend backend;

  private MixedBench(CudaBackend backend) {
    this.backend = backend;
  }

  static void run(Path model) {
    try (CudaBackend backend = open(model)) {
      MixedBench bench = new MixedBench(backend);
      bench.steps();
      bench.products();
    }
  }

  static CudaBackend open(Path model) {
    return CudaBackend.open(
        LibraryFinder.ofEnvironment(),
        ModelDirectory.open(model),
        GpuCheck.options(ElementType.F16, LoadFormat.DUMMY, 10000, 8192, 256, 0),
        share -> {});
  }

  private void steps() {
    System.out.println(
        "decodes + prompt: ms a step as run (wall, device, host's enqueueing, first), graph;"
            + " products, rotate, prefill, decode attention, head+embed, sum");
    int[][] shapes = {
      {127, 513},
      {127, 512},
      {100, 412},
      {31, 481},
      {1, 512},
      {31, 512},
      {64, 512},
      {0, 512},
      {0, 8000},
      {127, 0},
      {31, 128},
      {31, 225},
      {127, 897},
      {127, 1024}
    };
    for (int[] shape : shapes) {
      step(shape[0], shape[1]);
    }
  }

  static Step make(int decodes, int prompt) {
    List<StepSequence> sequences = new ArrayList<>();
    int stride = CONTEXT / 16 + 1;
    for (int i = 0; i < decodes; i++) {
      int base = i * stride;
      int[] table = new int[stride];
      Arrays.setAll(table, j -> base + j);
      int[] tokens = new int[CONTEXT + 1];
      Arrays.fill(tokens, StepSequence.DEVICE_TOKEN);
      sequences.add(sequence(i, CONTEXT, 1, tokens, table));
    }
    if (prompt > 0) {
      int base = decodes * stride;
      int[] table = new int[prompt / 16 + 1];
      Arrays.setAll(table, j -> base + j);
      int[] tokens = new int[prompt + 1];
      Arrays.setAll(tokens, i -> (i * 7919 + 13) % 100000);
      sequences.add(sequence(decodes, 0, prompt, tokens, table));
    }
    return new Step(1, sequences, StepListener.NONE);
  }

  private static StepSequence sequence(int slot, int computed, int n, int[] tokens, int[] table) {
    return new StepSequence(
        slot,
        computed == 0,
        computed,
        n,
        tokens,
        computed + n,
        table,
        true,
        SamplingParams.GREEDY,
        0);
  }

  private void step(int decodes, int prompt) {
    Step step = make(decodes, prompt);
    double first = backend.submit(step).await().deviceNanos() / 1e6;
    backend.submit(step).await();
    @Nullable PendingStep before = null;
    List<Long> device = new ArrayList<>();
    List<Long> enqueue = new ArrayList<>();
    long from = System.nanoTime();
    long half = from;
    int counted = 0;
    while (System.nanoTime() - from < 3 * NANOS) {
      long at = System.nanoTime();
      PendingStep now = backend.submit(step);
      enqueue.add(System.nanoTime() - at);
      if (before != null) {
        long nanos = before.await().deviceNanos();
        if (System.nanoTime() - from < NANOS) {
          half = System.nanoTime();
        } else {
          device.add(nanos);
          counted++;
        }
      }
      before = now;
    }
    double wall = (System.nanoTime() - half) / 1e6 / counted;
    if (before != null) {
      before.await();
    }
    StringBuilder line = new StringBuilder();
    line.append(
        String.format(
            Locale.ROOT,
            "%3d + %4d: wall %6.2f device %6.2f enqueue %5.2f first %6.2f",
            decodes,
            prompt,
            wall,
            median(device),
            median(enqueue),
            first));
    double all = part(step, EnumSet.allOf(Part.class));
    double[] parts = {
      part(step, PRODUCTS),
      prompt > 0 ? part(step, EnumSet.of(Part.ROTATE)) : 0,
      prompt > 0 ? part(step, EnumSet.of(Part.PREFILL)) : 0,
      decodes > 0 ? part(step, EnumSet.of(Part.DECODE)) : 0,
      part(step, EnumSet.of(Part.EMBED, Part.HEAD))
    };
    line.append(String.format(Locale.ROOT, " graph %6.2f |", all));
    for (double part : parts) {
      line.append(String.format(Locale.ROOT, " %6.2f", part));
    }
    line.append(String.format(Locale.ROOT, " | sum %6.2f", Arrays.stream(parts).sum()));
    System.out.println(line);
  }

  private double part(Step step, Set<Part> parts) {
    return backend.runner().partNanos(step, parts, NANOS) / 1e6;
  }

  private static double median(List<Long> nanos) {
    return nanos.stream().sorted().skip(nanos.size() / 2).findFirst().orElse(0L) / 1e6;
  }

  /** Each product at many numbers of rows: with what is used for them, and with what is best. */
  private void products() {
    Products products = backend.runner().pass().products();
    List<Products.Timed> timed = backend.runner().pass().timed();
    System.out.println(
        "rows: us of q/k/v, output, gate+up, down: as used/first guess/best of 12; ms of 32 layers");
    for (int m :
        new int[] {
          159, 255, 300, 400, 512, 513, 520, 528, 540, 544, 560, 570, 576, 600, 625, 639, 640, 700,
          768, 895, 1000, 1280, 2000, 8000
        }) {
      StringBuilder line = new StringBuilder("%5d:".formatted(m));
      double[] sums = new double[3];
      for (Products.Timed t : timed) {
        double used = products.time(t, products.chosen(t, m).orElseThrow(), m) / 1e3;
        double least = used;
        double first = 0;
        for (Products.Choice way : products.library(t, m, 12)) {
          double micros = products.time(t, way, m) / 1e3;
          first = first == 0 ? micros : first;
          least = Math.min(least, micros);
        }
        line.append(String.format(Locale.ROOT, " %6.1f/%6.1f/%6.1f", used, first, least));
        sums[0] += used;
        sums[1] += first;
        sums[2] += least;
      }
      System.out.printf(
          Locale.ROOT,
          "%s | %6.2f / %6.2f / %6.2f%n",
          line,
          sums[0] * 0.032,
          sums[1] * 0.032,
          sums[2] * 0.032);
    }
  }
}
