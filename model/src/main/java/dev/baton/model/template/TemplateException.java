package dev.baton.model.template;

/**
 * A chat template could not be compiled or rendered: bad syntax, an operation that its values do
 * not allow, a safety limit, or the template's own {@code raise_exception}.
 */
public final class TemplateException extends RuntimeException {
  private static final long serialVersionUID = 1L;

  private final boolean raisedByTemplate;
  private final String detail;

  private TemplateException(String message, String detail, boolean raisedByTemplate) {
    super(message);
    this.detail = detail;
    this.raisedByTemplate = raisedByTemplate;
  }

  /** An error found by the interpreter, without a place yet. */
  static TemplateException of(String detail) {
    return new TemplateException(detail, detail, false);
  }

  /** The template called {@code raise_exception(message)}. */
  static TemplateException raised(String message) {
    return new TemplateException(message, message, true);
  }

  /**
   * The same error with the line it came from, unless it has one already or is the template's own.
   */
  TemplateException atLine(int line) {
    if (raisedByTemplate || !detail.equals(getMessage())) {
      return this;
    }
    TemplateException placed =
        new TemplateException("chat template, line " + line + ": " + detail, detail, false);
    placed.setStackTrace(getStackTrace());
    return placed;
  }

  /**
   * Whether the template itself refused its input through {@code raise_exception}; the message is
   * then exactly what it said, meant for whoever sent the messages.
   */
  public boolean raisedByTemplate() {
    return raisedByTemplate;
  }
}
