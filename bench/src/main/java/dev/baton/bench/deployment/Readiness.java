package dev.baton.bench.deployment;

import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.time.Duration;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** Waits for processes to answer, with one deadline for all of them. */
final class Readiness {
  private static final JsonMapper JSON = JsonMapper.builder().build();
  private static final Duration PAUSE = Duration.ofMillis(50);

  private final Duration limit;
  private final long deadline;
  private final Runnable alive;

  /**
   * A wait that begins now.
   *
   * @param alive throws when waiting has become useless
   */
  Readiness(Duration limit, Runnable alive) {
    this.limit = limit;
    this.deadline = System.nanoTime() + limit.toNanos();
    this.alive = alive;
  }

  private record Reply(int status, String body) {}

  /** Until {@code /health} answers 200. */
  void awaitHealthy(String name, URI base) throws InterruptedException {
    await(
        name + " did not answer " + base + "/health",
        client -> get(client, base.resolve("/health")).status() == 200);
  }

  /** Until {@code /v1/models} or {@code /health} answers 200: not every server has both. */
  void awaitAnswer(String name, URI base) throws InterruptedException {
    String text = base.toString().replaceAll("/+$", "");
    await(
        name + " did not answer " + text + "/health or " + text + "/v1/models",
        client ->
            get(client, URI.create(text + "/health")).status() == 200
                || get(client, URI.create(text + "/v1/models")).status() == 200);
  }

  /** Until the proxy's {@code /health} counts all workers. */
  void awaitWorkers(URI proxy, int prefill, int decode) throws InterruptedException {
    await(
        "the proxy at "
            + proxy
            + " did not see "
            + prefill
            + " prefill and "
            + decode
            + " decode workers",
        client -> {
          JsonNode health = tree(get(client, proxy.resolve("/health")).body());
          return count(health.path("prefill")) >= prefill && count(health.path("decode")) >= decode;
        });
  }

  /** A number, or the length of a list of workers. */
  private static int count(JsonNode node) {
    return node.isNumber() ? node.intValue() : node.size();
  }

  private static JsonNode tree(String body) {
    try {
      return JSON.readTree(body);
    } catch (JacksonException e) {
      return JSON.createObjectNode();
    }
  }

  private interface Condition {
    boolean holds(HttpClient client) throws IOException, InterruptedException;
  }

  private void await(String failure, Condition condition) throws InterruptedException {
    String last = "no connection";
    try (HttpClient client =
        HttpClient.newBuilder()
            .version(HttpClient.Version.HTTP_1_1)
            .connectTimeout(Duration.ofSeconds(2))
            .build()) {
      while (true) {
        alive.run();
        try {
          if (condition.holds(client)) {
            return;
          }
          last = "it answered, but not with that";
        } catch (IOException e) {
          last = e.getMessage() == null ? e.getClass().getSimpleName() : e.getMessage();
        }
        if (System.nanoTime() > deadline) {
          throw new DeploymentException(
              failure
                  + " within "
                  + limit.toSeconds()
                  + " s (last: "
                  + last
                  + "). Its log says more; a slow start needs a larger 'ready-timeout' in the"
                  + " experiment file.");
        }
        Thread.sleep(PAUSE);
      }
    }
  }

  private static Reply get(HttpClient client, URI uri) throws IOException, InterruptedException {
    HttpResponse<String> reply =
        client.send(
            HttpRequest.newBuilder(uri).timeout(Duration.ofSeconds(5)).build(),
            HttpResponse.BodyHandlers.ofString());
    return new Reply(reply.statusCode(), reply.body());
  }
}
