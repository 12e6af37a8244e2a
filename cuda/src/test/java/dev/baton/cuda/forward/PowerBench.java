package dev.baton.cuda.forward;

import dev.baton.engine.backend.PendingStep;
import dev.baton.engine.backend.Step;
import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SymbolLookup;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import org.jspecify.annotations.Nullable;

/**
 * What steps and products cost once the device is at its power limit, where time is energy: long
 * runs of one kind of step, and of a layer's products with one of them computed in another way.
 */
final class PowerBench {
  private static final long WARM_NANOS = 150_000_000;
  private static final long STEP_NANOS = 500_000_000;
  private static final long CHAIN_NANOS = 150_000_000;
  private static final int LAYERS = 8;

  /** Ways that alone are slower than this many times the fastest are not tried in the chain. */
  private static final double HOPELESS = 1.15;

  private final CudaBackend backend;
  private final Meter meter = new Meter();

  private PowerBench(CudaBackend backend) {
    this.backend = backend;
  }

  static void run(Path model) {
    try (CudaBackend backend = MixedBench.open(model)) {
      PowerBench bench = new PowerBench(backend);
      bench.steps();
      bench.ways();
    }
  }

  /** Energy and clock by NVML, of the first device. */
  private static final class Meter {
    private final MemorySegment out = Arena.global().allocate(16);
    private final MethodHandle energy;
    private final MethodHandle clock;
    private final long device;

    Meter() {
      SymbolLookup library = SymbolLookup.libraryLookup("libnvidia-ml.so.1", Arena.global());
      MethodHandle init =
          function(library, "nvmlInit_v2", FunctionDescriptor.of(ValueLayout.JAVA_INT));
      MethodHandle byIndex =
          function(
              library,
              "nvmlDeviceGetHandleByIndex_v2",
              FunctionDescriptor.of(
                  ValueLayout.JAVA_INT, ValueLayout.JAVA_INT, ValueLayout.ADDRESS));
      energy =
          function(
              library,
              "nvmlDeviceGetTotalEnergyConsumption",
              FunctionDescriptor.of(
                  ValueLayout.JAVA_INT, ValueLayout.JAVA_LONG, ValueLayout.ADDRESS));
      clock =
          function(
              library,
              "nvmlDeviceGetClockInfo",
              FunctionDescriptor.of(
                  ValueLayout.JAVA_INT,
                  ValueLayout.JAVA_LONG,
                  ValueLayout.JAVA_INT,
                  ValueLayout.ADDRESS));
      try {
        int status = (int) init.invokeExact() + (int) byIndex.invokeExact(0, out);
        device = status == 0 ? out.get(ValueLayout.JAVA_LONG, 0) : 0;
      } catch (Throwable e) {
        throw new IllegalStateException(e);
      }
    }

    private static MethodHandle function(
        SymbolLookup library, String name, FunctionDescriptor descriptor) {
      return Linker.nativeLinker().downcallHandle(library.find(name).orElseThrow(), descriptor);
    }

    /** Joules so far. */
    double joules() {
      try {
        int status = (int) energy.invokeExact(device, out);
        return status == 0 ? out.get(ValueLayout.JAVA_LONG, 0) / 1e3 : Double.NaN;
      } catch (Throwable e) {
        throw new IllegalStateException(e);
      }
    }

    /** Clock of the multiprocessors, MHz. */
    int clock() {
      try {
        int status = (int) clock.invokeExact(device, 1, out);
        return status == 0 ? out.get(ValueLayout.JAVA_INT, 0) : -1;
      } catch (Throwable e) {
        throw new IllegalStateException(e);
      }
    }
  }

