package dev.baton.bench.deployment;

import java.util.List;

/** The fake launcher's command line, for tests of other rooms. */
public final class FakeLauncher {
  private FakeLauncher() {}

  /** The command before {@code serve} and {@code proxy}. */
  public static List<String> command() {
    return FakeBaton.launcher();
  }
}
