package dev.baton.engine.backend;

import dev.baton.engine.sampling.TokenLogprobs;
import org.jspecify.annotations.Nullable;

/**
 * What a step sampled.
 *
 * @param tokens one entry per sequence of the step, in its order; -1 where {@link
 *     StepSequence#sample} was false
 * @param logprobs same order; null where none were asked for
 * @param deviceNanos time that the device was busy with the step, ns
 */
public record StepResult(int[] tokens, @Nullable TokenLogprobs[] logprobs, long deviceNanos) {}
