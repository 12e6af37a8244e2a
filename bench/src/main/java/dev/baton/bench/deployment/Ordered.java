package dev.baton.bench.deployment;

import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** Flags of a process in the order in which they were written. */
final class Ordered {
  private Ordered() {}

  static Map<String, Object> copy(Map<String, Object> map) {
    return Collections.unmodifiableMap(new LinkedHashMap<>(map));
  }

  static List<String> arguments(Map<String, Object> flags) {
    List<String> arguments = new ArrayList<>();
    flags.forEach(
        (name, value) -> {
          if (Boolean.TRUE.equals(value)) {
            arguments.add("--" + name);
          } else if (Boolean.FALSE.equals(value)) {
            arguments.add("--no-" + name);
          } else {
            arguments.add("--" + name);
            arguments.add(String.valueOf(value));
          }
        });
    return arguments;
  }
}
