package dev.baton.serving.handoff;

import java.math.BigDecimal;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.Set;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** Turns the JSON of {@code --kv-transfer-config} into a {@link KvTransferConfig}. */
final class KvTransferConfigReader {
  private static final JsonMapper MAPPER = JsonMapper.builder().build();
  private static final List<String> CONNECTORS =
      List.of("P2pNcclConnector", "CudaIpcConnector", "TcpConnector", "auto");
  private static final Set<String> KNOWN =
      Set.of(
          "kv_connector",
          "kv_role",
          "kv_buffer_size",
          "kv_ip",
          "kv_port",
          "kv_connector_extra_config");
  private static final Set<String> KNOWN_EXTRA =
      Set.of(
          "proxy_ip",
          "proxy_port",
          "http_port",
          "send_type",
          "nccl_num_channels",
          "mem_pool_size_gb",
          "first_token",
          "local_prefill_tokens",
          "lease_seconds",
          "connect_timeout_seconds");
  private static final String EXAMPLE =
      "{\"kv_connector\":\"P2pNcclConnector\",\"kv_role\":\"kv_producer\",\"kv_port\":\"21001\","
          + "\"kv_connector_extra_config\":{\"proxy_ip\":\"127.0.0.1\",\"proxy_port\":\"30001\","
          + "\"http_port\":\"20003\"}}";

  private KvTransferConfigReader() {}

  static KvTransferConfig read(String json) {
    JsonNode root;
    try {
      root = MAPPER.readTree(json);
    } catch (JacksonException notJson) {
      throw new IllegalArgumentException(
          "--kv-transfer-config is no JSON ("
              + notJson.getOriginalMessage().lines().findFirst().orElse("")
              + "). Given: "
              + shorten(json)
              + System.lineSeparator()
              + "Write one object in single quotes, such as '"
              + EXAMPLE
              + "'.",
          notJson);
    }
    if (!root.isObject()) {
      throw new IllegalArgumentException(
          "--kv-transfer-config must be a JSON object, such as '"
              + EXAMPLE
              + "'. Given: "
              + shorten(json));
    }
    JsonNode extra = root.path("kv_connector_extra_config");
    if (extra.isNull() || extra.isMissingNode()) {
      extra = MAPPER.createObjectNode();
    } else if (!extra.isObject()) {
      throw bad("kv_connector_extra_config", extra, "a JSON object");
    }
    KvTransferConfig defaults = KvTransferConfig.of(KvRole.BOTH, KvTransferConfig.DEFAULT_PORT);
    return new KvTransferConfig(
        connector(root.path("kv_connector")),
        role(root.path("kv_role")),
        bytes(root.path("kv_buffer_size")),
        text(root, "kv_ip"),
        port("kv_port", root.path("kv_port"), KvTransferConfig.DEFAULT_PORT),
        proxies(extra),
        extra.has("http_port")
            ? OptionalInt.of(port("http_port", extra.path("http_port"), 0))
            : OptionalInt.empty(),
        choice("send_type", extra.path("send_type"), SendType.class, defaults.sendType()),
        choice("first_token", extra.path("first_token"), FirstToken.class, defaults.firstToken()),
        (int)
            number(
                "local_prefill_tokens",
                extra.path("local_prefill_tokens"),
                0,
                1 << 30,
                defaults.localPrefillTokens()),
        seconds("lease_seconds", extra.path("lease_seconds"), defaults.lease()),
        seconds(
            "connect_timeout_seconds",
            extra.path("connect_timeout_seconds"),
            defaults.connectTimeout()),
        (int)
            number(
                "nccl_num_channels",
                extra.path("nccl_num_channels"),
                1,
                64,
                defaults.ncclChannels()),
        number(
            "mem_pool_size_gb",
            extra.path("mem_pool_size_gb"),
            0,
            1 << 20,
            defaults.hostPoolGigabytes()),
        ignored(root, extra));
  }

  private static String connector(JsonNode node) {
    if (node.isMissingNode() || node.isNull()) {
      return "auto";
    }
    for (String name : CONNECTORS) {
      if (node.isString() && name.equalsIgnoreCase(node.stringValue())) {
        return name;
      }
    }
    throw bad("kv_connector", node, String.join(", ", CONNECTORS));
  }

  private static KvRole role(JsonNode node) {
    for (KvRole role : KvRole.values()) {
      if (node.isString() && role.configName().equals(node.stringValue())) {
        return role;
      }
    }
    throw bad(
        "kv_role", node, "kv_producer (prefill worker), kv_consumer (decode worker) or kv_both");
  }

