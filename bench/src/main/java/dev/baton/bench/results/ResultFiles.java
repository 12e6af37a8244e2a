package dev.baton.bench.results;

import java.math.BigDecimal;

/** Names of result files. */
public final class ResultFiles {
  private ResultFiles() {}

  /**
   * The name that {@code vllm bench serve} gives a result file: label or backend, rate, concurrency
   * limit, model, date.
   */
  public static String defaultName(BenchResult result) {
    StringBuilder name = new StringBuilder(result.label().orElse(result.backend()));
    if (result.rampUp().isPresent()) {
      RampUp ramp = result.rampUp().get();
      name.append("-ramp-up-").append(ramp.strategy());
      name.append('-').append(ramp.startRps()).append("qps-").append(ramp.endRps()).append("qps");
    } else {
      name.append('-').append(number(result.requestRate())).append("qps");
    }
    result.maxConcurrency().ifPresent(most -> name.append("-concurrency").append(most));
    String model = result.modelId();
    name.append('-').append(model.substring(model.lastIndexOf('/') + 1));
    return name.append('-').append(result.date()).append(".json").toString();
  }

  /** A number as Python prints floats: {@code inf}, {@code 2.0}, {@code 0.001}. */
  static String number(double value) {
    if (Double.isInfinite(value)) {
      return value > 0 ? "inf" : "-inf";
    }
    double size = Math.abs(value);
    if (size != 0 && (size < 1e-4 || size >= 1e16)) {
      return Double.toString(value).replace("E-", "e-0").replace("E", "e+");
    }
    String plain = new BigDecimal(Double.toString(value)).stripTrailingZeros().toPlainString();
    return plain.indexOf('.') >= 0 ? plain : plain + ".0";
  }
}
