package dev.baton.serving.proxy;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.util.Arrays;

/**
 * Cuts a stream of server-sent events into whole events, bytes untouched. Several events that came
 * together are given together.
 */
final class SseBlocks {
  private static final int MAX_EVENT = 16 << 20;

  private final InputStream in;
  private final byte[] buffer = new byte[16 * 1024];
  private final ByteArrayOutputStream partial = new ByteArrayOutputStream();

  SseBlocks(InputStream in) {
    this.in = in;
  }

  /**
   * Waits for the next event or events.
   *
   * @return whole events with the empty lines that end them; empty at the end of the stream
   * @throws IOException if the stream breaks, or ends within an event
   */
  byte[] next() throws IOException {
    while (true) {
      int n = in.read(buffer);
      if (n < 0) {
        if (partial.size() > 0) {
          throw new IOException("the stream ended within an event");
        }
        return new byte[0];
      }
      partial.write(buffer, 0, n);
      byte[] all = partial.toByteArray();
      int end = endOfLastEvent(all);
      if (end > 0) {
        partial.reset();
        partial.write(all, end, all.length - end);
        return end == all.length ? all : Arrays.copyOf(all, end);
      }
      if (all.length > MAX_EVENT) {
        throw new IOException("an event of more than " + MAX_EVENT + " bytes");
      }
    }
  }

  private static int endOfLastEvent(byte[] bytes) {
    for (int i = bytes.length - 1; i > 0; i--) {
      if (bytes[i] != '\n') {
        continue;
      }
      boolean empty =
          bytes[i - 1] == '\n' || (i > 1 && bytes[i - 1] == '\r' && bytes[i - 2] == '\n');
      if (empty) {
        return i + 1;
      }
    }
    return 0;
  }
}
