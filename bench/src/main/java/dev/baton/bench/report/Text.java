package dev.baton.bench.report;

/**
 * The same statement in both languages. {@code **bold**} and {@code `code`} may be used.
 *
 * @param english in English
 * @param chinese in Chinese
 */
record Text(String english, String chinese) {
  /** Names and numbers, which need no translation. */
  static Text same(String text) {
    return new Text(text, text);
  }

  String in(Language language) {
    return switch (language) {
      case ENGLISH -> english;
      case CHINESE -> chinese;
    };
  }

  Text plus(Text next) {
    return new Text(english + " " + next.english, chinese + next.chinese);
  }
}
