package dev.baton.bench.report;

import dev.baton.bench.metrics.Distribution;
import dev.baton.bench.metrics.Metric;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.function.ToDoubleFunction;

/**
 * The conclusion on a mix of request classes: whether separation keeps the answers under way steady
 * while prompts arrive, computed from the results alone.
 */
final class MixConclusion {
  private final ReportInput input;
  private final Language language;
  private final String swept;
  private final double top;
  private final List<Block> blocks = new ArrayList<>();

  private MixConclusion(ReportInput input, Language language) {
    this.input = input;
    this.language = language;
    this.swept = input.section().swept();
    this.top = input.percentiles().getLast();
  }

  /** One paragraph for each comparison and each class beside the one that arrives. */
  static List<Text> verdicts(ReportInput input) {
    MixConclusion c = new MixConclusion(input, Language.ENGLISH);
    List<Text> out = new ArrayList<>();
    for (Comparison comparison : c.comparisons()) {
      for (String name : input.section().others()) {
        out.add(c.verdict(comparison, name));
      }
    }
    if (out.isEmpty()) {
      out.add(
          new Text(
              "There is no combined and no disaggregated deployment with the same rate of `"
                  + c.swept
                  + "` per GPU, so there is nothing to compare.",
              "没有 `" + c.swept + "` 每 GPU 速率相同的 PD合并 与 PD分离 测试，无法比较。"));
    }
    return out;
  }

  static List<Block> write(ReportInput input, Language language, int level) {
    MixConclusion c = new MixConclusion(input, language);
    verdicts(input).forEach(c::paragraph);
    for (Comparison comparison : c.comparisons()) {
      c.table(comparison);
      c.firstTokens(comparison);
    }
    c.blocks.add(new Block.Heading(level, c.t("Why", "原因")));
    c.blocks.add(
        Block.Bullets.of(
            input.deployments().stream()
                .filter(d -> !d.open().isEmpty())
                .flatMap(d -> input.section().others().stream().map(n -> c.why(d, n)))
                .map(text -> text.in(language))
                .toList()));
    c.blocks.add(new Block.Heading(level, c.t("Caveats", "注意事项")));
    c.blocks.add(Block.Bullets.of(c.caveats().stream().map(text -> text.in(language)).toList()));
    return c.blocks;
  }

  private List<Comparison> comparisons() {
    return input.others().stream()
        .map(other -> Comparison.of(input.base().orElseThrow(), other))
        .filter(c -> !c.pairs().isEmpty())
        .toList();
  }

  private Distribution gaps(RateResult run, String name) {
    return run.ofClass(name, swept).values(Metric.ITL);
  }

  private Distribution firsts(RateResult run) {
    return run.ofClass(swept, swept).values(Metric.TTFT);
  }

