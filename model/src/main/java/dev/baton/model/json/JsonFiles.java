package dev.baton.model.json;

import dev.baton.model.ModelFormatException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Locale;
import tools.jackson.core.JacksonException;
import tools.jackson.core.StreamReadConstraints;
import tools.jackson.core.StreamReadFeature;
import tools.jackson.core.TokenStreamLocation;
import tools.jackson.core.json.JsonFactory;
import tools.jackson.databind.DeserializationFeature;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** Reads whole JSON files, refusing what is too big, too deep, doubled or no JSON. */
public final class JsonFiles {

  /** Largest configuration file; the real ones have a few KiB. */
  public static final long MAX_CONFIG_BYTES = 4L << 20;

  private static final int MAX_DEPTH = 64;

  /** Depth and lengths bounded, a key given twice refused. */
  public static final JsonFactory FACTORY =
      JsonFactory.builder()
          .streamReadConstraints(
              StreamReadConstraints.builder()
                  .maxNestingDepth(MAX_DEPTH)
                  .maxStringLength(64 << 20)
                  .maxNameLength(1 << 20)
                  .build())
          .enable(StreamReadFeature.STRICT_DUPLICATE_DETECTION)
          .build();

  private static final JsonMapper MAPPER =
      JsonMapper.builder(FACTORY).enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS).build();

  private JsonFiles() {}

  /**
   * The object that {@code file} holds.
   *
   * @param maxBytes a larger file is refused unread
   * @throws ModelFormatException if it cannot be read, is larger, or is not one JSON object
   */
  public static JsonObject readObject(Path file, long maxBytes) {
    return parseObject(file.toString(), readBytes(file, maxBytes));
  }

  /**
   * All bytes of {@code file}.
   *
   * @param maxBytes a larger file is refused unread
   * @throws ModelFormatException if it cannot be read or is larger
   */
  public static byte[] readBytes(Path file, long maxBytes) {
    try {
      long size = Files.size(file);
      if (size > maxBytes) {
        throw new ModelFormatException(
            "%s has %,d bytes; such a file may have at most %,d. Is it the right file?"
                .formatted(file, size, maxBytes));
      }
      return Files.readAllBytes(file);
    } catch (IOException e) {
      throw unreadable(file, e);
    }
  }

  /**
   * The object that {@code bytes} hold.
   *
   * @param where what the bytes are, for messages
   * @throws ModelFormatException if they are not one JSON object
   */
  public static JsonObject parseObject(String where, byte[] bytes) {
    JsonNode node;
    try {
      node = MAPPER.readTree(bytes);
    } catch (JacksonException e) {
      throw notJson(where, e);
    }
    if (!node.isObject()) {
      throw new ModelFormatException(
          "%s holds no JSON object but %s. Is it the right file, and complete?"
              .formatted(where, JsonObject.describe(node)));
    }
    return new JsonObject(where, node);
  }

  /** What to tell the user when Jackson refuses {@code where}. */
  public static ModelFormatException notJson(String where, JacksonException e) {
    TokenStreamLocation at = e.getLocation();
    String place =
        at == null || at.getLineNr() < 1
            ? ""
            : " (line %d, column %d)".formatted(at.getLineNr(), at.getColumnNr());
    return new ModelFormatException(
        "%s is not valid JSON%s: %s. Fetch the file again, or correct it."
            .formatted(where, place, firstSentence(e.getOriginalMessage())),
        e);
  }

  /** What to tell the user when the file system refuses {@code file}. */
  public static ModelFormatException unreadable(Path file, IOException e) {
    String kind =
        e.getClass().getSimpleName().replace("Exception", "").replaceAll("([A-Z])", " $1");
    String detail =
        e.getMessage() == null || e.getMessage().equals(file.toString()) ? kind : e.getMessage();
    return new ModelFormatException(
        "Cannot read %s:%s. Check that it exists and that this user may read it."
            .formatted(file, " " + detail.strip().toLowerCase(Locale.ROOT)),
        e);
  }

  private static String firstSentence(String message) {
    // Jackson adds where a list began, in terms of its own source, which says nothing to a user.
    String line =
        message.lines().findFirst().orElse("").replaceFirst(" \\(start marker.*", "").strip();
    return line.length() > 200 ? line.substring(0, 200) + "…" : line;
  }
}
