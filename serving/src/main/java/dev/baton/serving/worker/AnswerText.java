package dev.baton.serving.worker;

import dev.baton.model.tokenizer.Detokenizer;
import dev.baton.model.tokenizer.Tokenizer;
import java.util.List;
import java.util.Optional;

/** Text of one answer, token by token: detokenised, cut at stop strings. For one thread. */
final class AnswerText {
  private final Detokenizer detokenizer;
  private final StopScanner stops;
  private final int minTokens;
  private int tokens;

  AnswerText(
      Optional<Tokenizer> tokenizer,
      int[] prompt,
      boolean skipSpecialTokens,
      List<String> stops,
      boolean includeStop,
      int minTokens) {
    this.detokenizer =
        tokenizer.map(t -> t.detokenizer(skipSpecialTokens, prompt)).orElseGet(IdsAsText::new);
    this.stops = new StopScanner(stops, includeStop);
    this.minTokens = minTokens;
  }

  /** Text that this token makes certain; may be empty. Nothing once a stop string was found. */
  String append(int token) {
    tokens++;
    String text = detokenizer.append(token);
    // Before the least number of tokens, a stop string is text like any other.
    return tokens < minTokens ? text : stops.append(text);
  }

  /** A token without text that counts. */
  void skip() {
    tokens++;
  }

  /** The rest, at the end of the answer. */
  String finish() {
    if (stops.found().isPresent()) {
      return "";
    }
    String rest = stops.append(detokenizer.finish());
    return stops.found().isPresent() ? rest : rest + stops.finish();
  }

  /** The stop string that has ended the text. */
  Optional<String> stopped() {
    return stops.found();
  }

  /** For models without a tokenizer: ids, so that there is something to see and to measure. */
  private static final class IdsAsText implements Detokenizer {
    @Override
    public String append(int token) {
      return " " + token;
    }

    @Override
    public String finish() {
      return "";
    }
  }
}
