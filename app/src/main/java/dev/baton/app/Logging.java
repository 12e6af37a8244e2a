package dev.baton.app;

import java.time.ZoneId;
import java.time.format.DateTimeFormatter;
import java.util.logging.ConsoleHandler;
import java.util.logging.Formatter;
import java.util.logging.Handler;
import java.util.logging.Level;
import java.util.logging.LogRecord;
import java.util.logging.Logger;

/** One line a record on standard error: time, level, short logger name, message. */
final class Logging {

  private static final DateTimeFormatter TIME =
      DateTimeFormatter.ofPattern("HH:mm:ss.SSS").withZone(ZoneId.systemDefault());

  private Logging() {}

  static void configure() {
    Logger root = Logger.getLogger("");
    for (Handler handler : root.getHandlers()) {
      root.removeHandler(handler);
    }
    ConsoleHandler console = new ConsoleHandler();
    console.setLevel(Level.ALL);
    console.setFormatter(new LineFormatter());
    root.addHandler(console);
    root.setLevel(Level.WARNING);
    Logger.getLogger("dev.baton")
        .setLevel("1".equals(System.getenv("BATON_DEBUG")) ? Level.FINE : Level.INFO);
  }

  private static final class LineFormatter extends Formatter {
    @Override
    public String format(LogRecord logged) {
      StringBuilder line = new StringBuilder(96);
      line.append(TIME.format(logged.getInstant()))
          .append(' ')
          .append(logged.getLevel().getName())
          .append(' ')
          .append(shortName(logged.getLoggerName()))
          .append(": ")
          .append(formatMessage(logged))
          .append('\n');
      Throwable thrown = logged.getThrown();
      if (thrown != null) {
        line.append("  ").append(thrown).append('\n');
        for (StackTraceElement frame : thrown.getStackTrace()) {
          line.append("    at ").append(frame).append('\n');
        }
      }
      return line.toString();
    }

    private static String shortName(String name) {
      return name.substring(name.lastIndexOf('.') + 1);
    }
  }
}
