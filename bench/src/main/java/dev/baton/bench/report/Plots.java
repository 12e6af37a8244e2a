package dev.baton.bench.report;

import dev.baton.bench.experiment.Slo;
import dev.baton.bench.metrics.Metric;
import dev.baton.bench.report.chart.LineChart;
import dev.baton.bench.report.chart.Scene;
import dev.baton.bench.report.chart.Series;
import dev.baton.bench.report.chart.StackedBars;
import dev.baton.bench.results.TtftPart;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.OptionalDouble;
import java.util.function.Function;

/** The figures by the names of their files. */
final class Plots {
  private static final int REST_COLOUR = 0xcc79a7;
  private static final int UNKNOWN_COLOUR = 0xbbbbbb;
  private static final String PER_GPU = "request rate per GPU (req/s)";

  private Plots() {}

  static String latencyBreakdown(DeploymentResults d) {
    return d.name() + "_latency_breakdown";
  }

  static String ttftBreakdown(DeploymentResults d) {
    return d.name() + "_ttft_breakdown";
  }

  static String comparison(double percentile) {
    return "latency_rps_per_gpu_comparison_p" + Numbers.percentile(percentile);
  }

  static final String SLO_ATTAINMENT = "slo_attainment_rps_per_gpu_comparison";

  /** The name of the figure of a class's times between tokens. */
  static String itl(String trafficClass) {
    return "itl_" + trafficClass;
  }

  /** The name of the figure of a class's times to the first token. */
  static String ttft(String trafficClass) {
    return "ttft_" + trafficClass;
  }

  static Map<String, Scene> draw(ReportInput input) {
    Map<String, Scene> out = new LinkedHashMap<>();
    if (input.section().mixed()) {
      for (String name : input.section().others()) {
        out.put(input.plot(itl(name)), ofClass(input, name, Metric.ITL, "ITL"));
      }
      String swept = input.section().swept();
      out.put(input.plot(ttft(swept)), ofClass(input, swept, Metric.TTFT, "TTFT"));
      return out;
    }
    for (DeploymentResults d : input.deployments()) {
      out.put(input.plot(latencyBreakdown(d)), breakdown(d, true));
      out.put(input.plot(ttftBreakdown(d)), breakdown(d, false));
    }
    if (ClosedConclusion.fits(input)) {
      return out; // there is no rate axis
    }
    for (double p : input.percentiles()) {
      out.put(input.plot(comparison(p)), latency(input, p));
    }
    out.put(input.plot(SLO_ATTAINMENT), attainment(input));
    return out;
  }

  private static Scene ofClass(ReportInput input, String name, Metric metric, String title) {
    String swept = input.section().swept();
    List<LineChart.Panel> panels = new ArrayList<>();
    for (double p : List.of(50.0, input.percentiles().getLast())) {
      String percentile = "P" + Numbers.percentile(p) + " " + title;
      panels.add(
          new LineChart.Panel(
              percentile,
              "rate of " + swept + " per GPU (req/s)",
              percentile + " (ms)",
              series(input, r -> r.ofClass(name, swept).percentileMs(metric, p)),
              OptionalDouble.empty(),
              "",
              false));
    }
    return new LineChart(title + " of " + name + " over the rate of " + swept, panels).draw();
  }

  private static Scene breakdown(DeploymentResults d, boolean whole) {
    boolean told = d.rates().stream().anyMatch(r -> !r.partsMs().isEmpty());
    List<StackedBars.Part> parts = new ArrayList<>();
    if (told) {
      for (TtftPart part : Words.PARTS) {
        if (part != TtftPart.NETWORK) {
          parts.add(new StackedBars.Part(Words.part(part).english(), colour(part)));
        }
      }
    }
    if (whole && told) {
      parts.add(new StackedBars.Part("decode of the rest", REST_COLOUR));
    }
    String rest = told ? "network and proxy (unknown)" : "TTFT (the server told no parts)";
    parts.add(new StackedBars.Part(rest, UNKNOWN_COLOUR));
    if (whole && !told) {
      parts.add(new StackedBars.Part("decode of the rest", REST_COLOUR));
    }
    List<StackedBars.Bar> bars =
        d.rates().stream().map(r -> bar(r, whole, told, parts.size())).toList();
    String shape = d.label() + ", " + d.gpus() + (d.gpus() == 1 ? " GPU" : " GPUs");
    return new StackedBars(
            (whole ? "Latency breakdown: " : "TTFT breakdown: ") + shape,
            PER_GPU,
            whole ? "share of mean end-to-end latency (%)" : "share of mean TTFT (%)",
            parts,
            bars)
        .draw();
  }

