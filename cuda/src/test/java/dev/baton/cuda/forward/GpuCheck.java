package dev.baton.cuda.forward;

import dev.baton.cuda.CudaBackendProvider;
import dev.baton.cuda.binding.LibraryFinder;
import dev.baton.engine.backend.BackendException;
import dev.baton.engine.backend.BackendOptions;
import dev.baton.engine.backend.Finding;
import dev.baton.engine.backend.PendingStep;
import dev.baton.engine.backend.Step;
import dev.baton.engine.backend.StepListener;
import dev.baton.engine.backend.StepResult;
import dev.baton.engine.backend.StepSequence;
import dev.baton.engine.sampling.SamplingParams;
import dev.baton.model.ModelDirectory;
import dev.baton.model.config.ElementType;
import dev.baton.model.weights.LoadFormat;
import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.SymbolLookup;
import java.lang.foreign.ValueLayout;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.OptionalLong;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.ObjectMapper;

/**
 * Checks on a GPU, run by benchmarks/gpu/run.sh: the whole forward pass against the goldens, and
 * times of steps. A main class, since GPU machines need not have the build's tools.
 */
final class GpuCheck {
  private static final List<String> GOLDENS =
      List.of(
          "llama-mha",
          "llama-mqa-tied",
          "llama-gqa-wide-head",
          "llama-rope-llama3",
          "mistral",
          "qwen2",
          "qwen3");

  private static int failures;

  private GpuCheck() {}

  public static void main(String[] args) throws Exception {
    Path root = Path.of(args[0]);
    for (String what : Arrays.asList(args).subList(1, args.length)) {
      try {
        switch (what) {
          case "small" -> CheckDevice.keepSmall(); // those named after it
          case "goldens" -> goldens(root);
          case "sampling" -> failures += SamplingCheck.run();
          case "kernels" ->
              failures +=
                  KernelCheck.run() + OpsCheck.run() + DecodeCheck.run() + PrefillCheck.run();
          case "decode" -> failures += DecodeCheck.run();
          case "ops" -> failures += OpsCheck.run();
          case "bench" -> KernelBench.run();
          case "prefill" -> failures += PrefillCheck.run();
          case "prefill-times" -> PrefillBench.run();
          case "burst" -> failures += EngineCheck.burst(root.resolve("models/fable-5m"), 10_000);
          case "loops" -> EngineCheck.loops(root.resolve("models/llama-3.1-8b"));
          case "mixed" -> MixedBench.run(root.resolve("models/llama-3.1-8b"));
          case "power" -> PowerBench.run(root.resolve("models/llama-3.1-8b"));
          case "profile" -> profile(root.resolve("models/llama-3.1-8b"));
          case "product-kernels" -> failures += KernelCheck.products();
          case "products" -> ProductsBench.run();
          case "times" -> times(root.resolve("models/llama-3.1-8b"));
          case "idle" -> IdleCheck.run(root.resolve("models/llama-3.1-8b"));
          case "cpu" -> cpu(root);
          case "doctor" -> doctor();
          case "memory" -> memory(root.resolve("models/llama-3.1-8b"));
          case "load-dummy" -> LoadCheck.run(root.resolve("models/llama-3.1-8b"), LoadFormat.DUMMY);
          case String model when model.startsWith("load:") ->
              LoadCheck.run(Path.of(model.substring(5)), LoadFormat.AUTO);
          case String model when model.startsWith("shape:") -> {
            Path directory = Path.of(model.substring(6));
            failures += ModelCheck.transformers(directory);
            failures += ModelCheck.cpu(directory, directory.resolve("golden.json"));
          }
          default -> throw new IllegalArgumentException(what);
        }
      } catch (RuntimeException e) {
        failures++;
        e.printStackTrace(System.out);
      }
    }
    System.out.println(failures == 0 ? "ALL CHECKS PASSED" : failures + " CHECKS FAILED");
    System.exit(failures == 0 ? 0 : 1);
  }

  /** A line that benchmarks/gpu/run.sh puts into its table: criterion and what, value. */
  static void figure(String what, double value, String format) {
    System.out.println("FIGURE\t" + what + "\t" + String.format(Locale.ROOT, format, value));
  }

