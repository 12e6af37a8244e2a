package dev.baton.bench.load;

/** Whether requests ask the server where their time went ({@code "timings": true}). */
public enum TimingsMode {
  /** If the server's model list names Baton as the owner; others might refuse the field. */
  AUTO,
  /** Always. */
  ON,
  /** Never. */
  OFF
}
