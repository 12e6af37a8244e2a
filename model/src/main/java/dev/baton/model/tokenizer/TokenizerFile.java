package dev.baton.model.tokenizer;

import dev.baton.model.ModelFormatException;
import dev.baton.model.json.JsonFiles;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import tools.jackson.core.JacksonException;
import tools.jackson.core.JsonParser;
import tools.jackson.core.JsonToken;
import tools.jackson.core.ObjectReadContext;
import tools.jackson.core.StreamReadFeature;
import tools.jackson.core.TokenStreamFactory;
import tools.jackson.core.json.JsonFactory;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/**
 * What Baton itself needs from tokenizer.json; the native library reads the rest.
 *
 * @param json the file's text
 * @param tokens token by id, null where there is none
 * @param specialIds ids of added tokens marked special
 * @param byteLevel whether the decoder is ByteLevel: a token spells bytes, one character each
 * @param bpe how it encodes, if that is byte-level BPE without anything unusual
 */
record TokenizerFile(
    String json,
    @Nullable String[] tokens,
    Set<Integer> specialIds,
    boolean byteLevel,
    Optional<BpeRules> bpe) {
  private static final long MAX_BYTES = 256L << 20;
  private static final int MAX_ID = 1 << 24;

  /** As for the other files, but no table of the names seen: here every name is another one. */
  private static final JsonFactory FACTORY =
      JsonFiles.FACTORY
          .rebuild()
          .disable(StreamReadFeature.STRICT_DUPLICATE_DETECTION)
          .disable(TokenStreamFactory.Feature.CANONICALIZE_PROPERTY_NAMES)
          .build();

  /**
   * @throws ModelFormatException if it cannot be read or is no tokenizer.json
   */
  static TokenizerFile read(Path file) {
    byte[] bytes = JsonFiles.readBytes(file, MAX_BYTES);
    return new Reader(file).read(new String(bytes, StandardCharsets.UTF_8));
  }

  /** Reads the JSON as a stream: a tree of 128,000 tokens and twice as many merges is large. */
  private static final class Reader {
    private final Path file;
    private final Set<Integer> specialIds = new HashSet<>();
    private @Nullable String[] tokens = new @Nullable String[1024];
    private int size;
    private String decoder = "";
    private final List<String> addedTexts = new ArrayList<>();
    private final List<String> merges = new ArrayList<>();
    private int vocabulary;
    private boolean wholeWords;
    private String pattern = "";

    /** Whether the file asks for something in encoding that is not part of {@link BpeRules}. */
    private boolean unusual;

    Reader(Path file) {
      this.file = file;
    }

    TokenizerFile read(String json) {
      try (JsonParser p = FACTORY.createParser(ObjectReadContext.empty(), json)) {
        expect(p, p.nextToken(), JsonToken.START_OBJECT, "the file", "a JSON object");
        boolean model = false;
        @Nullable String[] added = new @Nullable String[0];
        while (p.nextToken() == JsonToken.PROPERTY_NAME) {
          String name = p.currentName();
          JsonToken value = p.nextToken();
          switch (name) {
            case "model" -> {
              expect(p, value, JsonToken.START_OBJECT, name, "an object");
              model(p);
              model = true;
            }
            case "added_tokens" -> {
              expect(p, value, JsonToken.START_ARRAY, name, "a list");
              added = addedTokens(p);
            }
            case "decoder" -> decoder = decoder(p);
            case "normalizer" -> {
              unusual |= value != JsonToken.VALUE_NULL;
              p.skipChildren();
            }
            case "pre_tokenizer" -> pattern = pattern(json, p);
            case "post_processor" -> checkTemplates(tree(json, p));
            default -> p.skipChildren();
          }
        }
        if (!model) {
          throw error("it has no \"model\": it is no tokenizer.json of the tokenizers library.");
        }
        for (int id = 0; id < added.length; id++) {
          String token = added[id];
          if (token != null) {
            put(id, token);
          }
        }
      } catch (JacksonException e) {
        throw JsonFiles.notJson(file.toString(), e);
      }
      return new TokenizerFile(
          json,
          Arrays.copyOf(tokens, size),
          Set.copyOf(specialIds),
          decoder.equals("ByteLevel"),
          rules());
    }

    private Optional<BpeRules> rules() {
      return unusual || pattern.isEmpty() || merges.isEmpty() || !decoder.equals("ByteLevel")
          ? Optional.empty()
          : Optional.of(new BpeRules(pattern, wholeWords, merges, vocabulary, addedTexts));
    }

    /**
     * The pattern of a pre-tokenizer that splits by one and then spells bytes; empty for any other.
     */
    private static String pattern(String json, JsonParser p) {
      JsonNode steps = tree(json, p).path("pretokenizers");
      JsonNode split = steps.path(0);
      JsonNode bytes = steps.path(1);
      boolean usual =
          steps.size() == 2
              && split.path("type").asString("").equals("Split")
              && split.path("behavior").asString("").equals("Isolated")
              && !split.path("invert").asBoolean(false)
              && bytes.path("type").asString("").equals("ByteLevel")
              && !bytes.path("add_prefix_space").asBoolean(true)
              && !bytes.path("use_regex").asBoolean(true);
      return usual ? split.path("pattern").path("Regex").asString("") : "";
    }

    /** The value that the parser is at. */
    private static JsonNode tree(String json, JsonParser p) {
      int from = (int) p.currentTokenLocation().getCharOffset();
      p.skipChildren();
      int to = (int) p.currentLocation().getCharOffset();
      return JsonMapper.shared().readTree(json.substring(from, to));
    }

    /**
     * Refuses templates with special tokens that they do not define: the native library would end
     * the process when it comes to one.
     */
    private void checkTemplates(JsonNode processor) {
      processor.path("processors").values().forEach(this::checkTemplates);
      for (String template : List.of("single", "pair")) {
        for (JsonNode piece : processor.path(template).values()) {
          JsonNode id = piece.path("SpecialToken").path("id");
          if (id.isString() && !processor.path("special_tokens").has(id.stringValue())) {
            throw error(
                "its post_processor adds %s, which its special_tokens do not define."
                    .formatted(cut(id.stringValue())));
          }
        }
      }
    }

    private void model(JsonParser p) {
      while (p.nextToken() == JsonToken.PROPERTY_NAME) {
        String name = p.currentName();
        JsonToken value = p.nextToken();
        switch (name) {
          case "vocab" -> vocabulary(p, value);
          case "merges" -> {
            if (value == JsonToken.START_ARRAY) {
              merges(p);
            }
            p.skipChildren();
          }
          case "ignore_merges" -> wholeWords = value == JsonToken.VALUE_TRUE;
          case "type" -> unusual |= !p.getString().equals("BPE");
          case "dropout", "unk_token", "byte_fallback" -> {
            unusual |= value != JsonToken.VALUE_NULL && value != JsonToken.VALUE_FALSE;
            p.skipChildren();
          }
          case "continuing_subword_prefix", "end_of_word_suffix" -> {
            boolean empty = value == JsonToken.VALUE_STRING && p.getString().isEmpty();
            unusual |= value != JsonToken.VALUE_NULL && !empty;
            p.skipChildren();
          }
          default -> p.skipChildren();
        }
      }
    }

    private void vocabulary(JsonParser p, JsonToken value) {
      if (value == JsonToken.START_OBJECT) {
        while (p.nextToken() == JsonToken.PROPERTY_NAME) {
          String token = p.currentName();
          p.nextToken();
          put(id(p, token), token);
        }
      } else if (value == JsonToken.START_ARRAY) {
        unigram(p);
      } else {
        p.skipChildren();
      }
      vocabulary = size;
    }

    /** Pairs in lists of two, or, in older files, as text with a blank between. */
    private void merges(JsonParser p) {
      JsonToken next = p.nextToken();
      for (; next != null && next != JsonToken.END_ARRAY; next = p.nextToken()) {
        if (next == JsonToken.VALUE_STRING) {
          String pair = p.getString();
          int blank = pair.indexOf(' ');
          unusual |= blank <= 0 || blank != pair.lastIndexOf(' ');
          merges.add(pair.substring(0, Math.max(0, blank)));
          merges.add(pair.substring(blank + 1));
          continue;
        }
        int begin = merges.size();
        while (next == JsonToken.START_ARRAY && p.nextToken() == JsonToken.VALUE_STRING) {
          merges.add(p.getString());
        }
        unusual |= merges.size() != begin + 2;
        p.skipChildren();
      }
    }

    /** A list of [token, score]; the id is the place. */
    private void unigram(JsonParser p) {
      for (int id = 0; p.nextToken() == JsonToken.START_ARRAY; id++) {
        expect(p, p.nextToken(), JsonToken.VALUE_STRING, "an entry of vocab", "[token, score]");
        put(id, p.getString());
        while (p.nextToken() != JsonToken.END_ARRAY) {
          p.skipChildren();
        }
      }
    }

    /**
     * Tokens by id. They are put after the model's, which they replace, whatever the file's order.
     */
    private @Nullable String[] addedTokens(JsonParser p) {
      @Nullable String[] added = new @Nullable String[0];
      while (p.nextToken() == JsonToken.START_OBJECT) {
        int id = -1;
        boolean special = false;
        String content = "";
        while (p.nextToken() == JsonToken.PROPERTY_NAME) {
          String name = p.currentName();
          JsonToken value = p.nextToken();
          switch (name) {
            case "id" -> id = id(p, name);
            case "special" -> special = value == JsonToken.VALUE_TRUE;
            case "content" -> {
              expect(p, value, JsonToken.VALUE_STRING, name, "text");
              content = p.getString();
            }
            default -> p.skipChildren();
          }
        }
        if (id < 0) {
          throw error("an added token has no id.");
        }
        if (id >= added.length) {
          added = Arrays.copyOf(added, Math.max(id + 1, added.length * 2));
        }
        added[id] = content;
        addedTexts.add(content);
        if (special) {
          specialIds.add(id);
        }
      }
      return added;
    }

    /** Type of the decoder; of a Sequence of one, that one's; empty if there is none. */
    private String decoder(JsonParser p) {
      if (p.currentToken() != JsonToken.START_OBJECT) {
        p.skipChildren();
        return "";
      }
      String type = "";
      String inner = "";
      int parts = 0;
      while (p.nextToken() == JsonToken.PROPERTY_NAME) {
        String name = p.currentName();
        JsonToken value = p.nextToken();
        if (name.equals("type") && value == JsonToken.VALUE_STRING) {
          type = p.getString();
        } else if (name.equals("decoders") && value == JsonToken.START_ARRAY) {
          while (p.nextToken() == JsonToken.START_OBJECT) {
            inner = decoder(p);
            parts++;
          }
        } else {
          p.skipChildren();
        }
      }
      return type.equals("Sequence") && parts == 1 ? inner : type;
    }

    private int id(JsonParser p, String what) {
      if (p.currentToken() != JsonToken.VALUE_NUMBER_INT
          || p.getNumberType() != JsonParser.NumberType.INT
          || p.getIntValue() < 0
          || p.getIntValue() > MAX_ID) {
        throw error(
            "the id of %s is %s; it must be a whole number from 0 to %d."
                .formatted(cut(what), cut(String.valueOf(p.getString())), MAX_ID));
      }
      return p.getIntValue();
    }

    private void put(int id, String token) {
      if (id >= tokens.length) {
        tokens = Arrays.copyOf(tokens, Math.max(id + 1, tokens.length * 2));
      }
      tokens[id] = token;
      size = Math.max(size, id + 1);
    }

    private void expect(
        JsonParser p, @Nullable JsonToken found, JsonToken wanted, String what, String allowed) {
      if (found != wanted) {
        throw error(
            "%s is %s; it must be %s."
                .formatted(
                    what, found == null ? "empty" : cut(String.valueOf(p.getString())), allowed));
      }
    }

    private ModelFormatException error(String text) {
      return new ModelFormatException(file + ": " + text + " Fetch the file again.");
    }

    private static String cut(String text) {
      return text.length() > 60 ? text.substring(0, 60) + "…" : text;
    }
  }
}
