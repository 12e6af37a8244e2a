package dev.baton.app;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.SplittableRandom;
import tools.jackson.core.JsonGenerator;
import tools.jackson.databind.json.JsonMapper;

/**
 * Makes a byte-level BPE tokenizer of Llama-3.1's size out of a seed, for measurements with a model
 * directory that has none: encoding and decoding shall cost what they cost there. 128,000 tokens,
 * then 256 special ones, three of which end a sequence as in Llama-3.1's configuration.
 *
 * <p>Most tokens are made of letters, at most {@value #LONGEST} bytes, more than half of them with
 * a blank in front; the others are characters of two and three bytes with the halves that lead to
 * them, so that a token need not end where a character does.
 *
 * <p>Arguments: a model directory, and the directory to make, which gets the same config.json.
 */
final class TokenizerMaker {
  private static final int ORDINARY = 128_000;
  private static final int SPECIAL = 256;
  private static final int LONGEST = 12;
  private static final int WIDE_CHARACTERS = 4_000;
  private static final String BLANK = "\u0120";
  private static final String BEGIN = "<|begin_of_text|>";

  private final SplittableRandom random = new SplittableRandom(31);
  private final List<String> tokens = new ArrayList<>(ORDINARY);
  private final Set<String> known = new HashSet<>();
  private final List<String[]> merges = new ArrayList<>();

  private TokenizerMaker() {}

  /** Writes both files. */
  public static void main(String[] args) throws IOException {
    Path target = Files.createDirectories(Path.of(args[1]));
    Files.writeString(
        target.resolve("config.json"), Files.readString(Path.of(args[0], "config.json")));
    new TokenizerMaker().write(target.resolve("tokenizer.json"));
  }

  private void write(Path file) throws IOException {
    for (int b = 0; b < 256; b++) {
      add(spelling(b));
    }
    wideCharacters();
    words();
    try (JsonGenerator json = JsonMapper.shared().createGenerator(Files.newOutputStream(file))) {
      json.writeStartObject();
      json.writeStringProperty("version", "1.0");
      json.writeNullProperty("truncation");
      json.writeNullProperty("padding");
      added(json);
      json.writeNullProperty("normalizer");
      preTokenizer(json);
      postProcessor(json);
      json.writeName("decoder");
      byteLevel(json);
      model(json);
      json.writeEndObject();
    }
  }

  /** The character that stands for a byte: itself if it is printable, else the next from U+0100. */
  private static String spelling(int b) {
    int next = 256;
    for (int other = 0; other < 256; other++) {
      boolean printable =
          (other >= '!' && other <= '~')
              || (other >= 0xA1 && other <= 0xAC)
              || (other >= 0xAE && other <= 0xFF);
      if (other == b) {
        return Character.toString(printable ? other : next);
      }
      next += printable ? 0 : 1;
    }
    throw new IllegalArgumentException(b + " is no byte");
  }

  private boolean add(String token) {
    if (!known.add(token)) {
      return false;
    }
    tokens.add(token);
    return true;
  }

  private boolean merge(String left, String right) {
    if (!add(left + right)) {
      return false;
    }
    merges.add(new String[] {left, right});
    return true;
  }

  /** Cyrillic, Greek and Chinese characters, byte by byte. */
  private void wideCharacters() {
    String[] spellings = new String[256];
    for (int b = 0; b < 256; b++) {
      spellings[b] = spelling(b);
    }
    for (int i = 0; i < WIDE_CHARACTERS; i++) {
      int character =
          random.nextInt(8) == 0 ? random.nextInt(0x391, 0x44F) : random.nextInt(0x4E00, 0x9FA5);
      String soFar = "";
      for (byte b : Character.toString(character).getBytes(StandardCharsets.UTF_8)) {
        String next = spellings[b & 0xff];
        if (!soFar.isEmpty()) {
          merge(soFar, next);
        }
        soFar += next;
      }
    }
  }

  /** Words that grow out of shorter ones, short ones first as in a vocabulary that was learnt. */
  private void words() {
    List<String> parts = new ArrayList<>(); // without a blank in front: can be appended
    List<String> fronts = new ArrayList<>(); // can be appended to
    for (char c = 'a'; c <= 'z'; c++) {
      parts.add(String.valueOf(c));
      fronts.add(String.valueOf(c));
      fronts.add(String.valueOf(Character.toUpperCase(c)));
      if (merge(BLANK, String.valueOf(c))) {
        fronts.add(BLANK + c);
      }
    }
    while (tokens.size() < ORDINARY) {
      String left = fronts.get(random.nextInt(fronts.size()));
      String right = parts.get(random.nextInt(parts.size()));
      int longest = 3 + (LONGEST - 3) * tokens.size() / ORDINARY;
      if (left.length() + right.length() > longest || !merge(left, right)) {
        continue;
      }
      fronts.add(left + right);
      if (left.startsWith(BLANK)) {
        continue;
      }
      if (Character.isLowerCase(left.charAt(0))) {
        parts.add(left + right);
        // What can stand inside a word stands at the beginning of one as well.
        if (tokens.size() < ORDINARY && merge(BLANK + left, right)) {
          fronts.add(BLANK + left + right);
        }
      }
    }
  }

