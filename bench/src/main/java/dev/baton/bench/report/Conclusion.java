package dev.baton.bench.report;

import dev.baton.bench.experiment.Slo;
import dev.baton.bench.metrics.Metric;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/** Section 5, computed from the results alone. */
final class Conclusion {
  private final ReportInput input;
  private final Language language;
  private final Slo slo;
  private final Map<String, Goodput> goodputs = new HashMap<>();
  private final List<Block> blocks = new ArrayList<>();
  private int level = 3;

  private Conclusion(ReportInput input, Language language) {
    this.input = input;
    this.language = language;
    this.slo = input.slo();
    for (DeploymentResults d : input.deployments()) {
      goodputs.put(d.name(), Goodput.of(d, slo));
    }
  }

  /** Who is ahead, one paragraph for each comparison. */
  static List<Text> verdicts(ReportInput input) {
    if (input.base().isEmpty()) {
      return List.of();
    }
    Conclusion c = new Conclusion(input, Language.ENGLISH);
    DeploymentResults base = input.base().orElseThrow();
    return input.others().stream()
        .map(other -> c.headline(base, other, Verdict.of(c.goodput(base), c.goodput(other))))
        .toList();
  }

  /** With headings of that level. */
  static List<Block> write(ReportInput input, Language language, int level) {
    Conclusion c = new Conclusion(input, language);
    c.level = level;
    c.headlines();
    c.goodputTable();
    for (DeploymentResults other : input.others()) {
      c.comparison(Comparison.of(input.base().orElseThrow(), other), input.others().size() > 1);
    }
    c.bounds();
    c.failures();
    c.blocks.add(new Block.Heading(level, c.t("Caveats", "注意事项")));
    c.blocks.add(
        Block.Bullets.of(
            Caveats.of(input, c.goodputs).stream().map(text -> text.in(language)).toList()));
    return c.blocks;
  }

  private Goodput goodput(DeploymentResults deployment) {
    return goodputs.getOrDefault(deployment.name(), Goodput.of(deployment, slo));
  }

  private void headlines() {
    if (input.base().isEmpty() || input.others().isEmpty()) {
      paragraph(
          new Text(
              "The results hold no pair of a combined and a disaggregated deployment, so there is"
                  + " nothing to compare; each deployment is described by itself.",
              "结果中没有可供比较的 PD合并 与 PD分离 配置对，以下仅分别描述各配置。"));
      return;
    }
    for (DeploymentResults other : input.others()) {
      DeploymentResults base = input.base().orElseThrow();
      paragraph(headline(base, other, Verdict.of(goodput(base), goodput(other))));
    }
  }

