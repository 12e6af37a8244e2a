package dev.baton.bench.load;

/** Told how a run goes. Calls come from several threads, but never at the same time. */
public interface Progress {
  /** Tells nobody. */
  Progress NONE =
      new Progress() {
        @Override
        public void phase(String name) {}

        @Override
        public void warning(String text) {}

        @Override
        public void update(State state) {}
      };

  /**
   * How far the measured run is.
   *
   * @param total requests to send
   * @param sent requests sent so far
   * @param completed successful answers
   * @param failed failed requests
   * @param outputTokens chunks with text received so far, about one per token
   * @param seconds since the run began
   */
  record State(int total, int sent, int completed, int failed, long outputTokens, double seconds) {}

  /** A new phase began, as "preparing 200 prompts" or "measuring". */
  void phase(String name);

  /** Something is not as asked. */
  void warning(String text);

  /** A request was sent or has ended. */
  void update(State state);
}
