package dev.baton.app;

import dev.baton.model.tokenizer.Tokenizer;
import dev.baton.model.tokenizer.Tokenizers;
import dev.baton.openai.Json;
import dev.baton.openai.Timings;
import dev.baton.openai.http.Headers;
import dev.baton.openai.http.HttpClientOptions;
import dev.baton.openai.http.HttpClientPool;
import dev.baton.openai.http.HttpReply;
import dev.baton.openai.sse.SseEvent;
import dev.baton.openai.sse.SseReader;
import java.io.IOException;
import java.net.URI;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.SplittableRandom;
import tools.jackson.databind.node.ObjectNode;

/**
 * Where the time to the first token goes, station by station: one request at a time against a
 * worker, text prompts of random tokens. Prints the median of each way, first of the first requests
 * and then of the others, microseconds.
 *
 * <p>Arguments: the worker's address, a directory with its tokenizer, tokens of a prompt, tokens of
 * an answer, requests, how many of them are the first, and a pause between two, ms.
 */
final class HopTimes {
  private static final String[] STATIONS = {
    "sent", "received", "queued", "first_scheduled", "prefill_end", "first_token_written", "read"
  };

  private HopTimes() {}

  /** Measures. */
  public static void main(String[] args) throws IOException, InterruptedException {
    URI uri = URI.create(args[0]).resolve("/v1/completions");
    int input = Integer.parseInt(args[2]);
    int output = Integer.parseInt(args[3]);
    int requests = Integer.parseInt(args[4]);
    int first = Integer.parseInt(args[5]);
    int pause = Integer.parseInt(args[6]);
    SplittableRandom random = new SplittableRandom(input);
    List<byte[]> bodies = new ArrayList<>();
    try (Tokenizer tokenizer = Tokenizers.find(Path.of(args[1])).orElseThrow()) {
      for (int i = 0; i < requests; i++) {
        ObjectNode body = Json.object();
        body.put("prompt", text(tokenizer, input, random.nextInt(tokenizer.vocabSize())));
        body.put("max_tokens", output);
        body.put("ignore_eos", true);
        body.put("stream", true);
        body.put("timings", true);
        bodies.add(Json.bytes(body));
      }
    }
    Map<String, long[]> ways = new HashMap<>();
    try (HttpClientPool pool = new HttpClientPool(HttpClientOptions.defaults())) {
      for (int i = 0; i < requests; i++) {
        one(pool, uri, bodies.get(i), i, requests, ways);
        Thread.sleep(pause);
      }
    }
    print("first " + first, ways, 0, first);
    print("others", ways, first, requests);
  }

  /** Consecutive tokens, as load generators send them; cut where they come back as more. */
  private static String text(Tokenizer tokenizer, int tokens, int from) {
    int[] ids = new int[tokens];
    for (int k = 0; k < tokens; k++) {
      ids[k] = (from + k) % tokenizer.vocabSize();
    }
    int[] again = tokenizer.encode(tokenizer.decode(ids, true), false);
    return tokenizer.decode(Arrays.copyOf(again, Math.min(again.length, tokens - 1)), true);
  }

  private static void one(
      HttpClientPool pool, URI uri, byte[] body, int index, int requests, Map<String, long[]> ways)
      throws IOException {
    long sent = System.nanoTime();
    long read = 0;
    Optional<Timings> timings = Optional.empty();
    try (HttpReply reply =
        pool.send("POST", uri, Headers.of("Content-Type", "application/json"), body)) {
      if (reply.status() != 200) {
        throw new IOException("status " + reply.status());
      }
      SseReader events = new SseReader(reply.body());
      for (Optional<SseEvent> next = events.next(); next.isPresent(); next = events.next()) {
        if (read == 0) {
          read = reply.lastReadNanos();
        }
        if (!next.get().done() && next.get().data().contains("\"timings\"")) {
          timings = Timings.fromJson(Json.parse(next.get().data()).path("timings"));
        }
      }
    }
    Map<String, Double> at = new HashMap<>();
    for (Timings.Event event : timings.orElseThrow().events()) {
      at.put(event.event(), event.atMs() * 1000);
    }
    double before = 0;
    for (int s = 2; s < STATIONS.length - 1; s++) {
      double now = at.get(STATIONS[s]);
      put(ways, STATIONS[s - 1] + " to " + STATIONS[s], index, requests, now - before);
      before = now;
    }
    double whole = (read - sent) / 1e3;
    put(ways, "outside", index, requests, whole - before);
    put(ways, "all", index, requests, whole);
  }

  private static void put(
      Map<String, long[]> ways, String way, int index, int requests, double micros) {
    ways.computeIfAbsent(way, w -> new long[requests])[index] = Math.round(micros);
  }

  private static void print(String title, Map<String, long[]> ways, int from, int to) {
    StringBuilder line = new StringBuilder(title).append(':');
    for (int s = 2; s < STATIONS.length - 1; s++) {
      append(line, ways, STATIONS[s - 1] + " to " + STATIONS[s], from, to);
    }
    append(line, ways, "outside", from, to);
    append(line, ways, "all", from, to);
    System.out.println(line);
  }

  private static void append(
      StringBuilder line, Map<String, long[]> ways, String way, int from, int to) {
    long[] some = Arrays.copyOfRange(ways.get(way), from, to);
    Arrays.sort(some);
    line.append(' ').append(way).append(' ').append(some[some.length / 2]).append(';');
  }
}
