package dev.baton.openai.request;

/**
 * What a request that says nothing gets, from the model's generation_config.json.
 *
 * @param temperature 0 to 2
 * @param topP share of probability kept
 * @param topK number of tokens kept; 0 keeps all
 * @param minP tokens less likely than this share of the likeliest are dropped
 * @param repetitionPenalty 1 is off
 */
public record SamplingDefaults(
    float temperature, float topP, int topK, float minP, float repetitionPenalty) {

  /** The API's own. */
  public static final SamplingDefaults OPENAI = new SamplingDefaults(1, 1, 0, 0, 1);
}
