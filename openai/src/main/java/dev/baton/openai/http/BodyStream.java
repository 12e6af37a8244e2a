package dev.baton.openai.http;

import java.io.EOFException;
import java.io.IOException;
import java.io.InputStream;

/** A response body as its framing says: until a length, in chunks, or until the server closes. */
final class BodyStream extends InputStream {
  private enum Framing {
    LENGTH,
    CHUNKED,
    UNTIL_CLOSE
  }

  private final Connection connection;
  private final Framing framing;
  private final int maxTrailerBytes;
  private final HttpCall call;

  /** Bytes left of the body (LENGTH) or of the current chunk (CHUNKED). */
  private long left;

  private boolean insideChunks;
  private boolean ended;
  private final byte[] single = new byte[1];

  private BodyStream(
      HttpCall call, Connection connection, Framing framing, long left, int maxTrailerBytes) {
    this.call = call;
    this.connection = connection;
    this.framing = framing;
    this.left = left;
    this.maxTrailerBytes = maxTrailerBytes;
  }

  /**
   * The body that follows a head, which may already be at its end.
   *
   * @param call told when the body has ended
   */
  static BodyStream after(HttpCall call, Connection connection, ResponseHead head, boolean noBody)
      throws IOException {
    int limit = call.options().maxHeaderBytes();
    if (noBody || head.status() == 204 || head.status() == 304) {
      return new BodyStream(call, connection, Framing.LENGTH, 0, limit);
    }
    if (head.headers().hasToken("transfer-encoding", "chunked")) {
      return new BodyStream(call, connection, Framing.CHUNKED, 0, limit);
    }
    long length = -1;
    for (String value : head.headers().all("content-length")) {
      long one = parseLength(value);
      if (length >= 0 && length != one) {
        throw new HttpProtocolException("two content-length headers that differ");
      }
      length = one;
    }
    return length >= 0
        ? new BodyStream(call, connection, Framing.LENGTH, length, limit)
        : new BodyStream(call, connection, Framing.UNTIL_CLOSE, Long.MAX_VALUE, limit);
  }

  private static long parseLength(String value) throws HttpProtocolException {
    if (value.isEmpty() || value.length() > 18) {
      throw new HttpProtocolException("content-length \"" + value + "\" is no length");
    }
    long length = 0;
    for (int i = 0; i < value.length(); i++) {
      int digit = value.charAt(i) - '0';
      if (digit < 0 || digit > 9) {
        throw new HttpProtocolException("content-length \"" + value + "\" is no length");
      }
      length = 10 * length + digit;
    }
    return length;
  }

  /** Whether another request can follow on this connection once the body is read. */
  boolean delimited() {
    return framing != Framing.UNTIL_CLOSE;
  }

  /** Ends a body that has no bytes at once. */
  void finishIfEmpty() {
    if (framing == Framing.LENGTH && left == 0) {
      end();
    }
  }

  @Override
  public int read() throws IOException {
    int count = read(single, 0, 1);
    return count < 0 ? -1 : single[0] & 0xff;
  }

  @Override
  public int read(byte[] target, int offset, int length) throws IOException {
    if (length == 0) {
      return 0;
    }
    if (ended) {
      return -1;
    }
    try {
      return readSome(target, offset, length);
    } catch (IOException e) {
      IOException told = call.explained(e);
      call.abort();
      throw told;
    }
  }

  private int readSome(byte[] target, int offset, int length) throws IOException {
    if (framing == Framing.CHUNKED && left == 0 && !nextChunk()) {
      end();
      return -1;
    }
    int count = connection.read(target, offset, (int) Math.min(length, left));
    if (count < 0) {
      if (framing == Framing.UNTIL_CLOSE) {
        end();
        return -1;
      }
      throw new EOFException(
          connection.origin()
              + " cut the connection in the middle of the response body"
              + (framing == Framing.LENGTH ? " (" + left + " bytes are missing)" : ""));
    }
    left -= count;
    if (left == 0 && framing == Framing.LENGTH) {
      end();
    }
    return count;
  }

  private boolean nextChunk() throws IOException {
    if (insideChunks) {
      int b = expect();
      if (b == '\r') {
        b = expect();
      }
      if (b != '\n') {
        throw new HttpProtocolException("a chunk is not followed by a line end");
      }
    }
    insideChunks = true;
    long size = 0;
    int digits = 0;
    boolean extension = false;
    for (int taken = 0; ; taken++) {
      int b = expect();
      if (b == '\n') {
        break;
      }
      int digit = Character.digit(b, 16);
      if (!extension && digit >= 0) {
        if (++digits > 15) {
          throw new HttpProtocolException("a chunk claims an impossible size");
        }
        size = 16 * size + digit;
      } else if (b == ';' || b == ' ' || b == '\t') {
        extension = true;
      } else if (!extension && b != '\r') {
        throw new HttpProtocolException("a chunk begins without a size");
      }
      if (taken > maxTrailerBytes) {
        throw new HttpProtocolException("a chunk's extension is too long");
      }
    }
    if (digits == 0) {
      throw new HttpProtocolException("a chunk begins without a size");
    }
    left = size;
    if (size == 0) {
      ResponseHead.readFields(new ResponseHead.LineReader(connection, maxTrailerBytes));
      return false;
    }
    return true;
  }

  private int expect() throws IOException {
    int b = connection.read();
    if (b < 0) {
      throw new EOFException(
          connection.origin() + " cut the connection in the middle of the response body");
    }
    return b;
  }

  private void end() {
    ended = true;
    call.bodyEnded();
  }

  boolean ended() {
    return ended;
  }

  @Override
  public int available() {
    return ended ? 0 : (int) Math.min(left, connection.buffered());
  }

  /** A body closed before its end aborts the connection: that is how a request is cancelled. */
  @Override
  public void close() {
    if (!ended) {
      call.abort();
    }
  }
}
