package dev.baton.model.weights;

import dev.baton.model.ModelFormatException;
import dev.baton.model.json.JsonFiles;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import tools.jackson.core.JacksonException;
import tools.jackson.core.JsonParser;
import tools.jackson.core.JsonToken;
import tools.jackson.core.ObjectReadContext;

/**
 * Header of a safetensors file: eight bytes little-endian length, that many bytes of JSON, then the
 * data. Everything it says is checked against the file's size before it is used: the tensors tile
 * the data without hole or overlap, to the last byte, and each has as many bytes as type and shape
 * ask for.
 *
 * @param dataStart where the data begins in the file
 * @param entries tensors by name; their offsets count from {@code dataStart}
 */
record SafetensorsHeader(long dataStart, Map<String, Entry> entries) {

  /** One tensor: bytes begin..end of the data. */
  record Entry(String dtype, List<Long> shape, long begin, long end) {}

  /** The format's own limit. */
  static final long MAX_HEADER_BYTES = 100_000_000;

  private static final int MAX_DIMENSIONS = 16;

  /** Bits per element of every type that the format knows. */
  private static final Map<String, Integer> BITS =
      Map.ofEntries(
          Map.entry("F4", 4),
          Map.entry("F6_E2M3", 6),
          Map.entry("F6_E3M2", 6),
          Map.entry("BOOL", 8),
          Map.entry("U8", 8),
          Map.entry("I8", 8),
          Map.entry("F8_E4M3", 8),
          Map.entry("F8_E5M2", 8),
          Map.entry("F8_E8M0", 8),
          Map.entry("U16", 16),
          Map.entry("I16", 16),
          Map.entry("F16", 16),
          Map.entry("BF16", 16),
          Map.entry("U32", 32),
          Map.entry("I32", 32),
          Map.entry("F32", 32),
          Map.entry("U64", 64),
          Map.entry("I64", 64),
          Map.entry("F64", 64),
          Map.entry("C64", 64));

  /**
   * Reads and checks the header.
   *
   * @param size the file's length in bytes
   * @throws ModelFormatException if the file is not what it says
   */
  static SafetensorsHeader read(Path file, FileChannel channel, long size) throws IOException {
    if (size < 8) {
      throw error(
          file, "it has %,d bytes, too few for a safetensors file. Fetch the file again.", size);
    }
    long length = bytes(channel, 0, 8).order(ByteOrder.LITTLE_ENDIAN).getLong();
    if (length < 2 || length > MAX_HEADER_BYTES) {
      throw error(
          file,
          "its first eight bytes say that the header has %s bytes; allowed are 2 to %,d. Either this"
              + " is no safetensors file (a Git LFS pointer, perhaps) or it is damaged: fetch it again.",
          Long.toUnsignedString(length),
          MAX_HEADER_BYTES);
    }
    if (length > size - 8) {
      throw error(
          file,
          "its header should have %,d bytes, but the file ends after %,d bytes: it was cut short."
              + " Fetch the file again.",
          length,
          size);
    }
    byte[] json = bytes(channel, 8, (int) length).array();
    Map<String, Entry> entries = new Reader(file).parse(json);
    checkTiling(file, entries, size, 8 + length);
    return new SafetensorsHeader(8 + length, entries);
  }

  private static ByteBuffer bytes(FileChannel channel, long at, int length) throws IOException {
    ByteBuffer buffer = ByteBuffer.allocate(length);
    while (buffer.hasRemaining()) {
      if (channel.read(buffer, at + buffer.position()) < 0) {
        throw new IOException("the file ended while it was being read");
      }
    }
    return buffer.flip();
  }

  private static void checkTiling(
      Path file, Map<String, Entry> entries, long size, long dataStart) {
    List<Map.Entry<String, Entry>> sorted = new ArrayList<>(entries.entrySet());
    sorted.sort(
        Comparator.comparingLong((Map.Entry<String, Entry> e) -> e.getValue().begin())
            .thenComparingLong(e -> e.getValue().end()));
    long at = 0;
    for (Map.Entry<String, Entry> e : sorted) {
      Entry entry = e.getValue();
      if (entry.begin() != at) {
        throw error(
            file,
            "tensor %s begins at byte %,d of the data, but the tensors before it end at %,d: tensors"
                + " must neither overlap nor leave a hole. The file is damaged; fetch it again.",
            name(e.getKey()),
            entry.begin(),
            at);
      }
      at = entry.end();
    }
    long data = size - dataStart;
    if (at > data) {
      throw error(
          file,
          "its header describes %,d bytes of data, the file holds %,d: it was cut short. Fetch the"
              + " file again.",
          at,
          data);
    }
    if (at < data) {
      throw error(
          file,
          "its header describes %,d bytes of data, the file holds %,d. The file is damaged; fetch it"
              + " again.",
          at,
          data);
    }
  }