  private static long bytes(JsonNode node) {
    return (long) number("kv_buffer_size", node, 0, 1e18, 0);
  }

  private static List<HostPort> proxies(JsonNode extra) {
    Optional<String> list = text(extra, "proxy_ip");
    int port = port("proxy_port", extra.path("proxy_port"), KvTransferConfig.DEFAULT_PROXY_PORT);
    List<HostPort> proxies = new ArrayList<>();
    for (String entry : list.orElse("").split(",", -1)) {
      String name = entry.strip();
      if (name.isEmpty()) {
        continue;
      }
      boolean hasPort = name.matches("\\[.*]:\\d+|[^:]*:\\d+");
      String address =
          hasPort ? name : (name.indexOf(':') >= 0 ? "[" + name + "]:" : name + ":") + port;
      try {
        proxies.add(HostPort.parse(address));
      } catch (IllegalArgumentException notAnAddress) {
        throw new IllegalArgumentException(
            prefix("proxy_ip") + notAnAddress.getMessage(), notAnAddress);
      }
    }
    return proxies;
  }

  private static Optional<String> text(JsonNode node, String name) {
    JsonNode value = node.path(name);
    if (value.isMissingNode() || value.isNull()) {
      return Optional.empty();
    }
    if (!value.isString()) {
      throw bad(name, value, "a string");
    }
    return Optional.of(value.stringValue().strip()).filter(s -> !s.isEmpty());
  }

  private static int port(String name, JsonNode node, int fallback) {
    return (int) number(name, node, 0, 65535, fallback);
  }

  private static Duration seconds(String name, JsonNode node, Duration fallback) {
    double value = number(name, node, 0.05, 86_400, fallback.toMillis() / 1000.0);
    return Duration.ofMillis(Math.round(value * 1000));
  }

  /** A number, or a string with one: "8e9". */
  private static double number(
      String name, JsonNode node, double least, double most, double fallback) {
    if (node.isMissingNode() || node.isNull()) {
      return fallback;
    }
    double value = Double.NaN;
    if (node.isNumber()) {
      value = node.doubleValue();
    } else if (node.isString()) {
      try {
        value = new BigDecimal(node.stringValue().strip()).doubleValue();
      } catch (NumberFormatException notANumber) {
        value = Double.NaN;
      }
    }
    boolean whole = !name.endsWith("seconds") && !name.endsWith("gb");
    if (!(value >= least && value <= most) || (whole && value != Math.rint(value))) {
      throw bad(
          name,
          node,
          (whole ? "a whole number from " : "a number from ")
              + plain(least)
              + " to "
              + plain(most));
    }
    return value;
  }

  private static <E extends Enum<E>> E choice(
      String name, JsonNode node, Class<E> type, E fallback) {
    if (node.isMissingNode() || node.isNull()) {
      return fallback;
    }
    for (E value : type.getEnumConstants()) {
      if (node.isString() && value.name().equalsIgnoreCase(node.stringValue())) {
        return value;
      }
    }
    String allowed =
        String.join(", ", Arrays.stream(type.getEnumConstants()).map(Enum::name).toList());
    throw bad(name, node, type == FirstToken.class ? allowed.toLowerCase(Locale.ROOT) : allowed);
  }

  private static List<String> ignored(JsonNode root, JsonNode extra) {
    List<String> names = new ArrayList<>();
    for (Map.Entry<String, JsonNode> entry : root.properties()) {
      if (!KNOWN.contains(entry.getKey())) {
        names.add(entry.getKey());
      }
    }
    for (Map.Entry<String, JsonNode> entry : extra.properties()) {
      if (!KNOWN_EXTRA.contains(entry.getKey())) {
        names.add("kv_connector_extra_config." + entry.getKey());
      }
    }
    return names;
  }

  private static IllegalArgumentException bad(String name, JsonNode given, String allowed) {
    String value =
        given.isMissingNode() ? "is missing" : "is " + shorten(given.toString()) + ", not allowed";
    return new IllegalArgumentException(prefix(name) + value + ". Allowed: " + allowed + ".");
  }

  private static String prefix(String name) {
    return "--kv-transfer-config: " + name + " ";
  }

  private static String plain(double value) {
    return BigDecimal.valueOf(value).stripTrailingZeros().toPlainString();
  }

  private static String shorten(String text) {
    String line = text.replaceAll("\\s+", " ");
    return line.length() <= 200 ? line : line.substring(0, 200) + "…";
  }
}
