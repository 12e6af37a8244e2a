package dev.baton.openai.request;

import dev.baton.openai.OpenAiException;
import tools.jackson.databind.JsonNode;

/**
 * A body of /v1/chat/completions.
 *
 * @param params what both kinds of request have
 * @param prompt messages, tools and template arguments
 */
public record ChatRequest(GenerationParams params, ChatPrompt prompt) implements GenerationRequest {

  /**
   * Reads a body.
   *
   * @throws OpenAiException 400 naming the field
   */
  public static ChatRequest read(JsonNode body, Limits limits) {
    Fields fields = Fields.ofBody(body);
    fields.refuse("functions", "the old form of tools is not supported; use \"tools\".");
    fields.refuse(
        "function_call", "not supported; use \"tools\" and \"tool_choice\".", "none", "auto");
    fields.refuse("audio", "this model writes text only.");
    for (JsonNode modality : fields.list("modalities")) {
      if (!modality.isString() || !modality.stringValue().equals("text")) {
        throw OpenAiException.badRequest(
            "\"modalities\": this model writes text only.", "modalities", "unsupported_parameter");
      }
    }
    if (fields.bool("echo", false)) {
      throw OpenAiException.badRequest(
          "\"echo\" is not supported for chat.", "echo", "unsupported_parameter");
    }
    boolean logprobs = fields.bool("logprobs", false);
    int top = fields.integer("top_logprobs", 0, 0, GenerationParams.MAX_LOGPROBS);
    if (top > 0 && !logprobs) {
      throw OpenAiException.badRequest(
          "\"top_logprobs\" needs \"logprobs\": true.", "top_logprobs", "invalid_value");
    }
    return new ChatRequest(
        GenerationParams.read(
            fields, limits, logprobs ? top : -1, "max_completion_tokens", "max_tokens"),
        ChatPrompt.read(fields));
  }
}
