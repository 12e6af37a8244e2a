package dev.baton.bench.report;

import java.util.List;

/**
 * What is known of one deployment.
 *
 * @param name as in file names
 * @param shape "combined", "1P3D", or empty if unknown
 * @param disaggregated whether prefill and decode are separate
 * @param gpus prefill and decode together
 * @param shared whether prefill and decode workers compute on the same GPU
 * @param transport how KV travels, e.g. "P2P NCCL"; empty if it does not or is unknown
 * @param settings for section 2.3
 * @param rates measured, ascending; those without a set rate last
 * @param missing rates that were planned and have no result
 */
record DeploymentResults(
    String name,
    String shape,
    boolean disaggregated,
    int gpus,
    boolean shared,
    String transport,
    List<Setting> settings,
    List<RateResult> rates,
    List<Double> missing) {
  DeploymentResults {
    settings = List.copyOf(settings);
    rates = List.copyOf(rates);
    missing = List.copyOf(missing);
  }

  /** The runs with a set rate, ascending. */
  List<RateResult> open() {
    return rates.stream().filter(RateResult::open).toList();
  }

  /** Its name in running text and legends. */
  String label() {
    if (shape.isEmpty() || name.equalsIgnoreCase(shape)) {
      return name;
    }
    return name + " (" + shape + ")";
  }

  /**
   * One line of section 2.3.
   *
   * @param key an option's name
   * @param value as given
   * @param children lines below it
   */
  record Setting(Text key, Text value, List<Setting> children) {
    Setting {
      children = List.copyOf(children);
    }

    static Setting of(String key, String value) {
      return new Setting(Text.same(key), Text.same(value), List.of());
    }

    static Setting of(String key, Text value) {
      return new Setting(Text.same(key), value, List.of());
    }
  }
}