  private Text headline(DeploymentResults base, DeploymentResults other, Verdict verdict) {
    String limits =
        "TTFT ≤ "
            + Numbers.number(slo.ttftMs())
            + " ms, TPOT ≤ "
            + Numbers.number(slo.tpotMs())
            + " ms";
    String share = Numbers.number(100 * slo.attainment()) + " %";
    String a = base.label();
    String b = other.label();
    Text figures =
        new Text(
            " Goodput per GPU ("
                + limits
                + " for at least "
                + share
                + " of the requests): "
                + b
                + " "
                + goodputText(goodput(other)).english()
                + ", "
                + a
                + " "
                + goodputText(goodput(base)).english()
                + ".",
            "每 GPU 有效吞吐（至少 "
                + share
                + " 的请求满足 "
                + limits
                + "）："
                + b
                + " 为 "
                + goodputText(goodput(other)).chinese()
                + "，"
                + a
                + " 为 "
                + goodputText(goodput(base)).chinese()
                + "。");
    // Less than one per cent says nothing in words.
    boolean told = verdict.gain() >= 0.01 && !Double.isInfinite(verdict.gain());
    String gain = told ? Numbers.gain(verdict.gain()) : "";
    Text verdictText =
        switch (verdict.outcome()) {
          case OTHER, BASE -> ahead(base, other, verdict, gain);
          case TIE ->
              new Text(
                  "**A tie: the goodput per GPU of "
                      + b
                      + " and "
                      + a
                      + " differs by less than 5 %, which a sweep in steps cannot tell apart."
                      + " Disaggregation neither pays nor costs here.**",
                  "**持平："
                      + b
                      + " 与 "
                      + a
                      + " 的每 GPU 有效吞吐相差不到 5 %，在该步长的扫描下无法区分；PD分离 既无明显收益也无明显代价。**");
          case BOTH_BELOW ->
              new Text(
                  "**No winner: neither "
                      + b
                      + " nor "
                      + a
                      + " met the SLO at any tested rate. Test lower rates, or set limits that this"
                      + " hardware can meet.**",
                  "**无法分出高下：" + b + " 与 " + a + " 在所有测试速率下都未满足 SLO。请测试更低的速率，或设置该硬件能达到的 SLO。**");
          case BOTH_ABOVE ->
              new Text(
                  "**No winner yet: both "
                      + b
                      + " and "
                      + a
                      + " met the SLO at every tested rate. Test higher rates to find where they"
                      + " give way.**",
                  "**尚无法分出高下：" + b + " 与 " + a + " 在所有测试速率下都满足 SLO。请测试更高的速率以找到各自的极限。**");
          case UNDECIDED ->
              new Text(
                  "**Undecided: the tested rates of "
                      + b
                      + " and "
                      + a
                      + " do not overlap enough to tell whose goodput per GPU is higher.**",
                  "**无法判定：" + b + " 与 " + a + " 的测试速率重叠不足，无法比较每 GPU 有效吞吐。**");
          case UNKNOWN -> unknown(base, other);
        };
    Text all =
        new Text(
            verdictText.english() + figures.english(),
            verdictText.chinese() + " " + figures.chinese());
    for (Text doubt : doubts(base, other, verdict)) {
      all = all.plus(doubt);
    }
    return all;
  }

  /** One is ahead: plainly, or only by what lies between the tested rates. */
  private Text ahead(
      DeploymentResults base, DeploymentResults other, Verdict verdict, String gain) {
    boolean pays = verdict.outcome() == Verdict.Outcome.OTHER;
    String winner = pays ? other.label() : base.label();
    String english = winner + " has the higher goodput per GPU" + more(gain, verdict, true) + ".**";
    String chinese = winner + " 的每 GPU 有效吞吐更高" + more(gain, verdict, false) + "。**";
    if (Verdict.range(goodput(base), goodput(other)).filter(r -> !r.settled()).isPresent()) {
      return new Text(
          "**Not settled: going by interpolation between the tested rates alone, " + english,
          "**尚无定论：仅按测试速率之间的插值，" + chinese);
    }
    return pays
        ? new Text("**Disaggregation pays here: " + english, "**在此负载下 PD分离 更有利：" + chinese)
        : new Text(
            "**Disaggregation does not pay here: " + english, "**在此负载下 PD分离 并不有利：" + chinese);
  }

  /** Why no attainment is known for both. */
  private static Text unknown(DeploymentResults base, DeploymentResults other) {
    for (DeploymentResults d : List.of(base, other)) {
      if (d.rates().isEmpty()) {
        return new Text(
            "**Undecided: " + d.label() + " has no result, so there is nothing to compare with.**",
            "**无法判定：" + d.label() + " 没有任何结果，无法比较。**");
      }
    }
    return new Text(
        "**Undecided: there are no runs at a set rate with per-request times for both "
            + other.label()
            + " and "
            + base.label()
            + " (save them with `--save-detailed`), so the SLO attainment is unknown.**",
        "**无法判定："
            + other.label()
            + " 与 "
            + base.label()
            + " 缺少固定速率下的逐请求数据（请使用 `--save-detailed` 保存），SLO 达成率未知。**");
  }

