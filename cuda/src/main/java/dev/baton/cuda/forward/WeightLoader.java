package dev.baton.cuda.forward;

import dev.baton.cuda.binding.Launcher;
import dev.baton.cuda.kernel.Kernels;
import dev.baton.engine.backend.BackendProvider.Progress;
import dev.baton.model.ModelDirectory;
import dev.baton.model.config.ElementType;
import dev.baton.model.config.ModelConfig;
import dev.baton.model.weights.DummyDistribution;
import dev.baton.model.weights.LoadFormat;
import dev.baton.model.weights.Tensor;
import dev.baton.model.weights.TensorShapes;
import dev.baton.model.weights.WeightSource;
import dev.baton.model.weights.Weights;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.LongStream;

/**
 * Brings a model's weights onto the device. Files are copied piece by piece into page-locked memory
 * while the piece before is on its way; dummy weights are made on the device, with the values that
 * the CPU makes. The projections that read the same input are laid out as one matrix.
 */
final class WeightLoader {
  private final Device device;
  private final Kernels kernels;
  private final Launcher launcher;
  private final ModelConfig config;
  private final ElementType type;
  private final Progress progress;
  private final Source source;
  private long bytes;
  private long loaded;
  private final long total;

  /** Fills device memory with a named tensor. */
  private interface Source {
    void load(String name, long to, long... shape);
  }

  private WeightLoader(
      Device device,
      Kernels kernels,
      Launcher launcher,
      ModelConfig config,
      ElementType type,
      Progress progress,
      java.util.function.Function<WeightLoader, Source> source) {
    this.device = device;
    this.kernels = kernels;
    this.launcher = launcher;
    this.config = config;
    this.type = type;
    this.progress = progress;
    this.total =
        TensorShapes.of(config).values().stream()
            .mapToLong(s -> s.stream().reduce((long) type.bytes(), (a, b) -> a * b))
            .sum();
    this.source = source.apply(this);
  }

  static ModelWeights load(
      Device device,
      Kernels kernels,
      Launcher launcher,
      ModelDirectory model,
      ElementType type,
      LoadFormat format,
      long seed,
      Progress progress) {
    if (format.dummy().isPresent()) {
      DummyDistribution distribution = format.dummy().get();
      WeightLoader[] loader = new WeightLoader[1];
      long table = device.allocate(DummyValues.BYTES, "dummy weights");
      MemorySegment values = DummyValues.table(distribution, model.config().elementType(), type);
      device.driver().copyToDevice(table, values, values.byteSize(), launcher.stream());
      loader[0] =
          new WeightLoader(
              device,
              kernels,
              launcher,
              model.config(),
              type,
              progress,
              self -> (name, to, shape) -> self.dummy(distribution, name, to, seed, table, shape));
      ModelWeights weights = loader[0].all();
      device.driver().synchronize(launcher.stream());
      device.free(table, DummyValues.BYTES);
      return weights;
    }
    try (WeightSource files = Weights.open(model, format, seed);
        Staging staging = new Staging(device, launcher.stream())) {
      WeightLoader loader =
          new WeightLoader(
              device,
              kernels,
              launcher,
              model.config(),
              type,
              progress,
              self -> (name, to, shape) -> self.file(files, staging, name, to, shape));
      ModelWeights weights = loader.all();
      device.driver().synchronize(launcher.stream());
      return weights;
    }
  }

  private ModelWeights all() {
    long hidden = config.hiddenSize();
    long vocab = config.vocabSize();
    long embedding = matrix("model.embed_tokens.weight", vocab, hidden);
    List<ModelWeights.Layer> layers = new ArrayList<>();
    for (int i = 0; i < config.layers(); i++) {
      layers.add(layer("model.layers." + i + "."));
    }
    long finalNorm = vector("model.norm.weight", hidden);
    long head = config.tiedEmbeddings() ? embedding : matrix("lm_head.weight", vocab, hidden);
    return new ModelWeights(embedding, List.copyOf(layers), finalNorm, head, bytes);
  }

