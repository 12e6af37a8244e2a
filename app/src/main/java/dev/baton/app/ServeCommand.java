package dev.baton.app;

import dev.baton.model.config.ElementType;
import dev.baton.model.weights.LoadFormat;
import dev.baton.serving.handoff.KvTransferConfig;
import dev.baton.serving.http.HttpServerException;
import dev.baton.serving.worker.WorkerOptions;
import dev.baton.serving.worker.WorkerServer;
import java.io.PrintWriter;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.OptionalLong;
import java.util.concurrent.Callable;
import java.util.concurrent.CountDownLatch;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** {@code baton serve}: one worker. */
@Command(
    name = "serve",
    description = "Serves a model over the OpenAI API: combined, or as a prefill or decode worker.",
    mixinStandardHelpOptions = true,
    sortOptions = false,
    preprocessor = UnderscoreNames.class)
final class ServeCommand implements Callable<Integer> {

  @Parameters(
      arity = "0..1",
      paramLabel = "MODEL",
      description = "The model directory, in Hugging Face's layout; the same as --model.")
  private @Nullable String modelArgument;

  @Option(names = "--model", paramLabel = "DIR", description = "The model directory.")
  private @Nullable String modelOption;

  @Option(
      names = "--host",
      defaultValue = "0.0.0.0",
      description = "Address to listen on (default: ${DEFAULT-VALUE}).")
  private String host = "0.0.0.0";

  @Option(
      names = "--port",
      defaultValue = "8000",
      description = "HTTP port; 0 takes a free one (default: ${DEFAULT-VALUE}).")
  private int port;

  @Option(
      names = "--served-model-name",
      arity = "1..*",
      paramLabel = "NAME",
      description = "Names that requests may use, the reported one first (default: the directory).")
  private List<String> servedModelNames = new ArrayList<>();

  @Option(
      names = "--device",
      defaultValue = "auto",
      description = "auto, cpu or cuda (default: ${DEFAULT-VALUE}).")
  private String device = "auto";

  @Option(
      names = "--dtype",
      defaultValue = "auto",
      description =
          "Weights and activations: auto, float32, float16, bfloat16 (default: ${DEFAULT-VALUE}).")
  private String dtype = "auto";

  @Option(
      names = "--max-model-len",
      converter = HumanInteger.class,
      paramLabel = "TOKENS",
      description = "Longest sequence, prompt and answer (default: the model's own limit).")
  private @Nullable Long maxModelLen;

  @Option(
      names = "--max-num-batched-tokens",
      converter = HumanInteger.class,
      defaultValue = "2048",
      paramLabel = "TOKENS",
      description = "Most tokens of one step (default: ${DEFAULT-VALUE}).")
  private long maxNumBatchedTokens;

  @Option(
      names = "--max-num-mixed-tokens",
      converter = HumanInteger.class,
      paramLabel = "TOKENS",
      description =
          "Most tokens of a step in which sequences decode (default: 640 on a GPU, 1280 while a long"
              + " queue waits; no limit of its own on a CPU).")
  private @Nullable Long maxNumMixedTokens;

  @Option(
      names = "--max-num-seqs",
      converter = HumanInteger.class,
      defaultValue = "256",
      paramLabel = "N",
      description = "Most sequences of one step (default: ${DEFAULT-VALUE}).")
  private long maxNumSeqs;

  @Option(
      names = "--gpu-memory-utilization",
      defaultValue = "0.9",
      paramLabel = "SHARE",
      description = "Share of the GPU's memory to fill (default: ${DEFAULT-VALUE}).")
  private double gpuMemoryUtilization;

  @Option(
      names = {"--tensor-parallel-size", "-tp"},
      defaultValue = "1",
      description = "Only 1: one worker is one device.")
  private int tensorParallelSize;

  @Option(
      names = "--seed",
      defaultValue = "0",
      description = "Of dummy weights (default: ${DEFAULT-VALUE}).")
  private long seed;

  @Option(
      names = "--enable-prefix-caching",
      negatable = true,
      defaultValue = "true",
      fallbackValue = "true",
      description = "Share the KV of equal beginnings of prompts, or do not (default: shared).")
  private boolean prefixCaching;

  @Option(
      names = "--load-format",
      defaultValue = "auto",
      description =
          "auto or safetensors: from files; dummy: generated, normal with deviation 0.02;"
              + " dummy-uniform: generated, within 0.001, the values of vLLM's dummy weights"
              + " (default: ${DEFAULT-VALUE}).")
  private String loadFormat = "auto";

  @Option(
      names = "--tokenizer",
      paramLabel = "DIR",
      description = "Directory of another tokenizer.")
  private @Nullable String tokenizer;

