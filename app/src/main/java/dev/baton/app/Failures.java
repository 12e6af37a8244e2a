package dev.baton.app;

import dev.baton.engine.backend.BackendException;
import dev.baton.model.ModelFormatException;

/** Which failures carry a message that is enough for the user. */
final class Failures {

  private Failures() {}

  static boolean isExpected(Throwable failure) {
    return failure instanceof UserError
        || failure instanceof ModelFormatException
        || failure instanceof BackendException;
  }
}