  /** What a reader of the verdict alone must know of what it rests on. */
  private List<Text> doubts(DeploymentResults base, DeploymentResults other, Verdict verdict) {
    List<Text> out = new ArrayList<>();
    Verdict.range(goodput(base), goodput(other)).ifPresent(range -> out.add(steps(range)));
    boolean decided =
        verdict.outcome() == Verdict.Outcome.BASE || verdict.outcome() == Verdict.Outcome.OTHER;
    for (DeploymentResults d : List.of(base, other)) {
      Optional<Bound> bound = Bound.of(d, goodput(d), slo);
      if (bound.isPresent() && bound.get().kind() == Bound.Kind.FAILURES) {
        String failed = bound.get().run().failed() + " of " + bound.get().run().sent();
        out.add(
            new Text(
                d.label()
                    + " missed the SLO because requests failed ("
                    + failed
                    + " at "
                    + Numbers.rate(bound.get().run().perGpu())
                    + " req/s per GPU): find out why before believing this.",
                d.label()
                    + " 未达标是因为请求失败（每 GPU "
                    + Numbers.rate(bound.get().run().perGpu())
                    + " req/s 时 "
                    + bound.get().run().sent()
                    + " 个请求中失败 "
                    + bound.get().run().failed()
                    + " 个）：应先查明原因，再采信此结论。"));
      } else if (decided && Goodput.recovers(d, slo)) {
        out.add(
            new Text(
                "It rests on the first miss of "
                    + d.label()
                    + ", which met the SLO again above it.",
                "此结论取决于 " + d.label() + " 的首个未达标速率，而其在更高速率下又重新达标。"));
      }
    }
    return out;
  }

  private static Text steps(Verdict.Range range) {
    if (!range.settled()) {
      return new Text(
          "The tested rates themselves do not tell which is ahead; runs between "
              + Numbers.rate(range.from())
              + " and "
              + Numbers.rate(range.to())
              + " req/s per GPU, or longer ones, would.",
          "已测速率本身无法区分高下；在每 GPU "
              + Numbers.rate(range.from())
              + " 至 "
              + Numbers.rate(range.to())
              + " req/s 之间增加测试或延长测试可以判定。");
    }
    String high = Numbers.gain(range.high());
    if (range.low() < 0.005) {
      return new Text(
          "By the tested rates alone, without interpolation, it is anything up to " + high + ".",
          "仅按已测速率（不插值），高出的幅度在 " + high + " 以内。");
    }
    String low = Numbers.gain(range.low());
    return new Text(
        "By the tested rates alone, without interpolation, it is between "
            + low
            + " and "
            + high
            + ".",
        "仅按已测速率（不插值），高出的幅度在 " + low + " 至 " + high + " 之间。");
  }

  private static String more(String gain, Verdict verdict, boolean english) {
    if (gain.isEmpty()) {
      return "";
    }
    if (english) {
      return ", by " + (verdict.atLeast() ? "at least " : "") + gain;
    }
    return "，" + (verdict.atLeast() ? "至少" : "") + "高出 " + gain;
  }

  private static Text goodputText(Goodput g) {
    String rate = Numbers.number(g.perGpu());
    return switch (g.kind()) {
      case CROSSED -> Text.same(rate + " req/s");
      case AT_LEAST ->
          new Text(
              "at least " + rate + " req/s (the highest rate tested)",
              "至少 " + rate + " req/s（已是最高测试速率）");
      case BELOW ->
          new Text(
              "below " + rate + " req/s (the lowest rate tested)",
              "低于 " + rate + " req/s（已是最低测试速率）");
      case UNKNOWN -> new Text("unknown", "未知");
    };
  }