  @Option(
      names = "--chat-template",
      paramLabel = "FILE",
      description = "A Jinja file, or the template itself, instead of the model's.")
  private @Nullable String chatTemplate;

  @Option(
      names = "--generation-config",
      defaultValue = "auto",
      description =
          "auto: the model's generation_config.json gives the sampling defaults; vllm: the API's own"
              + " (default: ${DEFAULT-VALUE}).")
  private String generationConfig = "auto";

  @Option(
      names = "--kv-transfer-config",
      paramLabel = "JSON",
      description = "Role and addresses for the hand-off; without it, a combined worker.")
  private @Nullable String kvTransferConfig;

  @Option(
      names = "--api-key",
      arity = "1..*",
      paramLabel = "KEY",
      description = "Keys of which clients must send one (default: the variable BATON_API_KEY).")
  private List<String> apiKeys = new ArrayList<>();

  @Option(
      names = "--block-size",
      converter = HumanInteger.class,
      defaultValue = "16",
      paramLabel = "TOKENS",
      description = "Token slots of a KV block (default: ${DEFAULT-VALUE}).")
  private long blockSize;

  @Option(
      names = "--num-gpu-blocks-override",
      converter = HumanInteger.class,
      paramLabel = "N",
      description = "Number of KV blocks, whatever the memory.")
  private @Nullable Long numGpuBlocks;

  @Option(
      names = "--kv-cache-memory-bytes",
      converter = HumanInteger.class,
      paramLabel = "BYTES",
      description = "Size of the KV pool.")
  private @Nullable Long kvCacheBytes;

  @Option(
      names = "--threads",
      paramLabel = "N",
      description = "Compute threads of a CPU worker (default: one per core).")
  private @Nullable Integer threads;

  @Mixin private final CudaLibraries cudaLibraries = new CudaLibraries();

  @Option(names = "--enable-log-requests", description = "Log a line for each request.")
  private boolean logRequests;

  @Option(names = "--disable-log-stats", description = "Log no line of throughput every 10 s.")
  private boolean noLogStats;

  @Option(
      names = "--no-warm-up",
      description = "Be ready without sending a few requests through everything first.")
  private boolean noWarmUp;

  @Option(
      names = "--drain-seconds",
      defaultValue = "10",
      paramLabel = "S",
      description =
          "How long requests in progress may go on after a stop (default: ${DEFAULT-VALUE}).")
  private double drainSeconds;

  @Option(
      names = {
        "--disable-log-requests",
        "--no-enable-log-requests",
        "--trust-remote-code",
        "--enforce-eager",
        "--disable-uvicorn-access-log"
      },
      hidden = true,
      description = "Accepted and without effect.")
  @SuppressWarnings("UnusedVariable") // it is there to be accepted
  private boolean withoutEffect;

  @Spec private CommandSpec spec;

  @SuppressWarnings("NullAway.Init") // picocli sets spec
  ServeCommand() {}

  @Override
  public Integer call() throws InterruptedException {
    long begin = System.nanoTime();
    PrintWriter out = spec.commandLine().getOut();
    cudaLibraries.apply();
    CountDownLatch ended = new CountDownLatch(1);
    try (WorkerServer server = WorkerServer.start(options())) {
      server.describe().forEach(out::println);
      out.printf(
          Locale.ROOT,
          "Worker ready on %s after %.1f s%n",
          server.uri(),
          (System.nanoTime() - begin) / 1e9);
      out.flush();
      Runtime.getRuntime().addShutdownHook(new Thread(() -> stop(server, ended), "worker-stop"));
      ended.await();
    } catch (HttpServerException e) {
      throw new UserError(String.valueOf(e.getMessage()), e);
    }
    return 0;
  }

  private static void stop(WorkerServer server, CountDownLatch ended) {
    server.close();
    ended.countDown();
  }

  private WorkerOptions options() {
    if (tensorParallelSize != 1) {
      throw new UserError(
          "--tensor-parallel-size is "
              + tensorParallelSize
              + "; one worker is one device here, so only 1 is allowed. Start more workers.");
    }
    Path model = path("--model", model());
    return new WorkerOptions(
        model,
        servedModelNames,
        host,
        port,
        device,
        settings(),
        Optional.ofNullable(tokenizer).map(text -> path("--tokenizer", text)),
        Optional.ofNullable(chatTemplate),
        oneOf("--generation-config", generationConfig, "auto", "vllm").equals("auto"),
        keys(),
        transfer(),
        logRequests,
        !noLogStats,
        !noWarmUp,
        Version.text(),
        WorkerOptions.DEFAULT_MAX_CHOICES,
        Duration.ofMillis(Math.round(number("--drain-seconds", drainSeconds, 0, 86_400) * 1000)));
  }

