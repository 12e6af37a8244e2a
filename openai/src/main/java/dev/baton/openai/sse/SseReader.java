package dev.baton.openai.sse;

import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.Optional;

/**
 * Reads server-sent events from a stream as they arrive: {@link #next()} returns as soon as the
 * empty line that ends an event is there, and never reads more from the stream than one read gives.
 *
 * <p>Lines may end in LF, CRLF or CR; the blank after the colon is optional; comments, {@code id:}
 * and {@code retry:} lines and events without data are skipped. An event that the end of the stream
 * leaves without its empty line is still given out. Not thread-safe.
 */
public final class SseReader {
  /** Largest line or event that is kept, unless another is given. */
  public static final int DEFAULT_MAX_EVENT_BYTES = 64 << 20;

  private static final String DEFAULT_TYPE = "message";
  private static final byte[] DATA = {'d', 'a', 't', 'a'};
  private static final byte[] EVENT = {'e', 'v', 'e', 'n', 't'};

  private final InputStream in;
  private final int maxEventBytes;
  private byte[] buffer = new byte[8192];

  /** Begin of the line being looked at, where the search for its end goes on, end of the bytes. */
  private int lineStart;

  private int scan;
  private int limit;
  private boolean ended;
  private boolean skipLineFeed;
  private boolean first = true;

  private String type = DEFAULT_TYPE;
  private byte[] data = new byte[1024];
  private int dataLength;
  private boolean hasData;

  /** Reads with the default limit. */
  public SseReader(InputStream in) {
    this(in, DEFAULT_MAX_EVENT_BYTES);
  }

  /**
   * Reads with a limit.
   *
   * @param maxEventBytes larger lines or events throw an {@link IOException}
   */
  public SseReader(InputStream in, int maxEventBytes) {
    this.in = in;
    this.maxEventBytes = maxEventBytes;
  }

  /**
   * Waits for the next event.
   *
   * @return empty at the end of the stream
   * @throws IOException if the stream fails or an event exceeds the limit
   */
  public Optional<SseEvent> next() throws IOException {
    while (true) {
      while (scan < limit) {
        byte b = buffer[scan];
        if (skipLineFeed) {
          skipLineFeed = false;
          if (b == '\n') {
            lineStart = ++scan;
            continue;
          }
        }
        if (b != '\n' && b != '\r') {
          scan++;
          continue;
        }
        skipLineFeed = b == '\r';
        int begin = lineStart;
        int end = scan;
        lineStart = ++scan;
        if (end > begin) {
          line(begin, end);
        } else if (hasData) {
          return Optional.of(take());
        } else {
          type = DEFAULT_TYPE;
        }
      }
      if (ended) {
        return Optional.empty();
      }
      if (!fill()) {
        ended = true;
        if (limit > lineStart) {
          line(lineStart, limit);
          lineStart = limit;
        }
        return hasData ? Optional.of(take()) : Optional.empty();
      }
    }
  }

  private boolean fill() throws IOException {
    if (lineStart == limit) {
      lineStart = 0;
      scan = 0;
      limit = 0;
    } else if (limit == buffer.length) {
      int kept = limit - lineStart;
      if (kept > maxEventBytes) {
        throw tooLarge();
      }
      byte[] target = kept > buffer.length / 2 ? new byte[2 * buffer.length] : buffer;
      System.arraycopy(buffer, lineStart, target, 0, kept);
      buffer = target;
      scan -= lineStart;
      lineStart = 0;
      limit = kept;
    }
    int count = in.read(buffer, limit, buffer.length - limit);
    if (count < 0) {
      return false;
    }
    limit += count;
    return true;
  }

  private void line(int begin, int end) throws IOException {
    int from = begin;
    if (first) {
      first = false;
      // A byte order mark may lead the stream.
      if (end - from >= 3
          && buffer[from] == (byte) 0xEF
          && buffer[from + 1] == (byte) 0xBB
          && buffer[from + 2] == (byte) 0xBF) {
        from += 3;
      }
    }
    int colon = from;
    while (colon < end && buffer[colon] != ':') {
      colon++;
    }
    int value = colon + 1;
    if (value < end && buffer[value] == ' ') {
      value++;
    }
    value = Math.min(value, end);
    if (is(DATA, from, colon)) {
      append(value, end);
    } else if (is(EVENT, from, colon)) {
      type = new String(buffer, value, end - value, StandardCharsets.UTF_8);
    }
  }

  private boolean is(byte[] name, int from, int to) {
    return Arrays.equals(name, 0, name.length, buffer, from, to);
  }

  private void append(int from, int to) throws IOException {
    int extra = to - from + (hasData ? 1 : 0);
    if (dataLength + extra > maxEventBytes) {
      throw tooLarge();
    }
    if (dataLength + extra > data.length) {
      data = Arrays.copyOf(data, Math.max(2 * data.length, dataLength + extra));
    }
    if (hasData) {
      data[dataLength++] = '\n';
    }
    System.arraycopy(buffer, from, data, dataLength, to - from);
    dataLength += to - from;
    hasData = true;
  }

  private SseEvent take() {
    SseEvent event = new SseEvent(type, new String(data, 0, dataLength, StandardCharsets.UTF_8));
    type = DEFAULT_TYPE;
    dataLength = 0;
    hasData = false;
    return event;
  }

  private IOException tooLarge() {
    return new IOException("a server-sent event exceeds " + maxEventBytes + " bytes");
  }
}
