package dev.baton.cuda.forward;

import dev.baton.cuda.binding.CublasLt;
import dev.baton.cuda.binding.Driver;
import dev.baton.cuda.binding.Launcher;
import dev.baton.cuda.binding.LibraryFinder;
import dev.baton.cuda.binding.Nvrtc;
import dev.baton.cuda.handoff.CudaKvPort;
import dev.baton.cuda.kernel.KernelCompiler;
import dev.baton.cuda.kernel.Kernels;
import dev.baton.cuda.kernel.Kernels.Epilogue;
import dev.baton.cuda.kernel.Program;
import dev.baton.engine.backend.Backend;
import dev.baton.engine.backend.BackendException;
import dev.baton.engine.backend.BackendOptions;
import dev.baton.engine.backend.BackendProvider.Progress;
import dev.baton.engine.backend.KvLayout;
import dev.baton.engine.backend.KvPort;
import dev.baton.engine.backend.PendingStep;
import dev.baton.engine.backend.Step;
import dev.baton.model.ModelDirectory;
import dev.baton.model.config.ElementType;
import dev.baton.model.config.ModelConfig;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.function.BiFunction;

/**
 * A model on one CUDA device. Steps run one after the other on one stream; the host prepares step n
 * + 1 while n runs.
 */
public final class CudaBackend implements Backend {
  private static final System.Logger LOG = System.getLogger(CudaBackend.class.getName());

  private static final long CUBLAS_WORKSPACE = 64L << 20;

  private final Device device;
  private final Arena arena;
  private final ModelConfig config;
  private final Kernels kernels;
  private final Products products;
  private final KvLayout layout;
  private final CudaKvPort port;
  private final StepRunner runner;
  private final String description;
  private final MemoryUse memory;
  private boolean closed;

  private CudaBackend(
      Device device,
      Arena arena,
      ModelConfig config,
      Kernels kernels,
      Products products,
      KvLayout layout,
      CudaKvPort port,
      StepRunner runner,
      String description,
      MemoryUse memory) {
    this.device = device;
    this.arena = arena;
    this.config = config;
    this.kernels = kernels;
    this.products = products;
    this.layout = layout;
    this.port = port;
    this.runner = runner;
    this.description = description;
    this.memory = memory;
  }

  /** Loads a model onto the first device. */
  @SuppressWarnings("MustBeClosedChecker") // closed with the backend
  public static CudaBackend open(
      LibraryFinder finder, ModelDirectory model, BackendOptions options, Progress progress) {
    ElementType type = type(model.config(), options);
    check(model.config(), options);
    Driver driver = Driver.load(finder);
    LibraryFinder fitting = finder.forDriver(driver.version());
    Device device = new Device(driver, fitting);
    Arena arena = Arena.ofShared();
    try {
      return load(fitting, device, arena, model, options, type, progress);
    } catch (Throwable e) {
      device.close();
      arena.close();
      throw e;
    }
  }

