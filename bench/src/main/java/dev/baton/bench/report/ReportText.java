package dev.baton.bench.report;

import dev.baton.bench.metrics.Metric;
import dev.baton.bench.results.TtftPart;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.OptionalDouble;

/** The report's sections, in the order and wording of the template. */
final class ReportText {
  private final List<ReportInput> workloads;
  private final Language language;
  private final List<Block> blocks = new ArrayList<>();

  /** The workload that is being described; at first the first, which tells what all share. */
  private ReportInput input;

  private ReportText(List<ReportInput> workloads, Language language) {
    this.workloads = workloads;
    this.input = workloads.getFirst();
    this.language = language;
  }

  static List<Block> write(List<ReportInput> workloads, Language language) {
    ReportText text = new ReportText(workloads, language);
    text.introduction();
    text.setup();
    text.heading(2, "3. Results", "3. 性能结果");
    text.each("3.", text::plots);
    text.heading(2, "4. Detailed figures", "4. 详细指标");
    text.each("4.", text::tables);
    text.heading(2, "5. Conclusion", "5. 结论");
    if (workloads.size() > 1) {
      text.overview();
    }
    text.each("5.", (prefix, level) -> text.conclusion(level));
    return text.blocks;
  }

  private interface Part {
    /**
     * Adds it.
     *
     * @param prefix of its headings' numbers
     * @param level of its headings
     */
    void write(String prefix, int level);
  }

  /** One after the other, each under its own heading if there are several. */
  private void each(String prefix, Part part) {
    if (workloads.size() == 1) {
      part.write(prefix, 3);
      return;
    }
    for (int i = 0; i < workloads.size(); i++) {
      input = workloads.get(i);
      Text heading = input.section().heading();
      String number = prefix + (i + 1);
      heading(3, number + " " + heading.english(), number + " " + heading.chinese());
      part.write(number + ".", 4);
    }
    input = workloads.getFirst();
  }

  private Text name(DeploymentResults d) {
    long combined = input.deployments().stream().filter(x -> !x.disaggregated()).count();
    long apart = input.deployments().size() - combined;
    return Words.heading(d, (d.disaggregated() ? apart : combined) > 1);
  }

  private void conclusion(int level) {
    // What holds for all workloads stands in the overview, if there is one.
    ReportInput own = workloads.size() == 1 ? input : input.withoutConditions();
    blocks.addAll(
        own.section().mixed()
            ? MixConclusion.write(own, language, level)
            : ClosedConclusion.fits(own)
                ? ClosedConclusion.write(own, language, level)
                : Conclusion.write(own, language, level));
  }

  /** The verdict on every workload. */
  private void overview() {
    List<String> lines = new ArrayList<>();
    for (ReportInput each : workloads) {
      List<Text> verdicts =
          each.section().mixed()
              ? MixConclusion.verdicts(each)
              : ClosedConclusion.fits(each)
                  ? ClosedConclusion.verdicts(each)
                  : Conclusion.verdicts(each);
      for (Text verdict : verdicts) {
        lines.add(each.section().key() + t(": ", "：") + verdict.in(language));
      }
    }
    if (!lines.isEmpty()) {
      blocks.add(Block.Bullets.of(lines));
    }
    if (!input.conditions().isEmpty()) {
      paragraph("For all of them:", "以下对所有负载均适用：");
      blocks.add(Block.Bullets.of(input.conditions().stream().map(c -> c.in(language)).toList()));
    }
  }