  private WorkerOptions.EngineSettings settings() {
    return new WorkerOptions.EngineSettings(
        elementType(),
        maxModelLen == null
            ? OptionalInt.empty()
            : OptionalInt.of(count("--max-model-len", maxModelLen, 2)),
        count("--max-num-batched-tokens", maxNumBatchedTokens, 1),
        maxNumMixedTokens == null
            ? OptionalInt.empty()
            : OptionalInt.of(count("--max-num-mixed-tokens", maxNumMixedTokens, 1)),
        count("--max-num-seqs", maxNumSeqs, 1, 65_536),
        count("--block-size", blockSize, 1, 4096),
        prefixCaching,
        switch (oneOf(
            "--load-format", loadFormat, "auto", "safetensors", "dummy", "dummy-uniform")) {
          case "dummy" -> LoadFormat.DUMMY;
          case "dummy-uniform" -> LoadFormat.DUMMY_UNIFORM;
          default -> LoadFormat.AUTO;
        },
        seed,
        number("--gpu-memory-utilization", gpuMemoryUtilization, 0.01, 1),
        kvCacheBytes == null
            ? OptionalLong.empty()
            : OptionalLong.of(atLeast("--kv-cache-memory-bytes", kvCacheBytes, 1)),
        numGpuBlocks == null
            ? OptionalInt.empty()
            : OptionalInt.of(count("--num-gpu-blocks-override", numGpuBlocks, 1)),
        threads == null
            ? OptionalInt.empty()
            : OptionalInt.of(count("--threads", threads, 1, 1024)));
  }

  private String model() {
    if (modelArgument != null && modelOption != null && !modelArgument.equals(modelOption)) {
      throw new UserError(
          "Two models are given, " + modelArgument + " and --model " + modelOption + ": give one.");
    }
    String given = modelOption != null ? modelOption : modelArgument;
    if (given == null) {
      throw new UserError(
          "No model is given: name a model directory, for example: baton serve models/fable-5m");
    }
    return given;
  }

  private Optional<ElementType> elementType() {
    return switch (dtype.toLowerCase(Locale.ROOT)) {
      case "auto" -> Optional.empty();
      case "float32", "float" -> Optional.of(ElementType.F32);
      case "float16", "half" -> Optional.of(ElementType.F16);
      case "bfloat16" -> Optional.of(ElementType.BF16);
      default ->
          throw new UserError(
              "--dtype is \"" + dtype + "\"; it must be auto, float32, float16 or bfloat16.");
    };
  }

  private List<String> keys() {
    if (!apiKeys.isEmpty()) {
      return apiKeys;
    }
    String fromEnvironment = System.getenv("BATON_API_KEY");
    return fromEnvironment == null || fromEnvironment.isEmpty()
        ? List.of()
        : List.of(fromEnvironment);
  }

  private Optional<KvTransferConfig> transfer() {
    if (kvTransferConfig == null) {
      return Optional.empty();
    }
    KvTransferConfig config;
    try {
      config = KvTransferConfig.parse(kvTransferConfig);
    } catch (IllegalArgumentException e) {
      throw new UserError(String.valueOf(e.getMessage()), e);
    }
    if (config.httpPort().isPresent() && config.httpPort().getAsInt() != port) {
      throw new UserError(
          "--kv-transfer-config says http_port "
              + config.httpPort().getAsInt()
              + ", but --port is "
              + port
              + ": make them the same, or leave http_port out.");
    }
    return Optional.of(config);
  }

  private static Path path(String option, String text) {
    try {
      return Path.of(text);
    } catch (InvalidPathException e) {
      throw new UserError(option + " is no path: " + e.getMessage(), e);
    }
  }

  private static String oneOf(String option, String given, String... allowed) {
    String lower = given.toLowerCase(Locale.ROOT);
    if (!List.of(allowed).contains(lower)) {
      throw new UserError(
          option + " is \"" + given + "\"; it must be one of " + String.join(", ", allowed) + ".");
    }
    return lower;
  }

  private static int count(String option, long given, int least) {
    return count(option, given, least, Integer.MAX_VALUE);
  }

  private static int count(String option, long given, int least, int most) {
    if (given > most) {
      throw new UserError(option + " is " + given + "; it must be at most " + most + ".");
    }
    return (int) atLeast(option, given, least);
  }

  private static long atLeast(String option, long given, long least) {
    if (given < least) {
      throw new UserError(option + " is " + given + "; it must be at least " + least + ".");
    }
    return given;
  }

  private static double number(String option, double given, double least, double most) {
    if (!(given >= least && given <= most)) {
      throw new UserError(
          option + " is " + given + "; it must be from " + least + " to " + most + ".");
    }
    return given;
  }
}
