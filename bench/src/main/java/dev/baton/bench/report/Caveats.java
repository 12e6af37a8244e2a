package dev.baton.bench.report;

import dev.baton.bench.experiment.Slo;
import dev.baton.bench.metrics.Metric;
import dev.baton.bench.results.ResultKeys;
import dev.baton.bench.results.TtftPart;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/** What a reader must know before trusting the figures. */
final class Caveats {
  private Caveats() {}

  static List<Text> of(ReportInput input, Map<String, Goodput> goodputs) {
    List<Text> out = new ArrayList<>(input.conditions());
    samples(input, out);
    slowArrivals(input, out);
    partsAboveTtft(input, out);
    lateClient(input, out);
    for (DeploymentResults d : input.deployments()) {
      if (Goodput.recovers(d, input.slo())) {
        out.add(
            new Text(
                "The attainment of "
                    + d.label()
                    + " does not fall steadily: it meets the SLO again above a rate that missed it."
                    + " The goodput counts only up to the first miss; longer runs or repeats would"
                    + " show which it is.",
                d.label() + " 的达成率并非单调下降：在某个未达标速率之上又重新达标。有效吞吐只计到首个未达标处；更长的测试或重复测试可进一步确认。"));
      }
      MissingRates.sentence(d).ifPresent(out::add);
      Goodput g = goodputs.getOrDefault(d.name(), Goodput.of(d, input.slo()));
      if (g.kind() == Goodput.Kind.CROSSED && d.open().size() < 4) {
        out.add(
            new Text(
                d.label()
                    + " was tested at "
                    + d.open().size()
                    + " rates only: its goodput is interpolated over a wide gap.",
                d.label() + " 只测试了 " + d.open().size() + " 个速率，有效吞吐的插值区间较宽。"));
      }
    }
    spread(input, out);
    single(input).ifPresent(out::add);
    if (out.isEmpty()) {
      out.add(new Text("None found in the data.", "数据中未发现。"));
    }
    return out;
  }

  /** Said where no rate was repeated; where some was, {@link #spread} has the figure. */
  static Optional<Text> single(ReportInput input) {
    boolean repeated =
        input.deployments().stream()
            .flatMap(d -> d.rates().stream())
            .anyMatch(r -> r.repeats().size() > 1);
    return repeated
        ? Optional.empty()
        : Optional.of(
            new Text(
                "One run of each rate or load: expect a few per cent from run to run.",
                "每个速率或负载只测了一次：各次测试之间可能有百分之几的波动。"));
  }

  private static void samples(ReportInput input, List<Text> out) {
    List<RateResult> runs = input.deployments().stream().flatMap(d -> d.rates().stream()).toList();
    Optional<RateResult> fewest = runs.stream().min(Comparator.comparingInt(RateResult::sent));
    double top = input.percentiles().getLast();
    // Below 10 samples above the percentile it is one or two requests' luck.
    double wanted = top < 100 ? 10 * 100 / (100 - top) : Double.POSITIVE_INFINITY;
    if (fewest.isPresent() && fewest.get().sent() < wanted) {
      String p = "P" + Numbers.percentile(top);
      int few = fewest.get().sent();
      int most = runs.stream().mapToInt(RateResult::sent).max().orElse(few);
      double seconds = runs.stream().mapToDouble(RateResult::seconds).average().orElse(0);
      out.add(
          new Text(
              "Short runs: "
                  + (few == most ? few : few + " to " + most)
                  + " requests per rate ("
                  + Numbers.number(seconds)
                  + " s on average). "
                  + p
                  + " rests on the slowest few of them; "
                  + Math.round(wanted)
                  + " or more would be steady.",
              "测试时间较短：每个速率 "
                  + (few == most ? few : few + " 至 " + most)
                  + " 个请求（平均 "
                  + Numbers.number(seconds)
                  + " 秒）。"
                  + p
                  + " 仅由最慢的几个请求决定；"
                  + Math.round(wanted)
                  + " 个以上请求才较稳定。"));
    }
  }

  private static void slowArrivals(ReportInput input, List<Text> out) {
    for (DeploymentResults d : input.deployments()) {
      for (RateResult r : d.open()) {
        if (saturated(d, r) && r.completed() > 0) {
          out.add(
              new Text(
                  d.label()
                      + " is saturated at "
                      + Numbers.rate(r.rate())
                      + " req/s: it completed "
                      + Numbers.number(r.throughput())
                      + " req/s. From there on latencies grow with the length of the run and say"
                      + " little but that it is too much.",
                  d.label()
                      + " 在 "
                      + Numbers.rate(r.rate())
                      + " req/s 时已饱和：实际完成 "
                      + Numbers.number(r.throughput())
                      + " req/s。此后延迟随测试时长增长，只说明负载过高。"));
          break;
        }
      }
    }
  }

