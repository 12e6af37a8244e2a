package dev.baton.app;

import java.io.IOException;

/**
 * Ends this process when the one that started it ends. With the environment variable {@code
 * BATON_EXIT_WITH_STDIN=1} standard input is a pipe from the parent on which nothing ever comes:
 * its end means that the parent is gone, even if it was killed and could tell nobody.
 */
final class ParentWatch {
  private static final String VARIABLE = "BATON_EXIT_WITH_STDIN";
  private static final long GRACE_MILLIS = 5000;

  private ParentWatch() {}

  /** Starts the watch if the environment asks for it. */
  static void startIfAsked() {
    if ("1".equals(System.getenv(VARIABLE))) {
      Thread.ofPlatform().daemon().name("baton-parent-watch").start(ParentWatch::watch);
    }
  }

  private static void watch() {
    try {
      while (System.in.read() >= 0) {
        // Nothing is expected; whatever comes is not for us.
      }
    } catch (IOException e) {
      // A broken pipe says the same as its end.
    }
    // A clean end first; by force if a shutdown hook hangs, for nobody else will end this process.
    Thread.ofPlatform()
        .daemon()
        .name("baton-parent-watch-force")
        .start(
            () -> {
              try {
                Thread.sleep(GRACE_MILLIS);
              } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
              }
              Runtime.getRuntime().halt(Main.FAILED);
            });
    System.exit(Main.FAILED);
  }
}
