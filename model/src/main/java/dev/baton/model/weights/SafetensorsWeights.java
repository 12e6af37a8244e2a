package dev.baton.model.weights;

import dev.baton.model.ModelFormatException;
import dev.baton.model.config.ElementType;
import dev.baton.model.json.JsonFiles;
import dev.baton.model.json.JsonObject;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Arrays;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/**
 * Safetensors files, memory-mapped: one model.safetensors, or the files that
 * model.safetensors.index.json names. Tensors are views of the maps; the pages come from the disk
 * when they are first read and can be dropped by the system at any time.
 */
final class SafetensorsWeights implements WeightSource {
  private static final String SINGLE = "model.safetensors";
  private static final String INDEX = "model.safetensors.index.json";
  private static final long MAX_INDEX_BYTES = 64L << 20;

  private final Path directory;
  private final Arena arena;
  private final Map<String, Stored> tensors;
  private final AtomicBoolean closed = new AtomicBoolean();

  /**
   * A tensor of one file.
   *
   * @param at where in the file it begins
   */
  private record Stored(Path file, SafetensorsHeader.Entry entry, long at, MemorySegment data) {}

  private SafetensorsWeights(Path directory, Arena arena, Map<String, Stored> tensors) {
    this.directory = directory;
    this.arena = arena;
    this.tensors = Collections.unmodifiableMap(tensors);
  }

  @SuppressWarnings("MustBeClosedChecker") // closed with the source
  static SafetensorsWeights open(Path directory) {
    // Shared: any thread may read the tensors and any may close the source.
    Arena arena = Arena.ofShared();
    try {
      Path single = directory.resolve(SINGLE);
      Path index = directory.resolve(INDEX);
      Map<String, Stored> tensors;
      if (Files.isRegularFile(single)) {
        tensors = map(single, arena);
      } else if (Files.isRegularFile(index)) {
        tensors = shards(directory, index, arena);
      } else {
        throw noWeights(directory);
      }
      return new SafetensorsWeights(directory, arena, tensors);
    } catch (Throwable e) {
      arena.close();
      throw e;
    }
  }

  private static Map<String, Stored> shards(Path directory, Path index, Arena arena) {
    Map<String, String> weightMap = weightMap(directory, index);
    Set<String> files = new TreeSet<>(weightMap.values());
    List<String> missing =
        files.stream().filter(f -> !Files.isRegularFile(directory.resolve(f))).toList();
    if (!missing.isEmpty()) {
      throw new ModelFormatException(
          "%s names %d files, of which %d are not there: %s. The download is incomplete; fetch them."
              .formatted(index, files.size(), missing.size(), some(missing)));
    }
    Map<String, Map<String, Stored>> byFile = new LinkedHashMap<>();
    for (String file : files) {
      byFile.put(file, map(directory.resolve(file), arena));
    }
    Map<String, Stored> tensors = new LinkedHashMap<>();
    weightMap.forEach(
        (name, file) -> {
          Stored stored = byFile.getOrDefault(file, Map.of()).get(name);
          if (stored == null) {
            throw new ModelFormatException(
                "%s says that %s holds tensor %s; it does not. Index and files do not belong together; fetch both again."
                    .formatted(index, file, name));
          }
          tensors.put(name, stored);
        });
    return tensors;
  }

  /** Tensor name to file name, each a plain name of a file beside the index. */
  private static Map<String, String> weightMap(Path directory, Path index) {
    JsonObject json = JsonFiles.readObject(index, MAX_INDEX_BYTES);
    JsonObject map =
        json.object("weight_map")
            .orElseThrow(
                () -> json.error("weight_map is missing; it must name each tensor's file."));
    Map<String, String> names = new TreeMap<>();
    for (String tensor : map.keys()) {
      String file = map.string(tensor).orElse("");
      // Only a plain name: an index must not make the server read files elsewhere.
      if (!file.matches("[A-Za-z0-9_][A-Za-z0-9._-]*\\.safetensors")) {
        throw map.error(
            "tensor %s is said to be in \"%s\"; allowed is the name of a .safetensors file in %s.",
            tensor, file, directory);
      }
      names.put(tensor, file);
    }
    return names;
  }