  private void introduction() {
    String engine = input.engine();
    String transport =
        String.join(
            ", ",
            input.deployments().stream()
                .map(DeploymentResults::transport)
                .filter(t -> !t.isEmpty())
                .distinct()
                .toList());
    Text title =
        new Text(
            engine + " PD-Disaggregated Serving: Performance Report", engine + " PD分离服务性能测试报告");
    blocks.add(new Block.Heading(1, input.title().isEmpty() ? title.in(language) : input.title()));
    heading(2, "1. Introduction", "1. 简介");
    String english = transport.isEmpty() ? "" : " that uses " + transport + " for KV transfer";
    String chinese = transport.isEmpty() ? "" : "使用 " + transport + " 进行 KV 传输的 ";
    String who = engine.equals("LLM") ? "an LLM server" : engine;
    if (input.base().isEmpty() || input.others().isEmpty()) {
      // Nothing to compare with: say what there is.
      boolean apart = input.base().isEmpty();
      String kind = apart ? "PD-disaggregated" : "PD-combined";
      paragraph(
          "This report records the performance test of "
              + who
              + "'s "
              + kind
              + " serving"
              + english
              + ". It has no results of "
              + (apart ? "PD-combined" : "PD-disaggregated")
              + " serving to compare with.",
          "本报告记录了 "
              + (apart ? chinese : "")
              + engine
              + (apart ? " PD分离服务" : " PD合并服务")
              + "的性能测试，没有可对比的"
              + (apart ? " PD合并" : " PD分离")
              + "服务结果。");
    } else {
      paragraph(
          "This report records the performance test of "
              + who
              + "'s PD-disaggregated serving"
              + english
              + ". It compares PD-combined serving with PD-disaggregated serving"
              + (transport.isEmpty() ? "" : " over " + transport)
              + ".",
          "本报告记录了"
              + (chinese.isEmpty() ? " " : chinese)
              + engine
              + " PD分离服务实现的性能测试。测试比较了PD合并服务配置与"
              + chinese
              + "PD分离服务配置之间的性能。");
    }
    heading(3, "1.1 Definitions", "1.1 指标定义");
    blocks.add(
        Block.Bullets.of(
            Definitions.of(input, workloads.stream().anyMatch(w -> w.section().mixed())).stream()
                .map(t -> t.in(language))
                .toList()));
  }

  private void setup() {
    heading(2, "2. Experimental set-up", "2. 实验设置");
    heading(3, "2.1 Hardware", "2.1 硬件配置");
    blocks.add(Block.Bullets.of(input.hardware().stream().map(t -> t.in(language)).toList()));
    heading(3, "2.2 Software", "2.2 软件配置");
    blocks.add(Block.Bullets.of(input.software().stream().map(t -> t.in(language)).toList()));
    heading(3, "2.3 Test parameters", "2.3 测试参数");
    int number = 1;
    for (DeploymentResults d : input.deployments()) {
      Text name = name(d);
      heading(4, "2.3." + number + " " + name.english(), "2.3." + number + " " + name.chinese());
      number++;
      settings(d.settings());
    }
    for (ReportInput each : workloads) {
      String english = "2.3." + number + " Benchmark";
      String chinese = "2.3." + number + " 基准测试参数";
      number++;
      Text heading = each.section().heading();
      boolean only = workloads.size() == 1;
      heading(
          4,
          only ? english : english + ", " + heading.english(),
          only ? chinese : chinese + " - " + heading.chinese());
      settings(each.parameters());
    }
  }

  private void settings(List<DeploymentResults.Setting> settings) {
    blocks.add(new Block.Bullets(settings.stream().map(this::item).toList()));
  }

  private Block.Item item(DeploymentResults.Setting setting) {
    String value = setting.value().in(language);
    return new Block.Item(
        setting.key().in(language) + ":" + (value.isEmpty() ? "" : " " + value),
        setting.children().stream().map(this::item).toList());
  }

