package dev.baton.bench.experiment;

import dev.baton.bench.deployment.DeploymentSpec;
import dev.baton.bench.deployment.Engine;
import dev.baton.bench.deployment.ProxySpec;
import dev.baton.bench.deployment.Role;
import dev.baton.bench.deployment.WorkerSpec;
import java.net.URI;
import java.net.URISyntaxException;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;

/** Reads one entry of {@code deployments}. */
final class DeploymentReader {
  private static final Map<String, Role> ROLES = new LinkedHashMap<>();

  /** What a worker's kv_connector can be: a wrong one is said before anything is measured. */
  private static final List<String> CONNECTORS =
      List.of("auto", "P2pNcclConnector", "CudaIpcConnector", "TcpConnector");

  private static final Map<String, Engine> ENGINES = new LinkedHashMap<>();
  private static final Map<String, String> DEVICES = new LinkedHashMap<>();

  static {
    for (Role role : Role.values()) {
      ROLES.put(role.key(), role);
    }
    ENGINES.put(Engine.BATON.key(), Engine.BATON);
    ENGINES.put(Engine.VLLM.key(), Engine.VLLM);
    for (String device : List.of("auto", "cpu", "cuda")) {
      DEVICES.put(device, device);
    }
  }

  private DeploymentReader() {}

  static DeploymentSpec read(YamlMap map) {
    String name = map.requiredText("name");
    if (!name.matches("[A-Za-z0-9][A-Za-z0-9._-]{0,63}")) {
      throw map.error(
          "name", "a deployment's name is letters, digits, '-', '_' and '.', not '" + name + "'");
    }
    if (map.has("base-url")) {
      return external(map, name);
    }
    Engine engine = map.choice("engine", ENGINES, Engine.BATON);
    List<String> command = map.texts("command");
    if (engine == Engine.BATON && !command.isEmpty()) {
      throw map.error("command", "'command' is for 'engine: vllm'; Baton's own workers need none");
    }
    if (engine == Engine.VLLM && command.isEmpty()) {
      command = List.of("vllm", "serve");
    }
    Map<String, Object> transfer = map.plain("kv-transfer-config");
    Optional<String> connector = map.text("connector");
    if (engine == Engine.BATON && connector.isPresent() && !CONNECTORS.contains(connector.get())) {
      throw map.error(
          "connector",
          "'connector' is '"
              + connector.get()
              + "'; it must be one of "
              + String.join(", ", CONNECTORS));
    }
    ProxySpec proxy = map.map("proxy").map(DeploymentReader::proxy).orElse(ProxySpec.DEFAULT);
    List<WorkerSpec> workers = new ArrayList<>();
    for (YamlMap worker : map.maps("workers")) {
      workers.add(worker(worker));
    }
    map.finish();
    DeploymentSpec spec =
        new DeploymentSpec(
            name,
            engine,
            command,
            workers,
            proxy,
            connector.orElseGet(() -> defaultConnector(engine, workers)),
            transfer,
            Optional.empty(),
            0,
            "");
    checkShape(map, spec);
    return spec;
  }

  private static String defaultConnector(Engine engine, List<WorkerSpec> workers) {
    if (workers.stream().anyMatch(w -> w.device().equals("cpu"))) {
      return "TcpConnector";
    }
    return engine == Engine.VLLM || workers.stream().anyMatch(w -> w.device().equals("cuda"))
        ? "P2pNcclConnector"
        : "auto";
  }

  private static DeploymentSpec external(YamlMap map, String name) {
    String text = map.requiredText("base-url");
    URI url;
    try {
      url = new URI(text);
    } catch (URISyntaxException e) {
      throw map.error("base-url", "'base-url' is no URL: " + e.getMessage());
    }
    if (url.getHost() == null
        || !("http".equals(url.getScheme()) || "https".equals(url.getScheme()))) {
      throw map.error(
          "base-url", "'base-url' is '" + text + "'; write for example http://127.0.0.1:8000");
    }
    if (!map.has("gpus")) {
      throw map.error(
          "a deployment with 'base-url' needs 'gpus', the number of GPUs behind it (prefill and"
              + " decode together)");
    }
    int gpus = map.integer("gpus", 1, 1, 100_000);
    String role = map.text("role").orElse("combined");
    if (!role.equals("combined") && !role.matches("(?i)\\d{1,4}p\\d{1,4}d")) {
      throw map.error(
          "role", "'role' is '" + role + "'; it must be combined or a shape such as 1P3D");
    }
    String connector = map.text("connector").orElse("");
    map.finish();
    return new DeploymentSpec(
        name,
        Engine.EXTERNAL,
        List.of(),
        List.of(),
        ProxySpec.DEFAULT,
        connector,
        Map.of(),
        Optional.of(url),
        gpus,
        role.equals("combined") ? role : role.toUpperCase(Locale.ROOT));
  }

  private static ProxySpec proxy(YamlMap map) {
    ProxySpec spec =
        new ProxySpec(
            map.integer("port", 0, 1, 65535),
            map.integer("discovery-port", 0, 1, 65535),
            map.plain("flags"));
    map.finish();
    return spec;
  }

  private static WorkerSpec worker(YamlMap map) {
    if (!map.has("role")) {
      throw map.missing("role");
    }
    WorkerSpec spec =
        new WorkerSpec(
            map.choice("role", ROLES, Role.COMBINED),
            map.integer("count", 1, 1, 1024),
            map.choice("device", DEVICES, "auto"),
            map.integers("gpus", 0, 1023),
            map.integers("ports", 1, 65535),
            map.integers("kv-ports", 1, 65535),
            map.plain("flags"),
            map.plain("kv-transfer-config"));
    map.finish();
    int gpus = spec.count() * spec.devicesEach();
    if (!spec.gpus().isEmpty() && spec.gpus().size() != gpus) {
      throw map.error(
          "gpus",
          "'gpus' lists "
              + spec.gpus().size()
              + " numbers; "
              + spec.count()
              + " worker(s) of "
              + spec.devicesEach()
              + " GPU(s) each need "
              + gpus);
    }
    if (!spec.ports().isEmpty() && spec.ports().size() != spec.count()) {
      throw map.error("ports", "'ports' must list one port per worker, " + spec.count());
    }
    if (!spec.kvPorts().isEmpty() && spec.kvPorts().size() != spec.count()) {
      throw map.error("kv-ports", "'kv-ports' must list one port per worker, " + spec.count());
    }
    return spec;
  }

  private static void checkShape(YamlMap map, DeploymentSpec spec) {
    int combined = spec.count(Role.COMBINED);
    int prefill = spec.count(Role.PREFILL);
    int decode = spec.count(Role.DECODE);
    boolean together = combined == 1 && prefill == 0 && decode == 0;
    boolean apart = combined == 0 && prefill > 0 && decode > 0;
    if (!together && !apart) {
      throw map.error(
          "workers",
          "deployment '"
              + spec.name()
              + "' has "
              + combined
              + " combined, "
              + prefill
              + " prefill and "
              + decode
              + " decode workers; it must have either one combined worker, or at least one prefill"
              + " and one decode worker");
    }
  }
}
