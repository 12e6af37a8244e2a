package dev.baton.app;

import dev.baton.model.tokenizer.Tokenizer;
import dev.baton.model.tokenizer.Tokenizers;
import dev.baton.openai.Json;
import dev.baton.openai.http.Headers;
import dev.baton.openai.http.HttpCall;
import dev.baton.openai.http.HttpCancelledException;
import dev.baton.openai.http.HttpClientOptions;
import dev.baton.openai.http.HttpClientPool;
import dev.baton.openai.http.HttpReply;
import dev.baton.openai.sse.SseEvent;
import dev.baton.openai.sse.SseReader;
import java.io.IOException;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Locale;
import java.util.Optional;
import java.util.SplittableRandom;
import java.util.TreeMap;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.LongAdder;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.ObjectNode;

/**
 * Mixed traffic for a running server, all of it at once: prompts of 1 token to the given most,
 * their lengths even on a logarithmic scale, as text and as ids; streamed and whole answers;
 * greedy, and all kinds of sampling; and one client in ten hangs up, before the answer or within
 * it. Every answer that was not given up must be whole. Afterwards no block may be in use.
 *
 * <p>Arguments: URL, directory with the tokenizer, number of requests, longest prompt. Prints
 * figures for benchmarks/gpu/run.sh; exits with 1 if an answer was wrong or blocks are left.
 */
final class BurstCheck {
  private static final int SEED = 7;
  private static final int LONGEST_ANSWER = 64;
  private static final int MAX_BYTES = 16 << 20;

  /** How long blocks may stay in use after the last answer, ms: a step or two. */
  private static final int PATIENCE_MS = 5_000;

  /** Clients that hang up without an answer do so within this time. */
  private static final int HANG_UP_WITHIN_MS = 60_000;

  private static final Headers HEADERS = Headers.of("Content-Type", "application/json");

  private final HttpClientPool pool;
  private final URI base;
  private final Tokenizer tokenizer;
  private final int longest;
  private final LongAdder promptTokens = new LongAdder();
  private final LongAdder outputTokens = new LongAdder();
  private final AtomicInteger hungUp = new AtomicInteger();
  private final TreeMap<String, Integer> errors = new TreeMap<>();

  private BurstCheck(HttpClientPool pool, URI base, Tokenizer tokenizer, int longest) {
    this.pool = pool;
    this.base = base;
    this.tokenizer = tokenizer;
    this.longest = longest;
  }

  /** Runs it. */
  public static void main(String[] args) throws Exception {
    int requests = Integer.parseInt(args[2]);
    HttpClientOptions options =
        HttpClientOptions.defaults()
            .withConnectTimeout(Duration.ofSeconds(60))
            .withReadTimeout(Duration.ofMinutes(5));
    try (HttpClientPool pool = new HttpClientPool(options);
        Tokenizer tokenizer = Tokenizers.load(Path.of(args[1]))) {
      BurstCheck check =
          new BurstCheck(pool, URI.create(args[0]), tokenizer, Integer.parseInt(args[3]));
      if (!check.run(requests)) {
        System.exit(1);
      }
    }
  }

  /** How a request's client behaves. */
  private enum Client {
    READS,
    LEAVES_BEFORE,
    LEAVES_WITHIN
  }

  private record Planned(byte[] body, Client client, int leavesAfter, int output, boolean stream) {}

  private boolean run(int requests) throws InterruptedException, IOException {
    Planned[] planned = new Planned[requests];
    SplittableRandom random = new SplittableRandom(SEED);
    for (int i = 0; i < requests; i++) {
      planned[i] = plan(random, i);
    }
    int blocks = blocksInUse();
    if (blocks != 0) {
      System.out.println("blocks in use before the burst: " + blocks);
    }
    long begin = System.nanoTime();
    try (ExecutorService threads = Executors.newVirtualThreadPerTaskExecutor()) {
      for (Planned request : planned) {
        threads.execute(() -> send(request));
      }
    }
    double seconds = (System.nanoTime() - begin) / 1e9;
    for (int waited = 0; waited < PATIENCE_MS && (blocks = blocksInUse()) != 0; waited += 50) {
      Thread.sleep(50);
    }
    int wrong = errors.values().stream().mapToInt(Integer::intValue).sum();
    System.out.printf(
        Locale.ROOT,
        "burst of %d: %.1f s, %d prompt tokens, %d tokens read, %d clients hung up, %d errors, %d blocks"
            + " in use afterwards%n",
        requests,
        seconds,
        promptTokens.sum(),
        outputTokens.sum(),
        hungUp.get(),
        wrong,
        blocks);
    errors.forEach((text, count) -> System.out.println("  " + count + " x " + text));
    System.out.printf("FIGURE\t8 burst of 10,000: errors\t%d%n", wrong);
    System.out.printf("FIGURE\t8 burst of 10,000: blocks not given back\t%d%n", blocks);
    return wrong == 0 && blocks == 0;
  }

  private int logUniform(SplittableRandom random, int most) {
    return Math.min(most, (int) Math.exp(random.nextDouble() * Math.log(most + 1.0)));
  }