  private void goodputTable() {
    List<List<String>> rows = new ArrayList<>();
    for (DeploymentResults d : input.deployments()) {
      Goodput g = goodput(d);
      rows.add(
          List.of(
              d.label(),
              String.valueOf(d.gpus()),
              goodputText(g).in(language),
              g.met().map(this::at).orElse(t("none", "无")),
              g.missed().map(this::at).orElse(t("none", "无"))));
    }
    blocks.add(
        new Block.Table(
            List.of(
                t("Deployment", "配置"),
                "GPU",
                t("Goodput per GPU, interpolated", "每 GPU 有效吞吐（插值）"),
                t("Highest rate per GPU that met the SLO", "满足 SLO 的最高每 GPU 速率"),
                t("First rate per GPU that missed it", "首个未满足 SLO 的每 GPU 速率")),
            rows));
    paragraph(
        new Text(
            "Goodput per GPU is where the attainment of both limits falls through "
                + Numbers.number(100 * slo.attainment())
                + " %, taken as linear between the two tested rates on either side.",
            "每 GPU 有效吞吐取两项同时达标的达成率降到 "
                + Numbers.number(100 * slo.attainment())
                + " % 的位置，在相邻两个测试速率之间按线性插值。"));
  }

  private String at(RateResult run) {
    return Numbers.rate(run.perGpu())
        + " ("
        + Numbers.percent(run.attainment(slo), t("unknown", "未知"))
        + ")";
  }

  private void comparison(Comparison comparison, boolean several) {
    String a = comparison.base().label();
    String b = comparison.other().label();
    if (several) {
      blocks.add(new Block.Heading(level, b + " / " + a));
    }
    if (comparison.pairs().isEmpty()) {
      paragraph(
          new Text(
              "No rate per GPU was tested on both "
                  + b
                  + " and "
                  + a
                  + ", so their latencies cannot be set side by side.",
              b + " 与 " + a + " 没有相同的每 GPU 速率，无法直接对比延迟。"));
      return;
    }
    double p = input.percentiles().getFirst();
    String name = "P" + Numbers.percentile(p);
    boolean baseAhead =
        Verdict.of(goodput(comparison.base()), goodput(comparison.other())).outcome()
            == Verdict.Outcome.BASE;
    String ahead = baseAhead ? a : b;
    blocks.add(
        Block.Bullets.of(
            List.of(
                lead(
                        new Text(
                            "SLO attainment of " + ahead + " is higher", ahead + " 的 SLO 达成率更高"),
                        comparison.attainmentLead(slo, !baseAhead))
                    .in(language),
                lead(
                        new Text(
                            name + " TTFT of " + b + " is lower", b + " 的 " + name + " TTFT 更低"),
                        comparison.latencyLead(Metric.TTFT, p, true))
                    .in(language),
                lead(
                        new Text(
                            name + " TPOT of " + b + " is lower", b + " 的 " + name + " TPOT 更低"),
                        comparison.latencyLead(Metric.TPOT, p, true))
                    .in(language))));
    paragraph(
        new Text(
            "At equal rates per GPU (" + b + " / " + a + "):",
            "相同的每 GPU 速率下（" + b + " / " + a + "）："));
    List<List<String>> rows = new ArrayList<>();
    for (Comparison.Pair pair : comparison.pairs()) {
      rows.add(
          List.of(
              Numbers.rate(pair.perGpu()),
              pair(pair, Metric.TTFT, p),
              ratio(pair, Metric.TTFT, p),
              pair(pair, Metric.TPOT, p),
              ratio(pair, Metric.TPOT, p),
              Numbers.percent(pair.other().attainment(slo), t("unknown", "未知"))
                  + " / "
                  + Numbers.percent(pair.base().attainment(slo), t("unknown", "未知"))));
    }
    blocks.add(
        new Block.Table(
            List.of(
                t("Rate per GPU (req/s)", "每 GPU 速率 (req/s)"),
                name + " TTFT (ms)",
                t("ratio", "比值"),
                name + " TPOT (ms)",
                t("ratio", "比值"),
                t("SLO attainment", "SLO 达成率")),
            rows));
  }

  private String pair(Comparison.Pair pair, Metric metric, double p) {
    return Numbers.ms(pair.other().percentileMs(metric, p), t("unknown", "未知"))
        + " / "
        + Numbers.ms(pair.base().percentileMs(metric, p), t("unknown", "未知"));
  }

