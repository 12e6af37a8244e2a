package dev.baton.bench.report;

import dev.baton.bench.dataset.DatasetSpec;
import dev.baton.bench.deployment.DeploymentSpec;
import dev.baton.bench.deployment.Role;
import dev.baton.bench.deployment.StartedProcess;
import dev.baton.bench.deployment.WorkerSpec;
import dev.baton.bench.experiment.Experiment;
import dev.baton.bench.experiment.Workload;
import dev.baton.bench.report.DeploymentResults.Setting;
import dev.baton.bench.results.BenchResult;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;

/** The lines of section 2.3. */
final class SettingsText {
  private static final Text CHOSEN = new Text("chosen at the start", "启动时自动分配");

  private SettingsText() {}

  static List<Setting> of(
      Experiment experiment, DeploymentSpec spec, List<StartedProcess> processes) {
    if (spec.baseUrl().isPresent()) {
      return List.of(
          Setting.of("base-url", spec.baseUrl().get().toString()),
          Setting.of("GPUs", String.valueOf(spec.gpus())),
          Setting.of("role", spec.shape()));
    }
    return spec.disaggregated() ? apart(spec, processes) : combined(experiment, spec, processes);
  }

  private static List<Setting> combined(
      Experiment experiment, DeploymentSpec spec, List<StartedProcess> processes) {
    List<Setting> out = new ArrayList<>();
    WorkerSpec worker = spec.workers().getFirst();
    flags(worker.flags(), out);
    out.add(Setting.of("device", worker.device()));
    out.add(gpuLine("GPUs", spec, Role.COMBINED));
    out.add(inAll(spec));
    out.add(Setting.of("port", ports(spec, Role.COMBINED, processes)));
    if (!experiment.servedModelName().isEmpty()) {
      out.add(Setting.of("served-model-name", experiment.servedModelName()));
    }
    said(processes, out);
    return out;
  }

  private static Setting inAll(DeploymentSpec spec) {
    String count = String.valueOf(spec.gpus());
    return Setting.of(
        "Number of GPUs",
        spec.sharesGpus()
            ? new Text(count + " (shared by the workers)", count + "（各实例共用）")
            : Text.same(count));
  }

  /** What the workers said of themselves. */
  private static void said(List<StartedProcess> processes, List<Setting> out) {
    List<Setting> lines =
        processes.stream()
            .filter(p -> !p.device().isEmpty())
            .map(p -> Setting.of(p.name(), p.device()))
            .toList();
    if (!lines.isEmpty()) {
      out.add(new Setting(new Text("The workers about themselves", "实例自述"), Text.same(""), lines));
    }
  }

  private static List<Setting> apart(DeploymentSpec spec, List<StartedProcess> processes) {
    List<Setting> out = new ArrayList<>();
    int p = spec.count(Role.PREFILL);
    int d = spec.count(Role.DECODE);
    out.add(Setting.of("Architecture", p + " Prefill + " + d + " Decode (" + spec.shape() + ")"));
    out.add(gpuLine("Prefill GPUs", spec, Role.PREFILL));
    out.add(gpuLine("Decode GPUs", spec, Role.DECODE));
    out.add(inAll(spec));
    out.add(Setting.of("Prefill ports", ports(spec, Role.PREFILL, processes)));
    out.add(Setting.of("Decode ports", ports(spec, Role.DECODE, processes)));
    StartedProcess proxy =
        processes.stream().filter(x -> x.name().equals("proxy")).findFirst().orElse(null);
    out.add(
        Setting.of(
            "Proxy service discovery port",
            port(spec.proxy().discoveryPort(), proxy == null ? 0 : proxy.controlPort())));
    out.add(
        Setting.of("Proxy app port", port(spec.proxy().port(), proxy == null ? 0 : proxy.port())));
    out.add(new Setting(Text.same("KV transfer config"), Text.same(""), transfer(spec)));
    WorkerSpec prefill = first(spec, Role.PREFILL);
    WorkerSpec decode = first(spec, Role.DECODE);
    out.add(Setting.of("device", devices(spec)));
    if (prefill.flags().equals(decode.flags())) {
      flags(prefill.flags(), out);
    } else {
      flags(prefill.flags(), decode.flags(), out);
    }
    said(processes, out);
    return out;
  }

