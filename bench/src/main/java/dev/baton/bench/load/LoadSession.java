package dev.baton.bench.load;

import dev.baton.bench.BenchException;
import dev.baton.bench.dataset.DatasetSpec;
import dev.baton.bench.dataset.PromptRequest;
import dev.baton.bench.dataset.PromptTokenizer;
import dev.baton.bench.results.BenchResult;
import dev.baton.bench.results.RampUp;
import dev.baton.bench.results.RequestSample;
import dev.baton.bench.results.ResultKeys;
import dev.baton.bench.results.RunInfo;
import dev.baton.bench.results.Summary;
import dev.baton.openai.http.Headers;
import dev.baton.openai.http.HttpClientOptions;
import dev.baton.openai.http.HttpClientPool;
import java.time.Duration;
import java.time.LocalDateTime;
import java.time.ZoneId;
import java.time.format.DateTimeFormatter;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.atomic.LongAdder;

/** One run from the first question to the server to the result. */
final class LoadSession {
  private static final DateTimeFormatter DATE =
      DateTimeFormatter.ofPattern("yyyyMMdd-HHmmss", Locale.ROOT);
  private static final Duration READY_PAUSE = Duration.ofSeconds(1);
  private static final Duration CONNECT_TIMEOUT = Duration.ofSeconds(30);

  private final LoadOptions options;
  private final Progress progress;
  private final Headers headers;

  LoadSession(LoadOptions options, Progress progress) {
    this.options = options;
    this.progress = progress;
    this.headers = headers(options);
  }

  /** The user's headers win over the client's own. */
  private static Headers headers(LoadOptions options) {
    Headers headers = Headers.of("Content-Type", "application/json");
    if (options.apiKey().isPresent()) {
      headers = headers.with("Authorization", "Bearer " + options.apiKey().get());
    }
    for (Headers.Field field : options.headers().fields()) {
      headers = headers.with(field.name(), field.value());
    }
    return headers;
  }

  BenchResult run() throws BenchException, InterruptedException {
    HttpClientOptions client =
        HttpClientOptions.defaults()
            .withConnectTimeout(CONNECT_TIMEOUT)
            .withReadTimeout(options.requestTimeout())
            .withMaxIdlePerOrigin(4096)
            .withVerifyTls(options.verifyTls());
    try (HttpClientPool pool = new HttpClientPool(client)) {
      long deadline = System.nanoTime() + options.readyTimeout().toNanos();
      ServerInfo server = server(pool, deadline);
      if (!server.listed().equals(server.model())) {
        progress.warning(
            "the server does not list the model "
                + server.model()
                + "; it lists "
                + server.listed()
                + " first");
      }
      Optional<PromptTokenizer> tokenizer =
          options
              .tokenizer()
              .or(() -> ServerTokenizer.probe(pool, options, headers, server.listed()));
      progress.phase("preparing prompts");
      Plan plan = Plan.of(options, tokenizer, progress::warning);
      RequestBodies bodies = new RequestBodies(options, server.model(), timings(server));
      if (!options.readyTimeout().isZero()) {
        awaitReady(pool, bodies, plan.first(), deadline);
      }
      if (options.numWarmups() > 0) {
        progress.phase("warming up with " + options.numWarmups() + " requests");
        List<PromptRequest> copies = new ArrayList<>();
        for (int i = 0; i < options.numWarmups(); i++) {
          copies.add(plan.first());
        }
        new Sender(pool, options, headers, bodies, prefix() + "warmup-", Progress.NONE)
            .send(new Plan(copies, new double[copies.size()], List.of(), plan.first()));
      }
      return measure(pool, bodies, server, tokenizer, plan);
    }
  }

  private BenchResult measure(
      HttpClientPool pool,
      RequestBodies bodies,
      ServerInfo server,
      Optional<PromptTokenizer> tokenizer,
      Plan plan)
      throws InterruptedException {
    String date = LocalDateTime.now(ZoneId.systemDefault()).format(DATE);
    ClientWarmUp.run();
    progress.phase("measuring");
    Sender.Run run = new Sender(pool, options, headers, bodies, prefix(), progress).send(plan);
    List<RequestSample> samples = new ArrayList<>(run.sent().size());
    TokenCounter counter = new TokenCounter(tokenizer, progress);
    for (Sender.Sent sent : run.sent()) {
      samples.add(Samples.of(sent.request(), sent, counter));
    }
    RunInfo info =
        new RunInfo(
            date,
            options.backend(),
            options.label(),
            options.model().orElse(server.model()),
            Optional.of(options.tokenizer().map(PromptTokenizer::name).orElse(server.root())),
            samples.size(),
            options.metadata(),
            options.traffic().requestRate(),
            options.traffic().burstiness(),
            options.traffic().maxConcurrency(),
            options.traffic().rampUp().map(ramp -> rampUp(ramp, run.rpsChanges())));
    BenchResult result =
        Summary.of(
            info,
            run.seconds(),
            samples,
            options.metrics(),
            options.percentiles(),
            options.goodput().map(limits -> limits::met),
            Map.of(ResultKeys.MAX_SCHEDULE_DELAY, run.maxScheduleDelay() * 1000));
    return options.dataset() instanceof DatasetSpec.Mix mix
        ? result.withClassFigures(mix.sweptClass().name(), options.percentiles())
        : result;
  }

  private static RampUp rampUp(Traffic.Ramp ramp, List<RampUp.RpsChange> changes) {
    String strategy = ramp.shape().name().toLowerCase(Locale.ROOT);
    return new RampUp(strategy, ramp.startRps(), ramp.endRps(), changes);
  }

  private boolean timings(ServerInfo server) {
    return switch (options.timings()) {
      case AUTO -> server.baton();
      case ON -> true;
      case OFF -> false;
    };
  }

  private String prefix() {
    return options
        .requestIdPrefix()
        .orElseGet(() -> String.format("bench-%08x-", ThreadLocalRandom.current().nextInt()));
  }

  private ServerInfo server(HttpClientPool pool, long deadline)
      throws BenchException, InterruptedException {
    progress.phase("looking for the server at " + options.baseUrl());
    while (true) {
      try {
        return ServerInfo.ask(options, pool, headers);
      } catch (ServerInfo.NotReady e) {
        pauseBefore(deadline, String.valueOf(e.getMessage()));
      }
    }
  }

  private void awaitReady(
      HttpClientPool pool, RequestBodies bodies, PromptRequest first, long deadline)
      throws BenchException, InterruptedException {
    progress.phase("trying a first request");
    StreamedRequest request = new StreamedRequest(pool, new LongAdder());
    while (true) {
      String error = request.send(options.requestUri(), headers, bodies.of(first, 0)).error();
      if (error.isEmpty()) {
        return;
      }
      pauseBefore(deadline, "the server does not serve a first request: " + error);
    }
  }

  private void pauseBefore(long deadline, String problem)
      throws BenchException, InterruptedException {
    long left = deadline - System.nanoTime();
    if (left <= 0) {
      String waited =
          options.readyTimeout().isZero()
              ? ""
              : " (waited " + options.readyTimeout().toSeconds() + " s)";
      throw new BenchException(problem + waited);
    }
    Thread.sleep(Duration.ofNanos(Math.min(left, READY_PAUSE.toNanos())));
  }
}
