package dev.baton.bench.load;

import java.io.BufferedInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Locale;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.atomic.AtomicInteger;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;
import tools.jackson.databind.node.ObjectNode;

/**
 * An OpenAI-like server whose answers a test writes byte by byte. Its vocabulary has 1000 tokens,
 * the words w0 to w999.
 */
final class FakeServer implements AutoCloseable {
  static final JsonMapper JSON = new JsonMapper();

  /** Answers one completion or chat request. */
  interface Answer {
    void to(Request request, Reply reply) throws Exception;
  }

  record Request(int number, String head, JsonNode body) {
    String requestId() {
      int at = head.toLowerCase(Locale.ROOT).indexOf("x-request-id: ");
      return head.substring(at + 14, head.indexOf('\r', at));
    }
  }

  private final ServerSocket server;
  private final Answer answer;
  private final AtomicInteger inFlight = new AtomicInteger();
  final AtomicInteger mostInFlight = new AtomicInteger();
  final Queue<Request> requests = new ConcurrentLinkedQueue<>();
  volatile String owner = "somebody";
  volatile boolean tokenizer = true;
  volatile int modelsStatus = 200;

  FakeServer(Answer answer) throws IOException {
    this.answer = answer;
    server = new ServerSocket();
    server.bind(new InetSocketAddress(InetAddress.ofLiteral("127.0.0.1"), 0), 1024);
    Thread.ofVirtual().start(this::accept);
  }

  URI url() {
    return URI.create("http://127.0.0.1:" + server.getLocalPort());
  }

  private void accept() {
    while (true) {
      try {
        Socket socket = server.accept();
        Thread.ofVirtual().start(() -> serve(socket));
      } catch (IOException e) {
        return;
      }
    }
  }

  private void serve(Socket socket) {
    try (socket) {
      socket.setTcpNoDelay(true);
      InputStream in = new BufferedInputStream(socket.getInputStream());
      Reply reply = new Reply(socket.getOutputStream());
      while (true) {
        String head = head(in);
        JsonNode body = body(in, head);
        String path = head.substring(head.indexOf(' ') + 1, head.indexOf(" HTTP"));
        switch (path) {
          case "/v1/models" -> models(reply);
          case "/tokenize" -> tokenize(body, reply);
          case "/detokenize" -> detokenize(body, reply);
          default -> {
            Request request = new Request(requests.size(), head, body);
            requests.add(request);
            mostInFlight.accumulateAndGet(inFlight.incrementAndGet(), Math::max);
            try {
              answer.to(request, reply);
            } finally {
              inFlight.decrementAndGet();
            }
          }
        }
      }
    } catch (Exception e) {
      // The client went away, or the test wants the connection cut.
    }
  }

  private static String head(InputStream in) throws IOException {
    ByteArrayOutputStream head = new ByteArrayOutputStream();
    int last = 0;
    while (last != 0x0d0a0d0a) {
      int b = in.read();
      if (b < 0) {
        throw new IOException("client gone");
      }
      head.write(b);
      last = last << 8 | b;
    }
    return head.toString(StandardCharsets.UTF_8);
  }

  private static JsonNode body(InputStream in, String head) throws IOException {
    int at = head.toLowerCase(Locale.ROOT).indexOf("content-length: ");
    if (at < 0) {
      return JSON.createObjectNode();
    }
    int length = Integer.parseInt(head.substring(at + 16, head.indexOf('\r', at)));
    return JSON.readTree(in.readNBytes(length));
  }

  private void models(Reply reply) throws IOException {
    reply.json(
        modelsStatus,
        "{\"data\": [{\"id\": \"served\", \"root\": \"org/files\", \"owned_by\": \""
            + owner
            + "\"}]}");
  }

  private void tokenize(JsonNode body, Reply reply) throws IOException {
    if (!tokenizer || !body.path("model").asString("").equals("served")) {
      reply.json(404, "{\"detail\": \"Not Found\"}");
      return;
    }
    ObjectNode answered = JSON.createObjectNode();
    var ids = answered.putArray("tokens");
    if (body.path("add_special_tokens").asBoolean(true)) {
      ids.add(1);
    }
    for (String word : body.path("prompt").asString("").split(" ", -1)) {
      ids.add(word.matches("w\\d+") ? Integer.parseInt(word.substring(1)) : 0);
    }
    answered.put("count", ids.size());
    reply.json(200, answered.toString());
  }

  private void detokenize(JsonNode body, Reply reply) throws IOException {
    StringBuilder text = new StringBuilder();
    for (JsonNode id : body.path("tokens")) {
      if (id.asInt() >= 1000) {
        reply.json(400, "{\"error\": {\"message\": \"token id out of vocabulary\"}}");
        return;
      }
      text.append(text.isEmpty() ? "w" : " w").append(id.asInt());
    }
    reply.json(200, "{\"prompt\": \"" + text + "\"}");
  }

  @Override
  public void close() throws IOException {
    server.close();
  }

  /** Writes on one connection. */
  static final class Reply {
    private final OutputStream out;

    Reply(OutputStream out) {
      this.out = out;
    }

    void raw(String text) throws IOException {
      out.write(text.getBytes(StandardCharsets.UTF_8));
      out.flush();
    }

    void json(int status, String body) throws IOException {
      int length = body.getBytes(StandardCharsets.UTF_8).length;
      raw(
          "HTTP/1.1 %d Something\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s"
              .formatted(status, length, body));
    }

    void begin() throws IOException {
      raw(
          "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n"
              + "Transfer-Encoding: chunked\r\n\r\n");
    }

    void chunk(String text) throws IOException {
      int length = text.getBytes(StandardCharsets.UTF_8).length;
      raw(Integer.toHexString(length) + "\r\n" + text + "\r\n");
    }

    void event(String data) throws IOException {
      chunk("data: " + data + "\n\n");
    }

    void text(String text) throws IOException {
      event(
          "{\"id\": \"c\", \"object\": \"text_completion\", \"choices\": [{\"index\": 0, \"text\":"
              + " \""
              + text
              + "\", \"logprobs\": null, \"finish_reason\": null}], \"usage\": null}");
    }

    void usage(int prompt, int completion) throws IOException {
      event(
          "{\"choices\": [], \"usage\": {\"prompt_tokens\": %d, \"completion_tokens\": %d,"
                  .formatted(prompt, completion)
              + " \"prompt_tokens_details\": {\"cached_tokens\": 0}}}");
    }

    void done() throws IOException {
      event("[DONE]");
      raw("0\r\n\r\n");
    }

    /** A whole answer of that many tokens. */
    void answer(Request request) throws IOException {
      begin();
      int tokens = request.body().path("max_tokens").asInt(1);
      for (String word : List.of("w5 ".repeat(tokens).strip().split(" "))) {
        text(word);
      }
      usage(7, tokens);
      done();
    }
  }
}