  private static void doctor() {
    CudaBackendProvider provider = new CudaBackendProvider();
    System.out.println(provider.unavailable().orElse("usable"));
    for (Finding finding : provider.findings()) {
      System.out.println(finding.state() + " " + finding.text());
      failures += finding.state() == Finding.State.BROKEN ? 1 : 0;
    }
  }

  /** A model that does not fit is refused with the numbers, and leaves nothing behind. */
  private static void memory(Path model) {
    for (double utilization : new double[] {0.02, 0.12}) {
      BackendOptions all = options(ElementType.F16, LoadFormat.DUMMY, 10000, 8192, 256, 0);
      BackendOptions little =
          new BackendOptions(
              all.maxModelLen(),
              all.maxNumBatchedTokens(),
              all.maxNumSeqs(),
              all.blockSize(),
              all.dtype(),
              all.loadFormat(),
              all.seed(),
              utilization,
              all.kvCacheBytes(),
              all.numGpuBlocks(),
              all.threads());
      try (CudaBackend backend =
          CudaBackend.open(
              LibraryFinder.ofEnvironment(), ModelDirectory.open(model), little, share -> {})) {
        System.out.println("opened with " + utilization + ": " + backend.memoryUse());
      } catch (BackendException e) {
        System.out.println("refused with " + utilization + ": " + e.getMessage());
      }
    }
  }

  private static void cpu(Path root) {
    for (String name : GOLDENS) {
      Path directory = root.resolve("goldens/" + name);
      failures += ModelCheck.cpu(directory, directory.resolve("golden.json"));
    }
    failures +=
        ModelCheck.cpu(root.resolve("models/fable-5m"), root.resolve("goldens/tiny-greedy.json"));
  }

  static BackendOptions options(
      ElementType type, LoadFormat format, int maxLen, int tokens, int seqs, int blocks) {
    return new BackendOptions(
        maxLen,
        tokens,
        seqs,
        16,
        Optional.of(type),
        format,
        0,
        0.9,
        OptionalLong.empty(),
        blocks > 0 ? OptionalInt.of(blocks) : OptionalInt.empty(),
        OptionalInt.empty());
  }

  /** What the goldens of one type came to. */
  private static final class Goldens {
    private double worst;
    private int wrong;
  }

  private static void goldens(Path root) {
    int wrong = 0;
    for (ElementType type : List.of(ElementType.F16, ElementType.BF16)) {
      Goldens all = new Goldens();
      for (String name : GOLDENS) {
        golden(
            root.resolve("goldens/" + name),
            root.resolve("goldens/" + name + "/golden.json"),
            type,
            all);
      }
      golden(root.resolve("models/fable-5m"), root.resolve("goldens/tiny-greedy.json"), type, all);
      figure("1 relative logit error, goldens, " + type.torchName(), all.worst, "%.2e");
      wrong += all.wrong;
    }
    figure("1 golden greedy tokens that differ", wrong, "%.0f");
  }

