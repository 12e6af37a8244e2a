package dev.baton.bench.report;

import java.util.ArrayList;
import java.util.List;

/** What the figures mean. */
final class Definitions {
  private Definitions() {}

  static List<Text> of(ReportInput input, boolean mixed) {
    List<Text> out = new ArrayList<>();
    String ttft = Numbers.number(input.slo().ttftMs());
    String tpot = Numbers.number(input.slo().tpotMs());
    String share = Numbers.number(100 * input.slo().attainment());
    out.add(
        new Text(
            "**TTFT** (time to first token): from sending the request to the first chunk with"
                + " text, ms.",
            "**TTFT**（首 token 时间）：从发出请求到收到首个带文本的数据块，单位 ms。"));
    out.add(
        new Text(
            "**TPOT** (time per output token): (E2EL − TTFT) / (output tokens − 1), over requests"
                + " with more than one output token, ms.",
            "**TPOT**（每输出 token 时间）：(E2EL − TTFT) / (输出 token 数 − 1)，仅统计输出多于一个 token 的请求，单位 ms。"));
    out.add(
        new Text(
            "**E2EL** (end-to-end latency): from sending the request to the last chunk with text;"
                + " TTFT plus the decoding of the remaining tokens.",
            "**E2EL**（端到端延迟）：从发出请求到收到最后一个带文本的数据块，即 TTFT 加上其余 token 的解码时间。"));
    if (mixed) {
      out.add(
          new Text(
              "**ITL** (inter-token latency): the time between two chunks of an answer, all answers"
                  + " of a class pooled, ms. It is counted from the first request of the class that"
                  + " the request rate is about until the last of them is answered.",
              "**ITL**（token 间隔）：同一回答中相邻两个数据块之间的时间，同一类请求的所有回答合并统计，单位 ms。只统计从按请求速率到达的那类请求的首个请求起、到其最后一个回答为止的时间段。"));
    }
    out.add(
        new Text(
            "**Parts of the TTFT**, in the order of the plots: prefill queueing (waiting for the"
                + " first prefill step), prefill execution (the prompt's forward passes and the"
                + " first token), KV load (what the decode worker still waits for after the prefill"
                + " worker has sent), KV save (what sending adds after the forward pass), decode"
                + " queueing (waiting for KV blocks of the decode worker), first-token decode (from"
                + " the first token to its way out), network and proxy (what is left of the"
                + " client's TTFT: \"unknown\"). KV load and KV save are 0 for combined serving.",
            "**TTFT 的组成**（按图中顺序）：Prefill 排队（等待首个 Prefill 步）、Prefill 执行（prompt 的前向计算和首"
                + " token）、KV 加载（Prefill 实例发送后 Decode 实例仍需等待的时间）、KV 保存（前向计算后发送所增加的时间）、Decode"
                + " 排队（等待 Decode 实例的 KV 块）、首 token 解码（从首 token"
                + " 产生到写出）、网络与代理（客户端 TTFT 的剩余部分，即“未知”）。PD合并服务的 KV 加载与 KV 保存为 0。"));
    out.add(
        new Text(
            "**Percentiles** interpolate linearly between the two nearest values, over completed"
                + " requests.",
            "**百分位数**：在相邻两个值之间线性插值，仅统计完成的请求。"));
    out.add(
        new Text(
            "**SLO attainment**: share of all requests sent (a failed one misses) with TTFT ≤ "
                + ttft
                + " ms, with TPOT ≤ "
                + tpot
                + " ms, and with both.",
            "**SLO 达成率**：在所有已发送请求中（失败计为未达成），满足 TTFT ≤ "
                + ttft
                + " ms、满足 TPOT ≤ "
                + tpot
                + " ms 以及两者同时满足的比例。"));
    out.add(
        new Text(
            "**Request rate** is that of the whole deployment; **per-GPU rate** = request rate /"
                + " GPUs of the deployment, prefill and decode together.",
            "**请求速率**指整个配置的速率；**每 GPU 速率** = 请求速率 / 该配置的 GPU 总数（Prefill 与 Decode 合计）。"));
    out.add(
        new Text(
            "**Goodput per GPU**: the highest request rate per GPU at which at least "
                + share
                + " % of the requests meet both limits.",
            "**每 GPU 有效吞吐**：至少 " + share + " % 的请求同时满足两项上限时的最高每 GPU 请求速率。"));
    if (input.cpu()) {
      out.add(
          new Text(
              "**GPU** in this report stands for one CPU core: each worker computes with one"
                  + " thread.",
              "**GPU** 在本报告中指一个 CPU 核：每个实例只用一个计算线程。"));
    }
    return out;
  }
}