  private void plots(String prefix, int level) {
    if (input.section().mixed()) {
      mixPlots();
      return;
    }
    heading(level, prefix + "1 Latency breakdown", prefix + "1 延迟分解分析");
    breakdowns(prefix + "1.", level + 1, "Latency breakdown", "延迟分解", true);
    heading(level, prefix + "2 TTFT breakdown", prefix + "2 TTFT 分解分析");
    breakdowns(prefix + "2.", level + 1, "TTFT breakdown", "TTFT 分解", false);
    if (ClosedConclusion.fits(input)) {
      return; // there is no rate axis
    }
    heading(
        level,
        prefix + "3 Latency compared (request rate per GPU)",
        prefix + "3 延迟比较 (每 GPU 的请求速率)");
    for (double p : input.percentiles()) {
      String name = "P" + Numbers.percentile(p);
      figure("Latency compared: " + name, "延迟比较 - " + name, Plots.comparison(p));
    }
    heading(level, prefix + "4 SLO attainment compared", prefix + "4 SLO 达成率比较");
    figure("SLO attainment: TTFT and TPOT", "SLO 达成率 - TTFT 和 TPOT", Plots.SLO_ATTAINMENT);
    boolean closed =
        input.deployments().stream().flatMap(d -> d.rates().stream()).anyMatch(r -> !r.open());
    if (closed) {
      paragraph(
          "Runs without a set request rate (a limit on requests in flight, or all at once) have no"
              + " place on a rate axis: they stand in the breakdowns and tables only.",
          "没有设定请求速率的测试（限制并发数或一次性发送）在速率轴上没有位置，仅出现在分解图和表格中。");
    }
  }

  private void mixPlots() {
    String swept = input.section().swept();
    for (String name : input.section().others()) {
      figure(
          "Times between tokens (ITL) of " + name + " over the rate of " + swept,
          name + " 的 token 间隔 (ITL) 与 " + swept + " 速率的关系",
          Plots.itl(name));
    }
    figure("TTFT of " + swept + " over its rate", swept + " 的 TTFT 与其速率的关系", Plots.ttft(swept));
  }

  private void breakdowns(String prefix, int level, String english, String chinese, boolean whole) {
    int number = 1;
    for (DeploymentResults d : input.deployments()) {
      Text name = name(d);
      heading(
          level, prefix + number + " " + name.english(), prefix + number + " " + name.chinese());
      number++;
      String label = Words.kind(d).in(language) + ", " + d.label();
      figure(
          english + ": " + label,
          chinese + " - " + label,
          whole ? Plots.latencyBreakdown(d) : Plots.ttftBreakdown(d));
    }
  }

  private void tables(String prefix, int level) {
    int number = 1;
    for (DeploymentResults d : input.deployments()) {
      Text name = name(d);
      heading(
          level, prefix + number + " " + name.english(), prefix + number + " " + name.chinese());
      number++;
      if (input.section().mixed()) {
        blocks.addAll(MixTables.write(input, d, language));
        continue;
      }
      blocks.add(latencies(d));
      paragraph("Requests, throughput and SLO attainment:", "请求数、吞吐与 SLO 达成率：");
      blocks.add(counts(d));
      if (d.rates().stream().anyMatch(r -> !r.partsMs().isEmpty())) {
        paragraph("Mean TTFT and its parts (ms):", "平均 TTFT 及其组成 (ms)：");
        blocks.add(parts(d));
      } else {
        paragraph(
            "The result files hold no timeline of the server, so the TTFT cannot be split.",
            "结果文件中没有服务端时间线，无法分解 TTFT。");
      }
    }
  }

  private Block latencies(DeploymentResults d) {
    List<String> header = new ArrayList<>();
    header.add(t("Request rate (req/s)", "请求速率 (req/s)"));
    for (Metric metric : List.of(Metric.TTFT, Metric.TPOT)) {
      for (double p : input.percentiles()) {
        header.add(
            "P" + Numbers.percentile(p) + (metric == Metric.TTFT ? " TTFT (ms)" : " TPOT (ms)"));
      }
    }
    List<List<String>> rows = new ArrayList<>();
    for (RateResult r : d.rates()) {
      List<String> row = new ArrayList<>();
      row.add(rateLabel(r));
      for (Metric metric : List.of(Metric.TTFT, Metric.TPOT)) {
        for (double p : input.percentiles()) {
          row.add(Numbers.ms(r.percentileMs(metric, p), absent(r)));
        }
      }
      rows.add(row);
    }
    rows.addAll(MissingRates.rows(d, header.size(), language));
    return new Block.Table(header, rows);
  }

