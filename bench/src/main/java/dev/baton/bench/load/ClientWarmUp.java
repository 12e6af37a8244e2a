package dev.baton.bench.load;

import dev.baton.openai.sse.SseEvent;
import dev.baton.openai.sse.SseReader;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.Optional;

/**
 * Lets the client's own hot code be compiled before the clock runs. The client often shares its
 * cores with the server; while it is still interpreted, it takes them away when it matters most.
 */
final class ClientWarmUp {
  private static final String CHUNK =
      "data: {\"id\":\"cmpl-0123456789abcdef\",\"object\":\"text_completion\",\"created\":1700000000,"
          + "\"model\":\"model\",\"choices\":[{\"index\":0,\"text\":\" word\",\"logprobs\":null,"
          + "\"finish_reason\":null}],\"usage\":null}\n\n";
  private static final int CHUNKS = 200;
  private static final int STREAMS = 100;

  private ClientWarmUp() {}

  static void run() {
    byte[] stream = CHUNK.repeat(CHUNKS).getBytes(StandardCharsets.UTF_8);
    int chunks = 0;
    for (int i = 0; i < STREAMS; i++) {
      ChunkParser parser = new ChunkParser();
      SseReader events = new SseReader(new ByteArrayInputStream(stream));
      try {
        for (Optional<SseEvent> next = events.next(); next.isPresent(); next = events.next()) {
          parser.parse(next.get().data());
          chunks += parser.hasOutput() ? 1 : 0;
        }
      } catch (IOException e) {
        throw new UncheckedIOException(e);
      }
    }
    if (chunks != CHUNKS * STREAMS) {
      throw new IllegalStateException("the warm-up stream was misread");
    }
  }
}
