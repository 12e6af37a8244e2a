package dev.baton.model.template;

import dev.baton.model.template.Token.Kind;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.List;

/** Cuts what stands inside one tag into names, literals and operators. */
final class TagLexer {
  private static final String[] OPERATORS = {
    "//", "**", "==", "!=", ">=", "<=", "+", "-", "/", "*", "%", "~", "[", "]", "(", ")", "{", "}",
    ">", "<", "=", ".", ":", "|", ",", ";"
  };

  private final String source;
  private final List<Token> tokens;

  TagLexer(String source, List<Token> tokens) {
    this.source = source;
    this.tokens = tokens;
  }

  /**
   * Adds the tokens of a tag and its end.
   *
   * @return where text goes on after the tag
   */
  int run(int from, Kind end, int firstLine) {
    String close = end == Kind.VARIABLE_END ? "}}" : "%}";
    Deque<Character> open = new ArrayDeque<>();
    int line = firstLine;
    int pos = from;
    while (pos < source.length()) {
      if (open.isEmpty()) {
        int after = tagEnd(pos, close, end == Kind.BLOCK_END);
        if (after >= 0) {
          tokens.add(new Token(end, "", line));
          return after;
        }
      }
      char c = source.charAt(pos);
      if (Text.isSpace(c)) {
        line += c == '\n' ? 1 : 0;
        pos++;
        continue;
      }
      int next = token(pos, line, open);
      for (; pos < next; pos++) {
        line += source.charAt(pos) == '\n' ? 1 : 0;
      }
    }
    throw TemplateException.of("the tag that begins here has no end, add '" + close + "'")
        .atLine(firstLine);
  }

  private int tagEnd(int pos, String close, boolean block) {
    if (source.startsWith(close, pos)) {
      int after = pos + 2;
      return block && source.startsWith("\n", after) ? after + 1 : after;
    }
    if (source.startsWith(close, pos + 1)) {
      char sign = source.charAt(pos);
      if (sign == '+' && block) {
        return pos + 3;
      }
      if (sign == '-') {
        int after = pos + 3;
        while (after < source.length() && Text.isSpace(source.charAt(after))) {
          after++;
        }
        return after;
      }
    }
    return -1;
  }

  private int token(int pos, int line, Deque<Character> open) {
    char c = source.charAt(pos);
    if (c >= '0' && c <= '9') {
      return number(pos, line);
    }
    if (c == '\'' || c == '"') {
      int end = StringLiteral.end(source, pos);
      if (end >= 0) {
        String value = StringLiteral.unescape(source.substring(pos + 1, end - 1), line);
        tokens.add(new Token(Kind.STRING, value, line));
        return end;
      }
    }
    int nameEnd = nameEnd(pos);
    if (nameEnd > pos) {
      String name = source.substring(pos, nameEnd);
      if (!Text.isIdentifier(name)) {
        throw TemplateException.of("invalid character in the name '" + name + "'").atLine(line);
      }
      tokens.add(new Token(Kind.NAME, name, line));
      return nameEnd;
    }
    for (String operator : OPERATORS) {
      if (source.startsWith(operator, pos)) {
        balance(operator, open, line);
        tokens.add(new Token(Kind.OPERATOR, operator, line));
        return pos + operator.length();
      }
    }
    String what = Character.toString(source.codePointAt(pos));
    throw TemplateException.of("unexpected character " + Repr.quote(what)).atLine(line);
  }

  private static void balance(String operator, Deque<Character> open, int line) {
    switch (operator) {
      case "(" -> open.push(')');
      case "[" -> open.push(']');
      case "{" -> open.push('}');
      case ")", "]", "}" -> {
        if (open.isEmpty()) {
          throw TemplateException.of("unexpected '" + operator + "'").atLine(line);
        }
        char expected = open.pop();
        if (expected != operator.charAt(0)) {
          throw TemplateException.of("unexpected '" + operator + "', expected '" + expected + "'")
              .atLine(line);
        }
      }
      default -> {}
    }
  }

  private int nameEnd(int from) {
    int at = from;
    while (at < source.length()) {
      int c = source.codePointAt(at);
      if (c != '_' && !Text.isAlphanumeric(c)) {
        break;
      }
      at += Character.charCount(c);
    }
    return at;
  }

  private int number(int pos, int line) {
    boolean afterDot = pos > 0 && source.charAt(pos - 1) == '.';
    int fraction = afterDot ? -1 : floatEnd(pos);
    if (fraction >= 0) {
      tokens.add(new Token(Kind.FLOAT, source.substring(pos, fraction).replace("_", ""), line));
      return fraction;
    }
    int end = integerEnd(pos);
    tokens.add(new Token(Kind.INTEGER, source.substring(pos, end).replace("_", ""), line));
    return end;
  }

  private int floatEnd(int pos) {
    int at = digits(pos, 10);
    boolean isFloat = false;
    if (source.startsWith(".", at) && digits(at + 1, 10) > at + 1) {
      at = digits(at + 1, 10);
      isFloat = true;
    }
    if (at < source.length() && (source.charAt(at) == 'e' || source.charAt(at) == 'E')) {
      int exponent = at + 1;
      if (source.startsWith("+", exponent) || source.startsWith("-", exponent)) {
        exponent++;
      }
      int end = digits(exponent, 10);
      if (end > exponent) {
        return end;
      }
    }
    return isFloat ? at : -1;
  }

  private int integerEnd(int pos) {
    if (source.charAt(pos) != '0') {
      return digits(pos, 10);
    }
    if (pos + 1 < source.length()) {
      int radix =
          switch (source.charAt(pos + 1)) {
            case 'b', 'B' -> 2;
            case 'o', 'O' -> 8;
            case 'x', 'X' -> 16;
            default -> 0;
          };
      if (radix > 0) {
        int first = source.startsWith("_", pos + 2) ? pos + 3 : pos + 2;
        int end = digits(first, radix);
        if (end > first) {
          return end;
        }
      }
    }
    return digits(pos, 1);
  }

  /** The end of a run of digits with single underscores inside; {@code pos} if there is none. */
  private int digits(int pos, int radix) {
    int end = pos;
    int at = pos;
    while (at < source.length()) {
      char c = source.charAt(at);
      if (radix == 1 ? c == '0' : c < 128 && Character.digit(c, radix) >= 0) {
        at++;
        end = at;
      } else if (c == '_' && at == end && end > pos) {
        at++;
      } else {
        break;
      }
    }
    return end;
  }
}
