package dev.baton.serving.handoff;

import dev.baton.engine.EngineRequest;
import dev.baton.engine.RequestHandle;
import dev.baton.engine.RequestListener;
import java.time.Duration;

/**
 * A worker's end of hand-offs: runs prompts for decode workers and takes over sequences from
 * prefill workers. Every method may be called by any thread.
 */
public interface KvConnector extends AutoCloseable {

  /** One line for the start-up log: which data plane, why, where, and how it is set up. */
  String describe();

  /** Where peers reach the control plane; announced to the proxies. */
  HostPort address();

  /**
   * Starts the prefill half: waits for the decode worker's offer, runs the prompt, hands it over.
   * Returns at once; {@link PrefillCall#await} waits.
   *
   * @param params with {@code doRemoteDecode}; {@code peer} is the decode worker
   * @param request the prompt and how its first token is sampled, the same as the decode worker's
   * @param receivedNanos {@link System#nanoTime} of the request's arrival
   * @throws IllegalArgumentException if this worker's role does not prefill
   */
  PrefillCall prefill(TransferParams params, EngineRequest request, long receivedNanos);

  /**
   * Starts the decode half: reserves blocks, offers them, adopts what comes and decodes. If no
   * prefill worker delivers before the lease runs out, the prompt is computed here.
   *
   * @param params with {@code doRemotePrefill}
   * @param request the whole request
   * @param listener hears tokens and the end as with {@link dev.baton.engine.Engine#submit}
   * @param timings filled in as the hand-off goes on
   * @throws dev.baton.engine.RequestRejectedException if the engine refuses the request
   * @throws IllegalArgumentException if this worker's role does not decode, or if the transfer id
   *     is in use
   */
  RequestHandle decode(
      TransferParams params,
      EngineRequest request,
      RequestListener listener,
      DecodeTimings timings);

  /**
   * From now on threads that hear of first tokens wait awake for so long after a sign of a hand-off
   * under way before they are parked. Only for machines with cores to spare; zero, the default, is
   * never.
   */
  void stayAwake(Duration longest);

  /** Counters since the start. */
  HandoffStats stats();

  /** Ends every transfer and closes every connection. */
  @Override
  void close();
}
