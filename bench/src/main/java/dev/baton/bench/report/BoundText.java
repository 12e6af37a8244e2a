package dev.baton.bench.report;

import dev.baton.bench.experiment.Slo;
import dev.baton.bench.metrics.Metric;
import java.util.OptionalDouble;

/** Says in words what a {@link Bound} found. */
final class BoundText {
  private BoundText() {}

  static Text of(DeploymentResults deployment, Bound bound, Slo slo) {
    String rate = Numbers.rate(bound.run().perGpu());
    Text ttft = ttftPart(deployment, bound);
    Text tpot = tpotGrowth(deployment, bound);
    return switch (bound.kind()) {
      case NOT_REACHED ->
          new Text(
                  "its limit was not reached; at the highest rate, "
                      + rate
                      + " req/s per GPU, it still meets the SLO.",
                  "未达到极限；在最高速率（每 GPU " + rate + " req/s）下仍满足 SLO。")
              .plus(ttft)
              .plus(tpot);
      case UNKNOWN ->
          new Text(
                  "the files tell no attainment; read at " + rate + " req/s per GPU.",
                  "文件中没有达成率数据；以下取自每 GPU " + rate + " req/s。")
              .plus(ttft)
              .plus(tpot);
      case FAILURES ->
          new Text(
              "failing requests: at "
                  + rate
                  + " req/s per GPU "
                  + bound.run().failed()
                  + " of "
                  + bound.run().sent()
                  + " failed, which weighs more than slow ones. The logs of its workers say why.",
              "请求失败：每 GPU "
                  + rate
                  + " req/s 时 "
                  + bound.run().sent()
                  + " 个请求中失败 "
                  + bound.run().failed()
                  + " 个，其影响大于慢请求；原因见实例日志。");
      case TTFT ->
          new Text(
                  "the time to first token: at "
                      + rate
                      + " req/s per GPU "
                      + Numbers.percent(bound.ttftMissed(), "?")
                      + " of the requests miss the TTFT limit, "
                      + Numbers.percent(bound.tpotMissed(), "?")
                      + " the TPOT limit.",
                  "TTFT：每 GPU "
                      + rate
                      + " req/s 时，"
                      + Numbers.percent(bound.ttftMissed(), "?")
                      + " 的请求超出 TTFT 上限，"
                      + Numbers.percent(bound.tpotMissed(), "?")
                      + " 超出 TPOT 上限。")
              .plus(ttft)
              .plus(tpot);
      case TPOT ->
          new Text(
                  "the decode step: at "
                      + rate
                      + " req/s per GPU "
                      + Numbers.percent(bound.tpotMissed(), "?")
                      + " of the requests miss the TPOT limit, "
                      + Numbers.percent(bound.ttftMissed(), "?")
                      + " the TTFT limit.",
                  "解码步：每 GPU "
                      + rate
                      + " req/s 时，"
                      + Numbers.percent(bound.tpotMissed(), "?")
                      + " 的请求超出 TPOT 上限，"
                      + Numbers.percent(bound.ttftMissed(), "?")
                      + " 超出 TTFT 上限。")
              .plus(tpot)
              .plus(ttft);
    };
  }

  private static Text ttftPart(DeploymentResults deployment, Bound bound) {
    OptionalDouble mean = bound.run().meanMs(Metric.TTFT);
    if (mean.isEmpty()) {
      return new Text("No request completed there.", "该速率下没有请求完成。");
    }
    String ms = Numbers.ms(mean.getAsDouble()) + " ms";
    if (bound.part().isEmpty()) {
      return new Text(
          "The mean TTFT there is " + ms + "; the server told no parts of it.",
          "该速率下平均 TTFT 为 " + ms + "；服务端未提供其分解。");
    }
    Text part = Words.part(bound.part().get());
    Text meaning =
        Words.meaning(bound.part().get(), deployment.disaggregated(), deployment.shared());
    String share = Numbers.percent(bound.partShare());
    return new Text(
        "The largest part of the mean TTFT there ("
            + ms
            + ") is "
            + part.english()
            + ", "
            + share
            + ": "
            + meaning.english()
            + ".",
        "该速率下平均 TTFT（"
            + ms
            + "）中占比最大的是"
            + part.chinese()
            + "（"
            + share
            + "）："
            + meaning.chinese()
            + "。");
  }

  private static Text tpotGrowth(DeploymentResults deployment, Bound bound) {
    if (bound.tpotMs().isEmpty() || bound.lightTpotMs().isEmpty()) {
      return new Text("There is no TPOT to read.", "没有 TPOT 数据。");
    }
    String now = Numbers.ms(bound.tpotMs().getAsDouble()) + " ms";
    String light = Numbers.ms(bound.lightTpotMs().getAsDouble()) + " ms";
    if (deployment.open().getFirst().equals(bound.run())) {
      return new Text("Its mean TPOT there is " + now + ".", "平均 TPOT 为 " + now + "。");
    }
    boolean grew = bound.tpotMs().getAsDouble() > 1.25 * bound.lightTpotMs().getAsDouble();
    Text why =
        deployment.shared()
            ? new Text(
                grew ? " (larger decode batches, and prefills on the same GPU)" : "",
                grew ? "（Decode 批次变大，且同一 GPU 上有 Prefill）" : "")
            : deployment.disaggregated()
                ? new Text(
                    grew ? " (larger decode batches)" : " (no prefill disturbs its decode steps)",
                    grew ? "（Decode 批次变大）" : "（Prefill 不会干扰其解码步）")
                : new Text(
                    grew ? " (prefills share its decode steps, and its batches are larger)" : "",
                    grew ? "（Prefill 与解码步共享算力，且批次变大）" : "");
    return new Text(
        "Its mean TPOT there is "
            + now
            + ", against "
            + light
            + " at the lowest rate"
            + why.english()
            + ".",
        "平均 TPOT 为 " + now + "，最低速率时为 " + light + why.chinese() + "。");
  }
}
