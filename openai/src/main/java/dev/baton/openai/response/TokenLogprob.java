package dev.baton.openai.response;

import dev.baton.openai.Json;
import java.nio.charset.StandardCharsets;
import java.util.List;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.ObjectNode;

/**
 * Log-probabilities at one generated position, in the two forms of the API.
 *
 * @param token text of the chosen token
 * @param logprob its natural-log probability
 * @param top the likeliest tokens, best first; may be empty
 */
public record TokenLogprob(String token, double logprob, List<Alternative> top) {

  /** What JSON can hold in place of minus infinity; the value that vLLM uses. */
  private static final double LOWEST = -9999;

  /**
   * One of the likeliest tokens.
   *
   * @param token its text
   * @param logprob its natural-log probability
   */
  public record Alternative(String token, double logprob) {}

  /** The chat form: {@code {"content": [{token, logprob, bytes, top_logprobs}]}}. */
  public static ObjectNode chat(List<TokenLogprob> positions) {
    ObjectNode json = Json.object();
    ArrayNode content = json.putArray("content");
    for (TokenLogprob position : positions) {
      ObjectNode entry = content.addObject();
      entry(entry, position.token, position.logprob);
      ArrayNode top = entry.putArray("top_logprobs");
      for (Alternative alternative : position.top) {
        entry(top.addObject(), alternative.token, alternative.logprob);
      }
    }
    return json;
  }

  /**
   * The completion form: {@code {tokens, token_logprobs, top_logprobs, text_offset}}.
   *
   * @param offset characters of text before the first of these positions
   */
  public static ObjectNode completion(List<TokenLogprob> positions, int offset) {
    ObjectNode json = Json.object();
    ArrayNode tokens = json.putArray("tokens");
    ArrayNode logprobs = json.putArray("token_logprobs");
    ArrayNode tops = json.putArray("top_logprobs");
    ArrayNode offsets = json.putArray("text_offset");
    int at = offset;
    for (TokenLogprob position : positions) {
      tokens.add(position.token);
      logprobs.add(clamp(position.logprob));
      ObjectNode top = tops.addObject();
      for (Alternative alternative : position.top) {
        // Two tokens may have the same text; the likelier one, which comes first, is kept.
        if (!top.has(alternative.token)) {
          top.put(alternative.token, clamp(alternative.logprob));
        }
      }
      if (!top.has(position.token)) {
        top.put(position.token, clamp(position.logprob));
      }
      offsets.add(at);
      at += position.token.length();
    }
    return json;
  }

  private static void entry(ObjectNode target, String token, double logprob) {
    target.put("token", token);
    target.put("logprob", clamp(logprob));
    ArrayNode bytes = target.putArray("bytes");
    for (byte b : token.getBytes(StandardCharsets.UTF_8)) {
      bytes.add(b & 0xff);
    }
  }

  private static double clamp(double logprob) {
    return logprob >= LOWEST ? logprob : LOWEST;
  }
}
