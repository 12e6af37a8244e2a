package dev.baton.openai;

import org.jspecify.annotations.Nullable;

/** A request that is answered with an HTTP status and OpenAI's error object. */
public final class OpenAiException extends RuntimeException {
  private static final long serialVersionUID = 1L;

  private final int status;
  private final transient ErrorBody body;

  public OpenAiException(int status, ErrorBody body) {
    // No stack trace: it is thrown for what clients send, and says nothing about our code.
    super(body.message(), null, false, false);
    this.status = status;
    this.body = body;
  }

  /** 400: the request can never be served as it is. */
  public static OpenAiException badRequest(String message, @Nullable String param) {
    return badRequest(message, param, null);
  }

  /** 400 with a code. */
  public static OpenAiException badRequest(
      String message, @Nullable String param, @Nullable String code) {
    return new OpenAiException(400, new ErrorBody(message, ErrorBody.INVALID_REQUEST, param, code));
  }

  /** 401: no key or a wrong one. */
  public static OpenAiException unauthorized(String message) {
    return new OpenAiException(
        401, new ErrorBody(message, ErrorBody.AUTHENTICATION, null, "invalid_api_key"));
  }

  /** 404 with a code such as "model_not_found". */
  public static OpenAiException notFound(
      String message, @Nullable String param, @Nullable String code) {
    return new OpenAiException(404, new ErrorBody(message, ErrorBody.INVALID_REQUEST, param, code));
  }

  /** 405. */
  public static OpenAiException methodNotAllowed(String message) {
    return new OpenAiException(
        405, new ErrorBody(message, ErrorBody.INVALID_REQUEST, null, "method_not_allowed"));
  }

  /** 500. */
  public static OpenAiException internal(String message) {
    return new OpenAiException(
        500, new ErrorBody(message, ErrorBody.SERVER, null, "internal_error"));
  }

  /** 503: cannot be served now; a later try may. */
  public static OpenAiException unavailable(String message) {
    return new OpenAiException(
        503, new ErrorBody(message, ErrorBody.SERVER, null, "service_unavailable"));
  }

  /** HTTP status. */
  public int status() {
    return status;
  }

  /** What the client reads. */
  public ErrorBody body() {
    return body;
  }
}
