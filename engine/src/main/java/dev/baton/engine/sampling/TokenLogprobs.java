package dev.baton.engine.sampling;

/**
 * Natural-log probabilities of one sampled position, from the raw logits (before penalties and
 * temperature).
 *
 * @param logprob of the chosen token
 * @param topIds the most likely ids, best first
 * @param topLogprobs theirs, same length
 */
public record TokenLogprobs(float logprob, int[] topIds, float[] topLogprobs) {}
