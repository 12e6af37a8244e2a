package dev.baton.openai.http;

import java.io.EOFException;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/** Status line and headers of a response. */
record ResponseHead(boolean http11, int status, String reason, Headers headers) {

  /**
   * Reads the head of a final response; interim (1xx) ones are skipped.
   *
   * @throws EOFException if the server closed before the first byte
   */
  static ResponseHead read(Connection connection, int maxBytes) throws IOException {
    LineReader lines = new LineReader(connection, maxBytes);
    while (true) {
      ResponseHead head = readOne(connection, lines);
      if (head.status() >= 200 || head.status() == 101) {
        return head;
      }
    }
  }

  private static ResponseHead readOne(Connection connection, LineReader lines) throws IOException {
    String status = lines.line();
    // HTTP/1.x SP 3DIGIT [SP reason]
    if (status.length() < 12 || !status.startsWith("HTTP/1.") || status.charAt(8) != ' ') {
      throw new HttpProtocolException(
          connection.origin()
              + " answered with something that is not HTTP/1.1: \""
              + shortened(status)
              + "\"");
    }
    int code = 0;
    for (int i = 9; i < 12; i++) {
      int digit = status.charAt(i) - '0';
      if (digit < 0 || digit > 9) {
        throw new HttpProtocolException("status line without a status: " + shortened(status));
      }
      code = code * 10 + digit;
    }
    if (code < 100 || (status.length() > 12 && status.charAt(12) != ' ')) {
      throw new HttpProtocolException("status line without a status: " + shortened(status));
    }
    String reason = status.length() > 13 ? status.substring(13).strip() : "";
    return new ResponseHead(status.charAt(7) != '0', code, reason, readFields(lines));
  }

  /** Header fields up to the empty line; also used for trailers. */
  static Headers readFields(LineReader lines) throws IOException {
    List<Headers.Field> fields = new ArrayList<>();
    while (true) {
      String line = lines.line();
      if (line.isEmpty()) {
        return Headers.of(fields);
      }
      char first = line.charAt(0);
      if ((first == ' ' || first == '\t') && !fields.isEmpty()) {
        // Obsolete folding: the line goes on.
        Headers.Field last = fields.removeLast();
        fields.add(new Headers.Field(last.name(), last.value() + " " + line.strip()));
        continue;
      }
      int colon = line.indexOf(':');
      if (colon <= 0) {
        throw new HttpProtocolException("header line without a name: " + shortened(line));
      }
      try {
        fields.add(new Headers.Field(line.substring(0, colon), line.substring(colon + 1).strip()));
      } catch (IllegalArgumentException e) {
        throw new HttpProtocolException("malformed header line: " + shortened(line));
      }
    }
  }

  private static String shortened(String text) {
    return text.length() <= 80 ? text : text.substring(0, 80) + "…";
  }

  /** Lines ended by LF or CRLF, with one allowance of bytes for all of them. */
  static final class LineReader {
    private final Connection connection;
    private final int maxBytes;
    private int taken;
    private byte[] line = new byte[128];

    LineReader(Connection connection, int maxBytes) {
      this.connection = connection;
      this.maxBytes = maxBytes;
    }

    String line() throws IOException {
      int length = 0;
      while (true) {
        int b = connection.read();
        if (b < 0) {
          throw new EOFException(
              connection.origin()
                  + (taken == 0
                      ? " closed the connection without an answer"
                      : " closed the connection in the middle of the headers"));
        }
        if (++taken > maxBytes) {
          throw new HttpProtocolException(
              "the headers from " + connection.origin() + " exceed " + maxBytes + " bytes");
        }
        if (b == '\n') {
          if (length > 0 && line[length - 1] == '\r') {
            length--;
          }
          return new String(line, 0, length, StandardCharsets.UTF_8);
        }
        if (length == line.length) {
          line = Arrays.copyOf(line, 2 * length);
        }
        line[length++] = (byte) b;
      }
    }
  }
}