  private static CudaBackend load(
      LibraryFinder finder,
      Device device,
      Arena arena,
      ModelDirectory model,
      BackendOptions options,
      ElementType type,
      Progress progress) {
    ModelConfig config = model.config();
    Driver driver = device.driver();
    long start = System.nanoTime();
    Kernels kernels =
        new Kernels(
            driver,
            compiler(finder),
            device.architecture(),
            device.sharedMemory(),
            device.multiprocessors(),
            type,
            config.headSize());
    long compiled = System.nanoTime();
    long stream = driver.createStream();
    Launcher plain = new Launcher(driver, arena, stream, false);
    ModelWeights weights =
        WeightLoader.load(
            device, kernels, plain, model, type, options.loadFormat(), options.seed(), progress);
    long loaded = System.nanoTime();
    WorkSpace space = WorkSpace.allocate(device, config, options);
    initialise(device, kernels, plain, space, config, options);
    CublasLt cublas =
        new CublasLt(
            finder,
            type,
            device.allocate(CUBLAS_WORKSPACE, "cuBLASLt's work space"),
            CUBLAS_WORKSPACE);
    Launcher overlapping = new Launcher(driver, arena, stream, device.architecture() >= 90);
    Products products =
        new Products(device, kernels, cublas, overlapping, space, config.rmsNormEps());
    TuningCache tuning =
        new TuningCache(
            KernelCompiler.defaultCache(),
            "%s, %d multiprocessors, driver %d, cuBLASLt %s, %s"
                .formatted(
                    device.name(),
                    device.multiprocessors(),
                    driver.version(),
                    cublas.version(),
                    compiler(finder)
                        .fingerprint(
                            Program.of(type, config.headSize(), device.architecture()),
                            device.architecture())));
    tune(products, weights, space, config, options, tuning);
    long tuned = System.nanoTime();

    boolean sized = options.numGpuBlocks().isEmpty() && options.kvCacheBytes().isEmpty();
    KvLayout layout =
        layout(
            config,
            options,
            type,
            sized ? LargestStep.blocks(options) : givenBlocks(config, options, type));
    long pool = device.allocate(poolBytes(layout) + CudaKvPort.TAIL_BYTES, "the KV pool");
    BiFunction<KvLayout, Long, PrefillAttention> prefill =
        (shape, memory) ->
            new PrefillAttention(
                driver,
                arena,
                overlapping,
                kernels,
                kernels.hopperPrefill(),
                new PrefillAttention.Shape(
                    config.heads(),
                    config.kvHeads(),
                    config.headSize(),
                    shape.blockSize(),
                    config.slidingWindow().orElse(-1)),
                new PrefillAttention.Memory(
                    space.qkv(),
                    Math.max(options.maxNumBatchedTokens(), options.maxNumSeqs()),
                    space.attended(),
                    memory,
                    (long) shape.blocks() * shape.layers()),
                device.multiprocessors());
    ForwardPass pass =
        new ForwardPass(
            config,
            weights,
            kernels,
            overlapping,
            products,
            prefill.apply(layout, pool),
            space,
            layout,
            pool,
            device.multiprocessors());
    SamplingStage sampling =
        new SamplingStage(
            device, kernels, overlapping, space, config.vocabSize(), options.maxNumSeqs());
    StepRunner runner = new StepRunner(device, overlapping, pass, sampling, space, config, options);
    runner.recordGraphs();
    if (sized) {
      LargestStep.run(runner, options);
    }
    new StepTuning(products, tuning, runner, options, layout.blocks(), shape(config)).run();
    tuning.save();
    if (sized) {
      device.free(pool, poolBytes(layout) + CudaKvPort.TAIL_BYTES);
      layout =
          layout(
              config,
              options,
              type,
              affordableBlocks(device, weights.bytes(), options, layout.bytesPerBlock()));
      pool = device.allocate(poolBytes(layout) + CudaKvPort.TAIL_BYTES, "the KV pool");
      pass.use(layout, pool, prefill.apply(layout, pool));
    }
    runner.recordGraphs();
    long poolBytes = poolBytes(layout);
    driver.synchronize(stream);
    String description =
        "%s (compute capability %d.%d), CUDA %d.%d, %s, cuBLASLt %s"
            .formatted(
                device.name(),
                device.architecture() / 10,
                device.architecture() % 10,
                driver.version() / 1000,
                driver.version() % 1000 / 10,
                type.torchName(),
                cublas.version());
    LOG.log(
        System.Logger.Level.INFO,
        ("kernels %.1f s, weights %.1f s, choosing products %.1f s, largest step and graphs %.1f s; KV"
                + " pool %s, %,d tokens")
            .formatted(
                (compiled - start) / 1e9,
                (loaded - compiled) / 1e9,
                (tuned - loaded) / 1e9,
                (System.nanoTime() - tuned) / 1e9,
                Occupancy.size(poolBytes),
                (long) layout.blocks() * layout.blockSize()));
    return new CudaBackend(
        device,
        arena,
        config,
        kernels,
        products,
        layout,
        new CudaKvPort(
            device, finder, compiler(finder), device.architecture(), kernels.convert, layout, pool),
        runner,
        description,
        new MemoryUse(
            weights.bytes(), poolBytes, device.allocated() - weights.bytes() - poolBytes));
  }

  /** What of a model decides how long a decode step takes. */
  private static String shape(ModelConfig c) {
    return "%d layers, hidden %d, inner %d, heads %d/%d of %d, vocabulary %d"
        .formatted(
            c.layers(),
            c.hiddenSize(),
            c.intermediateSize(),
            c.heads(),
            c.kvHeads(),
            c.headSize(),
            c.vocabSize());
  }

