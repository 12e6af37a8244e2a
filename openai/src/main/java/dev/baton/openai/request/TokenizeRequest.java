package dev.baton.openai.request;

import dev.baton.openai.OpenAiException;
import java.util.Optional;
import tools.jackson.databind.JsonNode;

/**
 * A body of /tokenize.
 *
 * @param model as asked for; empty: the server's
 * @param input what to turn into ids
 * @param tokenStrings whether to spell the tokens out as well
 */
public record TokenizeRequest(Optional<String> model, Input input, boolean tokenStrings) {

  /** A text or a conversation. */
  public sealed interface Input {}

  /** A text, with the tokenizer's special tokens unless told otherwise. */
  public record TextInput(String text, boolean addSpecialTokens) implements Input {}

  /** A conversation, rendered by the chat template. */
  public record ChatInput(ChatPrompt prompt) implements Input {}

  /**
   * Reads a body.
   *
   * @throws OpenAiException 400 naming the field
   */
  public static TokenizeRequest read(JsonNode body) {
    Fields fields = Fields.ofBody(body);
    Optional<String> prompt = fields.string("prompt");
    if (prompt.isPresent() == fields.has("messages")) {
      throw OpenAiException.badRequest(
          "Give either \"prompt\" (a text) or \"messages\" (a conversation).",
          "prompt",
          "invalid_value");
    }
    Input input =
        prompt.isPresent()
            ? new TextInput(prompt.get(), fields.bool("add_special_tokens", true))
            : new ChatInput(ChatPrompt.read(fields));
    return new TokenizeRequest(
        fields.string("model"), input, fields.bool("return_token_strs", false));
  }
}
