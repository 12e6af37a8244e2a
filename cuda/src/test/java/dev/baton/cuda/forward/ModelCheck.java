package dev.baton.cuda.forward;

import dev.baton.cuda.binding.LibraryFinder;
import dev.baton.engine.backend.Backend;
import dev.baton.engine.backend.BackendOptions;
import dev.baton.engine.backend.BackendProvider;
import dev.baton.engine.backend.Step;
import dev.baton.engine.backend.StepListener;
import dev.baton.engine.backend.StepResult;
import dev.baton.engine.backend.StepSequence;
import dev.baton.engine.sampling.SamplingParams;
import dev.baton.engine.sampling.TokenLogprobs;
import dev.baton.model.ModelDirectory;
import dev.baton.model.config.ElementType;
import dev.baton.model.weights.LoadFormat;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.ServiceLoader;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.ObjectMapper;

/** The whole forward pass against other implementations. */
final class ModelCheck {
  private static final int MAX_LEN = 2048;
  private static final int BLOCKS = 400;

  /** A margin that is smaller than this share of the logits' size decides nothing in 16 bits. */
  private static final double CLEAR = 2;

  private static final SamplingParams REPORT =
      new SamplingParams(0, 0, 1, 0, 1, 0, 0, 0, SamplingParams.MAX_LOGPROBS, Map.of());

  private ModelCheck() {}

  private static double limit(ElementType type) {
    return type == ElementType.F16 ? 5e-3 : 2e-2;
  }

  private static BackendOptions options(ElementType type) {
    return GpuCheck.options(type, LoadFormat.AUTO, MAX_LEN, 512, 8, BLOCKS);
  }

  /** Against what benchmarks/gpu/reference.py wrote; gives the failures. */
  static int transformers(Path directory) throws IOException {
    JsonNode rows = new ObjectMapper().readTree(directory.resolve("golden.json").toFile());
    byte[] file = Files.readAllBytes(directory.resolve("logits.f32"));
    float[] logits = new float[file.length / 4];
    ByteBuffer.wrap(file).order(ByteOrder.LITTLE_ENDIAN).asFloatBuffer().get(logits);
    int vocab = logits.length / rows.size();
    int failures = 0;
    for (ElementType type : List.of(ElementType.F16, ElementType.BF16)) {
      double worst = 0;
      int clear = 0;
      int wrong = 0;
      try (CudaBackend backend =
          CudaBackend.open(
              LibraryFinder.ofEnvironment(),
              ModelDirectory.open(directory),
              options(type),
              share -> {})) {
        for (int r = 0; r < rows.size(); r++) {
          JsonNode row = rows.get(r);
          int[] prompt = GpuCheck.ints(row.get("prompt_token_ids"));
          int[] wanted = GpuCheck.ints(row.get("greedy_token_ids"));
          float[] want = Arrays.copyOfRange(logits, r * vocab, (r + 1) * vocab);
          for (int chunk : new int[] {512, 100}) {
            GpuCheck.Run run = new GpuCheck.Run(backend, prompt, wanted.length, chunk, BLOCKS);
            double error = relative(run.prefill(), want);
            worst = error > worst || Double.isNaN(error) ? error : worst;
            if (row.get("smallest_greedy_margin").asDouble() > CLEAR * limit(type) * size(want)) {
              clear++;
              wrong += Arrays.equals(run.decode(), wanted) ? 0 : 1;
            }
          }
        }
      }
      boolean bad = !(worst <= limit(type)) || wrong > 0;
      failures += bad ? 1 : 0;
      System.out.printf(
          "%s %s %s against transformers' float32: logit error %.2e (limit %.0e), greedy answers"
              + " that differ %d of %d with clear margins%n",
          bad ? "FAIL" : "ok  ",
          directory.getFileName(),
          type.torchName(),
          worst,
          limit(type),
          wrong,
          clear);
      GpuCheck.figure("1 relative logit error, 8B shape, " + type.torchName(), worst, "%.2e");
    }
    return failures;
  }

  private static double relative(float[] got, float[] want) {
    double error = 0;
    double norm = 0;
    for (int i = 0; i < want.length; i++) {
      error += ((double) got[i] - want[i]) * ((double) got[i] - want[i]);
      norm += (double) want[i] * want[i];
    }
    return Math.sqrt(error / norm);
  }

  private static double size(float[] values) {
    double squares = 0;
    for (float v : values) {
      squares += (double) v * v;
    }
    return Math.sqrt(squares / values.length);
  }

