package dev.baton.model.weights;

import dev.baton.model.ModelFormatException;
import dev.baton.model.config.ModelConfig;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.SequencedMap;
import java.util.Set;

/**
 * Random weights in the shapes of a model, made when asked for. A tensor depends on the
 * distribution, the seed, its name and nothing else.
 */
final class DummyWeights implements WeightSource {
  private final ModelConfig config;
  private final long seed;
  private final SequencedMap<String, List<Long>> shapes;
  private final DummyDistribution distribution;
  private final RandomFill fill;

  /** Memory of the tensors that were given and not released, by address. Guarded by itself. */
  private final Map<Long, Arena> given = new HashMap<>();

  private boolean closed; // guarded by given

  DummyWeights(ModelConfig config, DummyDistribution distribution, long seed) {
    this.config = config;
    this.seed = seed;
    this.distribution = distribution;
    this.shapes = TensorShapes.of(config);
    this.fill = new RandomFill(config.elementType(), distribution);
  }

  @Override
  public Set<String> names() {
    return shapes.keySet();
  }

  @Override
  public Tensor tensor(String name, long... shape) {
    List<Long> stored = shapes.get(name);
    if (stored == null) {
      throw new ModelFormatException(
          "A %s model of this config.json has no tensor %s."
              .formatted(config.architecture().className(), name));
    }
    List<Long> asked = Arrays.stream(shape).boxed().toList();
    if (!stored.equals(asked)) {
      throw new ModelFormatException(
          "Dummy tensor %s has shape %s, asked for was %s.".formatted(name, stored, asked));
    }
    long elements = stored.stream().reduce(1L, Math::multiplyExact);
    MemorySegment data = allocate(Math.multiplyExact(elements, config.elementType().bytes()));
    if (distribution.isOne(name)) {
      fill.ones(data);
    } else {
      fill.random(data, seed, name);
    }
    return new Tensor(name, config.elementType(), stored, data);
  }

  @SuppressWarnings("MustBeClosedChecker") // closed by release or close
  private MemorySegment allocate(long bytes) {
    Arena arena = Arena.ofShared();
    synchronized (given) {
      if (closed) {
        throw new IllegalStateException("The weights are closed.");
      }
      MemorySegment data = arena.allocate(bytes, 64);
      given.put(data.address(), arena);
      return data;
    }
  }

  @Override
  public void release(Tensor tensor) {
    Arena arena;
    synchronized (given) {
      arena = given.remove(tensor.data().address());
    }
    if (arena != null) {
      arena.close();
    }
  }

  @Override
  public void close() {
    List<Arena> all;
    synchronized (given) {
      closed = true;
      all = List.copyOf(given.values());
      given.clear();
    }
    all.forEach(Arena::close);
  }
}
