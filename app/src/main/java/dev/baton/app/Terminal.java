package dev.baton.app;

import java.io.Console;

/** Whether a person watches: a line may then be redrawn in place. */
final class Terminal {

  private Terminal() {}

  @SuppressWarnings("SystemConsoleNull") // null without a terminal where jdk.internal.le is absent
  static boolean isInteractive() {
    Console console = System.console();
    return console != null && console.isTerminal() && !"dumb".equals(System.getenv("TERM"));
  }
}
