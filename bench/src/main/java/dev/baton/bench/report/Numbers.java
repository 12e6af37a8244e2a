package dev.baton.bench.report;

import java.util.Locale;
import java.util.OptionalDouble;

/** How numbers are written. */
final class Numbers {
  private Numbers() {}

  /** A rate: as short as exact, at most three decimals; "inf" without a limit. */
  static String rate(double value) {
    if (Double.isInfinite(value)) {
      return "inf";
    }
    String text = String.format(Locale.ROOT, "%.3f", value);
    return text.replaceAll("0{1,2}$", "").replaceAll("\\.0$", ".0");
  }

  /** Milliseconds with sense: two decimals below 10, one below 1000, none above. */
  static String ms(double value) {
    double size = Math.abs(value);
    int digits = size < 10 ? 2 : size < 1000 ? 1 : 0;
    return String.format(Locale.ROOT, "%." + digits + "f", value);
  }

  static String ms(OptionalDouble value, String otherwise) {
    return value.isPresent() ? ms(value.getAsDouble()) : otherwise;
  }

  /** A share as per cent with one decimal. */
  static String percent(double share) {
    return String.format(Locale.ROOT, "%.1f %%", 100 * share);
  }

  static String percent(OptionalDouble share, String otherwise) {
    return share.isPresent() ? percent(share.getAsDouble()) : otherwise;
  }

  /** A plain number with at most two decimals. */
  static String number(double value) {
    String text = String.format(Locale.ROOT, "%.2f", value);
    return text.replaceAll("0+$", "").replaceAll("\\.$", "");
  }

  /** A ratio with two decimals. */
  static String ratio(double value) {
    return String.format(Locale.ROOT, "%.2f ×", value);
  }

  /** A gain as per cent, without decimals. */
  static String gain(double share) {
    return String.format(Locale.ROOT, "%.0f %%", 100 * share);
  }

  /** A percentile's name: 90, 99.9. */
  static String percentile(double p) {
    return number(p);
  }
}
