package dev.baton.bench.report;

/** The languages of the report. */
enum Language {
  ENGLISH("en", "English"),
  CHINESE("zh", "中文");

  private final String code;
  private final String label;

  Language(String code, String label) {
    this.code = code;
    this.label = label;
  }

  String code() {
    return code;
  }

  String label() {
    return label;
  }
}