  private static Map<String, Stored> map(Path file, Arena arena) {
    try (FileChannel channel = FileChannel.open(file, StandardOpenOption.READ)) {
      long size = channel.size();
      SafetensorsHeader header = SafetensorsHeader.read(file, channel, size);
      MemorySegment all = channel.map(FileChannel.MapMode.READ_ONLY, 0, size, arena);
      Map<String, Stored> tensors = new LinkedHashMap<>();
      header
          .entries()
          .forEach(
              (name, e) ->
                  tensors.put(
                      name,
                      new Stored(
                          file,
                          e,
                          header.dataStart() + e.begin(),
                          all.asSlice(header.dataStart() + e.begin(), e.end() - e.begin()))));
      return tensors;
    } catch (IOException e) {
      throw JsonFiles.unreadable(file, e);
    }
  }

  private static ModelFormatException noWeights(Path directory) {
    List<String> others;
    try (Stream<Path> files = Files.list(directory)) {
      others =
          files
              .map(f -> f.getFileName().toString())
              .filter(f -> f.matches(".*\\.(safetensors|bin|pth?|gguf)"))
              .sorted()
              .toList();
    } catch (IOException e) {
      throw JsonFiles.unreadable(directory, e);
    }
    return new ModelFormatException(
        "%s holds neither %s nor %s%s. Fetch the weights in that format, or use --load-format dummy to measure speed with random ones."
            .formatted(
                directory, SINGLE, INDEX, others.isEmpty() ? "" : " (but " + some(others) + ")"));
  }

  private static String some(List<String> names) {
    String shown = names.stream().limit(5).collect(Collectors.joining(", "));
    return names.size() > 5 ? shown + ", …" : shown;
  }

  @Override
  public Set<String> names() {
    return tensors.keySet();
  }

  @Override
  public Tensor tensor(String name, long... shape) {
    if (closed.get()) {
      throw new IllegalStateException("The weights are closed.");
    }
    Stored stored = tensors.get(name);
    if (stored == null) {
      throw new ModelFormatException(
          "The weights in %s hold no tensor %s, which the model that config.json describes needs. Weights and config.json do not belong together."
              .formatted(directory, name));
    }
    List<Long> asked = Arrays.stream(shape).boxed().toList();
    if (!stored.entry().shape().equals(asked)) {
      throw new ModelFormatException(
          "%s: tensor %s has shape %s; config.json asks for %s. Weights and config.json do not belong together."
              .formatted(stored.file(), name, stored.entry().shape(), asked));
    }
    return new Tensor(
        name,
        elementType(stored.entry().dtype())
            .orElseThrow(
                () ->
                    new ModelFormatException(
                        "%s: tensor %s has dtype %s; supported are %s. Use the model's unquantised version."
                            .formatted(
                                stored.file(),
                                name,
                                stored.entry().dtype(),
                                Arrays.stream(ElementType.values())
                                    .map(Enum::name)
                                    .collect(Collectors.joining(", "))))),
        stored.entry().shape(),
        stored.data());
  }

  @Override
  public void read(Tensor tensor, long offset, MemorySegment into) {
    Stored stored = tensors.get(tensor.name());
    if (stored == null) {
      throw new IllegalArgumentException(tensor.name() + " is of another source");
    }
    Objects.checkFromIndexSize(offset, into.byteSize(), tensor.data().byteSize());
    // Opened for each call: any thread may be interrupted, which closes its channel.
    try (FileChannel channel = FileChannel.open(stored.file(), StandardOpenOption.READ)) {
      ByteBuffer buffer = into.asByteBuffer();
      while (buffer.hasRemaining()) {
        if (channel.read(buffer, stored.at() + offset + buffer.position()) < 0) {
          throw new IOException("it became shorter while it was read");
        }
      }
    } catch (IOException e) {
      throw JsonFiles.unreadable(stored.file(), e);
    }
  }

  private static Optional<ElementType> elementType(String dtype) {
    return Arrays.stream(ElementType.values()).filter(t -> t.name().equals(dtype)).findFirst();
  }

  @Override
  public void close() {
    if (closed.compareAndSet(false, true)) {
      arena.close();
    }
  }
}
