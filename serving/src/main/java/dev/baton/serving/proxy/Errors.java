package dev.baton.serving.proxy;

import dev.baton.openai.ErrorBody;

/** The proxy's own errors. */
final class Errors {
  private Errors() {}

  static ErrorBody noWorker(Role role) {
    return new ErrorBody(
        "No "
            + role.label()
            + " worker is available. Start one that announces itself to this proxy, or wait for one"
            + " to come back.",
        ErrorBody.SERVER,
        null,
        "no_" + role.label() + "_worker");
  }

  static ErrorBody upstream(String message) {
    return new ErrorBody(message, ErrorBody.SERVER, null, "worker_failed");
  }
}
