package dev.baton.openai.request;

import dev.baton.openai.OpenAiException;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.Set;
import tools.jackson.databind.JsonNode;

/**
 * The fields that completion and chat requests share, checked.
 *
 * @param model as asked for; empty: the server's
 * @param maxTokens most tokens to generate; empty: the endpoint's default
 * @param minTokens no end of sequence before this many
 * @param temperature 0 is greedy
 * @param topP share of probability kept
 * @param topK number of tokens kept; 0 keeps all
 * @param minP tokens less likely than this share of the likeliest are dropped
 * @param presencePenalty subtracted once from tokens seen
 * @param frequencyPenalty subtracted per occurrence
 * @param repetitionPenalty 1 is off
 * @param seed of the draws; empty: chosen at random
 * @param stop texts that end the answer
 * @param stopTokenIds ids that end the answer
 * @param includeStop whether the text that ended the answer is part of it
 * @param ignoreEos go on at the end of sequence
 * @param logitBias added to the logits of these ids
 * @param logprobs alternatives to report with each token; -1 reports nothing
 * @param n answers per prompt
 * @param stream whether to answer in chunks
 * @param includeUsage whether a stream ends with a usage chunk
 * @param continuousUsage whether every chunk says what was used so far
 * @param returnTokenIds whether ids are reported beside the text
 * @param tokensAsIds whether logprobs name tokens "token_id:17" instead of by text
 * @param skipSpecialTokens whether special tokens are left out of the text
 * @param timings whether to report where the time went
 * @param requestId the body's request_id
 * @param kvTransferParams raw hand-off parameters; a JSON null if there are none
 */
