package dev.baton.app;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.baton.app.Deployment.Sizes;
import dev.baton.bench.dataset.DatasetSpec;
import dev.baton.bench.load.LoadOptions;
import dev.baton.bench.load.LoadRun;
import dev.baton.bench.load.Progress;
import dev.baton.bench.load.Traffic;
import dev.baton.bench.results.BenchResult;
import dev.baton.bench.results.RequestSample;
import dev.baton.bench.results.TtftPart;
import dev.baton.bench.results.TtftParts;
import java.util.HashMap;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** One prefill and three decode workers under the load generator. */
@Timeout(300)
class DisaggregatedLoadTest {
  private static final int REQUESTS = 60;

  @Test
  void everyTtftIsTheSumOfItsPartsAndEveryPairOfWorkersServes() throws Exception {
    try (Deployment four = Deployment.disaggregated(1, 3, new Sizes(300, 256, true, ""))) {
      LoadOptions options =
          LoadOptions.builder(four.uri("/"), DatasetSpec.Random.of(48, 12))
              .numPrompts(REQUESTS)
              .traffic(Traffic.poisson(30))
              .ignoreEos(true)
              .sampling(Map.of("temperature", 0))
              .build();
      BenchResult result = LoadRun.run(options, Progress.NONE);

      assertThat(result.completed()).isEqualTo(REQUESTS);
      Map<String, Integer> pairs = new HashMap<>();
      for (RequestSample request : result.requests()) {
        assertThat(request.parts()).as("parts of %s", request).isPresent();
        TtftParts parts = request.parts().orElseThrow();
        assertThat(parts.total()).isCloseTo(request.ttft(), within(1e-9));
        for (TtftPart part : TtftPart.values()) {
          assertThat(parts.get(part)).as("%s of %s", part, parts).isNotNegative();
        }
        assertThat(parts.prefillExecute()).isPositive();
        assertThat(parts.kvLoad() + parts.kvSave()).isPositive();
        pairs.merge(parts.prefillWorker() + " " + parts.decodeWorker(), 1, Integer::sum);
      }
      assertThat(pairs).hasSize(3);
      assertThat(pairs.values()).allSatisfy(n -> assertThat(n).isGreaterThan(REQUESTS / 6));
      four.awaitWhole();
    }
  }
}