  /**
   * Against the CPU backend in float32 on the same files: log probabilities of its likeliest tokens
   * at every answered position, and the greedy answers where the CPU's margins are clear.
   *
   * @param golden rows with prompts
   */
  static int cpu(Path directory, Path golden) {
    List<int[]> prompts = new ArrayList<>();
    new ObjectMapper()
        .readTree(golden.toFile())
        .forEach(row -> prompts.add(GpuCheck.ints(row.get("prompt_token_ids"))));
    ModelDirectory model = ModelDirectory.open(directory);
    BackendProvider provider =
        ServiceLoader.load(BackendProvider.class).stream()
            .map(ServiceLoader.Provider::get)
            .filter(p -> p.device().equals("cpu"))
            .findFirst()
            .orElseThrow(() -> new IllegalStateException("the CPU backend is not on the path"));
    int failures = 0;
    List<Answer> wanted;
    try (Backend cpu = provider.open(model, options(ElementType.F32), share -> {})) {
      wanted = prompts.stream().map(p -> answer(cpu, p, null)).toList();
    }
    for (ElementType type : List.of(ElementType.F16, ElementType.BF16)) {
      double worst = 0;
      int clear = 0;
      int wrong = 0;
      try (CudaBackend cuda =
          CudaBackend.open(LibraryFinder.ofEnvironment(), model, options(type), share -> {})) {
        for (int i = 0; i < prompts.size(); i++) {
          Answer want = wanted.get(i);
          // The CPU's tokens are forced, so that every position can be compared.
          Answer got = answer(cuda, prompts.get(i), want.tokens);
          for (int t = 0; t < OUTPUTS; t++) {
            Difference d = difference(got.reports.get(t), want.reports.get(t));
            worst = d.error > worst || Double.isNaN(d.error) ? d.error : worst;
            if (d.margin > CLEAR * limit(type) * d.size) {
              clear++;
              wrong += got.tokens[t] == want.tokens[t] ? 0 : 1;
            }
          }
        }
      }
      double most = limit(type);
      boolean bad = !(worst <= most) || wrong > 0;
      failures += bad ? 1 : 0;
      System.out.printf(
          "%s %s %s against the CPU: log probabilities %.2e (limit %.0e), greedy tokens that differ"
              + " %d of %d with clear margins%n",
          bad ? "FAIL" : "ok  ",
          directory.getFileName(),
          type.torchName(),
          worst,
          most,
          wrong,
          clear);
    }
    return failures;
  }

  private static final int OUTPUTS = 16;

  private record Answer(int[] tokens, List<TokenLogprobs> reports) {}

  /**
   * What two reports have in common.
   *
   * @param error rms of the differences, over the size of the values
   * @param size rms of the values
   * @param margin between the two likeliest tokens
   */
  private record Difference(double error, double size, double margin) {}

  private static Difference difference(TokenLogprobs got, TokenLogprobs want) {
    double squares = 0;
    double error = 0;
    int common = 0;
    for (int i = 0; i < want.topIds().length; i++) {
      for (int j = 0; j < got.topIds().length; j++) {
        if (got.topIds()[j] == want.topIds()[i]) {
          double d = got.topLogprobs()[j] - want.topLogprobs()[i];
          error += d * d;
          squares += want.topLogprobs()[i] * want.topLogprobs()[i];
          common++;
        }
      }
    }
    if (common < want.topIds().length / 2) {
      return new Difference(Double.NaN, 0, 0);
    }
    double size = Math.sqrt(squares / common);
    return new Difference(
        Math.sqrt(error / common) / size, size, want.topLogprobs()[0] - want.topLogprobs()[1]);
  }

  /** Greedy answer of {@link #OUTPUTS} tokens, or the choices along a forced answer. */
  private static Answer answer(Backend backend, int[] prompt, int @Nullable [] forced) {
    int[] tokens = Arrays.copyOf(prompt, prompt.length + OUTPUTS);
    int[] table = new int[tokens.length / 16 + 1];
    Arrays.setAll(table, i -> (i * 37 + 11) % (BLOCKS - 1));
    int[] chosen = new int[OUTPUTS];
    List<TokenLogprobs> reports = new ArrayList<>();
    int computed = 0;
    for (int t = 0; t < OUTPUTS; t++) {
      int to = prompt.length + t;
      while (computed < to) {
        int n = Math.min(300, to - computed);
        boolean sample = computed + n == to;
        StepResult result =
            backend
                .submit(
                    new Step(
                        0,
                        List.of(
                            new StepSequence(
                                2,
                                computed == 0,
                                computed,
                                n,
                                tokens,
                                prompt.length,
                                table,
                                sample,
                                REPORT,
                                t)),
                        StepListener.NONE))
                .await();
        if (sample) {
          chosen[t] = result.tokens()[0];
          reports.add(Objects.requireNonNull(result.logprobs()[0]));
        }
        computed += n;
      }
      if (to < tokens.length) {
        tokens[to] = forced == null ? chosen[t] : forced[t];
      }
    }
    return new Answer(chosen, reports);
  }
}