  private ModelWeights.Layer layer(String prefix) {
    long hidden = config.hiddenSize();
    long q = config.querySize();
    long kv = config.kvSize();
    long width = config.intermediateSize();
    String attention = prefix + "self_attn.";
    String mlp = prefix + "mlp.";
    String[] qkv = {attention + "q_proj", attention + "k_proj", attention + "v_proj"};
    String[] gateUp = {mlp + "gate_proj", mlp + "up_proj"};
    return new ModelWeights.Layer(
        vector(prefix + "input_layernorm.weight", hidden),
        stacked(qkv, hidden, q, kv, kv),
        config.attentionBias() ? biases(qkv, q, kv, kv) : 0,
        config.qkNorm() ? vector(attention + "q_norm.weight", config.headSize()) : 0,
        config.qkNorm() ? vector(attention + "k_norm.weight", config.headSize()) : 0,
        matrix(attention + "o_proj.weight", hidden, q),
        config.outputBias() ? vector(attention + "o_proj.bias", hidden) : 0,
        vector(prefix + "post_attention_layernorm.weight", hidden),
        stacked(gateUp, hidden, width, width),
        config.mlpBias() ? biases(gateUp, width, width) : 0,
        matrix(mlp + "down_proj.weight", hidden, width),
        config.mlpBias() ? vector(mlp + "down_proj.bias", hidden) : 0);
  }

  private long vector(String name, long size) {
    long to = take(size);
    put(name, to, size);
    return to;
  }

  private long matrix(String name, long rows, long columns) {
    long to = take(rows * columns);
    put(name, to, rows, columns);
    return to;
  }

  private long stacked(String[] names, long columns, long... rows) {
    long to = take(LongStream.of(rows).sum() * columns);
    long at = to;
    for (int i = 0; i < names.length; i++) {
      put(names[i] + ".weight", at, rows[i], columns);
      at += rows[i] * columns * type.bytes();
    }
    return to;
  }

  private long biases(String[] names, long... sizes) {
    long to = take(LongStream.of(sizes).sum());
    long at = to;
    for (int i = 0; i < names.length; i++) {
      put(names[i] + ".bias", at, sizes[i]);
      at += sizes[i] * type.bytes();
    }
    return to;
  }

  private long take(long elements) {
    long size = elements * type.bytes();
    bytes += size;
    return device.allocate(size, "the model's weights");
  }

  private void put(String name, long to, long... shape) {
    source.load(name, to, shape);
    loaded += LongStream.of(shape).reduce(type.bytes(), (a, b) -> a * b);
    progress.loaded(Math.min(loaded, total), total);
  }

  private void dummy(
      DummyDistribution distribution, String name, long to, long seed, long table, long... shape) {
    long count = LongStream.of(shape).reduce(1, (a, b) -> a * b);
    int blocks = (int) Math.clamp(count / 1024, 1, 16L * device.multiprocessors());
    if (distribution.isOne(name)) {
      launcher.pointer(to).pointer(count).real(1).launch(kernels.fill, blocks, 1, 1, 256, 0);
    } else {
      launcher
          .pointer(to)
          .pointer(count)
          .pointer(DummyDistribution.key(seed, name))
          .pointer(table)
          .launch(kernels.fillRandom, blocks, 1, 1, 256, 0);
    }
  }

  private void file(WeightSource files, Staging staging, String name, long to, long... shape) {
    Tensor tensor = files.tensor(name, shape);
    int from = tensor.type().bytes();
    long bytes = tensor.data().byteSize();
    for (long at = 0; at < bytes; at += Staging.PIECE) {
      long size = Math.min(Staging.PIECE, bytes - at);
      long target = to + at / from * type.bytes();
      long offset = at;
      Staging.Filler filler = (begin, into) -> files.read(tensor, offset + begin, into);
      if (tensor.type() == type) {
        staging.copy(filler, size, target);
      } else {
        long raw = staging.copyRaw(filler, size);
        launcher
            .pointer(raw)
            .integer(Kernels.code(tensor.type()))
            .pointer(target)
            .pointer(size / from)
            .launch(kernels.convert, 4 * device.multiprocessors(), 1, 1, 256, 0);
      }
    }
    files.release(tensor);
  }
}
