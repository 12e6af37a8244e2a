package dev.baton.bench.report;

import dev.baton.bench.deployment.DeploymentSpec;
import dev.baton.bench.deployment.Engine;
import dev.baton.bench.deployment.WorkerSpec;
import dev.baton.bench.experiment.Environment;
import dev.baton.bench.experiment.Experiment;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/** What the circumstances of an experiment do to its figures. */
final class Conditions {
  private Conditions() {}

  static List<Text> of(Experiment experiment, List<Environment> environments) {
    List<Text> out = new ArrayList<>();
    boolean cpu = false;
    boolean local = false;
    List<String> crowded = new ArrayList<>();
    int cores = environments.isEmpty() ? Integer.MAX_VALUE : environments.getFirst().cores();
    for (DeploymentSpec spec : experiment.deployments()) {
      boolean own = spec.workers().stream().map(WorkerSpec::device).anyMatch("cpu"::equals);
      cpu |= own;
      local |= spec.engine() != Engine.EXTERNAL;
      if (own && spec.gpus() >= cores) {
        crowded.add(spec.name());
      }
    }
    for (int i = 1; i < environments.size(); i++) {
      String how = String.join(", ", environments.getFirst().differences(environments.get(i)));
      out.add(
          new Text(
              "Measured in pieces, which did not all have the same machine and build ("
                  + how
                  + "): differences between runs may come from that.",
              "分多次测得，各次的机器或版本不完全相同（" + how + "）：测试之间的差异可能由此而来。"));
    }
    if (cpu) {
      out.add(
          new Text(
              "Measured on a CPU: each worker has one compute thread, so one core plays the part of"
                  + " a GPU, and \"per GPU\" means per core. The cores share memory bandwidth and"
                  + " cache, which GPUs do not. The shape of the comparison carries over to GPUs, the"
                  + " figures do not.",
              "在 CPU 上测得：每个实例只用一个计算线程，即一个核扮演一块 GPU，“每 GPU”即“每核”。各核共享内存带宽和缓存，GPU"
                  + " 之间则不会。对比的形态可供参考，具体数值不能外推到 GPU。"));
    }
    boolean dummy =
        experiment.deployments().stream()
            .flatMap(d -> d.workers().stream())
            .anyMatch(w -> String.valueOf(w.flags().get("load-format")).startsWith("dummy"));
    if (dummy) {
      out.add(
          new Text(
              "The weights are made up (load-format dummy), of the model's shape and type: the work"
                  + " does not depend on their values (how much power it draws does a little), the"
                  + " answers mean nothing.",
              "权重为随机生成（load-format dummy），形状和数据类型与模型一致：计算量与权重数值无关（功耗略受影响），回答内容没有意义。"));
    }
    boolean again =
        experiment.workloads().stream()
            .anyMatch(
                w ->
                    w.datasetPath().isPresent()
                        && w.rates().values().stream()
                            .anyMatch(rates -> rates.size() * experiment.repeats() > 1));
    boolean caching =
        experiment.deployments().stream()
            .flatMap(d -> d.workers().stream())
            .anyMatch(w -> cachesPrefixes(w.flags()));
    if (again && caching) {
      out.add(
          new Text(
              "Prefix caching was on, and every rate took its prompts from the same file: what one"
                  + " has sent, a later one can find in the cache. 'enable-prefix-caching: false' in"
                  + " the flags of all workers makes the rates comparable.",
              "前缀缓存已启用，且各速率的请求取自同一文件：先前速率发送过的 prompt 可能在后续速率中命中缓存。在所有实例的 flags 中设置"
                  + " 'enable-prefix-caching: false' 可使各速率可比。"));
    }
    for (DeploymentSpec spec : experiment.deployments()) {
      if (spec.sharesGpus()) {
        out.add(
            new Text(
                "The workers of "
                    + spec.name()
                    + " share "
                    + (spec.gpus() == 1 ? "one GPU" : spec.gpus() + " GPUs")
                    + ": each holds its own copy of the weights, and prefill and decode take each"
                    + " other's computing time and memory bandwidth as they do in a combined worker."
                    + " What separation gains by putting them on different GPUs cannot show here;"
                    + " what its hand-off and its second process cost can.",
                spec.name()
                    + " 的各实例共用"
                    + (spec.gpus() == 1 ? "一块 GPU" : " " + spec.gpus() + " 块 GPU")
                    + "：各自持有一份权重，Prefill 与 Decode 仍像合并实例中那样互相占用算力和显存带宽。把两者放到不同 GPU"
                    + " 上才有的收益在此无法体现，移交和第二个进程的代价则会体现。"));
      }
    }
    if (!crowded.isEmpty()) {
      String names = String.join(", ", crowded);
      out.add(
          new Text(
              "This machine has "
                  + cores
                  + " cores, and the workers of "
                  + names
                  + " want all of them: load generator and proxy take their time from the same cores,"
                  + " while a deployment with fewer workers leaves a core free for them. This counts"
                  + " against "
                  + names
                  + ".",
              "本机有 "
                  + cores
                  + " 个核，"
                  + names
                  + " 的实例会占满全部核：压测客户端和代理与其争用，而实例较少的配置会给它们留出空闲核。这对 "
                  + names
                  + " 不利。"));
    } else if (local) {
      out.add(
          new Text("The load generator ran on the machine of the workers.", "压测客户端与实例运行在同一台机器上。"));
    }
    return out;
  }

  /** On by default. */
  private static boolean cachesPrefixes(Map<String, Object> flags) {
    return !Boolean.FALSE.equals(flags.get("enable-prefix-caching"))
        && !Boolean.TRUE.equals(flags.get("no-enable-prefix-caching"));
  }
}
