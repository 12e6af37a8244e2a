package dev.baton.model.template;

import java.math.BigDecimal;
import java.math.BigInteger;
import java.math.MathContext;
import java.math.RoundingMode;

/** One directive of {@code %} or {@code str.format}: how wide, how exact, with which sign. */
final class FormatSpec {
  private static final int MAX_PRECISION = 10_000;

  String fill = " ";

  /** One of {@code < > ^ =}, or a blank for the type's own. */
  char align = ' ';

  /** One of {@code + -} and a blank. */
  char sign = '-';

  boolean zero;
  boolean alternate;
  int width;

  /** A comma or an underscore between groups of digits, or a blank for nothing. */
  char grouping = ' ';

  /** -1 where it is not given. */
  int precision = -1;

  /** Text: cut to the precision, padded to the width. */
  String text(Budget budget, String value) {
    String s = value;
    if (precision >= 0 && precision < Text.length(s)) {
      s = s.substring(0, s.offsetByCodePoints(0, precision));
    }
    return padded(budget, s, '<', fill);
  }

  /** An integer as {@code d b o x X}. */
  String integer(Budget budget, BigInteger value, char type) {
    int radix =
        switch (type) {
          case 'b' -> 2;
          case 'o' -> 8;
          case 'x', 'X' -> 16;
          default -> 10;
        };
    BigInteger size = value.abs();
    String digits = radix == 10 ? Numbers.decimal(size) : size.toString(radix);
    if (precision > digits.length()) {
      // Only % allows a precision here: the least number of digits.
      digits = StringMethods.pad(budget, digits, precision, "0", 1);
    }
    String prefix = alternate && radix != 10 ? "0" + Character.toLowerCase(type) : "";
    if (type == 'X') {
      digits = Text.upper(digits);
      prefix = Text.upper(prefix);
    }
    return number(budget, signOf(value.signum() < 0) + prefix, digits, "", radix == 10 ? 3 : 4);
  }

  /** A float as {@code e E f F g G %}. */
  String floating(Budget budget, double value, char type) {
    boolean negative = value < 0 || (value == 0 && 1 / value < 0);
    if (!Double.isFinite(value)) {
      String word = Double.isNaN(value) ? "nan" : "inf";
      boolean upper = Character.isUpperCase(type);
      boolean zeros = zero;
      zero = false;
      String result =
          number(
              budget,
              signOf(negative && !Double.isNaN(value)),
              upper ? Text.upper(word) : word,
              type == '%' ? "%" : "",
              0);
      zero = zeros;
      return result;
    }
    int digits = precision < 0 ? 6 : precision;
    if (digits > MAX_PRECISION) {
      throw TemplateException.of("a format asks for more than " + MAX_PRECISION + " decimals");
    }
    BigDecimal size = new BigDecimal(value).abs();
    String body =
        switch (type) {
          case 'f', 'F' -> fixed(size, digits);
          case '%' -> fixed(new BigDecimal(Math.abs(value) * 100), digits);
          case 'e', 'E' -> scientific(size, digits);
          default -> general(size, Math.max(1, digits));
        };
    if (Character.isUpperCase(type)) {
      body = Text.upper(body);
    }
    int end = 0;
    while (end < body.length() && body.charAt(end) >= '0' && body.charAt(end) <= '9') {
      end++;
    }
    String tail = body.substring(end) + (type == '%' ? "%" : "");
    return number(budget, signOf(negative), body.substring(0, end), tail, 3);
  }

  /** A float without a type in {@code str.format}: as {@code repr}, or general with a precision. */
  String plainFloat(Budget budget, double value) {
    if (precision >= 0 || !Double.isFinite(value)) {
      return floating(budget, value, 'g');
    }
    String repr = FloatText.of(value);
    boolean negative = repr.startsWith("-");
    String body = negative ? repr.substring(1) : repr;
    int end = 0;
    while (end < body.length() && Character.isDigit(body.charAt(end))) {
      end++;
    }
    return number(budget, signOf(negative), body.substring(0, end), body.substring(end), 3);
  }

  private String fixed(BigDecimal size, int digits) {
    String text = size.setScale(digits, RoundingMode.HALF_EVEN).toPlainString();
    return alternate && digits == 0 ? text + "." : text;
  }

  private String scientific(BigDecimal size, int digits) {
    BigDecimal rounded = size.round(new MathContext(digits + 1, RoundingMode.HALF_EVEN));
    String all = rounded.unscaledValue().toString();
    int exponent = rounded.signum() == 0 ? 0 : all.length() - 1 - rounded.scale();
    StringBuilder mantissa = new StringBuilder(rounded.signum() == 0 ? "0" : all);
    mantissa.repeat('0', Math.max(0, digits + 1 - mantissa.length()));
    String text = mantissa.substring(0, 1);
    if (digits > 0) {
      text += "." + mantissa.substring(1, digits + 1);
    } else if (alternate) {
      text += ".";
    }
    return text + FloatText.exponentText(exponent);
  }

  private String general(BigDecimal size, int digits) {
    BigDecimal rounded = size.round(new MathContext(digits, RoundingMode.HALF_EVEN));
    int exponent = rounded.signum() == 0 ? 0 : rounded.precision() - 1 - rounded.scale();
    String text =
        exponent < -4 || exponent >= digits
            ? scientific(size, digits - 1)
            : fixed(size, digits - 1 - exponent);
    if (alternate) {
      return text;
    }
    int mark = text.indexOf('e');
    String tail = mark < 0 ? "" : text.substring(mark);
    String mantissa = mark < 0 ? text : text.substring(0, mark);
    if (mantissa.indexOf('.') >= 0) {
      mantissa = mantissa.replaceAll("0+$", "").replaceAll("\\.$", "");
    }
    return mantissa + tail;
  }

  private String signOf(boolean negative) {
    return negative ? "-" : sign == '-' ? "" : Character.toString(sign);
  }

  private String number(Budget budget, String head, String digits, String tail, int group) {
    boolean zeros = zero && align == ' ';
    String body = digits;
    if (zeros) {
      int missing = width - head.length() - tail.length();
      body = grouping == ' ' ? body : grouped(body, group);
      if (grouping == ' ') {
        body = StringMethods.pad(budget, body, missing, "0", 1);
      } else {
        String bare = digits;
        while (body.length() < missing) {
          budget.make(body.length());
          bare = "0" + bare;
          body = grouped(bare, group);
        }
      }
      return head + body + tail;
    }
    if (grouping != ' ' && group > 0) {
      body = grouped(body, group);
    }
    if (align == '=') {
      return head
          + StringMethods.pad(budget, body, width - head.length() - tail.length(), fill, 1)
          + tail;
    }
    return padded(budget, head + body + tail, '>', zero ? "0" : fill);
  }

  private String grouped(String digits, int group) {
    if (group == 0) {
      return digits;
    }
    StringBuilder out = new StringBuilder();
    for (int i = 0; i < digits.length(); i++) {
      if (i > 0 && (digits.length() - i) % group == 0) {
        out.append(grouping);
      }
      out.append(digits.charAt(i));
    }
    return out.toString();
  }

  private String padded(Budget budget, String text, char ownAlign, String with) {
    return switch (align == ' ' ? ownAlign : align) {
      case '<' -> StringMethods.pad(budget, text, width, with, 0);
      case '^' -> {
        int missing = Math.max(0, width - Text.length(text));
        String left = StringMethods.pad(budget, text, Text.length(text) + missing / 2, with, 1);
        yield StringMethods.pad(budget, left, width, with, 0);
      }
      default -> StringMethods.pad(budget, text, width, with, 1);
    };
  }
}