  private static ElementType type(ModelConfig config, BackendOptions options) {
    ElementType type =
        options
            .dtype()
            .orElse(
                config.elementType() == ElementType.F32 ? ElementType.F16 : config.elementType());
    if (type == ElementType.F32) {
      throw new BackendException(
          "--dtype float32 is not available on CUDA devices; give float16 or bfloat16.");
    }
    return type;
  }

  private static void check(ModelConfig config, BackendOptions options) {
    if (!Program.HEAD_SIZES.contains(config.headSize())) {
      throw new BackendException(
          "The model's heads have %d elements; on CUDA devices Baton computes heads of %s."
              .formatted(config.headSize(), Program.HEAD_SIZES));
    }
    int block = options.blockSize();
    if (block < 16 || Integer.bitCount(block) != 1) {
      throw new BackendException(
          "--block-size %d: on CUDA devices it must be a power of two, at least 16."
              .formatted(block));
    }
    if (config.hiddenSize() % 8 != 0 || config.intermediateSize() % 8 != 0) {
      throw new BackendException(
          "hidden_size %d and intermediate_size %d must be multiples of 8 on CUDA devices."
              .formatted(config.hiddenSize(), config.intermediateSize()));
    }
  }

  static KernelCompiler compiler(LibraryFinder finder) {
    String version =
        Nvrtc.find(finder)
            .map(
                file -> {
                  try {
                    Path real = file.toRealPath();
                    return real + " " + Files.size(real);
                  } catch (IOException e) {
                    return file.toString();
                  }
                })
            .orElse("system");
    return new KernelCompiler(() -> Nvrtc.load(finder), version, KernelCompiler.defaultCache());
  }

  private static void initialise(
      Device device,
      Kernels kernels,
      Launcher launcher,
      WorkSpace space,
      ModelConfig config,
      BackendOptions options) {
    Driver driver = device.driver();
    long stream = launcher.stream();
    int half = config.headSize() / 2;
    int sequences = options.maxNumSeqs();
    driver.setInts(space.lastTokens(), 0, sequences, stream);
    driver.setInts(space.counters(), 0, DecodeAttention.counters(config, sequences), stream);
    long inverse = device.allocate(8L * half, "rotary angles");
    double[] frequencies = config.rope().inverseFrequencies(config.headSize());
    try (Arena arena = Arena.ofConfined()) {
      driver.copyToDevice(
          inverse,
          arena.allocateFrom(java.lang.foreign.ValueLayout.JAVA_DOUBLE, frequencies),
          8L * half,
          stream);
      int angles = options.maxModelLen() * half;
      launcher
          .pointer(inverse)
          .pointer(space.angles())
          .integer(options.maxModelLen())
          .integer(half)
          .launch(kernels.ropeAngles, (angles + 255) / 256, 1, 1, 256, 0);
      driver.synchronize(stream);
    }
    device.free(inverse, 8L * half);
  }

  private static void tune(
      Products products,
      ModelWeights weights,
      WorkSpace space,
      ModelConfig c,
      BackendOptions options,
      TuningCache cache) {
    int most = Math.max(options.maxNumBatchedTokens(), options.maxNumSeqs());
    int qkv = c.querySize() + 2 * c.kvSize();
    LongList all = new LongList(weights.layers());
    Products.Input normed =
        new Products.Input(space.residual(), weights.layers().get(0).inputNorm(), 0);
    products.tune(
        new Products.Timed(
            Epilogue.STORE, normed, all.of(l -> l.qkv()), space.qkv(), qkv, c.hiddenSize()),
        most,
        cache);
    products.tune(
        new Products.Timed(
            Epilogue.ADD,
            Products.Input.of(space.attended()),
            all.of(l -> l.output()),
            space.residual(),
            c.hiddenSize(),
            c.querySize()),
        most,
        cache);
    products.tune(
        new Products.Timed(
            Epilogue.SILU,
            normed,
            all.of(l -> l.gateUp()),
            space.gated(),
            c.intermediateSize(),
            c.hiddenSize()),
        most,
        cache);
    products.tune(
        new Products.Timed(
            Epilogue.ADD,
            Products.Input.of(space.gated()),
            all.of(l -> l.down()),
            space.residual(),
            c.hiddenSize(),
            c.intermediateSize()),
        most,
        cache);
    products.tune(
        new Products.Timed(
            Epilogue.FLOAT,
            normed,
            List.of(weights.head()),
            space.logits(),
            c.vocabSize(),
            c.hiddenSize()),
        options.maxNumSeqs(),
        cache);
  }

