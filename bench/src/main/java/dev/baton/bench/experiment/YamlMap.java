package dev.baton.bench.experiment;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import org.snakeyaml.engine.v2.nodes.MappingNode;
import org.snakeyaml.engine.v2.nodes.Node;
import org.snakeyaml.engine.v2.nodes.NodeTuple;
import org.snakeyaml.engine.v2.nodes.ScalarNode;
import org.snakeyaml.engine.v2.nodes.SequenceNode;

/**
 * A YAML mapping that knows its place in the file and remembers which keys were asked for, so that
 * every wrong key or value is named with its line and the nearest key that exists.
 */
final class YamlMap {
  private final String file;
  private final String path;
  private final Node where;
  private final Map<String, Node> values = new LinkedHashMap<>();
  private final Set<String> known = new LinkedHashSet<>();

  YamlMap(String file, String path, Node node) {
    this.file = file;
    this.path = path;
    this.where = node;
    if (!(node instanceof MappingNode mapping)) {
      throw error(node, place() + " must be a mapping of keys to values");
    }
    for (NodeTuple tuple : mapping.getValue()) {
      if (!(tuple.getKeyNode() instanceof ScalarNode key)) {
        throw error(tuple.getKeyNode(), "a key must be plain text");
      }
      if (values.put(key.getValue(), tuple.getValueNode()) != null) {
        throw error(key, "the key '" + key.getValue() + "' is given twice");
      }
    }
  }

  /** An error at this mapping. */
  ExperimentException error(String message) {
    return error(where, message);
  }

  /** An error at the value of that key. */
  ExperimentException error(String key, String message) {
    return error(values.getOrDefault(key, where), message);
  }

  private ExperimentException error(Node node, String message) {
    String line = node.getStartMark().map(m -> ":" + (m.getLine() + 1)).orElse("");
    return new ExperimentException(file + line + ": " + message);
  }

  boolean has(String key) {
    known.add(key);
    return values.containsKey(key);
  }

  Set<String> keys() {
    return values.keySet();
  }

  Optional<String> text(String key) {
    return scalar(key).map(ScalarNode::getValue);
  }

  String requiredText(String key) {
    return text(key).filter(t -> !t.isBlank()).orElseThrow(() -> missing(key));
  }

  ExperimentException missing(String key) {
    return error(place() + " needs the key '" + key + "'");
  }

  int integer(String key, int otherwise, int min, int max) {
    Optional<ScalarNode> node = scalar(key);
    if (node.isEmpty()) {
      return otherwise;
    }
    return integer(node.get(), key, min, max);
  }

  double decimal(String key, double otherwise, double min, double max) {
    Optional<ScalarNode> node = scalar(key);
    if (node.isEmpty()) {
      return otherwise;
    }
    return decimal(node.get(), key, min, max);
  }

  boolean bool(String key, boolean otherwise) {
    Optional<ScalarNode> node = scalar(key);
    if (node.isEmpty()) {
      return otherwise;
    }
    return switch (node.get().getValue()) {
      case "true" -> true;
      case "false" -> false;
      default ->
          throw error(
              node.get(),
              named(key) + " is '" + node.get().getValue() + "'; it must be true or false");
    };
  }

  <E> E choice(String key, Map<String, E> choices, E otherwise) {
    Optional<ScalarNode> node = scalar(key);
    if (node.isEmpty()) {
      return otherwise;
    }
    E chosen = choices.get(node.get().getValue());
    if (chosen == null) {
      throw error(
          node.get(),
          named(key)
              + " is '"
              + node.get().getValue()
              + "'; it must be one of "
              + String.join(", ", choices.keySet()));
    }
    return chosen;
  }

  List<Integer> integers(String key, int min, int max) {
    List<Integer> out = new ArrayList<>();
    for (Node node : sequence(key)) {
      out.add(integer(asScalar(node, key), key, min, max));
    }
    return out;
  }

  /** Numbers; ".inf" and "inf" are infinite. */
  List<Double> decimals(String key, double min, double max) {
    List<Double> out = new ArrayList<>();
    for (Node node : sequence(key)) {
      out.add(decimal(asScalar(node, key), key, min, max));
    }
    return out;
  }

  List<String> texts(String key) {
    List<String> out = new ArrayList<>();
    for (Node node : sequence(key)) {
      out.add(asScalar(node, key).getValue());
    }
    return out;
  }

  boolean isSequence(String key) {
    return has(key) && values.get(key) instanceof SequenceNode;
  }

