package dev.baton.engine.backend;

/**
 * Something that a backend found on this machine, for {@code doctor}.
 *
 * @param state whether it is as it should be
 * @param text one line: what it is, where, which version; where it is missing, the remedy
 */
public record Finding(State state, String text) {

  /** How things stand. */
  public enum State {
    /** There, and usable. */
    OK,
    /** Not there, and not needed by everyone. */
    MISSING,
    /** Not there or not usable, so that the backend cannot run. */
    BROKEN
  }

  public static Finding ok(String text) {
    return new Finding(State.OK, text);
  }

  public static Finding missing(String text) {
    return new Finding(State.MISSING, text);
  }

  public static Finding broken(String text) {
    return new Finding(State.BROKEN, text);
  }
}
