package dev.baton.serving.worker;

import dev.baton.model.config.ElementType;
import dev.baton.model.weights.LoadFormat;
import dev.baton.serving.handoff.KvTransferConfig;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.OptionalLong;

/**
 * How a worker is set up; {@link #of} gives the defaults and the {@code with…} methods change them.
 *
 * @param model the model directory
 * @param servedModelNames names that requests may use; the first is the one reported. Empty: the
 *     model as given
 * @param host address to listen on
 * @param port HTTP port; 0 takes a free one
 * @param device "auto", "cpu" or "cuda"
 * @param engine sizes and policies of engine and backend
 * @param tokenizer directory of the tokenizer, where it is not the model's
 * @param chatTemplate a Jinja file, or the template itself, instead of the model's
 * @param generationDefaults whether generation_config.json's sampling parameters are the defaults
 *     of requests that give none (vLLM's {@code --generation-config auto}); false: the API's own
 * @param apiKeys any of these must come as a bearer token; empty: nobody is asked
 * @param kvTransfer role and addresses for the hand-off; empty: a combined worker
 * @param logRequests whether to log a line for each finished request
 * @param logStats whether to log a line of throughput every ten seconds of activity
 * @param warmUp whether to send a few requests through engine and API before being ready
 * @param version what /version says
 * @param maxChoices largest {@code n}, and most prompts in one completion request
 * @param drain how long requests in progress may go on after a stop was asked for
 */
public record WorkerOptions(
    Path model,
    List<String> servedModelNames,
    String host,
    int port,
    String device,
    EngineSettings engine,
    Optional<Path> tokenizer,
    Optional<String> chatTemplate,
    boolean generationDefaults,
    List<String> apiKeys,
    Optional<KvTransferConfig> kvTransfer,
    boolean logRequests,
    boolean logStats,
    boolean warmUp,
    String version,
    int maxChoices,
    Duration drain) {

  /** Most answers of one request where nobody says otherwise. */
  public static final int DEFAULT_MAX_CHOICES = 256;

  public WorkerOptions {
    servedModelNames = List.copyOf(servedModelNames);
    apiKeys = List.copyOf(apiKeys);
  }

  /** A combined worker on a free port of this machine alone, everything else at its default. */
  public static WorkerOptions of(Path model) {
    return new WorkerOptions(
        model,
        List.of(),
        "127.0.0.1",
        0,
        "auto",
        EngineSettings.DEFAULT,
        Optional.empty(),
        Optional.empty(),
        true,
        List.of(),
        Optional.empty(),
        false,
        false,
        false,
        "unknown",
        DEFAULT_MAX_CHOICES,
        Duration.ofSeconds(10));
  }

  /** The same on another address. */
  public WorkerOptions withAddress(String newHost, int newPort) {
    return new WorkerOptions(
        model,
        servedModelNames,
        newHost,
        newPort,
        device,
        engine,
        tokenizer,
        chatTemplate,
        generationDefaults,
        apiKeys,
        kvTransfer,
        logRequests,
        logStats,
        warmUp,
        version,
        maxChoices,
        drain);
  }

  /** The same with another device. */
  public WorkerOptions withDevice(String newDevice) {
    return new WorkerOptions(
        model,
        servedModelNames,
        host,
        port,
        newDevice,
        engine,
        tokenizer,
        chatTemplate,
        generationDefaults,
        apiKeys,
        kvTransfer,
        logRequests,
        logStats,
        warmUp,
        version,
        maxChoices,
        drain);
  }

  /** The same with other sizes and policies of the engine. */
  public WorkerOptions withEngine(EngineSettings settings) {
    return new WorkerOptions(
        model,
        servedModelNames,
        host,
        port,
        device,
        settings,
        tokenizer,
        chatTemplate,
        generationDefaults,
        apiKeys,
        kvTransfer,
        logRequests,
        logStats,
        warmUp,
        version,
        maxChoices,
        drain);
  }

  /** The same with keys that clients must send. */
  public WorkerOptions withApiKeys(List<String> keys) {
    return new WorkerOptions(
        model,
        servedModelNames,
        host,
        port,
        device,
        engine,
        tokenizer,
        chatTemplate,
        generationDefaults,
        keys,
        kvTransfer,
        logRequests,
        logStats,
        warmUp,
        version,
        maxChoices,
        drain);
  }

  /** The same in a role of a disaggregated deployment. */
  public WorkerOptions withKvTransfer(KvTransferConfig config) {
    return new WorkerOptions(
        model,
        servedModelNames,
        host,
        port,
        device,
        engine,
        tokenizer,
        chatTemplate,
        generationDefaults,
        apiKeys,
        Optional.of(config),
        logRequests,
        logStats,
        warmUp,
        version,
        maxChoices,
        drain);
  }

  /**
   * Sizes and policies.
   *
   * @param dtype type of weights and activations; empty: the backend's choice
   * @param maxModelLen longest sequence; empty: the model's own limit
   * @param maxNumBatchedTokens most tokens of one step
   * @param maxNumMixedTokens most tokens of a step in which sequences decode; empty: the backend's
   *     choice
   * @param maxNumSeqs most sequences of one step
   * @param blockSize token slots of a KV block
   * @param prefixCaching whether prompts share the KV of equal beginnings
   * @param loadFormat files, or generated weights
   * @param seed of generated weights
   * @param gpuMemoryUtilization share of a GPU's memory to fill
   * @param kvCacheBytes size of the KV pool, where given
   * @param numGpuBlocks number of KV blocks, where given; goes before every other rule
   * @param threads compute threads of a CPU worker; empty: all cores
   */
  public record EngineSettings(
      Optional<ElementType> dtype,
      OptionalInt maxModelLen,
      int maxNumBatchedTokens,
      OptionalInt maxNumMixedTokens,
      int maxNumSeqs,
      int blockSize,
      boolean prefixCaching,
      LoadFormat loadFormat,
      long seed,
      double gpuMemoryUtilization,
      OptionalLong kvCacheBytes,
      OptionalInt numGpuBlocks,
      OptionalInt threads) {

    /** 2048 tokens and 256 sequences a step, blocks of 16, prefix caching on. */
    public static final EngineSettings DEFAULT =
        new EngineSettings(
            Optional.empty(),
            OptionalInt.empty(),
            2048,
            OptionalInt.empty(),
            256,
            16,
            true,
            LoadFormat.AUTO,
            0,
            0.9,
            OptionalLong.empty(),
            OptionalInt.empty(),
            OptionalInt.empty());
  }
}
