package dev.baton.app;

import java.util.Locale;
import picocli.CommandLine.ITypeConverter;
import picocli.CommandLine.TypeConversionException;

/** Numbers as Python's {@code float()} takes them: with {@code inf}, and without {@code 1.0f}. */
final class PythonFloat implements ITypeConverter<Double> {
  @Override
  public Double convert(String text) {
    String word = text.strip().toLowerCase(Locale.ROOT);
    if (word.equals("inf") || word.equals("+inf") || word.equals("infinity")) {
      return Double.POSITIVE_INFINITY;
    }
    try {
      if (!word.isEmpty() && "0123456789.".indexOf(word.charAt(word.length() - 1)) >= 0) {
        return Double.parseDouble(word);
      }
    } catch (NumberFormatException e) {
      // Told below.
    }
    throw new TypeConversionException("'" + text + "' is no number (a number or inf is expected)");
  }
}
