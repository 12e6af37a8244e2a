package dev.baton.openai.request;

/** A request for text. */
public sealed interface GenerationRequest permits CompletionRequest, ChatRequest {

  /** The fields that both kinds have. */
  GenerationParams params();
}
