package dev.baton.bench.report;

import dev.baton.bench.metrics.Metric;
import java.util.ArrayList;
import java.util.List;
import java.util.OptionalDouble;

/**
 * The conclusion on a workload that was sent by a number of requests in flight instead of a rate:
 * the latencies side by side, without a goodput, which needs rates.
 */
final class ClosedConclusion {
  /** Medians closer than this share are called the same. */
  private static final double SAME = 0.01;

  private final ReportInput input;

  private ClosedConclusion(ReportInput input) {
    this.input = input;
  }

  /** Whether no run of the workload has a set rate. */
  static boolean fits(ReportInput input) {
    return !input.section().mixed()
        && input.deployments().stream().allMatch(d -> d.open().isEmpty())
        && input.deployments().stream().anyMatch(d -> !d.rates().isEmpty());
  }

  private record Pair(
      DeploymentResults a, RateResult base, DeploymentResults b, RateResult other) {}

  static List<Text> verdicts(ReportInput input) {
    ClosedConclusion c = new ClosedConclusion(input);
    return c.pairs().stream().map(c::verdict).toList();
  }

  static List<Block> write(ReportInput input, Language language, int level) {
    List<Block> out = new ArrayList<>();
    for (Text text : verdicts(input)) {
      out.add(new Block.Paragraph(text.in(language)));
    }
    List<List<String>> rows = new ArrayList<>();
    for (DeploymentResults d : input.deployments()) {
      for (RateResult r : d.rates()) {
        String none = new Text("unknown", "未知").in(language);
        rows.add(
            List.of(
                d.label(),
                load(r).in(language),
                String.valueOf(r.sent()),
                String.valueOf(r.failed()),
                Numbers.ms(r.percentileMs(Metric.TTFT, 50), none),
                Numbers.ms(r.percentileMs(Metric.TPOT, 50), none),
                Numbers.ms(r.percentileMs(Metric.E2EL, 50), none)));
      }
    }
    out.add(
        new Block.Table(
            List.of(
                new Text("Deployment", "配置").in(language),
                new Text("Load", "负载").in(language),
                new Text("Sent", "发送").in(language),
                new Text("Failed", "失败").in(language),
                "P50 TTFT (ms)",
                "P50 TPOT (ms)",
                "P50 E2EL (ms)"),
            rows));
    List<Text> caveats = new ArrayList<>(input.conditions());
    for (DeploymentResults d : input.deployments()) {
      if (d.rates().isEmpty()) {
        caveats.add(
            new Text(
                d.label() + " has no result, so there is nothing to compare with.",
                d.label() + " 没有任何结果，无法比较。"));
      }
    }
    Caveats.single(input).ifPresent(caveats::add);
    caveats.add(
        new Text(
            "A goodput needs runs at set request rates, of which this workload has none.",
            "有效吞吐需要固定请求速率的测试，此负载没有。"));
    out.add(new Block.Heading(level, new Text("Caveats", "注意事项").in(language)));
    out.add(Block.Bullets.of(caveats.stream().map(t -> t.in(language)).toList()));
    return out;
  }

  private List<Pair> pairs() {
    List<Pair> out = new ArrayList<>();
    if (input.base().isEmpty()) {
      return out;
    }
    DeploymentResults base = input.base().orElseThrow();
    for (DeploymentResults other : input.others()) {
      for (RateResult a : base.rates()) {
        other.rates().stream()
            .filter(b -> b.concurrency().equals(a.concurrency()))
            .findFirst()
            .ifPresent(b -> out.add(new Pair(base, a, other, b)));
      }
    }
    return out;
  }

  private static Text load(RateResult r) {
    return r.concurrency().isPresent()
        ? new Text(r.concurrency().getAsInt() + " in flight", r.concurrency().getAsInt() + " 个并发请求")
        : new Text("all at once", "一次性发送");
  }

  private Text verdict(Pair pair) {
    Text load = load(pair.base());
    OptionalDouble ttftA = pair.base().percentileMs(Metric.TTFT, 50);
    OptionalDouble ttftB = pair.other().percentileMs(Metric.TTFT, 50);
    if (ttftA.isEmpty() || ttftB.isEmpty()) {
      return new Text(
          "**With " + load.english() + " the latencies are not known for both.**",
          "**" + load.chinese() + "：缺少可比较的延迟数据。**");
    }
    String a = pair.a().label();
    String b = pair.b().label();
    double more = ttftB.getAsDouble() - ttftA.getAsDouble();
    String ms = Numbers.ms(Math.abs(more)) + " ms";
    String ttfts = Numbers.ms(ttftB.getAsDouble()) + " / " + Numbers.ms(ttftA.getAsDouble());
    Text tpot = tpot(pair);
    Text tpots = tpots(pair);
    return new Text(
        "**With "
            + load.english()
            + ", the median TTFT of "
            + b
            + " is "
            + ms
            + (more < 0 ? " shorter" : " longer")
            + " than that of "
            + a
            + tpot.english()
            + ".** "
            + b
            + " / "
            + a
            + ": TTFT "
            + ttfts
            + " ms"
            + tpots.english()
            + ".",
        "**"
            + load.chinese()
            + "时，"
            + b
            + " 的 TTFT 中位数比 "
            + a
            + (more < 0 ? " 短 " : " 长 ")
            + ms
            + tpot.chinese()
            + "。** "
            + b
            + " / "
            + a
            + "：TTFT "
            + ttfts
            + " ms"
            + tpots.chinese()
            + "。");
  }

  /** How the median TPOT compares; empty where answers have one token and so no TPOT. */
  private static Text tpot(Pair pair) {
    double a = pair.base().percentileMs(Metric.TPOT, 50).orElse(0);
    double b = pair.other().percentileMs(Metric.TPOT, 50).orElse(0);
    if (!(a > 0) || !(b > 0)) {
      return Text.same("");
    }
    double share = b / a - 1;
    if (Math.abs(share) < SAME) {
      return new Text(", and its median TPOT is the same within 1 %", "，TPOT 中位数相差不到 1 %");
    }
    String percent = Numbers.percent(Math.abs(share));
    return new Text(
        ", and its median TPOT " + percent + (share < 0 ? " shorter" : " longer"),
        "，TPOT 中位数" + (share < 0 ? "短 " : "长 ") + percent);
  }

  private static Text tpots(Pair pair) {
    OptionalDouble a = pair.base().percentileMs(Metric.TPOT, 50);
    OptionalDouble b = pair.other().percentileMs(Metric.TPOT, 50);
    if (a.isEmpty() || b.isEmpty()) {
      return Text.same("");
    }
    String values = "TPOT " + Numbers.ms(b.getAsDouble()) + " / " + Numbers.ms(a.getAsDouble());
    return new Text(", " + values + " ms", "，" + values + " ms");
  }
}