  private Block counts(DeploymentResults d) {
    List<List<String>> rows = new ArrayList<>();
    double none = Double.POSITIVE_INFINITY;
    for (RateResult r : d.rates()) {
      rows.add(
          List.of(
              rateLabel(r),
              r.open() ? Numbers.rate(r.perGpu()) : "–",
              String.valueOf(r.sent()),
              String.valueOf(r.failed()),
              Numbers.number(r.throughput()),
              Numbers.number(r.tokenThroughput()),
              Numbers.percent(r.attainment(input.slo().ttftMs(), none), absent(r)),
              Numbers.percent(r.attainment(none, input.slo().tpotMs()), absent(r)),
              Numbers.percent(r.attainment(input.slo()), absent(r))));
    }
    return new Block.Table(
        List.of(
            t("Request rate (req/s)", "请求速率 (req/s)"),
            t("Per GPU", "每 GPU"),
            t("Sent", "发送"),
            t("Failed", "失败"),
            t("Completed/s", "完成 req/s"),
            t("Output tokens/s", "输出 token/s"),
            t("TTFT within SLO", "TTFT 达标"),
            t("TPOT within SLO", "TPOT 达标"),
            t("Both", "两者均达标")),
        rows);
  }

  private Block parts(DeploymentResults d) {
    List<String> header = new ArrayList<>();
    header.add(t("Request rate (req/s)", "请求速率 (req/s)"));
    header.add("TTFT");
    for (TtftPart part : Words.PARTS) {
      header.add(Words.part(part).in(language));
    }
    List<List<String>> rows = new ArrayList<>();
    for (RateResult r : d.rates()) {
      List<String> row = new ArrayList<>();
      row.add(rateLabel(r));
      row.add(Numbers.ms(r.meanMs(Metric.TTFT), absent(r)));
      Map<TtftPart, Double> parts = r.partsMs();
      double told = 0;
      for (TtftPart part : Words.PARTS) {
        if (part != TtftPart.NETWORK) {
          told += parts.getOrDefault(part, 0.0);
        }
      }
      for (TtftPart part : Words.PARTS) {
        OptionalDouble value =
            parts.containsKey(part)
                ? OptionalDouble.of(parts.get(part))
                : part == TtftPart.NETWORK && !parts.isEmpty() && r.meanMs(Metric.TTFT).isPresent()
                    ? OptionalDouble.of(r.meanMs(Metric.TTFT).getAsDouble() - told)
                    : OptionalDouble.empty();
        row.add(Numbers.ms(value, absent(r)));
      }
      rows.add(row);
    }
    return new Block.Table(header, rows);
  }

  private String rateLabel(RateResult r) {
    if (r.open()) {
      return Numbers.rate(r.rate());
    }
    return r.concurrency().isPresent()
        ? r.concurrency().getAsInt() + t(" in flight", " 并发")
        : t("all at once", "一次性发送");
  }

  /** What stands in a cell without a value: why there is none. */
  private String absent(RateResult r) {
    return r.completed() == 0 ? t("all failed", "全部失败") : t("not recorded", "未记录");
  }

  private void figure(String english, String chinese, String name) {
    blocks.add(new Block.Figure(t(english, chinese), input.plot(name)));
  }

  private void heading(int level, String english, String chinese) {
    blocks.add(new Block.Heading(level, t(english, chinese)));
  }

  private void paragraph(String english, String chinese) {
    blocks.add(new Block.Paragraph(t(english, chinese)));
  }

  private String t(String english, String chinese) {
    return new Text(english, chinese).in(language);
  }
}
