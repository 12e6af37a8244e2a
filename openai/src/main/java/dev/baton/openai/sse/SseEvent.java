package dev.baton.openai.sse;

/**
 * One server-sent event.
 *
 * @param event the type from its {@code event:} line, or {@code message}
 * @param data its {@code data:} lines joined by line feeds
 */
public record SseEvent(String event, String data) {
  /** Whether this is OpenAI's end mark. */
  public boolean done() {
    return data.equals("[DONE]");
  }
}
