package dev.baton.bench.load;

/** Which of OpenAI's endpoints is measured. */
public enum Api {
  /** {@code /v1/completions}. */
  COMPLETIONS("/v1/completions", "completions"),
  /** {@code /v1/chat/completions}. */
  CHAT("/v1/chat/completions", "chat/completions");

  private final String endpoint;
  private final String ending;

  Api(String endpoint, String ending) {
    this.endpoint = endpoint;
    this.ending = ending;
  }

  /** The usual path. */
  public String endpoint() {
    return endpoint;
  }

  /** How every path for it must end. */
  public String ending() {
    return ending;
  }
}
