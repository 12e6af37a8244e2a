package dev.baton.bench.load;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.baton.bench.BenchException;
import dev.baton.bench.dataset.DatasetSpec;
import dev.baton.bench.metrics.Distribution;
import dev.baton.bench.metrics.Metric;
import dev.baton.bench.results.BenchResult;
import dev.baton.bench.results.ConsoleBlock;
import dev.baton.bench.results.RequestSample;
import java.nio.file.Path;
import java.util.List;
import java.util.OptionalDouble;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

@Timeout(60)
class MixTest {
  private static DatasetSpec.TrafficClass each(
      String name, int input, int output, double rate, int inFlight) {
    return new DatasetSpec.TrafficClass(
        name,
        DatasetSpec.Random.of(input, output),
        rate > 0 ? OptionalDouble.of(rate) : OptionalDouble.empty(),
        inFlight);
  }

  private static final DatasetSpec.Mix MIX =
      new DatasetSpec.Mix(
          List.of(
              each("writing", 5, 9, 0, 3),
              each("chat", 7, 2, 30, 0),
              each("prompts", 20, 1, 0, 0)));

  private static LoadOptions.Builder options(FakeServer server, double rate, int prompts) {
    return LoadOptions.builder(server.url(), MIX)
        .numPrompts(prompts)
        .ignoreEos(true)
        .traffic(Traffic.poisson(rate));
  }

  private static int outputs(FakeServer.Request request) {
    return request.body().path("max_tokens").asInt();
  }

  @Test
  void everyClassArrivesInItsOwnWay(@TempDir Path folder) throws Exception {
    AtomicInteger writing = new AtomicInteger();
    AtomicInteger mostWriting = new AtomicInteger();
    CountDownLatch swept = new CountDownLatch(1);
    CountDownLatch three = new CountDownLatch(3);
    CountDownLatch six = new CountDownLatch(6);
    try (FakeServer server =
        new FakeServer(
            (request, reply) -> {
              if (outputs(request) == 9) {
                mostWriting.accumulateAndGet(writing.incrementAndGet(), Math::max);
                three.countDown();
                six.countDown();
                three.await(); // the first three meet
                swept.await();
                Thread.sleep(20);
                writing.decrementAndGet();
              } else if (outputs(request) == 1) {
                swept.countDown();
                six.await(); // the run goes on until there are as many
              }
              reply.answer(request);
            })) {
      BenchResult result =
          LoadRun.run(options(server, 20, 10).percentiles(List.of(50.0)).build(), Progress.NONE);

      assertThat(result.failed()).isZero();
      assertThat(result.classes()).containsExactlyInAnyOrder("writing", "chat", "prompts");
      BenchResult prompts = result.ofClass("prompts", "prompts");
      BenchResult chat = result.ofClass("chat", "prompts");
      BenchResult writers = result.ofClass("writing", "prompts");
      assertThat(prompts.completed()).isEqualTo(10);
      assertThat(chat.completed()).isEqualTo(15); // 30/s for 10 / 20 s
      assertThat(mostWriting).hasValue(3);
      // Three under way for at least 20 ms each, as long as the run took.
      assertThat(writers.completed()).isBetween(6, (int) (3 * result.duration() / 0.02));
      assertThat(result.completed())
          .isEqualTo(prompts.completed() + chat.completed() + writers.completed());
      assertThat(server.requests).hasSize(result.completed());
      assertThat(prompts.requests()).allMatch(r -> r.outputTokens() == 1);
      assertThat(result.figure("completed.chat")).hasValue(15);
      assertThat(result.figure("p50_itl_ms.writing"))
          .hasValue(writers.percentileMs(Metric.ITL, 50).orElseThrow());
      assertThat(ConsoleBlock.of(result)).contains(" Class writing ", "p50_itl_ms.writing:");

      Path file = folder.resolve("mix.json");
      result.write(file, true);
      BenchResult read = BenchResult.read(file);
      assertThat(read.requests().stream().map(RequestSample::trafficClass).toList())
          .isEqualTo(result.requests().stream().map(RequestSample::trafficClass).toList());
      assertThat(read.ofClass("writing", "prompts").distributionMs(Metric.ITL).percentile(99))
          .isEqualTo(writers.distributionMs(Metric.ITL).percentile(99), within(1e-6));
    }
  }

  @Test
  void timesBetweenTokensCountOnlyWhileTheSweptClassIsUnderWay() throws Exception {
    CountDownLatch begun = new CountDownLatch(1);
    CountDownLatch four = new CountDownLatch(4); // of three writers: one has read an answer
    try (FakeServer server =
        new FakeServer(
            (request, reply) -> {
              if (outputs(request) == 1) {
                begun.countDown();
                four.await();
                Thread.sleep(200);
              } else if (outputs(request) == 9 && begun.getCount() == 0) {
                four.countDown();
              }
              reply.answer(request);
            })) {
      BenchResult result = LoadRun.run(options(server, 20, 4).build(), Progress.NONE);

      List<RequestSample> swept = result.ofClass("prompts", "prompts").requests();
      double from = swept.stream().mapToDouble(RequestSample::startTime).min().orElseThrow();
      double to = swept.stream().mapToDouble(r -> r.startTime() + r.e2el()).max().orElseThrow();
      long expected = 0;
      for (RequestSample r : result.requests()) {
        if (r.trafficClass().equals("writing")) {
          double at = r.startTime() + r.ttft();
          for (double gap : r.itls()) {
            expected += at >= from && at + gap <= to ? 1 : 0;
            at += gap;
          }
        }
      }
      Distribution counted = result.ofClass("writing", "prompts").distributionMs(Metric.ITL);
      assertThat((long) counted.count()).isEqualTo(expected).isPositive();
      assertThat(result.ofClass("writing", "prompts").duration())
          .isEqualTo(to - from, within(1e-9));
    }
  }

  @Test
  void whatIsKeptInFlightOutlivesFailuresWithoutAFlood() throws Exception {
    CountDownLatch six = new CountDownLatch(6);
    try (FakeServer server =
        new FakeServer(
            (request, reply) -> {
              if (outputs(request) == 9) {
                six.countDown();
                reply.json(500, "{}");
              } else {
                if (outputs(request) == 1) {
                  six.await();
                }
                reply.answer(request);
              }
            })) {
      BenchResult result = LoadRun.run(options(server, 20, 10).build(), Progress.NONE);

      assertThat(result.ofClass("prompts", "prompts").completed()).isEqualTo(10);
      // Three, and each again after 100 ms.
      assertThat(result.ofClass("writing", "prompts").failed())
          .isBetween(6, 3 * ((int) (result.duration() / 0.1) + 1));
    }
  }

  @Test
  void aMixNeedsARate() throws Exception {
    try (FakeServer server = new FakeServer((request, reply) -> reply.answer(request))) {
      assertThatThrownBy(
              () ->
                  LoadRun.run(options(server, Double.POSITIVE_INFINITY, 3).build(), Progress.NONE))
          .isInstanceOf(BenchException.class)
          .hasMessageContaining("--request-rate")
          .hasMessageContaining("prompts");
    }
  }
}
