package dev.baton.bench.deployment;

import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Set;
import tools.jackson.databind.json.JsonMapper;

/** Writes a worker's {@code --kv-transfer-config}. */
final class KvTransferJson {
  private static final JsonMapper JSON = JsonMapper.builder().build();
  private static final String EXTRA = "kv_connector_extra_config";

  /** Keys of the outer object; every other one belongs to the connector. */
  private static final Set<String> OUTER =
      Set.of(
          "kv_connector",
          "kv_role",
          "kv_buffer_size",
          "kv_buffer_device",
          "kv_port",
          "kv_ip",
          "kv_rank",
          "kv_parallel_size",
          "engine_id",
          "kv_load_failure_policy",
          "kv_connector_module_path");

  private KvTransferJson() {}

  static String write(
      DeploymentSpec deployment, WorkerSpec worker, int httpPort, int kvPort, int discoveryPort) {
    Map<String, Object> extra = new LinkedHashMap<>();
    extra.put("proxy_ip", "127.0.0.1");
    extra.put("proxy_port", String.valueOf(discoveryPort));
    extra.put("http_port", String.valueOf(httpPort));
    Map<String, Object> outer = new LinkedHashMap<>();
    outer.put("kv_connector", deployment.connector());
    outer.put("kv_role", worker.role() == Role.PREFILL ? "kv_producer" : "kv_consumer");
    outer.put("kv_port", String.valueOf(kvPort));
    add(deployment.kvTransfer(), outer, extra);
    add(worker.kvTransfer(), outer, extra);
    outer.put(EXTRA, extra);
    return JSON.writeValueAsString(outer);
  }

  private static void add(
      Map<String, Object> keys, Map<String, Object> outer, Map<String, Object> extra) {
    keys.forEach(
        (key, value) -> {
          if (key.equals(EXTRA) && value instanceof Map<?, ?> map) {
            map.forEach((k, v) -> extra.put(String.valueOf(k), v));
          } else if (OUTER.contains(key)) {
            outer.put(key, value);
          } else {
            extra.put(key, value);
          }
        });
  }
}