  private Text verdict(Comparison comparison, String name) {
    String a = comparison.base().label();
    String b = comparison.other().label();
    String what = "P" + Numbers.percentile(top) + " ITL";
    List<String> lower = new ArrayList<>();
    List<String> higher = new ArrayList<>();
    List<String> figures = new ArrayList<>();
    List<String> figuresZh = new ArrayList<>();
    List<Steadiness.Both> known = new ArrayList<>();
    for (Comparison.Pair pair : comparison.pairs()) {
      Distribution ofBase = gaps(pair.base(), name);
      Distribution ofOther = gaps(pair.other(), name);
      if (ofBase.count() == 0 || ofOther.count() == 0) {
        continue; // all of them failed: that is no steadiness
      }
      known.add(new Steadiness.Both(pair.perGpu(), ofBase, ofOther));
      double base = ofBase.percentile(top);
      double other = ofOther.percentile(top);
      String rate = Numbers.rate(pair.perGpu());
      if (Steadiness.less(other, base)) {
        lower.add(rate);
      } else if (Steadiness.less(base, other)) {
        higher.add(rate);
      }
      String values = Numbers.ms(other) + " / " + Numbers.ms(base) + " ms";
      figures.add("at " + rate + " req/s " + values);
      figuresZh.add(rate + " req/s 时 " + values);
    }
    if (known.isEmpty()) {
      return new Text(
          "**Undecided: at no common rate of `"
              + swept
              + "` have both "
              + b
              + " and "
              + a
              + " times between tokens of `"
              + name
              + "`.**",
          "**无法判定：在相同的 `"
              + swept
              + "` 速率下，"
              + b
              + " 与 "
              + a
              + " 没有同时具备 `"
              + name
              + "` 的 token 间隔数据。**");
    }
    Optional<Text> longer = Steadiness.longer(known, input.percentiles(), b, a);
    Optional<Text> shorter = Steadiness.shorter(known, input.percentiles(), b, a);
    int all = known.size();
    Text bold;
    if (lower.size() == all) {
      bold =
          new Text(
              "**"
                  + (longer.isPresent()
                      ? "No clear order"
                      : "Separation keeps the answers under way steadier here")
                  + ": the "
                  + what
                  + " of `"
                  + name
                  + "` is lower under "
                  + b
                  + " than under "
                  + a
                  + " at every rate of prompts"
                  + (longer.isPresent() ? ", but other times between its tokens are longer" : "")
                  + ".**",
              (longer.isPresent() ? "**没有明确的高下：在所有速率下，" : "**在此负载下 PD分离 使进行中的回答更平稳：在所有速率下，")
                  + b
                  + " 中 `"
                  + name
                  + "` 的 "
                  + what
                  + " 均低于 "
                  + a
                  + (longer.isPresent() ? "，但其他 token 间隔指标更长" : "")
                  + "。**");
    } else if (higher.size() == all) {
      bold =
          new Text(
              "**Separation does not keep the answers under way steadier here: the "
                  + what
                  + " of `"
                  + name
                  + "` is higher under "
                  + b
                  + " than under "
                  + a
                  + " at every rate of prompts.**",
              "**在此负载下 PD分离 没有使进行中的回答更平稳：在所有速率下，"
                  + b
                  + " 中 `"
                  + name
                  + "` 的 "
                  + what
                  + " 均高于 "
                  + a
                  + "。**");
    } else if (lower.isEmpty() && higher.isEmpty()) {
      bold =
          new Text(
              "**"
                  + (longer.isPresent() || shorter.isPresent() ? "No clear order" : "No difference")
                  + ": the "
                  + what
                  + " of `"
                  + name
                  + "` under "
                  + b
                  + " and "
                  + a
                  + " differs by less than 5 % at every rate of prompts.**",
              (longer.isPresent() || shorter.isPresent() ? "**没有明确的高下" : "**没有差别")
                  + "：在所有速率下，"
                  + b
                  + " 与 "
                  + a
                  + " 中 `"
                  + name
                  + "` 的 "
                  + what
                  + " 相差不到 5 %。**");
    } else if (higher.isEmpty()) {
      bold =
          new Text(
              "**"
                  + (longer.isPresent()
                      ? "No clear order"
                      : "Separation keeps the answers under way steadier at some rates")
                  + ": the "
                  + what
                  + " of `"
                  + name
                  + "` under "
                  + b
                  + " is lower than under "
                  + a
                  + " at "
                  + rates(lower)
                  + " and within 5 % of it at the other rates of prompts"
                  + (longer.isPresent() ? ", but other times between its tokens are longer" : "")
                  + ".**",
              (longer.isPresent() ? "**没有明确的高下：" : "**PD分离 在部分速率下使进行中的回答更平稳：")
                  + rates(lower)
                  + " 时 "
                  + b
                  + " 中 `"
                  + name
                  + "` 的 "
                  + what
                  + " 低于 "
                  + a
                  + "，其余速率下相差不到 5 %"
                  + (longer.isPresent() ? "，但其他 token 间隔指标更长" : "")
                  + "。**");
    } else if (lower.isEmpty()) {
      bold =
          new Text(
              "**Separation does not keep the answers under way steadier here: the "
                  + what
                  + " of `"
                  + name
                  + "` under "
                  + b
                  + " is higher than under "
                  + a
                  + " at "
                  + rates(higher)
                  + " and within 5 % of it at the other rates of prompts.**",
              "**在此负载下 PD分离 没有使进行中的回答更平稳："
                  + rates(higher)
                  + " 时 "
                  + b
                  + " 中 `"
                  + name
                  + "` 的 "
                  + what
                  + " 高于 "
                  + a
                  + "，其余速率下相差不到 5 %。**");
    } else {
      bold =
          new Text(
              "**No clear order: compared with "
                  + a
                  + ", the "
                  + what
                  + " of `"
                  + name
                  + "` under "
                  + b
                  + " is lower at "
                  + rates(lower)
                  + " and higher at "
                  + rates(higher)
                  + ".**",
              "**没有明确的高下：与 "
                  + a
                  + " 相比，"
                  + b
                  + " 中 `"
                  + name
                  + "` 的 "
                  + what
                  + " 更低的速率："
                  + rates(lower)
                  + "；更高的速率："
                  + rates(higher)
                  + "。**");
    }
    Text verdict =
        new Text(
            bold.english() + " " + b + " / " + a + ": " + String.join(", ", figures) + ".",
            bold.chinese() + " " + b + " / " + a + "：" + String.join("，", figuresZh) + "。");
    if (longer.isPresent() && (higher.isEmpty() || !lower.isEmpty())) {
      verdict = verdict.plus(longer.orElseThrow());
    }
    if (shorter.isPresent() && lower.size() < all) {
      verdict = verdict.plus(shorter.orElseThrow());
    }
    return verdict;
  }

