package dev.baton.serving.http;

import java.io.ByteArrayOutputStream;
import java.io.EOFException;
import java.io.IOException;
import java.io.InputStream;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.util.Locale;

/** An HTTP client made of a socket: sends exactly what it is given and reads what comes. */
public final class RawClient implements AutoCloseable {
  private final Socket socket;
  private final InputStream in;

  /** Connects to a port of this machine. */
  public RawClient(int port) throws IOException {
    socket = new Socket("127.0.0.1", port);
    socket.setSoTimeout(20_000);
    in = socket.getInputStream();
  }

  /** A whole response. */
  public record Response(int status, String head, String body) {

    /** Value of a header, "" if there is none. */
    public String header(String name) {
      for (String line : head.split("\r\n")) {
        int colon = line.indexOf(':');
        if (colon > 0 && line.substring(0, colon).equalsIgnoreCase(name)) {
          return line.substring(colon + 1).strip();
        }
      }
      return "";
    }
  }

  /** Sends text as it is. */
  public void send(String text) throws IOException {
    socket.getOutputStream().write(text.getBytes(StandardCharsets.UTF_8));
  }

  /** Sends a POST with a body. */
  public void post(String path, String body, String... headers) throws IOException {
    byte[] bytes = body.getBytes(StandardCharsets.UTF_8);
    StringBuilder head = new StringBuilder("POST " + path + " HTTP/1.1\r\nHost: x\r\n");
    for (String header : headers) {
      head.append(header).append("\r\n");
    }
    head.append("Content-Length: ").append(bytes.length).append("\r\n\r\n");
    ByteArrayOutputStream all = new ByteArrayOutputStream();
    all.writeBytes(head.toString().getBytes(StandardCharsets.UTF_8));
    all.writeBytes(bytes);
    socket.getOutputStream().write(all.toByteArray());
  }

  /** Reads one response, its body by length, in chunks, or up to the end of the connection. */
  public Response read() throws IOException {
    String head = readHead();
    int status = Integer.parseInt(head.substring(9, 12));
    Response headOnly = new Response(status, head, "");
    ByteArrayOutputStream body = new ByteArrayOutputStream();
    if (headOnly.header("Transfer-Encoding").toLowerCase(Locale.ROOT).equals("chunked")) {
      for (byte[] chunk = readChunk(); chunk.length > 0; chunk = readChunk()) {
        body.writeBytes(chunk);
      }
    } else if (!headOnly.header("Content-Length").isEmpty()) {
      body.writeBytes(readExactly(Integer.parseInt(headOnly.header("Content-Length"))));
    } else if (status != 100) {
      body.writeBytes(in.readAllBytes());
    }
    return new Response(status, head, body.toString(StandardCharsets.UTF_8));
  }

  /** Reads status line and headers, without the blank line. */
  public String readHead() throws IOException {
    StringBuilder head = new StringBuilder();
    while (head.indexOf("\r\n\r\n") < 0) {
      int c = in.read();
      if (c < 0) {
        throw new EOFException("connection closed after: " + head);
      }
      head.append((char) c);
    }
    return head.substring(0, head.length() - 4);
  }

  /** Reads one chunk of a chunked body; empty at its end. */
  public byte[] readChunk() throws IOException {
    byte[] chunk = readExactly(Integer.parseInt(readLine(), 16));
    readLine();
    return chunk;
  }

  private String readLine() throws IOException {
    StringBuilder line = new StringBuilder();
    for (int c = in.read(); c != '\n'; c = in.read()) {
      if (c < 0) {
        throw new EOFException();
      }
      line.append((char) c);
    }
    return line.toString().strip();
  }

  private byte[] readExactly(int n) throws IOException {
    byte[] bytes = in.readNBytes(n);
    if (bytes.length < n) {
      throw new EOFException("connection closed in a body");
    }
    return bytes;
  }

  /** Whether the server closes the connection without sending more. */
  public boolean atEnd() throws IOException {
    return in.read() < 0;
  }

  /** Closes the connection, abruptly if input is unread. */
  @Override
  public void close() throws IOException {
    socket.close();
  }
}