  private String ratio(Comparison.Pair pair, Metric metric, double p) {
    double other = pair.other().percentileMs(metric, p).orElse(0);
    double base = pair.base().percentileMs(metric, p).orElse(0);
    return base > 0 && other > 0 ? Numbers.ratio(other / base) : t("unknown", "未知");
  }

  private static Text lead(Text what, Comparison.Lead lead) {
    String rate = Numbers.rate(lead.perGpu()) + " req/s";
    return switch (lead.how()) {
      case EVERYWHERE ->
          new Text(
              what.english() + " at every rate per GPU that both were tested at.",
              what.chinese() + "：在所有共同测试的每 GPU 速率下均成立。");
      case FROM ->
          new Text(
              what.english() + " from " + rate + " per GPU on.",
              what.chinese() + "：从每 GPU " + rate + " 起成立。");
      case UP_TO ->
          new Text(
              what.english() + " up to " + rate + " per GPU, and no longer above that.",
              what.chinese() + "：在每 GPU " + rate + " 及以下成立，超过后不再成立。");
      case SOMEWHERE ->
          new Text(
              what.english() + " at some of the rates per GPU, without a clear order.",
              what.chinese() + "：仅在部分每 GPU 速率下成立，没有明确规律。");
      case NOWHERE ->
          new Text(
              what.english() + " at none of the rates per GPU that both were tested at.",
              what.chinese() + "：在所有共同测试的每 GPU 速率下均不成立。");
      case UNKNOWN ->
          new Text(
              what.english() + ": not known, no common rate has both figures.",
              what.chinese() + "：未知，没有两者都有数据的共同速率。");
    };
  }

  private void bounds() {
    blocks.add(new Block.Heading(level, t("What bounds each deployment", "各配置的瓶颈")));
    List<String> lines = new ArrayList<>();
    for (DeploymentResults d : input.deployments()) {
      Text line =
          Bound.of(d, goodput(d), slo)
              .map(b -> BoundText.of(d, b, slo))
              .orElse(
                  new Text("no run at a set rate, so no limit can be found.", "没有固定速率的测试，无法找出瓶颈。"));
      lines.add("**" + d.label() + "**" + t(": ", "：") + line.in(language));
    }
    blocks.add(Block.Bullets.of(lines));
  }

  private void failures() {
    int failed =
        input.deployments().stream()
            .flatMap(d -> d.rates().stream())
            .mapToInt(RateResult::failed)
            .sum();
    int sent =
        input.deployments().stream()
            .flatMap(d -> d.rates().stream())
            .mapToInt(RateResult::sent)
            .sum();
    if (failed == 0) {
      paragraph(
          new Text(
              "Failures: none of the " + sent + " requests failed.",
              "失败请求：共 " + sent + " 个请求，无失败。"));
      return;
    }
    List<String> lines = new ArrayList<>();
    for (DeploymentResults d : input.deployments()) {
      for (RateResult r : d.rates()) {
        if (r.failed() > 0) {
          lines.add(
              t(
                  d.label()
                      + " at "
                      + Numbers.rate(r.rate())
                      + " req/s: "
                      + r.failed()
                      + " of "
                      + r.sent()
                      + " failed",
                  d.label()
                      + "，"
                      + Numbers.rate(r.rate())
                      + " req/s："
                      + r.sent()
                      + " 个请求中失败 "
                      + r.failed()
                      + " 个"));
        }
      }
    }
    paragraph(
        new Text(
            "Failures: "
                + failed
                + " of "
                + sent
                + " requests failed; each counts as a miss of the SLO.",
            "失败请求：" + sent + " 个请求中失败 " + failed + " 个，均计为未达成 SLO。"));
    blocks.add(Block.Bullets.of(lines));
  }

  private void paragraph(Text text) {
    blocks.add(new Block.Paragraph(text.in(language)));
  }

  private String t(String english, String chinese) {
    return new Text(english, chinese).in(language);
  }
}