  private static void golden(Path directory, Path file, ElementType type, Goldens all) {
    JsonNode rows = new ObjectMapper().readTree(file.toFile());
    double limit = type == ElementType.F16 ? 5e-3 : 2e-2;
    double worst = 0;
    int wrong = 0;
    int tokens = 0;
    try (CudaBackend backend =
        CudaBackend.open(
            LibraryFinder.ofEnvironment(),
            ModelDirectory.open(directory),
            options(type, LoadFormat.AUTO, 1024, 512, 8, 200),
            share -> {})) {
      for (JsonNode row : rows) {
        int[] prompt = ints(row.get("prompt_token_ids"));
        int[] wanted = ints(row.get("greedy_token_ids"));
        for (int chunk : new int[] {1000, 48, 1}) {
          Run run = new Run(backend, prompt, wanted.length, chunk, 200);
          float[] logits = run.prefill();
          double error = 0;
          double norm = 0;
          JsonNode first = row.get("last_logits_first_64");
          for (int i = 0; i < first.size(); i++) {
            double d = logits[i] - first.get(i).asDouble();
            error += d * d;
            norm += first.get(i).asDouble() * first.get(i).asDouble();
          }
          worst = Math.max(worst, Math.sqrt(error / norm));
          if (!Double.isFinite(error)) {
            worst = Double.POSITIVE_INFINITY;
          }
          // The demo model's short rows were not recorded greedily (the first token is not the best
          // of the logits beside it), and a small margin decides nothing in 16 bits.
          boolean decided =
              row.get("smallest_greedy_margin").asDouble()
                  > (type == ElementType.F16 ? 0.006 : 0.03);
          if (!decided || (directory.endsWith("fable-5m") && prompt.length < 512)) {
            continue;
          }
          int[] got = run.decode();
          tokens += got.length;
          for (int i = 0; i < got.length; i++) {
            if (got[i] != wanted[i]) {
              wrong += got.length - i;
              break;
            }
          }
        }
      }
    }
    boolean bad = !(worst <= limit) || wrong > 0;
    failures += bad ? 1 : 0;
    all.worst = Math.max(all.worst, worst);
    all.wrong += wrong;
    System.out.printf(
        "%s golden %-22s %-8s logit error %.2e (limit %.0e), greedy tokens after a difference %d of %d%n",
        bad ? "FAIL" : "ok  ",
        directory.getFileName(),
        type.torchName(),
        worst,
        limit,
        wrong,
        tokens);
  }

  static int[] ints(JsonNode node) {
    int[] out = new int[node.size()];
    for (int i = 0; i < out.length; i++) {
      out[i] = node.get(i).asInt();
    }
    return out;
  }

  /** One sequence on its own, greedy, with its blocks scattered. */
  static final class Run {
    private final CudaBackend backend;
    private final int[] tokens;
    private final int prompt;
    private final int outputs;
    private final int chunk;
    private final int[] table;
    private long step;

    /** {@code blocks}: of the pool, at least as many as the tokens need. */
    Run(CudaBackend backend, int[] prompt, int outputs, int chunk, int blocks) {
      this.backend = backend;
      this.prompt = prompt.length;
      this.outputs = outputs;
      this.chunk = chunk;
      tokens = Arrays.copyOf(prompt, prompt.length + outputs + 1);
      table = new int[tokens.length / 16 + 1];
      for (int i = 0; i < table.length; i++) {
        table[i] = (i * 37 + 11) % (blocks - 1);
      }
    }

    float[] prefill() {
      int sampled = -1;
      for (int at = 0; at < prompt; at += chunk) {
        int n = Math.min(chunk, prompt - at);
        sampled = step(at, n, at + n == prompt, 0);
      }
      tokens[prompt] = sampled;
      return backend.logits(0);
    }

    int[] decode() {
      int[] out = new int[outputs];
      out[0] = tokens[prompt];
      for (int i = 1; i < outputs; i++) {
        tokens[prompt + i] = step(prompt + i - 1, 1, true, i);
        out[i] = tokens[prompt + i];
      }
      return out;
    }

    private int step(int computed, int n, boolean sample, int output) {
      StepSequence s =
          new StepSequence(
              3,
              computed == 0,
              computed,
              n,
              tokens,
              prompt,
              table,
              sample,
              SamplingParams.GREEDY,
              output);
      return backend.submit(new Step(step++, List.of(s), StepListener.NONE)).await().tokens()[0];
    }
  }

  /** Steps between the profiler's marks: `ncu --profile-from-start off` sees nothing else. */
  private static void profile(Path model) {
    try (CudaBackend backend =
        CudaBackend.open(
            LibraryFinder.ofEnvironment(),
            ModelDirectory.open(model),
            options(ElementType.F16, LoadFormat.DUMMY, 10000, 8192, 64, 20000),
            share -> {})) {
      prefillTime(backend, 512);
      decodeTime(backend, 1, 512);
      mark("cuProfilerStart");
      int[] tokens = new int[8000];
      int[] table = new int[520];
      Arrays.setAll(table, i -> i);
      for (int[] shape : new int[][] {{512, 1}, {0, 512}, {0, 8000}}) {
        StepSequence s =
            new StepSequence(
                0, true, shape[0], shape[1], tokens, 8000, table, true, SamplingParams.GREEDY, 0);
        backend.submit(new Step(0, List.of(s), StepListener.NONE)).await();
      }
      mark("cuProfilerStop");
    }
  }

