package dev.baton.model.template;

import java.time.LocalDateTime;
import java.time.format.TextStyle;
import java.time.temporal.ChronoField;
import java.time.temporal.IsoFields;
import java.util.Locale;
import org.jspecify.annotations.Nullable;

/** {@code strftime} in the C locale, with glibc's flags, for a time without a zone. */
final class Strftime {
  private Strftime() {}

  static String format(String format, LocalDateTime time) {
    StringBuilder out = new StringBuilder();
    int i = 0;
    while (i < format.length()) {
      char c = format.charAt(i++);
      if (c != '%') {
        out.append(c);
        continue;
      }
      int begin = i - 1;
      char flag = ' ';
      boolean upper = false;
      while (i < format.length() && "-_0^#".indexOf(format.charAt(i)) >= 0) {
        char f = format.charAt(i++);
        upper |= f == '^' || f == '#';
        flag = f == '-' || f == '_' || f == '0' ? f : flag;
      }
      String text = i < format.length() ? directive(format.charAt(i), flag, time) : null;
      if (text == null) {
        out.append(format, begin, Math.min(format.length(), i + 1));
      } else {
        out.append(upper ? Text.upper(text) : text);
      }
      i++;
    }
    return out.toString();
  }

  private static @Nullable String directive(char type, char flag, LocalDateTime t) {
    int hour12 = t.getHour() % 12 == 0 ? 12 : t.getHour() % 12;
    int weekday = t.getDayOfWeek().getValue();
    int year = t.getYear();
    return switch (type) {
      case 'a' -> t.getDayOfWeek().getDisplayName(TextStyle.SHORT, Locale.ENGLISH);
      case 'A' -> t.getDayOfWeek().getDisplayName(TextStyle.FULL, Locale.ENGLISH);
      case 'b', 'h' -> t.getMonth().getDisplayName(TextStyle.SHORT, Locale.ENGLISH);
      case 'B' -> t.getMonth().getDisplayName(TextStyle.FULL, Locale.ENGLISH);
      case 'c' -> format("%a %b %e %H:%M:%S %Y", t);
      case 'C' -> number(Math.floorDiv(year, 100), 2, '0', flag);
      case 'd' -> number(t.getDayOfMonth(), 2, '0', flag);
      case 'D', 'x' -> format("%m/%d/%y", t);
      case 'e' -> number(t.getDayOfMonth(), 2, '_', flag);
      case 'f' -> number(t.getNano() / 1000, 6, '0', ' ');
      case 'F' -> format("%Y-%m-%d", t);
      case 'g' -> number(t.get(IsoFields.WEEK_BASED_YEAR) % 100, 2, '0', flag);
      case 'G' -> number(t.get(IsoFields.WEEK_BASED_YEAR), 4, '0', flag);
      case 'H' -> number(t.getHour(), 2, '0', flag);
      case 'I' -> number(hour12, 2, '0', flag);
      case 'j' -> number(t.getDayOfYear(), 3, '0', flag);
      case 'k' -> number(t.getHour(), 2, '_', flag);
      case 'l' -> number(hour12, 2, '_', flag);
      case 'm' -> number(t.getMonthValue(), 2, '0', flag);
      case 'M' -> number(t.getMinute(), 2, '0', flag);
      case 'n' -> "\n";
      case 'p' -> t.getHour() < 12 ? "AM" : "PM";
      case 'P' -> t.getHour() < 12 ? "am" : "pm";
      case 'r' -> format("%I:%M:%S %p", t);
      case 'R' -> format("%H:%M", t);
      case 'S' -> number(t.getSecond(), 2, '0', flag);
      case 't' -> "\t";
      case 'T', 'X' -> format("%H:%M:%S", t);
      case 'u' -> Integer.toString(weekday);
      case 'U' -> number((t.getDayOfYear() + 6 - weekday % 7) / 7, 2, '0', flag);
      case 'V' -> number(t.get(IsoFields.WEEK_OF_WEEK_BASED_YEAR), 2, '0', flag);
      case 'w' -> Integer.toString(weekday % 7);
      case 'W' -> number((t.getDayOfYear() + 6 - (weekday - 1)) / 7, 2, '0', flag);
      case 'y' -> number(t.get(ChronoField.YEAR) % 100, 2, '0', flag);
      case 'Y' -> number(year, flag == ' ' ? 1 : 4, '0', flag);
      case 'z', 'Z' -> "";
      case '%' -> "%";
      default -> null;
    };
  }

  private static String number(int value, int width, char ownPadding, char flag) {
    String digits = Integer.toString(value);
    char padding = flag == ' ' ? ownPadding : flag;
    if (padding == '-') {
      return digits;
    }
    String fill = padding == '_' ? " " : "0";
    return fill.repeat(Math.max(0, width - digits.length())) + digits;
  }
}
