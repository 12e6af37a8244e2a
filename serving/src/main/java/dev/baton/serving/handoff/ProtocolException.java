package dev.baton.serving.handoff;

/** A peer sent something that it must not; its connection is dropped. */
final class ProtocolException extends Exception {
  private static final long serialVersionUID = 1L;

  ProtocolException(String message) {
    super(message);
  }
}
