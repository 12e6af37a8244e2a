package dev.baton.model.tokenizer;

import java.util.Arrays;
import java.util.function.Function;
import java.util.function.IntPredicate;
import java.util.stream.IntStream;

/**
 * Detokeniser for any decoder: the text of a window of recent tokens with the new one, less the
 * text of the window without it. The window begins with tokens whose text has been given, since a
 * decoder may treat the first token otherwise than the rest (a leading space dropped). Text that
 * ends in U+FFFD may be half a character and is held back for a few tokens.
 *
 * <p>The result is the text that the decoder gives for all tokens at once, except where a run of
 * byte-fallback tokens begins with valid UTF-8 and then stops being so: the decoder then gives up
 * the whole run, of which the characters have been given here.
 */
final class WindowDetokenizer implements Detokenizer {
  /** A character has at most four tokens; what is not certain after twice as many never will be. */
  private static final int MAX_HELD = 8;

  /** Tokens of the text before that the first ones are decoded with. */
  private static final int CONTEXT = 5;

  private final Function<int[], String> decoder;
  private final IntPredicate silent;

  private int[] window = new int[0];

  /** Tokens at the window's beginning whose text has been given. */
  private int given;

  /** Text of those tokens. */
  private String givenText = "";

  /**
   * @param decoder text of some tokens at once
   * @param silent tokens that never give text and are left out before decoding
   * @param before tokens of the text that this one goes on with
   */
  WindowDetokenizer(Function<int[], String> decoder, IntPredicate silent, int[] before) {
    this.decoder = decoder;
    this.silent = silent;
    for (int i = before.length - 1; i >= 0 && given < CONTEXT; i--) {
      if (!silent.test(before[i])) {
        window = IntStream.concat(IntStream.of(before[i]), IntStream.of(window)).toArray();
        given++;
      }
    }
    givenText = given == 0 ? "" : decoder.apply(window);
  }

  @Override
  public String append(int token) {
    if (silent.test(token)) {
      return "";
    }
    window = Arrays.copyOf(window, window.length + 1);
    window[window.length - 1] = token;
    String text = decoder.apply(window);
    boolean certain = text.length() > givenText.length() && !text.endsWith("\uFFFD");
    return certain || window.length - given >= MAX_HELD ? give(text) : "";
  }

  @Override
  public String finish() {
    return window.length == given ? "" : give(decoder.apply(window));
  }

  private String give(String text) {
    int[] held = Arrays.copyOfRange(window, given, window.length);
    String heldText = decoder.apply(held);
    String fresh = text.startsWith(givenText) ? text.substring(givenText.length()) : heldText;
    window = held;
    given = held.length;
    givenText = heldText;
    return fresh;
  }
}