  private void steps() {
    System.out.println("decodes + prompt: ms a step; J; W; MHz at the end; us a row");
    int[][] shapes = {
      {127, 0},
      {127, 257},
      {127, 512},
      {127, 513},
      {127, 769},
      {127, 897},
      {127, 1025},
      {127, 1153},
      {127, 1921},
      {63, 0},
      {63, 449},
      {63, 961},
      {0, 512},
      {0, 1024},
      {0, 2048},
      {31, 0},
      {31, 481},
      {31, 993},
      {127, 513}
    };
    run(MixedBench.make(127, 1025), 1_000_000_000L, false); // to the temperature and clock of work
    for (int[] shape : shapes) {
      run(MixedBench.make(shape[0], shape[1]), WARM_NANOS, false);
      System.out.printf(
          Locale.ROOT,
          "%3d + %4d: %s%n",
          shape[0],
          shape[1],
          run(MixedBench.make(shape[0], shape[1]), STEP_NANOS, true)
              .formatted(shape[0] + shape[1]));
    }
  }

  private String run(Step step, long nanos, boolean print) {
    @Nullable PendingStep before = null;
    long from = System.nanoTime();
    double joules = meter.joules();
    int steps = 0;
    while (System.nanoTime() - from < nanos) {
      PendingStep now = backend.submit(step);
      if (before != null) {
        before.await();
      }
      before = now;
      steps++;
    }
    int clock = meter.clock();
    if (before != null) {
      before.await();
    }
    double seconds = (System.nanoTime() - from) / 1e9;
    double used = meter.joules() - joules;
    int rows = step.sequences().stream().mapToInt(s -> s.newTokens()).sum();
    return print
        ? String.format(
            Locale.ROOT,
            "%6.2f ms %6.2f J %4.0f W %4d MHz %5.2f us a row",
            seconds * 1e3 / steps,
            used / steps,
            used / seconds,
            clock,
            seconds * 1e6 / steps / rows)
        : "";
  }

  private void ways() {
    Products products = backend.runner().pass().products();
    List<Products.Timed> timed = backend.runner().pass().timed();
    System.out.println(
        "rows, product: us of a layer's products as used; with each other way in its place, % of it");
    for (int m : new int[] {640, 896, 1024, 1152}) {
      List<Products.Choice> used = new ArrayList<>();
      for (Products.Timed t : timed) {
        used.add(products.chosen(t, m).orElseThrow());
      }
      backend.runner().chainNanos(timed, used, m, LAYERS, WARM_NANOS);
      for (int i = 0; i < timed.size(); i++) {
        Products.Timed t = timed.get(i);
        List<Products.Choice> all = products.library(t, m, 24);
        double[] alone = all.stream().mapToDouble(w -> products.time(t, w, m)).toArray();
        double least = Arrays.stream(alone).min().orElseThrow();
        double base = backend.runner().chainNanos(timed, used, m, LAYERS, CHAIN_NANOS) / 1e3;
        StringBuilder line =
            new StringBuilder(
                String.format(
                    Locale.ROOT,
                    "%4d %s %.1f us of %.1f (%d ways):",
                    m,
                    t.epilogue() + " " + t.n(),
                    products.time(t, used.get(i), m) / 1e3,
                    base,
                    all.size()));
        for (int w = 0; w < alone.length; w++) {
          if (alone[w] > HOPELESS * least) {
            continue;
          }
          List<Products.Choice> other = new ArrayList<>(used);
          other.set(i, all.get(w));
          double micros = backend.runner().chainNanos(timed, other, m, LAYERS, CHAIN_NANOS) / 1e3;
          line.append(
              String.format(
                  Locale.ROOT,
                  " %s%d:%.1f>%.1f%%",
                  all.get(w).equals(used.get(i)) ? "*" : "",
                  w,
                  alone[w] / 1e3,
                  100 * micros / base));
        }
        double again = backend.runner().chainNanos(timed, used, m, LAYERS, CHAIN_NANOS) / 1e3;
        line.append(String.format(Locale.ROOT, " again %.1f%%", 100 * again / base));
        System.out.println(line);
      }
    }
  }
}