  private static String rates(List<String> rates) {
    return String.join(", ", rates) + " req/s";
  }

  private void table(Comparison comparison) {
    String name = "P" + Numbers.percentile(top);
    for (String each : input.section().others()) {
      paragraph(
          new Text(
              "`"
                  + each
                  + "` at equal rates of `"
                  + swept
                  + "` ("
                  + comparison.other().label()
                  + " / "
                  + comparison.base().label()
                  + "):",
              "相同 `"
                  + swept
                  + "` 速率下的 `"
                  + each
                  + "`（"
                  + comparison.other().label()
                  + " / "
                  + comparison.base().label()
                  + "）："));
      List<List<String>> rows = new ArrayList<>();
      for (Comparison.Pair pair : comparison.pairs()) {
        Distribution base = gaps(pair.base(), each);
        Distribution other = gaps(pair.other(), each);
        List<String> row = new ArrayList<>();
        row.add(Numbers.rate(pair.perGpu()));
        both(row, base, other, Distribution::median);
        both(row, base, other, d -> d.percentile(top));
        both(row, base, other, Distribution::mean);
        rows.add(row);
      }
      blocks.add(
          new Block.Table(
              List.of(
                  t("Rate of " + swept + " per GPU (req/s)", swept + " 每 GPU 速率 (req/s)"),
                  "P50 ITL (ms)",
                  t("ratio", "比值"),
                  name + " ITL (ms)",
                  t("ratio", "比值"),
                  t("mean ITL (ms)", "平均 ITL (ms)"),
                  t("ratio", "比值")),
              rows));
    }
  }

  private void both(
      List<String> row,
      Distribution base,
      Distribution other,
      ToDoubleFunction<Distribution> figure) {
    if (base.count() == 0 || other.count() == 0) {
      row.add(t("unknown", "未知"));
      row.add(t("unknown", "未知"));
      return;
    }
    double a = figure.applyAsDouble(base);
    double b = figure.applyAsDouble(other);
    row.add(Numbers.ms(b) + " / " + Numbers.ms(a));
    row.add(a > 0 ? Numbers.ratio(b / a) : t("unknown", "未知"));
  }

  private void firstTokens(Comparison comparison) {
    List<String> english = new ArrayList<>();
    List<String> chinese = new ArrayList<>();
    for (Comparison.Pair pair : comparison.pairs()) {
      Distribution base = firsts(pair.base());
      Distribution other = firsts(pair.other());
      if (base.count() == 0 || other.count() == 0) {
        continue;
      }
      String rate = Numbers.rate(pair.perGpu());
      String values = Numbers.ms(other.median()) + " / " + Numbers.ms(base.median()) + " ms";
      english.add("at " + rate + " req/s " + values);
      chinese.add(rate + " req/s 时 " + values);
    }
    if (english.isEmpty()) {
      return;
    }
    String pair = comparison.other().label() + " / " + comparison.base().label();
    paragraph(
        new Text(
            "What it costs the prompts: the median TTFT of `"
                + swept
                + "` ("
                + pair
                + ") is "
                + String.join(", ", english)
                + ".",
            "对 prompt 的影响：`"
                + swept
                + "` 的 TTFT 中位数（"
                + pair
                + "）为 "
                + String.join("，", chinese)
                + "。"));
  }