  private static List<Setting> transfer(DeploymentSpec spec) {
    List<Setting> out = new ArrayList<>();
    out.add(Setting.of("kv_connector", spec.connector()));
    out.add(Setting.of("kv_role", "kv_producer/kv_consumer"));
    Map<String, Object> prefill = new LinkedHashMap<>(first(spec, Role.PREFILL).kvTransfer());
    Map<String, Object> decode = new LinkedHashMap<>(first(spec, Role.DECODE).kvTransfer());
    spec.kvTransfer().forEach((key, value) -> out.add(Setting.of(key, String.valueOf(value))));
    prefill.forEach(
        (key, value) -> {
          Object other = decode.remove(key);
          String text =
              other == null
                  ? value + " (producer)"
                  : other.equals(value)
                      ? String.valueOf(value)
                      : value + " (producer), " + other + " (consumer)";
          out.add(Setting.of(key, text));
        });
    decode.forEach((key, value) -> out.add(Setting.of(key, value + " (consumer)")));
    return out;
  }

  private static WorkerSpec first(DeploymentSpec spec, Role role) {
    return spec.workers().stream().filter(w -> w.role() == role).findFirst().orElseThrow();
  }

  private static void flags(Map<String, Object> flags, List<Setting> out) {
    flags.forEach((key, value) -> out.add(Setting.of(key, flag(value))));
  }

  private static void flags(
      Map<String, Object> prefill, Map<String, Object> decode, List<Setting> out) {
    Map<String, Object> rest = new LinkedHashMap<>(decode);
    prefill.forEach(
        (key, value) -> {
          Object other = rest.remove(key);
          out.add(
              Setting.of(
                  key,
                  other == null
                      ? flag(value) + " (prefill)"
                      : other.equals(value)
                          ? flag(value)
                          : flag(value) + " (prefill), " + flag(other) + " (decode)"));
        });
    rest.forEach((key, value) -> out.add(Setting.of(key, flag(value) + " (decode)")));
  }

  private static String flag(Object value) {
    return Boolean.TRUE.equals(value)
        ? "enabled"
        : Boolean.FALSE.equals(value) ? "disabled" : String.valueOf(value);
  }

  private static String devices(DeploymentSpec spec) {
    return spec.workers().stream()
        .map(WorkerSpec::device)
        .distinct()
        .collect(Collectors.joining(", "));
  }

  private static Setting gpuLine(String key, DeploymentSpec spec, Role role) {
    List<Integer> gpus =
        spec.workers().stream()
            .filter(w -> w.role() == role)
            .flatMap(w -> w.gpus().stream())
            .toList();
    if (!gpus.isEmpty()) {
      return Setting.of(key, join(gpus));
    }
    int count =
        spec.workers().stream()
            .filter(w -> w.role() == role)
            .mapToInt(w -> w.count() * w.devicesEach())
            .sum();
    boolean cpu = spec.workers().stream().anyMatch(w -> w.device().equals("cpu"));
    return Setting.of(
        key,
        cpu
            ? new Text(count + " (CPU, one thread each)", count + "（CPU，每个实例一个线程）")
            : Text.same(String.valueOf(count)));
  }

  private static Text ports(DeploymentSpec spec, Role role, List<StartedProcess> processes) {
    List<Integer> ports =
        spec.workers().stream()
            .filter(w -> w.role() == role)
            .flatMap(w -> w.ports().stream())
            .toList();
    if (ports.isEmpty()) {
      ports =
          processes.stream()
              .filter(p -> p.name().startsWith(role.key()))
              .map(StartedProcess::port)
              .toList();
    }
    return ports.isEmpty() ? CHOSEN : Text.same(join(ports));
  }

  private static Text port(int given, int used) {
    int port = given > 0 ? given : used;
    return port > 0 ? Text.same(String.valueOf(port)) : CHOSEN;
  }

