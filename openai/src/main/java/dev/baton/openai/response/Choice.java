package dev.baton.openai.response;

import java.util.List;
import java.util.Optional;

/**
 * One finished answer.
 *
 * @param index its place among the request's answers
 * @param text what was generated
 * @param finishReason "stop" or "length"
 * @param stopReason what ended it
 * @param logprobs one entry per token; empty if none were asked for
 * @param tokenIds generated ids; empty if they are not to be reported
 * @param promptTokenIds the prompt's; empty if they are not to be reported
 */
public record Choice(
    int index,
    String text,
    String finishReason,
    StopReason stopReason,
    Optional<List<TokenLogprob>> logprobs,
    Optional<int[]> tokenIds,
    Optional<int[]> promptTokenIds) {}
