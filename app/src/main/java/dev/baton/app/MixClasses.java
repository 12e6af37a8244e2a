package dev.baton.app;

import dev.baton.bench.dataset.DatasetSpec;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.OptionalDouble;
import java.util.Set;

/** The values of {@code --mix-class}: pairs such as {@code name=a,input-len=4,output-len=9}. */
final class MixClasses {
  private static final Set<String> KEYS =
      Set.of("name", "input-len", "output-len", "rate", "in-flight");

  private MixClasses() {}

  /**
   * The mix of these classes.
   *
   * @throws IllegalArgumentException saying what is wrong in which value
   */
  static DatasetSpec.Mix of(List<String> values, DatasetSpec.RandomForm form) {
    if (values.isEmpty()) {
      throw new IllegalArgumentException(
          "--dataset-name mix needs --mix-class for each of its classes, for example --mix-class"
              + " name=writing,input-len=128,output-len=1000,in-flight=32 --mix-class"
              + " name=prompts,input-len=4000,output-len=16");
    }
    List<DatasetSpec.TrafficClass> classes = new ArrayList<>();
    for (String value : values) {
      classes.add(one(value, form));
    }
    return new DatasetSpec.Mix(classes);
  }

  private static DatasetSpec.TrafficClass one(String value, DatasetSpec.RandomForm form) {
    Map<String, String> pairs = new LinkedHashMap<>();
    for (String pair : value.split(",", -1)) {
      int at = pair.indexOf('=');
      String key = at < 0 ? pair : pair.substring(0, at).strip();
      if (at < 0 || !KEYS.contains(key) || pairs.put(key, pair.substring(at + 1).strip()) != null) {
        throw wrong(value, "'" + pair + "' is not one of its pairs, each of which comes once");
      }
    }
    for (String key : List.of("name", "input-len", "output-len")) {
      if (!pairs.containsKey(key)) {
        throw wrong(value, "'" + key + "' is missing");
      }
    }
    try {
      String rate = pairs.get("rate");
      return new DatasetSpec.TrafficClass(
          pairs.getOrDefault("name", ""),
          new DatasetSpec.Random(
              number(pairs, "input-len"), number(pairs, "output-len"), 0, 0, 0, form),
          rate == null ? OptionalDouble.empty() : OptionalDouble.of(Double.parseDouble(rate)),
          number(pairs, "in-flight"));
    } catch (NumberFormatException e) {
      throw wrong(value, "no number: " + e.getMessage());
    }
  }

  private static int number(Map<String, String> pairs, String key) {
    return Integer.parseInt(pairs.getOrDefault(key, "0"));
  }

  private static IllegalArgumentException wrong(String value, String what) {
    return new IllegalArgumentException(
        "--mix-class "
            + value
            + ": "
            + what
            + ". A class is name=NAME,input-len=N,output-len=N, then rate=REQ/S for a rate of its own,"
            + " or in-flight=N for N requests that are kept under way, or, for one class, neither: it"
            + " arrives at --request-rate");
  }
}
