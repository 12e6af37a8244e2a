package dev.baton.app;

import dev.baton.engine.Engine;
import dev.baton.engine.EngineOptions;
import dev.baton.engine.EngineRequest;
import dev.baton.engine.FinishReason;
import dev.baton.engine.RequestListener;
import dev.baton.engine.RequestTimes;
import dev.baton.engine.backend.Backend;
import dev.baton.engine.backend.BackendOptions;
import dev.baton.engine.backend.BackendProvider;
import dev.baton.engine.sampling.SamplingParams;
import dev.baton.engine.sampling.TokenLogprobs;
import dev.baton.model.ModelDirectory;
import dev.baton.model.config.ElementType;
import dev.baton.model.weights.LoadFormat;
import dev.baton.serving.handoff.DecodeTimings;
import dev.baton.serving.handoff.HandoffStats;
import dev.baton.serving.handoff.HostPort;
import dev.baton.serving.handoff.KvConnector;
import dev.baton.serving.handoff.KvConnectors;
import dev.baton.serving.handoff.KvTransferConfig;
import dev.baton.serving.handoff.TransferParams;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.OptionalLong;
import java.util.Random;
import java.util.ServiceLoader;
import java.util.Set;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/**
 * One worker without HTTP, told what to do by lines on its standard input; {@link HandoffCheck}
 * starts two of them. Its answers are greedy; beside the tokens it says by how much each was
 * likelier than the next.
 */
final class HandoffWorker {
  private final Engine engine;
  private final KvConnector connector;
  private final int vocab;
  private final SamplingParams sampling;

  private HandoffWorker(Engine engine, KvConnector connector, int vocab, SamplingParams sampling) {
    this.engine = engine;
    this.connector = connector;
    this.vocab = vocab;
    this.sampling = sampling;
  }

  /**
   * Runs until the input ends.
   *
   * @param arguments device, model directory, "auto" or "dummy", longest sequence, token budget,
   *     bytes of the KV pool, type, number of log probabilities, JSON of --kv-transfer-config
   */
  public static void main(String[] arguments) throws Exception {
    BackendProvider provider =
        ServiceLoader.load(BackendProvider.class).stream()
            .map(ServiceLoader.Provider::get)
            .filter(p -> p.device().equals(arguments[0]))
            .findFirst()
            .orElseThrow();
    ModelDirectory model = ModelDirectory.open(Path.of(arguments[1]));
    int maxLen = Integer.parseInt(arguments[3]);
    int budget = Integer.parseInt(arguments[4]);
    LoadFormat format = arguments[2].equals("dummy") ? LoadFormat.DUMMY : LoadFormat.AUTO;
    try (Backend backend =
            provider.open(
                model,
                new BackendOptions(
                    maxLen,
                    budget,
                    64,
                    16,
                    Optional.of(ElementType.valueOf(arguments[6])),
                    format,
                    0,
                    0.4,
                    OptionalLong.of(Long.parseLong(arguments[5])),
                    OptionalInt.empty(),
                    OptionalInt.empty()),
                share -> {});
        Engine engine = Engine.start(backend, new EngineOptions(maxLen, budget, 64, false, 1024));
        KvConnector connector =
            KvConnectors.create(
                KvTransferConfig.parse(arguments[8]),
                engine,
                backend.kvPort(),
                backend.kvLayout(),
                KvConnectors.fingerprint(backend.model()),
                "127.0.0.1")) {
      System.out.println("READY " + connector.address().port());
      int logprobs = Integer.parseInt(arguments[7]);
      SamplingParams sampling = new SamplingParams(0, 0, 1, 0, 1, 0, 0, 0, logprobs, Map.of());
      new HandoffWorker(engine, connector, backend.model().vocabSize(), sampling).serve();
    }
    System.exit(0);
  }

  private void serve() throws IOException {
    BufferedReader in =
        new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
    for (String line = in.readLine(); line != null; line = in.readLine()) {
      String[] w = line.split(" ", -1);
      switch (w[0]) {
        case "prefill" -> Thread.startVirtualThread(() -> prefill(w, request(w[1], w[3], w[4])));
        case "decode" -> decode(w[1], w[2], request(w[1], w[3], w[4]));
        case "alone" -> engine.submit(request(w[1], w[3], w[4]), new Listener(w[1]));
        case "stats" -> {
          HandoffStats s = connector.stats();
          boolean whole =
              engine.poolWhole()
                  && engine.stats().freeBlocks() == engine.stats().totalBlocks()
                  && s.active() == 0
                  && s.quarantined() == 0;
          say(
              "STATS %d %d %d %s %d %d %d %s"
                  .formatted(
                      s.exposedNanos(),
                      s.sendNanos(),
                      s.receiveNanos(),
                      whole,
                      s.planeEnds(),
                      s.copied().bytes(),
                      s.copied().nanos(),
                      planes(s)));
        }
        default -> throw new IllegalArgumentException(line);
      }
    }
  }

  private static String planes(HandoffStats s) {
    return s.planes().stream()
        .map(u -> String.format(Locale.ROOT, "%s:%.1f_GB/s", u.plane(), u.gigabytesPerSecond()))
        .collect(Collectors.joining(","));
  }

  /** Tokens are random but for their place: the same on both workers. */
  private EngineRequest request(String id, String prompt, String tokens) {
    int length = Integer.parseInt(prompt);
    int[] ids = new Random(id.hashCode()).ints(length, 3, vocab).toArray();
    return new EngineRequest(id, ids, Integer.parseInt(tokens), 0, true, Set.of(), sampling);
  }

  private void prefill(String[] w, EngineRequest request) {
    try {
      TransferParams params = params(w[1] + "-" + w[5], false, Integer.parseInt(w[2]));
      say("P " + w[1] + " " + connector.prefill(params, request, System.nanoTime()).await());
    } catch (Exception e) {
      say("P " + w[1] + " threw " + e);
    }
  }

  private void decode(String id, String pass, EngineRequest request) {
    try {
      connector.decode(
          params(id + "-" + pass, true, 1),
          request,
          new Listener(id),
          new DecodeTimings(System.nanoTime()));
    } catch (RuntimeException e) {
      say("T " + id + " REFUSED " + e);
    }
  }

  private static TransferParams params(String id, boolean decode, int port) {
    return new TransferParams(
        id,
        decode,
        !decode,
        new HostPort("127.0.0.1", port),
        Optional.empty(),
        Optional.empty(),
        List.of());
  }

  private static synchronized void say(String line) {
    System.out.println(line.replace('\n', ' '));
  }

  /** Says all tokens at the end. */
  private static final class Listener implements RequestListener {
    private final String id;
    private final List<Integer> tokens = new ArrayList<>();
    private final StringBuilder margins = new StringBuilder();

    private Listener(String id) {
      this.id = id;
    }

    @Override
    public void onToken(int token, @Nullable TokenLogprobs logprobs, long nanos) {
      tokens.add(token);
      if (logprobs != null && logprobs.topLogprobs().length > 1) {
        float[] two = logprobs.topLogprobs();
        margins.append(String.format(Locale.ROOT, ",%.5f", two[0] - two[1]));
      }
    }

    @Override
    public void onFinished(FinishReason reason, RequestTimes times) {
      say("T " + id + " " + reason + " " + tokens.toString().replace(" ", "") + " " + margins);
    }
  }
}