  private static String special(int index) {
    return switch (index) {
      case 0 -> BEGIN;
      case 1 -> "<|end_of_text|>";
      case 8 -> "<|eom_id|>";
      case 9 -> "<|eot_id|>";
      default -> "<|reserved_special_token_" + index + "|>";
    };
  }

  private static void added(JsonGenerator json) {
    json.writeArrayPropertyStart("added_tokens");
    for (int i = 0; i < SPECIAL; i++) {
      json.writeStartObject();
      json.writeNumberProperty("id", ORDINARY + i);
      json.writeStringProperty("content", special(i));
      json.writeBooleanProperty("single_word", false);
      json.writeBooleanProperty("lstrip", false);
      json.writeBooleanProperty("rstrip", false);
      json.writeBooleanProperty("normalized", false);
      json.writeBooleanProperty("special", true);
      json.writeEndObject();
    }
    json.writeEndArray();
  }

  /** Words with what stands in front of them, numbers of up to three digits, signs, blanks. */
  private static void preTokenizer(JsonGenerator json) {
    json.writeObjectPropertyStart("pre_tokenizer");
    json.writeStringProperty("type", "Sequence");
    json.writeArrayPropertyStart("pretokenizers");
    json.writeStartObject();
    json.writeStringProperty("type", "Split");
    json.writeObjectPropertyStart("pattern");
    json.writeStringProperty(
        "Regex",
        "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}{1,3}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+");
    json.writeEndObject();
    json.writeStringProperty("behavior", "Isolated");
    json.writeBooleanProperty("invert", false);
    json.writeEndObject();
    byteLevel(json);
    json.writeEndArray();
    json.writeEndObject();
  }

  private static void byteLevel(JsonGenerator json) {
    json.writeStartObject();
    json.writeStringProperty("type", "ByteLevel");
    json.writeBooleanProperty("add_prefix_space", false);
    json.writeBooleanProperty("trim_offsets", true);
    json.writeBooleanProperty("use_regex", false);
    json.writeEndObject();
  }

  private static void postProcessor(JsonGenerator json) {
    json.writeObjectPropertyStart("post_processor");
    json.writeStringProperty("type", "TemplateProcessing");
    json.writeArrayPropertyStart("single");
    piece(json, "SpecialToken", BEGIN);
    piece(json, "Sequence", "A");
    json.writeEndArray();
    json.writeArrayPropertyStart("pair");
    piece(json, "SpecialToken", BEGIN);
    piece(json, "Sequence", "A");
    piece(json, "Sequence", "B");
    json.writeEndArray();
    json.writeObjectPropertyStart("special_tokens");
    json.writeObjectPropertyStart(BEGIN);
    json.writeStringProperty("id", BEGIN);
    json.writeArrayPropertyStart("ids");
    json.writeNumber(ORDINARY);
    json.writeEndArray();
    json.writeArrayPropertyStart("tokens");
    json.writeString(BEGIN);
    json.writeEndArray();
    json.writeEndObject();
    json.writeEndObject();
    json.writeEndObject();
  }

  private static void piece(JsonGenerator json, String kind, String id) {
    json.writeStartObject();
    json.writeObjectPropertyStart(kind);
    json.writeStringProperty("id", id);
    json.writeNumberProperty("type_id", 0);
    json.writeEndObject();
    json.writeEndObject();
  }

  private void model(JsonGenerator json) {
    json.writeObjectPropertyStart("model");
    json.writeStringProperty("type", "BPE");
    json.writeNullProperty("dropout");
    json.writeNullProperty("unk_token");
    json.writeNullProperty("continuing_subword_prefix");
    json.writeNullProperty("end_of_word_suffix");
    json.writeBooleanProperty("fuse_unk", false);
    json.writeBooleanProperty("byte_fallback", false);
    json.writeBooleanProperty("ignore_merges", true);
    json.writeObjectPropertyStart("vocab");
    for (int id = 0; id < tokens.size(); id++) {
      json.writeNumberProperty(tokens.get(id), id);
    }
    json.writeEndObject();
    json.writeArrayPropertyStart("merges");
    for (String[] merge : merges) {
      json.writeStartArray();
      json.writeString(merge[0]);
      json.writeString(merge[1]);
      json.writeEndArray();
    }
    json.writeEndArray();
    json.writeEndObject();
  }
}