  private static String join(List<Integer> numbers) {
    return numbers.stream().map(String::valueOf).collect(Collectors.joining(", "));
  }

  /** What a workload is, in a heading. */
  static Text heading(Workload w) {
    if (w.mixed()) {
      List<Text> parts = w.classes().stream().map(SettingsText::inShort).toList();
      return new Text(
          w.name() + ": " + parts.stream().map(Text::english).collect(Collectors.joining("; ")),
          w.name() + "：" + parts.stream().map(Text::chinese).collect(Collectors.joining("；")));
    }
    if (w.dataset().equals("random")) {
      String in = String.valueOf(w.inputLength());
      String out = String.valueOf(w.outputLength().orElse(0));
      return new Text(
          w.name() + ": random, " + in + " input and " + out + " output tokens",
          w.name() + "：random，输入 " + in + "、输出 " + out + " token");
    }
    return new Text(w.name() + ": " + w.dataset(), w.name() + "：" + w.dataset());
  }

  private static Text inShort(DatasetSpec.TrafficClass c) {
    String lengths = c.prompts().inputLen() + "/" + c.prompts().outputLen();
    if (c.inFlight() > 0) {
      return new Text(
          c.inFlight() + " × `" + c.name() + "` (" + lengths + ") kept in flight",
          "保持 " + c.inFlight() + " 个 `" + c.name() + "` (" + lengths + ") 并发");
    }
    String rate = c.rate().isPresent() ? Numbers.number(c.rate().getAsDouble()) + " req/s" : "";
    return rate.isEmpty()
        ? new Text(
            "`" + c.name() + "` (" + lengths + ") arriving at the request rate",
            "`" + c.name() + "` (" + lengths + ") 按请求速率到达")
        : new Text(
            "`" + c.name() + "` (" + lengths + ") at " + rate,
            "`" + c.name() + "` (" + lengths + ") 速率 " + rate);
  }

  private static Setting setting(DatasetSpec.TrafficClass c) {
    String in = String.valueOf(c.prompts().inputLen());
    String out = String.valueOf(c.prompts().outputLen());
    Text when =
        c.inFlight() > 0
            ? new Text(
                c.inFlight() + " kept in flight: when one is answered, the next is sent",
                "保持 " + c.inFlight() + " 个并发：一个完成后立即发送下一个")
            : c.rate().isPresent()
                ? new Text(
                    Numbers.number(c.rate().getAsDouble()) + " req/s, Poisson",
                    Numbers.number(c.rate().getAsDouble()) + " req/s，泊松到达")
                : new Text("arrives at the request rate", "按请求速率到达");
    return Setting.of(
        c.name(),
        new Text(
            in + " input tokens, " + out + " output tokens, " + when.english(),
            "输入 " + in + " token，输出 " + out + " token，" + when.chinese()));
  }