  private static StackedBars.Bar bar(RateResult r, boolean whole, boolean told, int size) {
    OptionalDouble ttft = r.meanMs(Metric.TTFT);
    // Files without an end-to-end figure still hold its two halves.
    double tokens =
        r.repeats().stream().mapToLong(b -> b.totalOutputTokens()).sum()
            / (double) Math.max(1, r.completed());
    OptionalDouble e2el = r.meanMs(Metric.E2EL);
    double total =
        whole
            ? e2el.orElse(
                ttft.orElse(0) + r.meanMs(Metric.TPOT).orElse(0) * Math.max(0, tokens - 1))
            : ttft.orElse(0);
    String label =
        r.open()
            ? Numbers.rate(r.perGpu())
            : r.concurrency().isPresent()
                ? r.concurrency().getAsInt() + " in flight"
                : "all at once";
    List<Double> values = new ArrayList<>();
    if (ttft.isEmpty()) {
      for (int i = 0; i < size; i++) {
        values.add(0.0);
      }
      return new StackedBars.Bar(label, "all failed", values);
    }
    double left = ttft.getAsDouble();
    if (told) {
      Map<TtftPart, Double> parts = r.partsMs();
      for (TtftPart part : Words.PARTS) {
        if (part != TtftPart.NETWORK) {
          double value = Math.max(0, parts.getOrDefault(part, 0.0));
          values.add(value);
          left -= value;
        }
      }
    }
    double decode = Math.max(0, total - ttft.getAsDouble());
    if (whole && told) {
      values.add(decode);
    }
    values.add(Math.max(0, left));
    if (whole && !told) {
      values.add(decode);
    }
    return new StackedBars.Bar(label, Numbers.ms(total) + " ms", values);
  }

  private static int colour(TtftPart part) {
    return switch (part) {
      case PREFILL_QUEUE -> 0x0072b2;
      case PREFILL_EXECUTE -> 0x56b4e9;
      case KV_LOAD -> 0xe69f00;
      case KV_SAVE -> 0xf0e442;
      case DECODE_QUEUE -> 0xd55e00;
      case DECODE_EXECUTE -> 0x009e73;
      case NETWORK -> UNKNOWN_COLOUR;
    };
  }

  private static Scene latency(ReportInput input, double p) {
    String name = "P" + Numbers.percentile(p);
    Slo slo = input.slo();
    return new LineChart(
            name + " latency over request rate per GPU",
            List.of(
                panel(input, name, Metric.TTFT, "TTFT", p, slo.ttftMs()),
                panel(input, name, Metric.TPOT, "TPOT", p, slo.tpotMs())))
        .draw();
  }

  private static LineChart.Panel panel(
      ReportInput input, String name, Metric metric, String title, double p, double limit) {
    return new LineChart.Panel(
        name + " " + title,
        PER_GPU,
        name + " " + title + " (ms)",
        series(input, r -> r.percentileMs(metric, p)),
        OptionalDouble.of(limit),
        "SLO " + Numbers.number(limit) + " ms",
        false);
  }

  private static Scene attainment(ReportInput input) {
    Slo slo = input.slo();
    double none = Double.POSITIVE_INFINITY;
    String ttft = "TTFT ≤ " + Numbers.number(slo.ttftMs()) + " ms";
    String tpot = "TPOT ≤ " + Numbers.number(slo.tpotMs()) + " ms";
    return new LineChart(
            "SLO attainment over request rate per GPU",
            List.of(
                share(input, ttft, r -> r.attainment(slo.ttftMs(), none)),
                share(input, tpot, r -> r.attainment(none, slo.tpotMs())),
                share(input, "both", r -> r.attainment(slo))))
        .draw();
  }

  private static LineChart.Panel share(
      ReportInput input, String title, Function<RateResult, OptionalDouble> value) {
    double wanted = 100 * input.slo().attainment();
    return new LineChart.Panel(
        title,
        PER_GPU,
        "requests within the limit (%)",
        series(
            input,
            r -> {
              OptionalDouble share = value.apply(r);
              return share.isPresent()
                  ? OptionalDouble.of(100 * share.getAsDouble())
                  : OptionalDouble.empty();
            }),
        OptionalDouble.of(wanted),
        Numbers.number(wanted) + " %",
        true);
  }

  private static List<Series> series(
      ReportInput input, Function<RateResult, OptionalDouble> value) {
    List<Series> out = new ArrayList<>();
    for (DeploymentResults d : input.deployments()) {
      List<Series.XY> points = new ArrayList<>();
      for (RateResult r : d.open()) {
        value.apply(r).ifPresent(v -> points.add(new Series.XY(r.perGpu(), v)));
      }
      String gpus = d.gpus() == 1 ? "1 GPU" : d.gpus() + " GPUs";
      out.add(new Series(d.label() + ", " + gpus, out.size(), points));
    }
    return out;
  }
}