  private Planned plan(SplittableRandom random, int index) {
    int prompt = logUniform(random, longest);
    int output = logUniform(random, LONGEST_ANSWER);
    boolean stream = random.nextInt(8) != 0;
    Client client =
        switch (random.nextInt(20)) {
          case 0 -> Client.LEAVES_BEFORE;
          case 1 -> stream ? Client.LEAVES_WITHIN : Client.LEAVES_BEFORE;
          default -> Client.READS;
        };
    int leavesAfter =
        client == Client.LEAVES_WITHIN
            ? 1 + random.nextInt(LONGEST_ANSWER / 4)
            : random.nextInt(HANG_UP_WITHIN_MS);
    int[] ids = random.ints(prompt, 256, 100_000).map(id -> id % tokenizer.vocabSize()).toArray();
    ObjectNode body = Json.object();
    if (index % 2 == 0) {
      ArrayNode list = body.putArray("prompt");
      for (int id : ids) {
        list.add(id);
      }
    } else {
      // As text a few tokens more or less: what matters is that it is encoded.
      body.put("prompt", tokenizer.decode(ids, true));
    }
    body.put("max_tokens", output);
    body.put("ignore_eos", true);
    body.put("stream", stream);
    if (stream) {
      body.putObject("stream_options").put("include_usage", true);
    }
    sampling(body, random);
    promptTokens.add(prompt);
    return new Planned(Json.bytes(body), client, leavesAfter, output, stream);
  }

  private void sampling(ObjectNode body, SplittableRandom random) {
    if (random.nextInt(3) == 0) {
      body.put("temperature", 0);
    } else {
      body.put("temperature", 0.3 + random.nextDouble());
      body.put("seed", random.nextInt(1 << 30));
      switch (random.nextInt(6)) {
        case 0 -> body.put("top_k", 1 + random.nextInt(100));
        case 1 -> body.put("top_p", 0.5 + random.nextDouble() / 2);
        case 2 -> body.put("top_k", 50).put("top_p", 0.9);
        case 3 -> body.put("min_p", random.nextDouble() / 10);
        default -> {}
      }
    }
    if (random.nextInt(6) == 0) {
      body.put("repetition_penalty", 1.1);
      body.put("frequency_penalty", 0.3);
      body.put("presence_penalty", 0.2);
    }
    if (random.nextInt(8) == 0) {
      body.put("logprobs", 1 + random.nextInt(5));
    }
    if (random.nextInt(10) == 0) {
      body.putObject("logit_bias").put(String.valueOf(random.nextInt(1000)), 5);
    }
  }

  private void send(Planned planned) {
    HttpCall call = pool.call("POST", base.resolve("/v1/completions"), HEADERS, planned.body);
    if (planned.client == Client.LEAVES_BEFORE) {
      Thread.ofVirtual().start(() -> hangUp(call, planned.leavesAfter));
    }
    String error;
    try (HttpReply reply = call.send()) {
      error = planned.stream ? stream(reply, planned) : whole(reply, planned);
    } catch (HttpCancelledException e) {
      hungUp.incrementAndGet();
      error = planned.client == Client.LEAVES_BEFORE ? "" : "cancelled";
    } catch (IOException | JacksonException e) {
      error = String.valueOf(e.getMessage());
    }
    if (!error.isEmpty()) {
      synchronized (errors) {
        errors.merge(error, 1, Integer::sum);
      }
    }
  }

  private void hangUp(HttpCall call, int afterMs) {
    try {
      Thread.sleep(afterMs);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
    call.abort();
  }

  /** The fault of a streamed answer, or "". */
  private String stream(HttpReply reply, Planned planned) throws IOException {
    if (reply.status() != 200) {
      return "HTTP " + reply.status() + ": " + reply.text(MAX_BYTES);
    }
    SseReader events = new SseReader(reply.body());
    int chunks = 0;
    int counted = -1;
    boolean done = false;
    for (Optional<SseEvent> next = events.next(); next.isPresent(); next = events.next()) {
      SseEvent event = next.get();
      if (event.done()) {
        done = true;
        continue;
      }
      JsonNode json = Json.parse(event.data().getBytes(StandardCharsets.UTF_8));
      if (json.has("error")) {
        return "error in the stream: " + json.path("error").path("message").asString("");
      }
      if (!json.path("choices").isEmpty()) {
        chunks++;
      }
      if (json.path("usage").isObject()) {
        counted = json.path("usage").path("completion_tokens").asInt();
      }
      if (planned.client == Client.LEAVES_WITHIN && chunks == planned.leavesAfter) {
        hungUp.incrementAndGet();
        return ""; // closing the reply before its end cuts the connection
      }
    }
    outputTokens.add(Math.max(0, counted));
    return !done ? "a stream without [DONE]" : count(counted, planned);
  }

  /** The fault of an answer in one piece, or "". */
  private String whole(HttpReply reply, Planned planned) throws IOException {
    String text = reply.text(MAX_BYTES);
    if (reply.status() != 200) {
      return "HTTP " + reply.status() + ": " + text;
    }
    JsonNode json = Json.parse(text.getBytes(StandardCharsets.UTF_8));
    int counted = json.path("usage").path("completion_tokens").asInt();
    outputTokens.add(counted);
    return count(counted, planned);
  }

  private static String count(int counted, Planned planned) {
    return counted == planned.output
        ? ""
        : "an answer of " + counted + " tokens instead of " + planned.output;
  }

  private int blocksInUse() throws IOException {
    try (HttpReply reply =
        pool.send("GET", base.resolve("/metrics"), Headers.empty(), new byte[0])) {
      for (String line : reply.text(MAX_BYTES).lines().toList()) {
        if (line.startsWith("baton:kv_cache_blocks_used{")) {
          return (int) Double.parseDouble(line.substring(line.lastIndexOf(' ') + 1));
        }
      }
    }
    throw new IOException("/metrics does not tell how many blocks are in use");
  }
}
