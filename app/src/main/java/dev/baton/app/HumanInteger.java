package dev.baton.app;

import java.math.BigDecimal;
import java.util.Locale;
import java.util.Map;
import picocli.CommandLine.ITypeConverter;
import picocli.CommandLine.TypeConversionException;

/**
 * Reads whole numbers as vLLM's command line does: 4096, 1e4, 25.6k (thousands), 4K (1024s), and
 * the same with m, g, t.
 */
final class HumanInteger implements ITypeConverter<Long> {
  private static final Map<Character, Integer> POWERS = Map.of('k', 1, 'm', 2, 'g', 3, 't', 4);

  @Override
  public Long convert(String value) {
    String text = value.strip();
    long unit = 1;
    if (!text.isEmpty()) {
      char last = text.charAt(text.length() - 1);
      Integer power = POWERS.get(Character.toLowerCase(last));
      if (power != null) {
        long base = Character.isUpperCase(last) ? 1024 : 1000;
        for (int i = 0; i < power; i++) {
          unit *= base;
        }
        text = text.substring(0, text.length() - 1);
      }
    }
    try {
      if (text.length() > 30 || new BigDecimal(text).precision() > 30) {
        throw new NumberFormatException();
      }
      BigDecimal number = new BigDecimal(text);
      if (Math.abs((long) number.scale()) > 30) {
        throw new NumberFormatException();
      }
      return number.multiply(BigDecimal.valueOf(unit)).longValueExact();
    } catch (ArithmeticException | NumberFormatException e) {
      throw new TypeConversionException(
          String.format(
              Locale.ROOT,
              "'%s' is not a whole number; write it as 4096, 1e4, 25.6k (thousands) or 4K (1024s)",
              value));
    }
  }
}