public record GenerationParams(
    Optional<String> model,
    OptionalLong maxTokens,
    int minTokens,
    float temperature,
    float topP,
    int topK,
    float minP,
    float presencePenalty,
    float frequencyPenalty,
    float repetitionPenalty,
    OptionalLong seed,
    List<String> stop,
    Set<Integer> stopTokenIds,
    boolean includeStop,
    boolean ignoreEos,
    Map<Integer, Float> logitBias,
    int logprobs,
    int n,
    boolean stream,
    boolean includeUsage,
    boolean continuousUsage,
    boolean returnTokenIds,
    boolean tokensAsIds,
    boolean skipSpecialTokens,
    boolean timings,
    Optional<String> requestId,
    JsonNode kvTransferParams) {

  /** Most alternatives per token. */
  public static final int MAX_LOGPROBS = 20;

  private static final int MAX_STOPS = 64;
  private static final int MAX_STOP_LENGTH = 4096;
  private static final int MAX_BIASES = 4096;

  static GenerationParams read(Fields fields, Limits limits, int logprobs, String... maxNames) {
    refuseUnsupported(fields);
    Fields streamOptions = fields.object("stream_options");
    boolean stream = fields.bool("stream", false);
    SamplingDefaults defaults = limits.defaults();
    OptionalLong maxTokens = OptionalLong.empty();
    for (String name : maxNames) {
      if (maxTokens.isEmpty()) {
        maxTokens = fields.integer(name, 1, Long.MAX_VALUE);
      }
    }
    int minTokens = fields.integer("min_tokens", 0, 0, Integer.MAX_VALUE);
    if (maxTokens.isPresent() && minTokens > maxTokens.getAsLong()) {
      throw OpenAiException.badRequest(
          "\"min_tokens\" ("
              + minTokens
              + ") must not be larger than the most tokens asked for ("
              + maxTokens.getAsLong()
              + ").",
          "min_tokens",
          "invalid_value");
    }
    float topP = fields.number("top_p", defaults.topP(), 0, 1);
    if (topP == 0) {
      throw Fields.outOfRange("top_p", "above 0 and at most 1", fields.value("top_p"));
    }
    float repetition = fields.number("repetition_penalty", defaults.repetitionPenalty(), 0, 100);
    if (repetition == 0) {
      throw Fields.outOfRange(
          "repetition_penalty", "above 0 and at most 100", fields.value("repetition_penalty"));
    }
    return new GenerationParams(
        fields.string("model"),
        maxTokens,
        minTokens,
        fields.number("temperature", defaults.temperature(), 0, 2),
        topP,
        Math.max(0, fields.integer("top_k", defaults.topK(), -1, Integer.MAX_VALUE)),
        fields.number("min_p", defaults.minP(), 0, 1),
        fields.number("presence_penalty", 0, -2, 2),
        fields.number("frequency_penalty", 0, -2, 2),
        repetition,
        seed(fields),
        stop(fields),
        stopTokenIds(fields, limits),
        fields.bool("include_stop_str_in_output", false),
        fields.bool("ignore_eos", false),
        logitBias(fields, limits),
        logprobs,
        fields.integer("n", 1, 1, limits.maxChoices()),
        stream,
        stream && streamOptions.bool("include_usage", false),
        stream && streamOptions.bool("continuous_usage_stats", false),
        fields.bool("return_token_ids", false),
        fields.bool("return_tokens_as_token_ids", false),
        fields.bool("skip_special_tokens", true),
        fields.bool("timings", false),
        fields.string("request_id"),
        fields.object("kv_transfer_params").node().isEmpty()
            ? fields.value("-")
            : fields.value("kv_transfer_params"));
  }

  /** As in vLLM, -1 means that there is none. */
  private static OptionalLong seed(Fields fields) {
    OptionalLong seed = fields.integer("seed", Long.MIN_VALUE, Long.MAX_VALUE);
    return seed.equals(OptionalLong.of(-1)) ? OptionalLong.empty() : seed;
  }

  /** Fields that would change the answer's meaning if they were ignored. */
  private static void refuseUnsupported(Fields fields) {
    fields.refuse(
        "response_format",
        "constrained output is not supported; leave it out or set {\"type\": \"text\"} and ask for"
            + " JSON in the prompt.",
        "text");
    for (String name :
        List.of(
            "structured_outputs",
            "guided_json",
            "guided_regex",
            "guided_choice",
            "guided_grammar",
            "guided_decoding_backend",
            "structural_tag")) {
      fields.refuse(name, "constrained output is not supported; leave it out.");
    }
    fields.refuse("use_beam_search", "beam search is not supported; leave it out.", "false");
    fields.refuse("prompt_logprobs", "log-probabilities of the prompt are not supported.");
    fields.refuse(
        "prompt_embeds", "prompts as embeddings are not supported; send text or token ids.");
    fields.refuse("truncate_prompt_tokens", "prompts are never cut; send a shorter one.");
    fields.refuse("allowed_token_ids", "not supported; use logit_bias.");
    fields.refuse("bad_words", "not supported; use logit_bias.");
    fields.refuse("logits_processors", "not supported.");
    fields.refuse("suffix", "text to insert before a suffix is not supported.", "");
    JsonNode bestOf = fields.value("best_of");
    if (!bestOf.isNull()) {
      long n = fields.integer("n", 1, 1, Integer.MAX_VALUE);
      if (Fields.integer(bestOf, "best_of", 1, Integer.MAX_VALUE) != n) {
        throw OpenAiException.badRequest(
            "\"best_of\" is not supported; leave it out or set it to n.",
            "best_of",
            "unsupported_parameter");
      }
    }
  }

  private static List<String> stop(Fields fields) {
    JsonNode value = fields.value("stop");
    if (value.isNull()) {
      return List.of();
    }
    List<String> stops = new ArrayList<>();
    if (value.isString()) {
      stops.add(value.stringValue());
    } else if (value.isArray()) {
      for (JsonNode element : value) {
        if (!element.isString()) {
          throw Fields.wrongType("stop", "a string or a list of strings", element);
        }
        stops.add(element.stringValue());
      }
    } else {
      throw Fields.wrongType("stop", "a string or a list of strings", value);
    }
    if (stops.size() > MAX_STOPS) {
      throw OpenAiException.badRequest(
          "\"stop\" may hold at most " + MAX_STOPS + " strings; got " + stops.size() + ".",
          "stop",
          "invalid_value");
    }
    for (String stop : stops) {
      if (stop.isEmpty() || stop.length() > MAX_STOP_LENGTH) {
        throw OpenAiException.badRequest(
            "\"stop\" strings must have 1 to "
                + MAX_STOP_LENGTH
                + " characters; got "
                + stop.length()
                + ".",
            "stop",
            "invalid_value");
      }
    }
    return List.copyOf(stops);
  }

  private static Set<Integer> stopTokenIds(Fields fields, Limits limits) {
    Set<Integer> ids = new LinkedHashSet<>();
    for (JsonNode element : fields.list("stop_token_ids")) {
      ids.add((int) Fields.integer(element, "stop_token_ids", 0, limits.vocabSize() - 1L));
    }
    return Set.copyOf(ids);
  }

  private static Map<Integer, Float> logitBias(Fields fields, Limits limits) {
    JsonNode object = fields.object("logit_bias").node();
    if (object.size() > MAX_BIASES) {
      throw OpenAiException.badRequest(
          "\"logit_bias\" may hold at most " + MAX_BIASES + " entries; got " + object.size() + ".",
          "logit_bias",
          "invalid_value");
    }
    Map<Integer, Float> bias = new LinkedHashMap<>();
    for (Map.Entry<String, JsonNode> entry : object.properties()) {
      int id;
      try {
        id = Integer.parseInt(entry.getKey());
      } catch (NumberFormatException notANumber) {
        id = -1;
      }
      if (id < 0 || id >= limits.vocabSize()) {
        throw OpenAiException.badRequest(
            "\"logit_bias\" keys must be token ids from 0 to "
                + (limits.vocabSize() - 1)
                + "; got \""
                + (entry.getKey().length() > 40 ? entry.getKey().substring(0, 40) : entry.getKey())
                + "\".",
            "logit_bias",
            "invalid_value");
      }
      bias.put(id, (float) Fields.number(entry.getValue(), "logit_bias", -100, 100));
    }
    return Map.copyOf(bias);
  }
}
