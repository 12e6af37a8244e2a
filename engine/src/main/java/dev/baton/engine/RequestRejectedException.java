package dev.baton.engine;

/** A request was refused when it was submitted; the message gives what was asked and the limit. */
public final class RequestRejectedException extends RuntimeException {
  private static final long serialVersionUID = 1L;

  /** What kind of refusal it is. */
  public enum Reason {
    /** A value of the request is out of its range: the request will never do. */
    INVALID,
    /** It is longer than the engine's maxModelLen or than the KV pool: it can never fit. */
    TOO_LONG,
    /** Too many requests wait: try later or elsewhere. */
    QUEUE_FULL,
    /** The engine is closed or has failed. */
    CLOSED
  }

  private final Reason reason;

  public RequestRejectedException(Reason reason, String message) {
    super(message);
    this.reason = reason;
  }

  /** What kind of refusal it is. */
  public Reason reason() {
    return reason;
  }
}