  static List<Setting> parameters(Experiment experiment, Workload w) {
    List<Setting> out = new ArrayList<>();
    out.add(Setting.of("dataset-name", w.dataset()));
    w.datasetPath().ifPresent(p -> out.add(Setting.of("dataset-path", p)));
    if (w.dataset().equals("random")) {
      out.add(Setting.of("random-input-len", w.inputLength() + " tokens"));
      if (w.tokenIds()) {
        out.add(Setting.of("prompts", new Text("sent as token ids", "以 token id 发送")));
      }
    }
    if (w.mixed()) {
      if (w.tokenIds()) {
        out.add(Setting.of("prompts", new Text("sent as token ids", "以 token id 发送")));
      }
      out.add(
          new Setting(
              new Text("classes", "classes"),
              Text.same(""),
              w.classes().stream().map(SettingsText::setting).toList()));
    }
    String output = w.outputLength().isPresent() ? w.outputLength().getAsInt() + " tokens" : "";
    if (!w.mixed()) {
      out.add(
          Setting.of(
              w.dataset().equals("random") ? "random-output-len" : "output-len",
              output.isEmpty() ? new Text("as the dataset says", "由数据集决定") : Text.same(output)));
    }
    out.add(Setting.of("ignore-eos", w.ignoreEos() ? "enabled" : "disabled"));
    out.add(
        Setting.of(
            "metric-percentiles",
            experiment.percentiles().stream()
                .map(Numbers::percentile)
                .collect(Collectors.joining(", "))));
    out.add(Setting.of("seed", String.valueOf(w.seed())));
    if (w.burstiness() != 1) {
      out.add(Setting.of("burstiness", Numbers.number(w.burstiness())));
    }
    if (w.maxConcurrency() > 0) {
      out.add(Setting.of("max-concurrency", String.valueOf(w.maxConcurrency())));
    }
    List<Setting> rates = new ArrayList<>();
    for (DeploymentSpec d : experiment.deployments()) {
      rates.add(
          Setting.of(
              d.name(),
              w.ratesOf(d).stream().map(Numbers::rate).collect(Collectors.joining(", "))));
    }
    out.add(
        new Setting(
            new Text("Request rates (req/s)", "Request rates (req/s)"), Text.same(""), rates));
    if (w.numPrompts() > 0) {
      out.add(Setting.of("num-prompts", String.valueOf(w.numPrompts())));
    } else {
      String seconds = Numbers.number(w.durationSeconds());
      String least = w.minPrompts() > 1 ? ", at least " + w.minPrompts() + " requests" : "";
      String zh = w.minPrompts() > 1 ? "，至少 " + w.minPrompts() + " 个请求" : "";
      out.add(
          Setting.of(
              "Duration",
              new Text(
                  seconds
                      + " seconds per request rate (calculated as request_rate * "
                      + seconds
                      + least
                      + ")",
                  seconds
                      + " seconds per request rate (calculated as request_rate * "
                      + seconds
                      + zh
                      + ")")));
    }
    out.add(Setting.of("repeats", String.valueOf(experiment.repeats())));
    out.add(Setting.of("warm-up", String.valueOf(experiment.warmUps()) + " requests"));
    out.add(
        Setting.of(
            "SLO",
            "TTFT ≤ "
                + Numbers.number(experiment.slo().ttftMs())
                + " ms, TPOT ≤ "
                + Numbers.number(experiment.slo().tpotMs())
                + " ms, "
                + Numbers.number(100 * experiment.slo().attainment())
                + " %"));
    return out;
  }

  /** What result files alone tell. */
  static List<Setting> parameters(List<DeploymentResults> deployments) {
    List<Setting> out = new ArrayList<>();
    List<BenchResult> all =
        deployments.stream()
            .flatMap(d -> d.rates().stream())
            .flatMap(r -> r.repeats().stream())
            .toList();
    out.add(Setting.of("mean input tokens", means(all, true)));
    out.add(Setting.of("mean output tokens", means(all, false)));
    List<Setting> rates = new ArrayList<>();
    for (DeploymentResults d : deployments) {
      rates.add(
          Setting.of(
              d.name(),
              d.rates().stream()
                  .map(r -> Numbers.rate(r.rate()) + " (" + r.sent() + " requests)")
                  .collect(Collectors.joining(", "))));
    }
    out.add(new Setting(Text.same("Request rates (req/s)"), Text.same(""), rates));
    return out;
  }

  private static String means(List<BenchResult> all, boolean input) {
    return all.stream()
        .filter(r -> r.completed() > 0)
        .map(r -> (input ? r.totalInputTokens() : r.totalOutputTokens()) / r.completed())
        .distinct()
        .sorted()
        .map(String::valueOf)
        .collect(Collectors.joining(", "));
  }

  static List<Setting> ofFolder(Path folder, String shape, int gpus, List<RateResult> rates) {
    List<Setting> out = new ArrayList<>();
    out.add(Setting.of("results", "`" + folder + "`"));
    if (!shape.isEmpty()) {
      out.add(Setting.of("Architecture", shape));
    }
    out.add(Setting.of("GPUs", String.valueOf(gpus)));
    BenchResult any = rates.getFirst().repeats().getFirst();
    out.add(Setting.of("model", any.modelId()));
    out.add(Setting.of("backend", any.backend()));
    return out;
  }
}
