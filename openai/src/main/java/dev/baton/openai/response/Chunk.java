package dev.baton.openai.response;

import java.util.List;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * One piece of one answer in a stream.
 *
 * @param index which answer
 * @param text new text; may be empty
 * @param textOffset characters of this answer's text before the first of {@code logprobs}
 * @param logprobs one entry per new token; empty if none were asked for
 * @param tokenIds new ids; empty if they are not to be reported
 * @param promptTokenIds the prompt's, in the first chunk of an answer alone
 * @param finishReason null but in the answer's last chunk
 * @param stopReason what ended it
 * @param usage so far; empty if it is not to be reported in every chunk
 */
public record Chunk(
    int index,
    String text,
    int textOffset,
    Optional<List<TokenLogprob>> logprobs,
    Optional<int[]> tokenIds,
    Optional<int[]> promptTokenIds,
    @Nullable String finishReason,
    StopReason stopReason,
    Optional<Usage> usage) {}
