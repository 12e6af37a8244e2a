package dev.baton.bench.load;

import dev.baton.openai.http.Headers;
import dev.baton.openai.http.HttpClientOptions;
import dev.baton.openai.http.HttpClientPool;
import dev.baton.openai.sse.SseEvent;
import dev.baton.openai.sse.SseReader;
import java.io.BufferedInputStream;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.Arrays;
import java.util.Optional;
import java.util.concurrent.atomic.LongAdder;

/**
 * Lets the client's own hot code be compiled before the clock runs. The client often shares its
 * cores with the server; while it is still interpreted, it takes them away when it matters most.
 */
final class ClientWarmUp {
  private static final System.Logger LOG = System.getLogger(ClientWarmUp.class.getName());
  private static final String CHUNK =
      "data: {\"id\":\"cmpl-0123456789abcdef\",\"object\":\"text_completion\",\"created\":1700000000,"
          + "\"model\":\"model\",\"choices\":[{\"index\":0,\"text\":\" word\",\"logprobs\":null,"
          + "\"finish_reason\":null}],\"usage\":null}\n\n";
  private static final int CHUNKS = 200;
  private static final int STREAMS = 100;

  /** Requests and the chunks of each; methods are compiled after some 200 calls. */
  private static final int REQUESTS = 250;

  private static final int CHUNKS_OF_A_REQUEST = 3;
  private static final Duration LONGEST_WAIT = Duration.ofSeconds(2);

  private ClientWarmUp() {}

  static void run() {
    parse();
    try {
      exchange();
    } catch (IOException e) {
      // Where nothing can listen on the loop-back address the client goes on as it is.
      LOG.log(System.Logger.Level.WARNING, "The warm-up ended early", e);
    }
    // The first collection moves prompts and all else that stays, which takes tens of milliseconds.
    System.gc();
  }

  /** Sends requests to a socket of this process that answers them all alike. */
  private static void exchange() throws IOException {
    byte[] body = new byte[2048];
    Arrays.fill(body, (byte) ' ');
    Headers headers = Headers.of("Content-Type", "application/json");
    try (ServerSocket listener = new ServerSocket(0, 1, InetAddress.getLoopbackAddress());
        HttpClientPool pool =
            new HttpClientPool(HttpClientOptions.defaults().withReadTimeout(LONGEST_WAIT))) {
      Thread.ofPlatform().daemon().name("warm-up").start(() -> answer(listener, body.length));
      URI uri =
          URI.create(
              "http://"
                  + InetAddress.getLoopbackAddress().getHostAddress()
                  + ":"
                  + listener.getLocalPort()
                  + "/v1/completions");
      StreamedRequest request = new StreamedRequest(pool, new LongAdder());
      for (int i = 0; i < REQUESTS; i++) {
        String error = request.send(uri, headers.with("x-request-id", "warm-up"), body).error();
        if (!error.isEmpty()) {
          throw new IOException(error);
        }
      }
    }
  }

  /** One connection's requests, until the client closes it or the listener is closed. */
  private static void answer(ServerSocket listener, int bodyLength) {
    try (Socket socket = listener.accept()) {
      socket.setTcpNoDelay(true);
      InputStream in = new BufferedInputStream(socket.getInputStream());
      OutputStream out = socket.getOutputStream();
      byte[] event = CHUNK.getBytes(StandardCharsets.UTF_8);
      byte[] done = "data: [DONE]\n\n".getBytes(StandardCharsets.UTF_8);
      while (skipHead(in)) {
        in.skipNBytes(bodyLength);
        ByteArrayOutputStream first = new ByteArrayOutputStream();
        first.writeBytes(
            "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"
                .getBytes(StandardCharsets.UTF_8));
        for (int i = 0; i < CHUNKS_OF_A_REQUEST; i++) {
          first.writeBytes(chunked(event));
          first.writeTo(out);
          first.reset();
        }
        first.writeBytes(chunked(done));
        first.writeBytes("0\r\n\r\n".getBytes(StandardCharsets.UTF_8));
        first.writeTo(out);
      }
    } catch (IOException e) {
      LOG.log(System.Logger.Level.DEBUG, "The warm-up's connection has ended", e);
    }
  }

  private static byte[] chunked(byte[] piece) {
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    out.writeBytes((Integer.toHexString(piece.length) + "\r\n").getBytes(StandardCharsets.UTF_8));
    out.writeBytes(piece);
    out.writeBytes("\r\n".getBytes(StandardCharsets.UTF_8));
    return out.toByteArray();
  }

  /** Reads up to an empty line; false if the connection ends before. */
  private static boolean skipHead(InputStream in) throws IOException {
    int lineEnds = 0;
    while (lineEnds < 2) {
      int next = in.read();
      if (next < 0) {
        return false;
      }
      if (next == '\n') {
        lineEnds++;
      } else if (next != '\r') {
        lineEnds = 0;
      }
    }
    return true;
  }

  private static void parse() {
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
