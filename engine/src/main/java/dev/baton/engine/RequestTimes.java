package dev.baton.engine;

import org.jspecify.annotations.Nullable;

/**
 * When what happened to a request: values of the engine's clock ({@link System#nanoTime} unless
 * another was given), 0 where it did not happen.
 *
 * @param queuedNanos it was submitted
 * @param firstScheduledNanos it was first put into a step (a reservation: it was given its blocks)
 * @param prefillEndNanos the step that sampled the first token was done (a reservation: its KV was
 *     complete)
 * @param firstDecodeBeginNanos the step that samples the second token (a reservation: its first
 *     step after the hand-off) was submitted
 * @param firstDecodeEndNanos that step was done
 * @param finishedNanos it ended
 * @param cachedTokens prompt tokens that the prefix cache had
 * @param preemptions how often its blocks were taken away and recomputed
 * @param error what went wrong, for {@link FinishReason#ERROR}
 */
public record RequestTimes(
    long queuedNanos,
    long firstScheduledNanos,
    long prefillEndNanos,
    long firstDecodeBeginNanos,
    long firstDecodeEndNanos,
    long finishedNanos,
    int cachedTokens,
    int preemptions,
    @Nullable String error) {}
