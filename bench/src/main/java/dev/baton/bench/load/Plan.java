package dev.baton.bench.load;

import dev.baton.bench.BenchException;
import dev.baton.bench.dataset.DatasetSpec;
import dev.baton.bench.dataset.Datasets;
import dev.baton.bench.dataset.PromptRequest;
import dev.baton.bench.dataset.PromptTokenizer;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import java.util.function.Consumer;

/**
 * Which requests a run sends and when.
 *
 * @param requests those with a place in the schedule, in its order
 * @param schedule seconds after the begin, ascending
 * @param streams those that are sent whenever one before them is answered
 * @param first a request of the kind that the run's rate is about
 */
record Plan(
    List<PromptRequest> requests, double[] schedule, List<Stream> streams, PromptRequest first) {
  /** Prompts made for each request kept in flight; after them the first come again. */
  private static final int PROMPTS_EACH = 8;

  /**
   * Requests kept in flight.
   *
   * @param inFlight how many at a time
   * @param requests taken in turn
   */
  record Stream(int inFlight, List<PromptRequest> requests) {}

  private record Timed(double at, PromptRequest request) {}

  static Plan of(
      LoadOptions options, Optional<PromptTokenizer> tokenizer, Consumer<String> warnings)
      throws BenchException, InterruptedException {
    if (options.dataset() instanceof DatasetSpec.Mix mix) {
      return mixed(options, mix, tokenizer, warnings);
    }
    List<PromptRequest> requests =
        build(
            options, options.dataset(), options.numPrompts(), options.seed(), tokenizer, warnings);
    return new Plan(
        requests,
        ArrivalSchedule.of(options.traffic(), requests.size(), options.seed()),
        List.of(),
        requests.getFirst());
  }

  private static Plan mixed(
      LoadOptions options,
      DatasetSpec.Mix mix,
      Optional<PromptTokenizer> tokenizer,
      Consumer<String> warnings)
      throws BenchException, InterruptedException {
    Traffic traffic = options.traffic();
    double seconds = options.numPrompts() / traffic.requestRate();
    if (traffic.rampUp().isPresent() || !(seconds > 0)) {
      throw new BenchException(
          "the mix dataset needs --request-rate, without a ramp-up, and --num-prompts of at least 1:"
              + " the rate and the number of requests of its class "
              + mix.sweptClass().name());
    }
    if (traffic.maxConcurrency().isPresent()) {
      throw new BenchException(
          "the mix dataset goes without --max-concurrency: a class can keep a number of requests in"
              + " flight");
    }
    List<Timed> timed = new ArrayList<>();
    List<Stream> streams = new ArrayList<>();
    Optional<PromptRequest> first = Optional.empty();
    long seed = options.seed();
    for (DatasetSpec.TrafficClass each : mix.classes()) {
      Traffic own = each.rate().isPresent() ? Traffic.poisson(each.rate().getAsDouble()) : traffic;
      int count =
          each.inFlight() > 0
              ? PROMPTS_EACH * each.inFlight()
              : each.swept()
                  ? options.numPrompts()
                  : (int) Math.max(1, Math.round(own.requestRate() * seconds));
      List<PromptRequest> requests =
          build(options, each.prompts(), count, seed, tokenizer, warnings).stream()
              .map(r -> r.of(each.name()))
              .toList();
      if (each.inFlight() > 0) {
        streams.add(new Stream(each.inFlight(), requests));
      } else {
        double[] times = ArrivalSchedule.of(own, count, seed);
        for (int i = 0; i < count; i++) {
          timed.add(new Timed(times[i], requests.get(i)));
        }
      }
      if (each.swept()) {
        first = Optional.of(requests.getFirst());
      }
      seed += 0x9e3779b9L; // neither prompts nor arrivals of two classes are the same
    }
    timed.sort(Comparator.comparingDouble(Timed::at));
    return new Plan(
        timed.stream().map(Timed::request).toList(),
        timed.stream().mapToDouble(Timed::at).toArray(),
        streams,
        first.orElseThrow());
  }

  private static List<PromptRequest> build(
      LoadOptions options,
      DatasetSpec dataset,
      int count,
      long seed,
      Optional<PromptTokenizer> tokenizer,
      Consumer<String> warnings)
      throws BenchException, InterruptedException {
    return Datasets.build(dataset, count, seed, tokenizer, options.api() == Api.CHAT, warnings);
  }
}
