package dev.baton.model.template;

import java.util.ArrayList;
import java.util.BitSet;
import java.util.List;
import java.util.Locale;

/** Text as Python sees it: counted in code points, with its classes of characters and its cases. */
final class Text {
  private Text() {}

  /** What {@code str.isspace} and {@code str.strip} call a blank. */
  static boolean isSpace(int c) {
    if (c < 128) {
      return c == ' ' || (c >= 9 && c <= 13) || (c >= 28 && c <= 31);
    }
    return c == 0x85
        || c == 0xa0
        || c == 0x1680
        || (c >= 0x2000 && c <= 0x200a)
        || c == 0x2028
        || c == 0x2029
        || c == 0x202f
        || c == 0x205f
        || c == 0x3000;
  }

  static boolean isAlphanumeric(int c) {
    return Character.isLetter(c) || isNumeric(c);
  }

  static boolean isNumeric(int c) {
    return switch (Character.getType(c)) {
      case Character.DECIMAL_DIGIT_NUMBER, Character.LETTER_NUMBER, Character.OTHER_NUMBER -> true;
      default -> false;
    };
  }

  static boolean isIdentifier(String s) {
    if (s.isEmpty()) {
      return false;
    }
    int first = s.codePointAt(0);
    if (first != '_' && !Character.isUnicodeIdentifierStart(first)) {
      return false;
    }
    return s.codePoints()
        .skip(1)
        .allMatch(c -> Character.isUnicodeIdentifierPart(c) && !Character.isIdentifierIgnorable(c));
  }

  /** Whether {@code repr} shows the character as it is. */
  static boolean isPrintable(int c) {
    if (c < 128) {
      return c >= 32 && c < 127;
    }
    return switch (Character.getType(c)) {
      case Character.CONTROL,
          Character.FORMAT,
          Character.SURROGATE,
          Character.PRIVATE_USE,
          Character.UNASSIGNED,
          Character.LINE_SEPARATOR,
          Character.PARAGRAPH_SEPARATOR,
          Character.SPACE_SEPARATOR ->
          false;
      default -> true;
    };
  }

  static int length(String s) {
    return s.codePointCount(0, s.length());
  }

  /** The code point at an index in code points, which must be inside. */
  static String charAt(String s, int index) {
    int at = s.offsetByCodePoints(0, index);
    return s.substring(at, at + Character.charCount(s.codePointAt(at)));
  }

  static String upper(String s) {
    return s.toUpperCase(Locale.ROOT);
  }

  static String lower(String s) {
    return s.toLowerCase(Locale.ROOT);
  }

  /** The first character in title case, the rest in lower case. */
  static String capitalize(String s) {
    if (s.isEmpty()) {
      return s;
    }
    int end = s.offsetByCodePoints(0, 1);
    return titleOf(s.codePointAt(0)) + lowerTail(s, end);
  }

  /** {@code str.title}: each run of letters begins with title case and goes on in lower case. */
  static String title(String s) {
    StringBuilder out = new StringBuilder(s.length());
    boolean inWord = false;
    for (int i = 0; i < s.length(); ) {
      int c = s.codePointAt(i);
      int end = i + Character.charCount(c);
      out.append(inWord ? lower(s.substring(i, end)) : titleOf(c));
      inWord = isCased(c);
      i = end;
    }
    return out.toString();
  }

  static String swapCase(String s) {
    StringBuilder out = new StringBuilder(s.length());
    s.codePoints()
        .forEach(
            c -> {
              String one = Character.toString(c);
              out.append(
                  Character.isUpperCase(c)
                      ? lower(one)
                      : Character.isLowerCase(c) ? upper(one) : one);
            });
    return out.toString();
  }

  static boolean isCased(int c) {
    return Character.isUpperCase(c) || Character.isLowerCase(c) || Character.isTitleCase(c);
  }

  private static String titleOf(int c) {
    int title = Character.toTitleCase(c);
    if (title != c || Character.isTitleCase(c)) {
      return Character.toString(title);
    }
    String one = Character.toString(c);
    String upper = upper(one);
    if (upper.equals(one)) {
      return one;
    }
    // Characters whose capital is several letters, such as the sharp s: only the first stays
    // capital.
    int end = upper.offsetByCodePoints(0, 1);
    return upper.substring(0, end) + lower(upper.substring(end));
  }

  /** The lower case of the rest, which sees what stands before it (a final sigma depends on it). */
  private static String lowerTail(String s, int from) {
    return lower("a" + s.substring(from)).substring(1);
  }

  static String strip(String s, boolean left, boolean right) {
    int begin = 0;
    int end = s.length();
    while (left && begin < end && isSpace(s.charAt(begin))) {
      begin++;
    }
    while (right && end > begin && isSpace(s.charAt(end - 1))) {
      end--;
    }
    return s.substring(begin, end);
  }

  static String strip(String s, String chars, boolean left, boolean right) {
    BitSet set = new BitSet();
    chars.codePoints().forEach(set::set);
    int begin = 0;
    int end = s.length();
    while (left && begin < end && set.get(s.codePointAt(begin))) {
      begin += Character.charCount(s.codePointAt(begin));
    }
    while (right && end > begin && set.get(s.codePointBefore(end))) {
      end -= Character.charCount(s.codePointBefore(end));
    }
    return s.substring(begin, end);
  }

  /** {@code str.splitlines}. */
  static List<String> lines(String s, boolean keepEnds) {
    List<String> out = new ArrayList<>();
    int begin = 0;
    int i = 0;
    while (i < s.length()) {
      char c = s.charAt(i);
      if (!isLineEnd(c)) {
        i++;
        continue;
      }
      int next = c == '\r' && s.startsWith("\n", i + 1) ? i + 2 : i + 1;
      out.add(s.substring(begin, keepEnds ? next : i));
      begin = next;
      i = next;
    }
    if (begin < s.length()) {
      out.add(s.substring(begin));
    }
    return out;
  }

  private static boolean isLineEnd(char c) {
    return (c >= 10 && c <= 13) || (c >= 28 && c <= 30) || c == 0x85 || c == 0x2028 || c == 0x2029;
  }

  /** The escapes of HTML, as MarkupSafe writes them. */
  static String escapeHtml(String s) {
    StringBuilder out = new StringBuilder(s.length() + 16);
    for (int i = 0; i < s.length(); i++) {
      char c = s.charAt(i);
      switch (c) {
        case '&' -> out.append("&amp;");
        case '<' -> out.append("&lt;");
        case '>' -> out.append("&gt;");
        case '\'' -> out.append("&#39;");
        case '"' -> out.append("&#34;");
        default -> out.append(c);
      }
    }
    return out.toString();
  }
}
