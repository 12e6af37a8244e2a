package dev.baton.model.template;

import dev.baton.model.template.Token.Kind;
import java.util.ArrayList;
import java.util.List;

/**
 * Cuts a template into text and tags and applies whitespace control: {@code trim_blocks} (one
 * newline after a block or comment goes), {@code lstrip_blocks} (blanks before a block or comment
 * that begins its line go), and the {@code -} and {@code +} signs of tags.
 */
final class Lexer {
  private final String source;
  private final List<Token> tokens = new ArrayList<>();
  private final TagLexer tags;
  private int pos;
  private int line = 1;
  private int lineCountedTo;

  /** Whether what came before {@link #pos} ended a line. */
  private boolean lineStarting = true;

  private Lexer(String source) {
    this.source = source;
    this.tags = new TagLexer(source, tokens);
  }

  static List<Token> tokens(String template) {
    String text = template.replace("\r\n", "\n").replace('\r', '\n');
    if (text.endsWith("\n")) {
      text = text.substring(0, text.length() - 1);
    }
    Lexer lexer = new Lexer(text);
    lexer.run();
    return lexer.tokens;
  }

  private void run() {
    while (pos < source.length()) {
      int tag = nextTag(pos);
      if (tag < 0) {
        data(source.substring(pos));
        pos = source.length();
        break;
      }
      String text = source.substring(pos, tag);
      char type = source.charAt(tag + 1);
      char sign = signAt(tag + 2);
      data(strip(text, sign, type != '{'));
      countLines(tag);
      int inside = tag + 2 + (sign == ' ' ? 0 : 1);
      switch (type) {
        case '#' -> comment(inside);
        case '{' -> tag(Kind.VARIABLE_BEGIN, Kind.VARIABLE_END, inside);
        default -> {
          int raw = endOfWordTag(inside, "raw", false);
          if (raw >= 0) {
            raw(raw);
          } else {
            tag(Kind.BLOCK_BEGIN, Kind.BLOCK_END, inside);
          }
        }
      }
      lineStarting = source.charAt(pos - 1) == '\n';
    }
    countLines(source.length());
    tokens.add(new Token(Kind.END, "", line));
  }

  private void tag(Kind begin, Kind end, int inside) {
    tokens.add(new Token(begin, "", line));
    pos = tags.run(inside, end, line);
    countLines(pos);
  }

  private void comment(int from) {
    if (from == source.length()) {
      // Jinja lets a comment or raw block pass that begins where the template ends.
      pos = from;
      return;
    }
    int end = source.indexOf("#}", from);
    if (end < 0) {
      throw TemplateException.of("the comment that begins here has no end, add '#}'").atLine(line);
    }
    boolean minus = end > from && source.charAt(end - 1) == '-';
    boolean plus = end > from && source.charAt(end - 1) == '+';
    pos = afterTag(end + 2, minus, plus);
    countLines(pos);
  }

  private void raw(int from) {
    lineStarting = source.charAt(from - 1) == '\n';
    for (int at = source.indexOf("{%", from); at >= 0; at = source.indexOf("{%", at + 1)) {
      char sign = signAt(at + 2);
      int end = endOfWordTag(at + 2 + (sign == ' ' ? 0 : 1), "endraw", true);
      if (end >= 0) {
        countLines(from);
        data(strip(source.substring(from, at), sign, true));
        pos = end;
        countLines(pos);
        return;
      }
    }
    if (from == source.length()) {
      pos = from;
      return;
    }
    throw TemplateException.of("the raw block that begins here has no end, add '{% endraw %}'")
        .atLine(line);
  }

  /**
   * The end of {@code word %}} at {@code from}, blanks and end sign included, or -1 if it is not
   * that.
   */
  private int endOfWordTag(int from, String word, boolean trimNewline) {
    int at = skipBlanks(from);
    if (!source.startsWith(word, at)) {
      return -1;
    }
    at = skipBlanks(at + word.length());
    boolean minus = source.startsWith("-", at);
    boolean plus = trimNewline && source.startsWith("+", at);
    int close = at + (minus || plus ? 1 : 0);
    if (!source.startsWith("%}", close)) {
      return -1;
    }
    return afterTag(close + 2, minus, plus || !trimNewline);
  }

  /** Where text goes on after a tag that ends at {@code end}. */
  private int afterTag(int end, boolean stripAll, boolean keepNewline) {
    if (stripAll) {
      return skipBlanks(end);
    }
    return !keepNewline && source.startsWith("\n", end) ? end + 1 : end;
  }

  private int skipBlanks(int from) {
    int at = from;
    while (at < source.length() && Text.isSpace(source.charAt(at))) {
      at++;
    }
    return at;
  }

  private int nextTag(int from) {
    for (int at = source.indexOf('{', from); at >= 0; at = source.indexOf('{', at + 1)) {
      if (at + 1 < source.length() && "{%#".indexOf(source.charAt(at + 1)) >= 0) {
        return at;
      }
    }
    return -1;
  }

  private char signAt(int at) {
    if (at < source.length() && (source.charAt(at) == '-' || source.charAt(at) == '+')) {
      return source.charAt(at);
    }
    return ' ';
  }

  /** What is left of the text before a tag. */
  private String strip(String text, char sign, boolean leftStrips) {
    if (sign == '-') {
      int end = text.length();
      while (end > 0 && Text.isSpace(text.charAt(end - 1))) {
        end--;
      }
      return text.substring(0, end);
    }
    int begin = text.lastIndexOf('\n') + 1;
    if (sign == ' ' && leftStrips && (begin > 0 || lineStarting)) {
      for (int i = begin; i < text.length(); i++) {
        if (!Text.isSpace(text.charAt(i))) {
          return text;
        }
      }
      return text.substring(0, begin);
    }
    return text;
  }

  private void data(String text) {
    if (!text.isEmpty()) {
      tokens.add(new Token(Kind.DATA, text, line));
    }
  }

  private void countLines(int to) {
    for (; lineCountedTo < to; lineCountedTo++) {
      if (source.charAt(lineCountedTo) == '\n') {
        line++;
      }
    }
  }
}
