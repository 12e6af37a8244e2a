package dev.baton.model.template;

import java.math.BigDecimal;
import java.math.BigInteger;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/** Turning values into numbers and text into numbers, as Python does. */
final class Numbers {
  /** The most decimal digits that an integer may be read from or written to. */
  static final int MAX_DIGITS = 4300;

  /** The most bits that an integer may have. */
  static final int MAX_BITS = 1 << 16;

  private static final Pattern FLOAT =
      Pattern.compile("[+-]?(\\d+\\.?\\d*|\\.\\d+)([eE][+-]?\\d+)?");

  private Numbers() {}

  static @Nullable BigInteger integerOrNull(Value value) {
    return switch (value) {
      case Value.Int i -> i.value();
      case Value.Bool b -> b.truth() ? BigInteger.ONE : BigInteger.ZERO;
      default -> null;
    };
  }

  static boolean isNumber(Value value) {
    return value instanceof Value.Int || value instanceof Value.Real || value instanceof Value.Bool;
  }

  /** An integer that Python would take as an index, clamped to the range of int. */
  static int index(Value value) {
    BigInteger integer = integer(value);
    if (integer.bitLength() < 32) {
      return integer.intValue();
    }
    return integer.signum() < 0 ? -Integer.MAX_VALUE : Integer.MAX_VALUE;
  }

  /** An integer where nothing else is allowed. */
  static BigInteger integer(Value value) {
    if (value instanceof Undefined u) {
      throw u.error();
    }
    BigInteger integer = integerOrNull(value);
    if (integer == null) {
      throw TemplateException.of(
          "'" + value.typeName() + "' object cannot be interpreted as an integer");
    }
    return integer;
  }

  /** The double of a number. */
  static double toDouble(Value number) {
    if (number instanceof Value.Real f) {
      return f.value();
    }
    double value = integer(number).doubleValue();
    if (Double.isInfinite(value)) {
      throw TemplateException.of("int too large to convert to float");
    }
    return value;
  }

  /** A float cut to an integer; it must be finite. */
  static BigInteger truncate(double value) {
    return new BigDecimal(value).toBigInteger();
  }

  /** What {@code int(text, base)} reads, or null. */
  static @Nullable BigInteger parseInteger(String text, int base) {
    String s = Text.strip(text, true, true);
    boolean negative = s.startsWith("-");
    if (negative || s.startsWith("+")) {
      s = s.substring(1);
    }
    int radix = base;
    int prefix =
        s.length() > 1 && s.charAt(0) == '0'
            ? switch (s.charAt(1)) {
              case 'b', 'B' -> 2;
              case 'o', 'O' -> 8;
              case 'x', 'X' -> 16;
              default -> 0;
            }
            : 0;
    boolean prefixed = prefix > 0 && (base == 0 || base == prefix);
    if (prefixed) {
      radix = prefix;
      s = s.startsWith("_", 2) ? s.substring(3) : s.substring(2);
    } else if (base == 0) {
      radix = 10;
    }
    String digits = digits(s, radix);
    if (digits == null || (base == 0 && !prefixed && digits.matches("0+[1-9].*"))) {
      return null;
    }
    BigInteger value = new BigInteger(digits, radix);
    return negative ? value.negate() : value;
  }

  private static @Nullable String digits(String s, int radix) {
    StringBuilder out = new StringBuilder(s.length());
    boolean digitBefore = false;
    for (int i = 0; i < s.length(); ) {
      int c = s.codePointAt(i);
      int digit = Character.digit(c, radix);
      if (digit >= 0) {
        out.append(Character.forDigit(digit, radix));
        digitBefore = true;
      } else if (c == '_' && digitBefore) {
        digitBefore = false;
      } else {
        return null;
      }
      i += Character.charCount(c);
    }
    return digitBefore && out.length() <= MAX_DIGITS ? out.toString() : null;
  }

  /** What {@code float(text)} reads, or null. */
  static @Nullable Double parseFloat(String text) {
    String s = Text.strip(text, true, true);
    String sign = s.startsWith("-") ? "-" : "";
    String rest = Text.lower(s.startsWith("-") || s.startsWith("+") ? s.substring(1) : s);
    if (rest.equals("inf") || rest.equals("infinity")) {
      return sign.isEmpty() ? Double.POSITIVE_INFINITY : Double.NEGATIVE_INFINITY;
    }
    if (rest.equals("nan")) {
      return Double.NaN;
    }
    StringBuilder ascii = new StringBuilder(s.length());
    for (int i = 0; i < s.length(); ) {
      int c = s.codePointAt(i);
      i += Character.charCount(c);
      if (c == '_') {
        boolean between =
            !ascii.isEmpty()
                && Character.isDigit(ascii.charAt(ascii.length() - 1))
                && i < s.length()
                && Character.isDigit(s.codePointAt(i));
        if (!between) {
          return null;
        }
      } else if (Character.isDigit(c)) {
        ascii.append((char) ('0' + Character.digit(c, 10)));
      } else {
        ascii.appendCodePoint(c);
      }
    }
    return FLOAT.matcher(ascii).matches() ? Double.valueOf(ascii.toString()) : null;
  }

  /** A decimal number of an integer. */
  static String decimal(BigInteger value) {
    // A number of n bits has at most n * log10(2) + 1 digits; only near the limit is it counted
    // out.
    if (value.bitLength() > MAX_DIGITS * 3) {
      String digits = value.abs().toString();
      if (digits.length() > MAX_DIGITS) {
        throw TemplateException.of(
            "Exceeds the limit (" + MAX_DIGITS + " digits) for integer string conversion");
      }
    }
    return value.toString();
  }
}