  private Text why(DeploymentResults d, String name) {
    RateResult run = d.open().getLast();
    Distribution gaps = gaps(run, name);
    String p = "P" + Numbers.percentile(top);
    String rate = Numbers.rate(run.perGpu()) + " req/s";
    if (gaps.count() == 0) {
      return new Text(
          "**" + d.label() + "**: no times between tokens of `" + name + "` at " + rate + ".",
          "**" + d.label() + "**：" + rate + " 时没有 `" + name + "` 的 token 间隔数据。");
    }
    String upper = Numbers.ms(gaps.percentile(top)) + " ms";
    String middle = Numbers.ms(gaps.median()) + " ms";
    String times = Numbers.ratio(gaps.median() > 0 ? gaps.percentile(top) / gaps.median() : 0);
    Text figures =
        new Text(
            " At "
                + rate
                + " the "
                + p
                + " ITL of `"
                + name
                + "` is "
                + upper
                + ", "
                + times
                + " its median of "
                + middle
                + ".",
            rate + " 时 `" + name + "` 的 " + p + " ITL 为 " + upper + "，是中位数 " + middle + " 的 "
                + times + "。");
    Text reason;
    if (!d.disaggregated()) {
      reason =
          new Text(
              "a prompt is computed in chunks that share their steps with the running answers, so each"
                  + " of them waits for such a step to end before its next token.",
              "prompt 分块计算，每一块与进行中的回答共用同一步，每个回答都要等这一步结束才得到下一个 token。");
    } else if (d.shared()) {
      reason =
          new Text(
              "prompts are computed by another process, but on the same GPU: no prompt is part of a"
                  + " decode step any more, yet a decode step that meets a prefill gets only a part"
                  + " of the GPU's time. Only a GPU of its own keeps decode apart from prefill.",
              "prompt 由另一个进程计算，但在同一块 GPU 上：解码步中不再包含 prompt，但与 Prefill 同时进行的解码步只能得到 GPU"
                  + " 的一部分时间。只有给 Decode 单独的 GPU 才能真正与 Prefill 隔离。");
    } else {
      reason =
          new Text(
              "prompts are computed on other GPUs; what is left of the spread comes from the decode"
                  + " batch and the hand-offs.",
              "prompt 在其他 GPU 上计算；剩余的波动来自解码批次和 KV 移交。");
    }
    return new Text(
        "**" + d.label() + "**: " + reason.english() + figures.english(),
        "**" + d.label() + "**：" + reason.chinese() + figures.chinese());
  }

  private List<Text> caveats() {
    List<Text> out = new ArrayList<>(input.conditions());
    int fewest = Integer.MAX_VALUE;
    for (DeploymentResults d : input.deployments()) {
      for (RateResult r : d.open()) {
        fewest = Math.min(fewest, r.ofClass(swept, swept).sent());
        for (String name : input.section().others()) {
          int failed = r.ofClass(name, swept).failed();
          if (failed > 0) {
            out.add(failures(d, r, name, failed));
          }
        }
        int failed = r.ofClass(swept, swept).failed();
        if (failed > 0) {
          out.add(failures(d, r, swept, failed));
        }
      }
      MissingRates.sentence(d).ifPresent(out::add);
    }
    if (fewest < 1000) {
      out.add(
          new Text(
              "As few as "
                  + fewest
                  + " requests of `"
                  + swept
                  + "` stand behind a rate: the upper percentiles of its TTFT are those of single"
                  + " requests. Each of them touches every answer under way many times, so the ITL"
                  + " rests on far more values.",
              "每个速率最少只有 "
                  + fewest
                  + " 个 `"
                  + swept
                  + "` 请求：其 TTFT 的高百分位数仅由个别请求决定。每个请求都会多次影响所有进行中的回答，因此 ITL 的样本数要大得多。"));
    }
    Caveats.single(input).ifPresent(out::add);
    return out;
  }

  private static Text failures(DeploymentResults d, RateResult r, String name, int failed) {
    String rate = Numbers.rate(r.rate());
    return new Text(
        d.label() + " at " + rate + " req/s: " + failed + " requests of `" + name + "` failed.",
        d.label() + "，" + rate + " req/s：`" + name + "` 有 " + failed + " 个请求失败。");
  }

  private void paragraph(Text text) {
    blocks.add(new Block.Paragraph(text.in(language)));
  }

  private String t(String english, String chinese) {
    return new Text(english, chinese).in(language);
  }
}
