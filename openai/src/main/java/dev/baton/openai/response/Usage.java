package dev.baton.openai.response;

import dev.baton.openai.Json;
import tools.jackson.databind.node.ObjectNode;

/**
 * What a request used.
 *
 * @param promptTokens tokens of all prompts, each counted once
 * @param completionTokens tokens generated, over all choices
 * @param cachedTokens prompt tokens that the prefix cache had
 */
public record Usage(int promptTokens, int completionTokens, int cachedTokens) {

  /** The object that stands under the key "usage". */
  public ObjectNode toJson() {
    ObjectNode json = Json.object();
    json.put("prompt_tokens", promptTokens);
    json.put("completion_tokens", completionTokens);
    json.put("total_tokens", promptTokens + completionTokens);
    json.putObject("prompt_tokens_details").put("cached_tokens", cachedTokens);
    return json;
  }
}
