package dev.baton.model.template;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Clock;
import java.time.LocalDateTime;
import java.time.ZoneOffset;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** The recorded renderings in goldens/chat-templates. */
final class Goldens {
  private Goldens() {}

  /** One template and one context with what Hugging Face's renderer made of them. */
  record Case(
      String name,
      boolean core,
      String template,
      Clock clock,
      Map<String, @Nullable Object> context,
      Optional<String> expected,
      String error,
      boolean raised) {
    @Override
    public String toString() {
      return name;
    }
  }

  static List<Case> cases() {
    List<Case> cases = new ArrayList<>();
    for (JsonNode template : templates()) {
      LocalDateTime now = LocalDateTime.parse(template.get("now").asString());
      Clock clock = Clock.fixed(now.toInstant(ZoneOffset.UTC), ZoneOffset.UTC);
      for (JsonNode c : template.get("cases")) {
        boolean fails = c.get("expected").isNull();
        cases.add(
            new Case(
                template.get("name").asString() + ": " + c.get("name").asString(),
                c.get("level").asString().equals("core"),
                template.get("template").asString(),
                clock,
                context(c.get("context")),
                fails ? Optional.empty() : Optional.of(c.get("expected").asString()),
                fails ? c.get("error").asString() : "",
                fails && c.get("error_type").asString().equals("TemplateError")));
      }
    }
    return cases;
  }

  private static List<JsonNode> templates() {
    Path folder = Path.of(System.getProperty("baton.root"), "goldens", "chat-templates");
    List<JsonNode> out = new ArrayList<>();
    try (Stream<Path> files = Files.list(folder)) {
      for (Path file : files.filter(f -> f.toString().endsWith(".json")).sorted().toList()) {
        JsonNode root = JsonMapper.shared().readTree(file.toFile());
        if (root.isArray()) {
          root.forEach(out::add);
        } else {
          out.add(root);
        }
      }
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    return out;
  }

  static Map<String, @Nullable Object> context(JsonNode object) {
    Map<String, @Nullable Object> out = new LinkedHashMap<>();
    object.properties().forEach(e -> out.put(e.getKey(), value(e.getValue())));
    return out;
  }

  private static @Nullable Object value(JsonNode node) {
    if (node.isObject()) {
      return context(node);
    }
    if (node.isArray()) {
      List<@Nullable Object> out = new ArrayList<>();
      node.forEach(item -> out.add(value(item)));
      return out;
    }
    if (node.isString()) {
      return node.asString();
    }
    if (node.isBoolean()) {
      return node.asBoolean();
    }
    if (node.isNull()) {
      return null;
    }
    return node.isIntegralNumber() ? (Object) node.bigIntegerValue() : (Object) node.doubleValue();
  }
}
