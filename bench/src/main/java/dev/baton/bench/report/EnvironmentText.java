package dev.baton.bench.report;

import dev.baton.bench.experiment.Environment;
import dev.baton.bench.experiment.Experiment;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;

/** Sections 2.1 and 2.2. */
final class EnvironmentText {
  /** Where nothing is recorded. */
  static final List<Text> UNKNOWN =
      List.of(new Text("GPU: not recorded in the result files", "GPU: 结果文件中未记录"));

  private EnvironmentText() {}

  static List<Text> hardware(Environment e) {
    List<Text> out = new ArrayList<>();
    if (e.gpus().isEmpty()) {
      out.add(new Text("GPU: none", "GPU: 无"));
    }
    Map<String, Integer> same = new LinkedHashMap<>();
    e.gpus().forEach(g -> same.merge(g, 1, Integer::sum));
    same.forEach((gpu, count) -> out.add(gpu(gpu, count)));
    e.cuda()
        .ifPresent(
            version ->
                out.add(
                    new Text(
                        "CUDA: " + version + " (of the driver)", "CUDA: " + version + "（驱动支持）")));
    String gib = String.format(Locale.ROOT, "%.1f GiB", e.memoryBytes() / (double) (1L << 30));
    out.add(
        new Text(
            "CPU: " + e.cpu() + ", " + e.cores() + " cores in use",
            "CPU: " + e.cpu() + "，可用核数 " + e.cores()));
    out.add(new Text("Memory: " + gib, "内存: " + gib));
    out.add(new Text("Host: " + e.host(), "主机: " + e.host()));
    return out;
  }

  /** A line of nvidia-smi: name, memory, driver. */
  private static Text gpu(String line, int count) {
    String[] parts = line.split(", ", -1);
    String text = "GPU: " + count + " × " + parts[0];
    return parts.length == 3
        ? new Text(
            text + ", " + parts[1] + ", driver " + parts[2],
            text + "，" + parts[1] + "，驱动 " + parts[2])
        : Text.same("GPU: " + count + " × " + line);
  }

  static List<Text> software(Optional<Environment> environment, Experiment experiment) {
    List<Text> out = new ArrayList<>();
    environment.ifPresent(
        e -> {
          String commit = e.commit().isEmpty() ? "" : ", commit " + e.commit();
          out.add(
              new Text("Baton version: " + e.baton() + commit, "Baton 版本: " + e.baton() + commit));
          out.add(Text.same("Java: " + e.java().strip()));
          out.add(new Text("Operating system: " + e.os(), "操作系统: " + e.os()));
          out.add(new Text("Date: " + e.date(), "日期: " + e.date()));
        });
    String path = experiment.model();
    String stripped = path.replaceAll("/+$", "");
    String name = stripped.substring(stripped.lastIndexOf('/') + 1);
    out.add(
        name.equals(path)
            ? new Text("Model: " + name, "模型: " + name)
            : new Text(
                "Model: " + name + " (at `" + path + "`)", "模型: " + name + " (位于 `" + path + "`)"));
    return out;
  }
}
