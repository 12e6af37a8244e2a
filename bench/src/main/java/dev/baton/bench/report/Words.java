package dev.baton.bench.report;

import dev.baton.bench.results.TtftPart;
import java.util.List;

/** Names of things in both languages. */
final class Words {
  /** The order of the breakdowns; the network's part, "unknown" to other tools, stands last. */
  static final List<TtftPart> PARTS =
      List.of(
          TtftPart.PREFILL_QUEUE,
          TtftPart.PREFILL_EXECUTE,
          TtftPart.KV_LOAD,
          TtftPart.KV_SAVE,
          TtftPart.DECODE_QUEUE,
          TtftPart.DECODE_EXECUTE,
          TtftPart.NETWORK);

  private Words() {}

  static Text part(TtftPart part) {
    return switch (part) {
      case PREFILL_QUEUE -> new Text("prefill queueing", "Prefill 排队");
      case PREFILL_EXECUTE -> new Text("prefill execution", "Prefill 执行");
      case KV_LOAD -> new Text("KV load", "KV 加载");
      case KV_SAVE -> new Text("KV save", "KV 保存");
      case DECODE_QUEUE -> new Text("decode queueing", "Decode 排队");
      case DECODE_EXECUTE -> new Text("first-token decode", "首 token 解码");
      case NETWORK -> new Text("network and proxy", "网络与代理");
    };
  }

  /** What it means that this part is the largest of the TTFT under load. */
  static Text meaning(TtftPart part, boolean disaggregated, boolean shared) {
    if (shared && part == TtftPart.PREFILL_QUEUE) {
      return new Text(
          "prompts arrive faster than the prefill worker computes them beside the decode worker on"
              + " the same GPU, so they queue",
          "请求到达快于 Prefill 实例（与 Decode 实例共用 GPU）的处理能力而排队");
    }
    if (shared && part == TtftPart.PREFILL_EXECUTE) {
      return new Text(
          "the prompts' own forward passes take the time, drawn out by the decode worker's steps on"
              + " the same GPU",
          "时间主要花在 prompt 的前向计算上，且受同一 GPU 上 Decode 实例的拖慢");
    }
    return switch (part) {
      case PREFILL_QUEUE ->
          disaggregated
              ? new Text(
                  "prompts arrive faster than the prefill workers compute them, so they queue:"
                      + " prefill is the bottleneck, and more or faster prefill workers would help",
                  "请求到达快于 Prefill 实例的处理能力而排队：瓶颈在 Prefill，增加或加速 Prefill 实例才有帮助")
              : new Text(
                  "new prompts wait while the one worker computes earlier prompts and decodes",
                  "新请求要等待同一个实例处理先前的 Prefill 和 Decode");
      case PREFILL_EXECUTE ->
          disaggregated
              ? new Text("the prompts' own forward passes take the time", "时间主要花在 prompt 的前向计算上")
              : new Text(
                  "the prompts' forward passes take the time, drawn out by the decode tokens that"
                      + " share their steps",
                  "时间主要花在 prompt 的前向计算上，且与同一步中的 Decode token 共享算力");
      case KV_LOAD, KV_SAVE ->
          new Text(
              "the hand-off of the KV cache takes the time: the transport is the bottleneck",
              "时间主要花在 KV 缓存的移交上：瓶颈在传输");
      case DECODE_QUEUE ->
          new Text(
              "requests wait for KV blocks of the decode workers: decode memory is the bottleneck",
              "请求在等待 Decode 实例的 KV 块：瓶颈在 Decode 侧显存");
      case DECODE_EXECUTE ->
          new Text(
              "the time lies between the first token and its way out of the server",
              "时间主要花在首 token 产生到写出之间");
      case NETWORK ->
          new Text(
              "the time lies outside the workers: network, proxy or the load generator itself",
              "时间花在实例之外：网络、代理或压测客户端本身");
    };
  }

  static Text heading(DeploymentResults deployment, boolean several) {
    if (!deployment.disaggregated()) {
      boolean plain = !several && !deployment.shape().isEmpty();
      return plain
          ? new Text("PD-combined serving", "PD合并服务配置")
          : new Text(
              "PD-combined serving (" + deployment.name() + ")",
              "PD合并服务配置 (" + deployment.name() + ")");
    }
    String inside = deployment.transport();
    if (several || inside.isEmpty()) {
      inside =
          (deployment.shape().isEmpty() ? deployment.name() : deployment.shape())
              + (inside.isEmpty() ? "" : ", " + inside);
    }
    return new Text("PD-disaggregated serving (" + inside + ")", "PD分离服务配置 (" + inside + ")");
  }

  static Text kind(DeploymentResults deployment) {
    return deployment.disaggregated()
        ? new Text("disaggregated", "PD分离")
        : new Text("combined", "PD合并");
  }
}
