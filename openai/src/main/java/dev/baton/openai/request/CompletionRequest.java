package dev.baton.openai.request;

import dev.baton.openai.OpenAiException;
import java.util.ArrayList;
import java.util.List;
import tools.jackson.databind.JsonNode;

/**
 * A body of /v1/completions.
 *
 * @param params what both kinds of request have
 * @param prompts at least one
 * @param echo whether the prompt comes back before the answer
 * @param addSpecialTokens whether text prompts get the tokenizer's special tokens (BOS)
 */
public record CompletionRequest(
    GenerationParams params, List<Prompt> prompts, boolean echo, boolean addSpecialTokens)
    implements GenerationRequest {

  /** Tokens generated when the request does not say. */
  public static final int DEFAULT_MAX_TOKENS = 16;

  /**
   * Reads a body.
   *
   * @throws OpenAiException 400 naming the field
   */
  public static CompletionRequest read(JsonNode body, Limits limits) {
    Fields fields = Fields.ofBody(body);
    int logprobs = fields.integer("logprobs", -1, 0, GenerationParams.MAX_LOGPROBS);
    List<Prompt> prompts = prompts(fields.value("prompt"), limits);
    GenerationParams params = GenerationParams.read(fields, limits, logprobs, "max_tokens");
    if ((long) prompts.size() * params.n() > limits.maxChoices()) {
      throw OpenAiException.badRequest(
          "One request may ask for at most "
              + limits.maxChoices()
              + " answers; "
              + prompts.size()
              + " prompts with n = "
              + params.n()
              + " are more.",
          "prompt",
          "invalid_value");
    }
    boolean echo = fields.bool("echo", false);
    if (echo && logprobs >= 0) {
      throw OpenAiException.badRequest(
          "\"echo\" together with \"logprobs\" asks for log-probabilities of the prompt, which are"
              + " not supported.",
          "echo",
          "unsupported_parameter");
    }
    return new CompletionRequest(params, prompts, echo, fields.bool("add_special_tokens", true));
  }

  private static List<Prompt> prompts(JsonNode value, Limits limits) {
    if (value.isString()) {
      return List.of(new Prompt.Text(value.stringValue()));
    }
    if (!value.isArray()) {
      throw Fields.wrongType(
          "prompt", "a string, a list of strings, a list of token ids or a list of such", value);
    }
    if (value.isEmpty()) {
      throw OpenAiException.badRequest(
          "\"prompt\" is an empty list; give a text or token ids.", "prompt", "invalid_value");
    }
    if (value.get(0).isNumber()) {
      return List.of(tokens(value, limits));
    }
    if (value.size() > limits.maxChoices()) {
      throw OpenAiException.badRequest(
          "One request may ask for at most "
              + limits.maxChoices()
              + " answers; got "
              + value.size()
              + " prompts.",
          "prompt",
          "invalid_value");
    }
    List<Prompt> prompts = new ArrayList<>(value.size());
    for (JsonNode element : value) {
      if (element.isString()) {
        prompts.add(new Prompt.Text(element.stringValue()));
      } else if (element.isArray() && !element.isEmpty()) {
        prompts.add(tokens(element, limits));
      } else {
        throw Fields.wrongType(
            "prompt", "a list of strings or of non-empty lists of token ids", element);
      }
    }
    return List.copyOf(prompts);
  }

  private static Prompt.Tokens tokens(JsonNode list, Limits limits) {
    return new Prompt.Tokens(TokenIds.read(list, "prompt", limits.vocabSize()));
  }
}
