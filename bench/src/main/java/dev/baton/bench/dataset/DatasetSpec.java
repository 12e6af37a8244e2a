package dev.baton.bench.dataset;

import java.nio.file.Path;
import java.util.OptionalInt;

/** Which prompts to send. */
public sealed interface DatasetSpec {

  /** How random prompts travel. */
  enum RandomForm {
    /** As text if a tokenizer can be asked to fix the length, else as token ids. */
    AUTO,
    /** As token ids. */
    TOKEN_IDS
  }

  /**
   * Prompts of random tokens.
   *
   * @param inputLen prompt length without the prefix
   * @param outputLen tokens to generate
   * @param inputRange the input length varies evenly by this share to both sides, 0 to below 1
   * @param outputRange the same for the output length
   * @param prefixLen tokens at the front that all requests share
   * @param form text or token ids
   */
  record Random(
      int inputLen,
      int outputLen,
      double inputRange,
      double outputRange,
      int prefixLen,
      RandomForm form)
      implements DatasetSpec {
    /** Checks the figures. */
    public Random {
      if (inputLen < 1 || outputLen < 1 || prefixLen < 0) {
        throw new IllegalArgumentException(
            "random prompts need an input length and an output length of at least 1 and a prefix"
                + " length of at least 0; given were "
                + inputLen
                + ", "
                + outputLen
                + " and "
                + prefixLen);
      }
      if (!(inputRange >= 0 && inputRange < 1 && outputRange >= 0 && outputRange < 1)) {
        throw new IllegalArgumentException(
            "the random range ratio must be at least 0 and below 1; given were "
                + inputRange
                + " (input) and "
                + outputRange
                + " (output)");
      }
    }

    /** Fixed lengths, no prefix: the common case. */
    public static Random of(int inputLen, int outputLen) {
      return new Random(inputLen, outputLen, 0, 0, 0, RandomForm.AUTO);
    }
  }

  /**
   * Prompts of a JSON-lines file with a column {@code prompt}.
   *
   * @param file ends in {@code .jsonl}
   * @param outputLen tokens to generate; -1 takes each row's {@code output_tokens}
   * @param chatTemplate whether prompts for the completions endpoint are put into the chat template
   * @param shuffle whether the rows are shuffled with the seed
   * @param oversample whether rows repeat if the file has too few
   */
  record Custom(Path file, int outputLen, boolean chatTemplate, boolean shuffle, boolean oversample)
      implements DatasetSpec {
    /** Checks the output length. */
    public Custom {
      if (outputLen < 1 && outputLen != -1) {
        throw new IllegalArgumentException(
            "the output length must be at least 1, or -1 for each row's output_tokens; was "
                + outputLen);
      }
    }
  }

  /**
   * First turns of the conversations of a ShareGPT JSON file.
   *
   * @param file a JSON array of objects with {@code conversations}
   * @param outputLen tokens to generate; empty = as long as the conversation's answer
   * @param shuffle whether the conversations are shuffled with the seed
   * @param oversample whether they repeat if the file has too few
   */
  record ShareGpt(Path file, OptionalInt outputLen, boolean shuffle, boolean oversample)
      implements DatasetSpec {
    /** Checks the output length. */
    public ShareGpt {
      if (outputLen.isPresent() && outputLen.getAsInt() < 1) {
        throw new IllegalArgumentException(
            "the output length must be at least 1; was " + outputLen.getAsInt());
      }
    }
  }
}