  Optional<YamlMap> map(String key) {
    known.add(key);
    Node node = values.get(key);
    return node == null ? Optional.empty() : Optional.of(new YamlMap(file, name(key), node));
  }

  List<YamlMap> maps(String key) {
    List<YamlMap> out = new ArrayList<>();
    for (Node node : sequence(key)) {
      out.add(new YamlMap(file, name(key) + "[" + out.size() + "]", node));
    }
    return out;
  }

  /** All entries as plain Java values (numbers, booleans, text, lists, maps), in order. */
  Map<String, Object> plain(String key) {
    known.add(key);
    Node node = values.get(key);
    if (node == null) {
      return Map.of();
    }
    YamlMap map = new YamlMap(file, name(key), node);
    Map<String, Object> out = new LinkedHashMap<>();
    map.values.forEach((k, v) -> out.put(k, value(v)));
    return out;
  }

  /** Complains about the first key that nobody asked for. */
  void finish() {
    for (Map.Entry<String, Node> entry : values.entrySet()) {
      if (!known.contains(entry.getKey())) {
        throw error(
            entry.getValue(),
            "unknown key '"
                + entry.getKey()
                + "' in "
                + place()
                + Nearest.to(entry.getKey(), known)
                    .map(n -> "; did you mean '" + n + "'?")
                    .orElse("")
                + " Allowed: "
                + String.join(", ", known));
      }
    }
  }

  private Optional<ScalarNode> scalar(String key) {
    known.add(key);
    Node node = values.get(key);
    return node == null ? Optional.empty() : Optional.of(asScalar(node, key));
  }

  private ScalarNode asScalar(Node node, String key) {
    if (node instanceof ScalarNode scalar) {
      return scalar;
    }
    throw error(node, named(key) + " must be a single value");
  }

  private List<Node> sequence(String key) {
    known.add(key);
    Node node = values.get(key);
    if (node == null) {
      return List.of();
    }
    if (node instanceof SequenceNode sequence) {
      return sequence.getValue();
    }
    throw error(node, named(key) + " must be a list, for example [1, 2, 3]");
  }

  private int integer(ScalarNode node, String key, int min, int max) {
    String text = node.getValue().replace("_", "");
    try {
      int value = Integer.parseInt(text);
      if (value >= min && value <= max) {
        return value;
      }
    } catch (NumberFormatException e) {
      // falls through to the message
    }
    throw error(
        node,
        named(key)
            + " is '"
            + node.getValue()
            + "'; it must be a whole number from "
            + min
            + " to "
            + max);
  }

  private double decimal(ScalarNode node, String key, double min, double max) {
    String text = node.getValue();
    try {
      double value =
          text.equals("inf") || text.equals(".inf")
              ? Double.POSITIVE_INFINITY
              : Double.parseDouble(text);
      if (value >= min && value <= max) {
        return value;
      }
    } catch (NumberFormatException e) {
      // falls through to the message
    }
    String range =
        Double.isInfinite(max) || max > 1e9 ? "at least " + min : "from " + min + " to " + max;
    throw error(node, named(key) + " is '" + text + "'; it must be a number, " + range);
  }

  private static Object value(Node node) {
    return switch (node) {
      case ScalarNode s -> scalarValue(s);
      case SequenceNode s -> s.getValue().stream().map(YamlMap::value).toList();
      case MappingNode m -> {
        Map<String, Object> out = new LinkedHashMap<>();
        for (NodeTuple t : m.getValue()) {
          out.put(String.valueOf(value(t.getKeyNode())), value(t.getValueNode()));
        }
        yield out;
      }
      default -> String.valueOf(node);
    };
  }

  private static Object scalarValue(ScalarNode node) {
    String text = node.getValue();
    if (!node.getScalarStyle().equals(org.snakeyaml.engine.v2.common.ScalarStyle.PLAIN)) {
      return text;
    }
    if (text.equals("true") || text.equals("false")) {
      return Boolean.valueOf(text);
    }
    if (text.matches("-?\\d{1,18}")) {
      return Long.valueOf(text);
    }
    // Other numbers stay as written: "8e9" is as valid for a flag as 8000000000.
    return text;
  }

  private String place() {
    return path.isEmpty() ? "the experiment" : "'" + path + "'";
  }

  private String named(String key) {
    return "'" + name(key) + "'";
  }

  private String name(String key) {
    return path.isEmpty() ? key : path + "." + key;
  }
}
