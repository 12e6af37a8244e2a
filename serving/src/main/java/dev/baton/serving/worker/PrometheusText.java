package dev.baton.serving.worker;

import java.nio.charset.StandardCharsets;
import java.util.Map;

/** Writes Prometheus' text exposition format, version 0.0.4. Every sample names the model. */
final class PrometheusText {
  static final String CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8";

  private final StringBuilder out = new StringBuilder(8192);
  private final String labels;

  PrometheusText(String modelName) {
    this.labels = "model_name=\"" + escape(modelName) + "\"";
  }

  void family(String name, String type, String help) {
    out.append("# HELP ").append(name).append(' ').append(help).append('\n');
    out.append("# TYPE ").append(name).append(' ').append(type).append('\n');
  }

  void sample(String name, double value) {
    out.append(name).append('{').append(labels).append("} ").append(number(value)).append('\n');
  }

  void sample(String name, long value) {
    out.append(name).append('{').append(labels).append("} ").append(value).append('\n');
  }

  void sample(String name, String label, String labelValue, long value) {
    out.append(name).append('{').append(labels).append(',').append(label).append("=\"");
    out.append(escape(labelValue)).append("\"} ").append(value).append('\n');
  }

  void sample(String name, Map<String, String> more, double value) {
    out.append(name).append('{').append(labels);
    more.entrySet().stream()
        .sorted(Map.Entry.comparingByKey())
        .forEach(
            e ->
                out.append(',')
                    .append(e.getKey())
                    .append("=\"")
                    .append(escape(e.getValue()))
                    .append('"'));
    out.append("} ").append(number(value)).append('\n');
  }

  void bucket(String name, String upperBound, long count) {
    sample(name + "_bucket", "le", upperBound, count);
  }

  void gauge(String name, String help, double value) {
    family(name, "gauge", help);
    sample(name, value);
  }

  void counter(String name, String help, double value) {
    family(name, "counter", help);
    sample(name, value);
  }

  void gauge(String name, String help, long value) {
    family(name, "gauge", help);
    sample(name, value);
  }

  void counter(String name, String help, long value) {
    family(name, "counter", help);
    sample(name, value);
  }

  byte[] toBytes() {
    return out.toString().getBytes(StandardCharsets.UTF_8);
  }

  static String number(double value) {
    if (value == Math.rint(value) && Math.abs(value) < 1e15) {
      return Long.toString((long) value) + ".0";
    }
    if (Double.isInfinite(value)) {
      return value > 0 ? "+Inf" : "-Inf";
    }
    return Double.toString(value);
  }

  private static String escape(String text) {
    return text.replace("\\", "\\\\").replace("\"", "\\\"").replace("\n", "\\n");
  }
}
