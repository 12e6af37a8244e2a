package dev.baton.bench.report;

import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/** What tables and text say of rates that were planned and have no result. */
final class MissingRates {
  private static final Text NOT_RUN = new Text("not run", "未运行");

  private MissingRates() {}

  /** A row for each of them: the rate, then a word in every other column. */
  static List<List<String>> rows(DeploymentResults d, int columns, Language language) {
    List<List<String>> rows = new ArrayList<>();
    for (double missing : d.missing()) {
      List<String> row = new ArrayList<>();
      row.add(Numbers.rate(missing));
      for (int i = 1; i < columns; i++) {
        row.add(NOT_RUN.in(language));
      }
      rows.add(row);
    }
    return rows;
  }

  /** A sentence that names them; empty if there are none. */
  static Optional<Text> sentence(DeploymentResults d) {
    if (d.missing().isEmpty()) {
      return Optional.empty();
    }
    String rates = String.join(", ", d.missing().stream().map(Numbers::rate).toList());
    return Optional.of(
        new Text(
            d.label() + " has no result at these planned rates: " + rates + " req/s.",
            d.label() + " 在以下计划速率下没有结果：" + rates + " req/s。"));
  }
}
