package dev.baton.engine;

/** A request that was submitted. */
public interface RequestHandle {

  /**
   * Ends the request with {@link FinishReason#CANCELLED}; its blocks are free again when the steps
   * in flight are done. From any thread, at any time; does nothing once the request has ended.
   */
  void cancel();
}