  @SuppressWarnings("AnnotateFormatMethod")
  private static ModelFormatException error(Path file, String format, Object... args) {
    return new ModelFormatException(file + ": " + format.formatted(args));
  }

  private static String name(String name) {
    return name.length() > 100 ? name.substring(0, 100) + "…" : name;
  }

  /** Reads the JSON as a stream, so that a hostile header costs little more than its own size. */
  private record Reader(Path file) {

    Map<String, Entry> parse(byte[] json) {
      Map<String, Entry> entries = new LinkedHashMap<>();
      try (JsonParser p = JsonFiles.FACTORY.createParser(ObjectReadContext.empty(), json)) {
        expect(p, p.nextToken(), JsonToken.START_OBJECT, "the header", "a JSON object");
        while (p.nextToken() == JsonToken.PROPERTY_NAME) {
          String name = p.currentName();
          expect(p, p.nextToken(), JsonToken.START_OBJECT, name, "an object");
          if (name.equals("__metadata__")) {
            metadata(p);
          } else {
            entries.put(name, entry(p, name));
          }
        }
        if (p.nextToken() != null) {
          throw error(file, "its header goes on after the closing brace. The file is damaged.");
        }
      } catch (JacksonException e) {
        throw JsonFiles.notJson("The header of " + file, e);
      }
      return entries;
    }

    private void metadata(JsonParser p) {
      while (p.nextToken() == JsonToken.PROPERTY_NAME) {
        expect(p, p.nextToken(), JsonToken.VALUE_STRING, "__metadata__", "texts only");
      }
    }

    private Entry entry(JsonParser p, String name) {
      String dtype = "";
      List<Long> shape = null;
      List<Long> offsets = null;
      while (p.nextToken() == JsonToken.PROPERTY_NAME) {
        switch (p.currentName()) {
          case "dtype" -> {
            expect(p, p.nextToken(), JsonToken.VALUE_STRING, name + " dtype", "text");
            dtype = p.getString();
          }
          case "shape" -> shape = numbers(p, name + " shape", MAX_DIMENSIONS);
          case "data_offsets" -> offsets = numbers(p, name + " data_offsets", 2);
          default ->
              throw error(
                  file,
                  "tensor %s has the field %s; allowed are dtype, shape and data_offsets.",
                  name(name),
                  name(p.currentName()));
        }
      }
      if (dtype.isEmpty() || shape == null || offsets == null || offsets.size() != 2) {
        throw error(
            file, "tensor %s lacks one of dtype, shape and data_offsets [begin, end].", name(name));
      }
      return checked(name, new Entry(dtype, List.copyOf(shape), offsets.get(0), offsets.get(1)));
    }

    private Entry checked(String name, Entry e) {
      Integer bits = BITS.get(e.dtype());
      if (bits == null) {
        throw error(file, "tensor %s has the unknown dtype %s.", name(name), name(e.dtype()));
      }
      long wanted;
      try {
        long allBits = bits;
        for (long n : e.shape()) {
          allBits = Math.multiplyExact(allBits, n);
        }
        wanted = allBits % 8 == 0 ? allBits / 8 : -1;
      } catch (ArithmeticException overflow) {
        throw error(
            file, "tensor %s has the impossible shape %s.", name(name), e.shape(), overflow);
      }
      if (e.end() < e.begin() || e.end() - e.begin() != wanted) {
        throw error(
            file,
            "tensor %s is %s of shape %s, but its data_offsets are [%d, %d]. The header is damaged;"
                + " fetch the file again.",
            name(name),
            e.dtype(),
            e.shape(),
            e.begin(),
            e.end());
      }
      return e;
    }

    private List<Long> numbers(JsonParser p, String what, int max) {
      expect(p, p.nextToken(), JsonToken.START_ARRAY, what, "a list of whole numbers");
      List<Long> out = new ArrayList<>();
      while (p.nextToken() != JsonToken.END_ARRAY) {
        expect(p, p.currentToken(), JsonToken.VALUE_NUMBER_INT, what, "a list of whole numbers");
        if (p.getNumberType() == JsonParser.NumberType.BIG_INTEGER || p.getLongValue() < 0) {
          throw error(
              file, "%s holds %s; allowed are 0 to 2^63 - 1.", name(what), name(p.getString()));
        }
        out.add(p.getLongValue());
        if (out.size() > max) {
          throw error(file, "%s has more than %d numbers.", name(what), max);
        }
      }
      return out;
    }

    private void expect(
        JsonParser p, JsonToken found, JsonToken wanted, String what, String allowed) {
      if (found != wanted) {
        throw error(
            file,
            "%s is %s in its header; it must be %s. Is it a safetensors file? Fetch it again.",
            name(what),
            found == null ? "missing" : name(String.valueOf(p.getString())),
            allowed);
      }
    }
  }
}