  private static void mark(String function) {
    try {
      Linker.nativeLinker()
          .downcallHandle(
              SymbolLookup.libraryLookup("libcuda.so.1", Arena.global())
                  .find(function)
                  .orElseThrow(),
              FunctionDescriptor.of(ValueLayout.JAVA_INT))
          .invoke();
    } catch (Throwable e) {
      throw new IllegalStateException(function, e);
    }
  }

  private static void times(Path model) {
    long start = System.nanoTime();
    try (CudaBackend backend =
        CudaBackend.open(
            LibraryFinder.ofEnvironment(),
            ModelDirectory.open(model),
            options(ElementType.F16, LoadFormat.DUMMY, 10000, 8192, 256, 0),
            share -> {})) {
      System.out.printf(
          "open 8B %.1f s, %s%n", (System.nanoTime() - start) / 1e9, backend.describe());
      System.out.println(backend.memoryUse() + " " + backend.kvLayout());
      for (int length : new int[] {128, 512, 2048, 8000}) {
        prefillTime(backend, length);
      }
      for (int batch : new int[] {1, 2, 4, 8, 16, 32, 64, 128, 256}) {
        decodeTime(backend, batch, 512);
      }
      decodeTime(backend, 1, 8000);
    }
  }

  private static void prefillTime(CudaBackend backend, int length) {
    int[] tokens = new int[length];
    for (int i = 0; i < length; i++) {
      tokens[i] = (i * 7919 + 13) % 100000;
    }
    int[] table = new int[length / 16 + 1];
    Arrays.setAll(table, i -> i);
    List<Double> wall = new ArrayList<>();
    List<Double> busy = new ArrayList<>();
    for (int i = 0; i < 7; i++) {
      StepSequence s =
          new StepSequence(
              0, true, 0, length, tokens, length, table, true, SamplingParams.GREEDY, 0);
      long from = System.nanoTime();
      StepResult r = backend.submit(new Step(i, List.of(s), StepListener.NONE)).await();
      wall.add((System.nanoTime() - from) / 1e6);
      busy.add(r.deviceNanos() / 1e6);
    }
    System.out.printf(
        "prefill %5d: wall %.2f ms, device %.2f ms%n", length, median(wall), median(busy));
  }

  private static void decodeTime(CudaBackend backend, int batch, int context) {
    int steps = 64;
    int blocks = (context + steps + 16) / 16 + 1;
    int[][] tokens = new int[batch][context + steps + 8];
    int[][] tables = new int[batch][blocks];
    for (int b = 0; b < batch; b++) {
      int base = b * blocks;
      Arrays.setAll(tables[b], i -> base + i);
      Arrays.fill(tokens[b], StepSequence.DEVICE_TOKEN);
    }
    List<Double> busy = new ArrayList<>();
    @Nullable PendingStep before = null;
    long from = 0;
    for (int i = 0; i < steps; i++) {
      List<StepSequence> sequences = new ArrayList<>();
      for (int b = 0; b < batch; b++) {
        sequences.add(
            new StepSequence(
                b,
                i == 0,
                context + i,
                1,
                tokens[b],
                context,
                tables[b],
                true,
                SamplingParams.GREEDY,
                i));
      }
      PendingStep now = backend.submit(new Step(i, sequences, StepListener.NONE));
      if (before != null) {
        busy.add(before.await().deviceNanos() / 1e6);
      }
      before = now;
      if (i == 8) {
        from = System.nanoTime();
      }
    }
    if (before != null) {
      before.await();
    }
    double wall = (System.nanoTime() - from) / 1e6 / (steps - 8.5);
    System.out.printf(
        "decode batch %3d at %d: %.3f ms a step, device %.3f ms%n",
        batch, context, wall, median(busy));
  }

  private static double median(List<Double> values) {
    return values.stream().sorted().skip(values.size() / 2).findFirst().orElseThrow();
  }
}
