package dev.baton.bench.report;

import dev.baton.bench.metrics.Distribution;
import dev.baton.bench.metrics.Metric;
import java.util.ArrayList;
import java.util.List;

/** The tables of one deployment under a mix of request classes. */
final class MixTables {
  private final ReportInput input;
  private final DeploymentResults deployment;
  private final Language language;

  private MixTables(ReportInput input, DeploymentResults deployment, Language language) {
    this.input = input;
    this.deployment = deployment;
    this.language = language;
  }

  static List<Block> write(ReportInput input, DeploymentResults deployment, Language language) {
    MixTables tables = new MixTables(input, deployment, language);
    List<Block> out = new ArrayList<>();
    String swept = input.section().swept();
    for (String name : input.section().others()) {
      out.add(
          tables.paragraph(
              "Times between tokens of `" + name + "` while `" + swept + "` was arriving:",
              "`" + swept + "` 到达期间 `" + name + "` 的 token 间隔："));
      out.add(tables.itl(name));
    }
    out.add(tables.paragraph("Time to first token of every class:", "各类请求的首 token 时间 (TTFT)："));
    out.add(tables.ttft());
    return out;
  }

  private Block itl(String name) {
    List<String> header = new ArrayList<>();
    header.add(rateHeader());
    header.add("P50 ITL (ms)");
    input.percentiles().forEach(p -> header.add("P" + Numbers.percentile(p) + " ITL (ms)"));
    header.add(t("longest (ms)", "最长 (ms)"));
    header.add(t("gaps", "间隔数"));
    header.add(t("tokens/s", "token/s"));
    List<List<String>> rows = new ArrayList<>();
    for (RateResult r : deployment.rates()) {
      RateResult own = r.ofClass(name, input.section().swept());
      Distribution gaps = own.values(Metric.ITL);
      List<String> row = new ArrayList<>();
      row.add(Numbers.rate(r.rate()));
      row.add(gap(gaps, gaps.median()));
      input.percentiles().forEach(p -> row.add(gap(gaps, gaps.percentile(p))));
      row.add(gap(gaps, gaps.max()));
      row.add(String.valueOf(gaps.count()));
      row.add(Numbers.number(gaps.count() / own.seconds()));
      rows.add(row);
    }
    return table(header, rows);
  }

  private Block ttft() {
    List<String> header = new ArrayList<>();
    header.add(rateHeader());
    header.add(t("Class", "类别"));
    header.add(t("Sent", "发送"));
    header.add(t("Failed", "失败"));
    header.add("P50 TTFT (ms)");
    input.percentiles().forEach(p -> header.add("P" + Numbers.percentile(p) + " TTFT (ms)"));
    List<String> names = new ArrayList<>(List.of(input.section().swept()));
    names.addAll(input.section().others());
    List<List<String>> rows = new ArrayList<>();
    for (RateResult r : deployment.rates()) {
      for (String name : names) {
        RateResult own = r.ofClass(name, input.section().swept());
        Distribution ttft = own.values(Metric.TTFT);
        List<String> row = new ArrayList<>();
        row.add(Numbers.rate(r.rate()));
        row.add(name);
        row.add(String.valueOf(own.sent()));
        row.add(String.valueOf(own.failed()));
        row.add(gap(ttft, ttft.median()));
        input.percentiles().forEach(p -> row.add(gap(ttft, ttft.percentile(p))));
        rows.add(row);
      }
    }
    return table(header, rows);
  }

  private Block table(List<String> header, List<List<String>> rows) {
    rows.addAll(MissingRates.rows(deployment, header.size(), language));
    return new Block.Table(header, rows);
  }

  private String rateHeader() {
    return t(
        "Rate of " + input.section().swept() + " (req/s)", input.section().swept() + " 速率 (req/s)");
  }

  private String gap(Distribution values, double value) {
    return values.count() == 0 ? t("none", "无") : Numbers.ms(value);
  }

  private Block paragraph(String english, String chinese) {
    return new Block.Paragraph(t(english, chinese));
  }

  private String t(String english, String chinese) {
    return new Text(english, chinese).in(language);
  }
}
