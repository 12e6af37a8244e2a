package dev.baton.openai.request;

import dev.baton.openai.OpenAiException;
import tools.jackson.databind.JsonNode;

/** Reads lists of token ids. */
final class TokenIds {
  private TokenIds() {}

  static int[] read(JsonNode list, String name, int vocabSize) {
    int[] ids = new int[list.size()];
    for (int i = 0; i < ids.length; i++) {
      JsonNode id = list.get(i);
      if (!id.isIntegralNumber()) {
        throw Fields.wrongType(name + "[" + i + "]", "a token id (integer)", id);
      }
      if (!id.canConvertToInt() || id.intValue() < 0 || id.intValue() >= vocabSize) {
        throw OpenAiException.badRequest(
            "\""
                + name
                + "\" holds the token id "
                + id.asString()
                + " at position "
                + i
                + ", outside the vocabulary: ids are 0 to "
                + (vocabSize - 1)
                + ".",
            name,
            "token_id_out_of_range");
      }
      ids[i] = id.intValue();
    }
    return ids;
  }
}
