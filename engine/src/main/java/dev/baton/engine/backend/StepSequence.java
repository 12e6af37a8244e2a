package dev.baton.engine.backend;

import dev.baton.engine.sampling.SamplingParams;

/**
 * One sequence's share of a step.
 *
 * @param slot small integer in [0, maxNumSeqs) that the sequence keeps while it runs; the backend
 *     keeps per-slot state (last sampled token, penalty counts) under it
 * @param fresh true in the first step after the slot was given to this sequence (also after
 *     preemption): per-slot state is to be rebuilt from {@code history}
 * @param computedTokens tokens whose KV is in the blocks already
 * @param newTokens tokens to compute now, at positions computedTokens …; at least 1
 * @param tokens the whole sequence so far; entries [computedTokens, computedTokens + newTokens) are
 *     this step's input. An entry is {@link #DEVICE_TOKEN} if it is what an earlier step, still in
 *     flight, samples for this slot. The array may be longer than the sequence; it is not changed
 *     at indexes below computedTokens + newTokens while the step runs
 * @param promptTokens how many of {@code tokens} are prompt (the rest is output)
 * @param blockTable KV block ids; block i holds positions [i * blockSize, (i + 1) * blockSize). May
 *     be longer than needed; the entries that cover this step's positions do not change while it
 *     runs
 * @param sample whether to sample after the last new token (false for all but a prompt's last
 *     chunk)
 * @param sampling how
 * @param outputIndex index of the token to be sampled among the outputs, 0 for the first: the draw
 *     depends on (sampling.seed, outputIndex)
 */
public record StepSequence(
    int slot,
    boolean fresh,
    int computedTokens,
    int newTokens,
    int[] tokens,
    int promptTokens,
    int[] blockTable,
    boolean sample,
    SamplingParams sampling,
    int outputIndex) {

  /** Placeholder for a token that only the device knows yet. */
  public static final int DEVICE_TOKEN = -1;
}
