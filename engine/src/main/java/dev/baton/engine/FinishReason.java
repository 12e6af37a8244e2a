package dev.baton.engine;

/** Why a request ended. */
public enum FinishReason {
  /** An end-of-sequence or stop token was generated. */
  STOP,
  /** It has maxTokens output tokens, or is maxModelLen tokens long. */
  LENGTH,
  /** It was cancelled, or the engine was closed. */
  CANCELLED,
  /** The backend, or a listener of the request, failed; the error says how. */
  ERROR
}
