package dev.baton.bench.report;

import dev.baton.bench.metrics.Metric;
import dev.baton.bench.results.TtftPart;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.OptionalDouble;

/** The report's sections, in the order and wording of the template. */
final class ReportText {
  private final ReportInput input;
  private final Language language;
  private final List<Block> blocks = new ArrayList<>();
  private final List<Text> headings = new ArrayList<>();

  private ReportText(ReportInput input, Language language) {
    this.input = input;
    this.language = language;
    long combined = input.deployments().stream().filter(d -> !d.disaggregated()).count();
    long apart = input.deployments().size() - combined;
    for (DeploymentResults d : input.deployments()) {
      headings.add(Words.heading(d, (d.disaggregated() ? apart : combined) > 1));
    }
  }

  static List<Block> write(ReportInput input, Language language) {
    ReportText text = new ReportText(input, language);
    text.introduction();
    text.setup();
    text.plots();
    text.tables();
    text.heading(2, "5. Conclusion", "5. 结论");
    text.blocks.addAll(Conclusion.write(input, language));
    return text.blocks;
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
    paragraph(
        "This report records the performance test of "
            + (engine.equals("LLM") ? "an LLM server" : engine)
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
    heading(3, "1.1 Definitions", "1.1 指标定义");
    blocks.add(Block.Bullets.of(Definitions.of(input).stream().map(t -> t.in(language)).toList()));
  }

  private void setup() {
    heading(2, "2. Experimental set-up", "2. 实验设置");
    heading(3, "2.1 Hardware", "2.1 硬件配置");
    blocks.add(Block.Bullets.of(input.hardware().stream().map(t -> t.in(language)).toList()));
    heading(3, "2.2 Software", "2.2 软件配置");
    blocks.add(Block.Bullets.of(input.software().stream().map(t -> t.in(language)).toList()));
    heading(3, "2.3 Test parameters", "2.3 测试参数");
    int number = 1;
    for (int i = 0; i < input.deployments().size(); i++) {
      Text name = headings.get(i);
      heading(4, "2.3." + number + " " + name.english(), "2.3." + number + " " + name.chinese());
      number++;
      settings(input.deployments().get(i).settings());
    }
    heading(4, "2.3." + number + " Benchmark", "2.3." + number + " 基准测试参数");
    settings(input.parameters());
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

  private void plots() {
    heading(2, "3. Results", "3. 性能结果");
    heading(3, "3.1 Latency breakdown", "3.1 延迟分解分析");
    breakdowns("3.1.", "Latency breakdown", "延迟分解", true);
    heading(3, "3.2 TTFT breakdown", "3.2 TTFT 分解分析");
    breakdowns("3.2.", "TTFT breakdown", "TTFT 分解", false);
    heading(3, "3.3 Latency compared (request rate per GPU)", "3.3 延迟比较 (每 GPU 的请求速率)");
    for (double p : input.percentiles()) {
      String name = "P" + Numbers.percentile(p);
      figure("Latency compared: " + name, "延迟比较 - " + name, Plots.comparison(p));
    }
    heading(3, "3.4 SLO attainment compared", "3.4 SLO 达成率比较");
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

  private void breakdowns(String prefix, String english, String chinese, boolean whole) {
    for (int i = 0; i < input.deployments().size(); i++) {
      DeploymentResults d = input.deployments().get(i);
      Text name = headings.get(i);
      heading(4, prefix + (i + 1) + " " + name.english(), prefix + (i + 1) + " " + name.chinese());
      String label = Words.kind(d).in(language) + ", " + d.label();
      figure(
          english + ": " + label,
          chinese + " - " + label,
          whole ? Plots.latencyBreakdown(d) : Plots.ttftBreakdown(d));
    }
  }

  private void tables() {
    heading(2, "4. Detailed figures", "4. 详细指标");
    for (int i = 0; i < input.deployments().size(); i++) {
      DeploymentResults d = input.deployments().get(i);
      Text name = headings.get(i);
      heading(3, "4." + (i + 1) + " " + name.english(), "4." + (i + 1) + " " + name.chinese());
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
    for (double missing : d.missing()) {
      List<String> row = new ArrayList<>();
      row.add(Numbers.rate(missing));
      for (int i = 1; i < header.size(); i++) {
        row.add(t("not run", "未运行"));
      }
      rows.add(row);
    }
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
    blocks.add(new Block.Figure(t(english, chinese), name));
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