  /** A client that sends late hides waiting: latencies count from the sending. */
  private static void lateClient(ReportInput input, List<Text> out) {
    double top = input.percentiles().getLast();
    for (DeploymentResults d : input.deployments()) {
      for (RateResult r : d.open()) {
        double late =
            r.repeats().stream()
                .mapToDouble(x -> x.figure(ResultKeys.MAX_SCHEDULE_DELAY).orElse(0))
                .max()
                .orElse(0);
        double ttft = r.percentileMs(Metric.TTFT, top).orElse(Double.POSITIVE_INFINITY);
        if (late > 5 && late > 0.1 * ttft) {
          String p = "P" + Numbers.percentile(top);
          out.add(
              new Text(
                  "The load generator was late: at "
                      + Numbers.rate(r.rate())
                      + " req/s the latest request to "
                      + d.label()
                      + " was sent "
                      + Numbers.ms(late)
                      + " ms after its time (the "
                      + p
                      + " TTFT is "
                      + Numbers.ms(ttft)
                      + " ms). Latencies count from the sending, so such waiting is not in them.",
                  "压测客户端发送滞后："
                      + d.label()
                      + " 在 "
                      + Numbers.rate(r.rate())
                      + " req/s 时，最晚的请求比计划时间晚 "
                      + Numbers.ms(late)
                      + " ms 发出（"
                      + p
                      + " TTFT 为 "
                      + Numbers.ms(ttft)
                      + " ms）。延迟从发出时算起，不含这段等待。"));
          break;
        }
      }
    }
  }

  /**
   * Whether the last answers came so late that requests must have piled up. A run takes longer than
   * its arrivals anyway, by the time of one answer: that of the lowest rate is allowed for.
   */
  private static boolean saturated(DeploymentResults d, RateResult r) {
    double arrivals = r.sent() / r.rate();
    double answer = d.open().getFirst().meanMs(Metric.E2EL).orElse(0) / 1000;
    return r.seconds() > (arrivals + answer * r.repeats().size()) / 0.95;
  }

  private static void partsAboveTtft(ReportInput input, List<Text> out) {
    for (DeploymentResults d : input.deployments()) {
      for (RateResult r : d.rates()) {
        double sum =
            r.partsMs().entrySet().stream()
                .filter(e -> e.getKey() != TtftPart.NETWORK)
                .mapToDouble(Map.Entry::getValue)
                .sum();
        double ttft = r.meanMs(Metric.TTFT).orElse(Double.POSITIVE_INFINITY);
        if (sum > ttft * 1.001) {
          out.add(
              new Text(
                  "Error in the timeline of "
                      + d.label()
                      + " at "
                      + Numbers.rate(r.rate())
                      + " req/s: the parts add up to "
                      + Numbers.ms(sum)
                      + " ms, more than the TTFT of "
                      + Numbers.ms(ttft)
                      + " ms.",
                  d.label()
                      + " 在 "
                      + Numbers.rate(r.rate())
                      + " req/s 时的时间分解有误：各部分之和 "
                      + Numbers.ms(sum)
                      + " ms 大于 TTFT "
                      + Numbers.ms(ttft)
                      + " ms。"));
        }
      }
    }
  }

  private static void spread(ReportInput input, List<Text> out) {
    Slo slo = input.slo();
    for (DeploymentResults d : input.deployments()) {
      double widest = 0;
      double at = 0;
      for (RateResult r : d.open()) {
        double[] range = r.attainmentRange(slo);
        if (r.repeats().size() > 1 && range.length == 2 && range[1] - range[0] > widest) {
          widest = range[1] - range[0];
          at = r.rate();
        }
      }
      if (widest > 0.1) {
        out.add(
            new Text(
                "Repeats of "
                    + d.label()
                    + " differ by up to "
                    + Numbers.number(100 * widest)
                    + " points of attainment (at "
                    + Numbers.rate(at)
                    + " req/s).",
                d.label()
                    + " 各次重复的达成率最多相差 "
                    + Numbers.number(100 * widest)
                    + " 个百分点（"
                    + Numbers.rate(at)
                    + " req/s 时）。"));
      }
    }
  }
}
