package dev.baton.openai.http;

import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.time.Duration;

/**
 * A response whose head has been read. Read the {@link #body()} to its end, so that the connection
 * is used again, and close the reply in any case; closing early aborts the connection.
 */
public final class HttpReply implements AutoCloseable {
  private final ResponseHead head;
  private final BodyStream body;
  private final Connection connection;

  HttpReply(ResponseHead head, BodyStream body, Connection connection) {
    this.head = head;
    this.body = body;
    this.connection = connection;
  }

  /** Status code, 200 to 999 (or 101). */
  public int status() {
    return head.status();
  }

  /** The reason phrase, may be empty. */
  public String reason() {
    return head.reason();
  }

  /** Response headers. */
  public Headers headers() {
    return head.headers();
  }

  /** The body's bytes as they arrive; a body cut short throws {@link java.io.EOFException}. */
  public InputStream body() {
    return body;
  }

  /**
   * Bounds the silence within the rest of the body in place of the client's read timeout; a longer
   * one makes a read throw {@link java.net.SocketTimeoutException}. Only for the thread that reads
   * the body, before its end.
   *
   * @param silence zero waits for ever
   */
  public void readTimeout(Duration silence) throws IOException {
    connection.readTimeout(silence);
  }

  /** As {@link HttpCall#stayAwake}, for the rest of the body. Only for the thread that reads it. */
  public void stayAwake(long nanos) {
    connection.stayAwake(nanos);
  }

  /**
   * {@link System#nanoTime()} right after the socket read that brought the bytes which {@link
   * #body()} gave last. Only for the thread that reads the body.
   */
  public long lastReadNanos() {
    return connection.lastReadNanos();
  }

  /**
   * The rest of the body.
   *
   * @throws HttpProtocolException if it has more than {@code maxBytes}
   */
  public byte[] bytes(int maxBytes) throws IOException {
    byte[] bytes = body.readNBytes(maxBytes);
    if (!body.ended() && body.read() >= 0) {
      close();
      throw new HttpProtocolException("the response body exceeds " + maxBytes + " bytes");
    }
    return bytes;
  }

  /** The rest of the body as UTF-8. */
  public String text(int maxBytes) throws IOException {
    return new String(bytes(maxBytes), StandardCharsets.UTF_8);
  }

  @Override
  public void close() {
    body.close();
  }
}
