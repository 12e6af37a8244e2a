package dev.baton.serving.worker;

import dev.baton.openai.Json;
import dev.baton.openai.sse.SseEvent;
import dev.baton.openai.sse.SseReader;
import dev.baton.serving.http.RawClient;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.OptionalInt;
import java.util.OptionalLong;
import tools.jackson.databind.JsonNode;

/** A worker that serves the demo model on this machine's cores, for tests. */
final class DemoWorker {
  private DemoWorker() {}

  static final Path MODEL = Path.of(System.getProperty("baton.root"), "models", "fable-5m");

  /** A pool of that many blocks of 16 tokens, sequences of at most that many tokens. */
  static WorkerOptions options(int blocks, int maxModelLen) {
    return options(MODEL, blocks, maxModelLen);
  }

  /** The same for another model directory. */
  static WorkerOptions options(Path model, int blocks, int maxModelLen) {
    WorkerOptions.EngineSettings usual = WorkerOptions.EngineSettings.DEFAULT;
    return WorkerOptions.of(model)
        .withDevice("cpu")
        .withEngine(
            new WorkerOptions.EngineSettings(
                usual.dtype(),
                OptionalInt.of(maxModelLen),
                512,
                OptionalInt.empty(),
                64,
                16,
                true,
                usual.loadFormat(),
                0,
                usual.gpuMemoryUtilization(),
                OptionalLong.empty(),
                OptionalInt.of(blocks),
                OptionalInt.of(2)));
  }

  /** Posts a body on a connection of its own. */
  static RawClient.Response post(WorkerServer server, String path, String body, String... headers)
      throws IOException {
    try (RawClient client = new RawClient(server.port())) {
      client.post(path, body, headers);
      return client.read();
    }
  }

  /** Posts a body that is to be answered with 200 and JSON. */
  static JsonNode ok(WorkerServer server, String path, String body) throws IOException {
    RawClient.Response response = post(server, path, body);
    if (response.status() != 200) {
      throw new AssertionError(response.status() + " " + response.body());
    }
    return Json.parse(response.body());
  }

  static RawClient.Response get(WorkerServer server, String path) throws IOException {
    try (RawClient client = new RawClient(server.port())) {
      client.send("GET " + path + " HTTP/1.1\r\nHost: x\r\n\r\n");
      return client.read();
    }
  }

  /** The events of a stream's body. */
  static List<SseEvent> events(String body) throws IOException {
    List<SseEvent> events = new ArrayList<>();
    SseReader reader =
        new SseReader(new ByteArrayInputStream(body.getBytes(StandardCharsets.UTF_8)));
    for (var event = reader.next(); event.isPresent(); event = reader.next()) {
      events.add(event.get());
    }
    return events;
  }

  /** Waits until every block is free again. */
  static void awaitWholePool(WorkerServer server) throws InterruptedException {
    long deadline = System.nanoTime() + 20_000_000_000L;
    while (!server.engine().poolWhole()) {
      if (System.nanoTime() > deadline) {
        throw new AssertionError("blocks are still held: " + server.engine().stats());
      }
      Thread.sleep(2);
    }
  }
}
