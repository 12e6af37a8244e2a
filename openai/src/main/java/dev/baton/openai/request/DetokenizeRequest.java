package dev.baton.openai.request;

import dev.baton.openai.OpenAiException;
import java.util.Optional;
import tools.jackson.databind.JsonNode;

/**
 * A body of /detokenize.
 *
 * @param model as asked for; empty: the server's
 * @param tokens ids inside the vocabulary
 * @param skipSpecialTokens whether special tokens are left out of the text
 */
public record DetokenizeRequest(Optional<String> model, int[] tokens, boolean skipSpecialTokens) {

  /**
   * Reads a body.
   *
   * @throws OpenAiException 400 naming the field
   */
  public static DetokenizeRequest read(JsonNode body, int vocabSize) {
    Fields fields = Fields.ofBody(body);
    JsonNode tokens = fields.value("tokens");
    if (!tokens.isArray()) {
      throw Fields.wrongType("tokens", "a list of token ids", tokens);
    }
    return new DetokenizeRequest(
        fields.string("model"),
        TokenIds.read(tokens, "tokens", vocabSize),
        fields.bool("skip_special_tokens", false));
  }
}