  private record LongList(List<ModelWeights.Layer> layers) {
    List<Long> of(java.util.function.ToLongFunction<ModelWeights.Layer> part) {
      return layers.stream().limit(8).map(part::applyAsLong).toList();
    }
  }

  private static KvLayout layout(
      ModelConfig c, BackendOptions options, ElementType type, int blocks) {
    return new KvLayout(blocks, options.blockSize(), c.layers(), c.kvHeads(), c.headSize(), type);
  }

  private static long poolBytes(KvLayout layout) {
    return layout.blocks() * layout.bytesPerBlock();
  }

  /** What the options say on the pool's size. */
  private static int givenBlocks(ModelConfig c, BackendOptions options, ElementType type) {
    if (options.numGpuBlocks().isPresent()) {
      return options.numGpuBlocks().getAsInt();
    }
    long bytes = options.kvCacheBytes().orElseThrow();
    long block = layout(c, options, type, 1).bytesPerBlock();
    if (bytes < block) {
      throw new BackendException(
          "--kv-cache-memory-bytes %d is less than one block of KV, which takes %d bytes."
              .formatted(bytes, block));
    }
    return (int) Math.min(bytes / block, Integer.MAX_VALUE / 2);
  }

  /** What the share of memory has room for, once the largest step has taken what it needs. */
  private static int affordableBlocks(
      Device device, long weights, BackendOptions options, long bytesPerBlock) {
    Driver.MemoryInfo info = device.driver().memoryInfo();
    MemoryBudget budget =
        new MemoryBudget(
            device.name(),
            info.total(),
            info.free(),
            weights,
            device.allocated() - weights,
            options.gpuMemoryUtilization());
    int blocks = budget.blocks(bytesPerBlock, device.others());
    if (budget.crowded()) {
      LOG.log(
          System.Logger.Level.WARNING,
          ("--gpu-memory-utilization %s is %s of this device, which leaves %s for the KV pool, but"
                  + " there is only room for %s: the pool is so much smaller.%s The shares of the"
                  + " workers of one device, each of the whole, must not exceed 1 together.")
              .formatted(
                  options.gpuMemoryUtilization(),
                  Occupancy.size(budget.allowed()),
                  Occupancy.size(budget.left()),
                  Occupancy.size(budget.room()),
                  device.others()));
    }
    return blocks;
  }

  /** The last step's logits of a sampled row, for checks; no step may be in flight. */
  float[] logits(int row) {
    device.makeCurrent();
    return runner.logits(row);
  }

  /** Times of steps, for checks. */
  StepRunner.Times times() {
    return runner.times();
  }

  /** Time of a decode step's graph alone, ns, for checks; no step may be in flight. */
  long graphNanos(int sequences, int repeats) {
    device.makeCurrent();
    return runner.graphNanos(sequences, repeats);
  }

  /** For checks. */
  StepRunner runner() {
    return runner;
  }

  @Override
  public ModelConfig model() {
    return config;
  }

  @Override
  public KvLayout kvLayout() {
    return layout;
  }

  @Override
  public KvPort kvPort() {
    return port;
  }

  /**
   * Room for a prompt of 512 tokens beside 128 decodes, and a multiple of the rows of a tensor-core
   * tile: the products are as efficient there as in larger steps, which make decodes wait longer.
   */
  @Override
  public int mixedStepTokens() {
    return 640;
  }

  /** The weights are read half as often for each token. */
  @Override
  public int crowdedStepTokens() {
    return 1280;
  }

  @Override
  public int maxStepsInFlight() {
    return StepRunner.IN_FLIGHT;
  }

  @Override
  public String describe() {
    return description;
  }

  @Override
  public MemoryUse memoryUse() {
    return memory;
  }

  @Override
  public PendingStep submit(Step step) {
    return runner.submit(step);
  }

  @Override
  public void close() {
    if (closed) {
      return;
    }
    closed = true;
    device.makeCurrent();
    runner.close();
    port.close();
    products.close();
    kernels.close();
    device.close();
    arena.close();
  }
}
