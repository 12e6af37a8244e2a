package dev.baton.bench.results;

import java.util.Map;

/**
 * Where the time to the first token went, in seconds. The first six come from the server and sum to
 * its own time to first token; the last is what the client measured beyond that.
 *
 * @param prefillQueue received by the prefill worker to first scheduled
 * @param prefillExecute first scheduled to first token sampled
 * @param kvSave what the prefill worker's sending adds after its forward pass
 * @param kvLoad what the decode worker waits for beyond the prefill worker's own time
 * @param decodeQueue received by the decode worker to its blocks offered
 * @param decodeExecute first token at hand to first token written
 * @param network client's TTFT minus the server's: network, proxy and the client itself
 * @param prefillWorker address of the prefill worker; empty on a combined one
 * @param decodeWorker address of the decode worker; empty on a combined one
 */
public record TtftParts(
    double prefillQueue,
    double prefillExecute,
    double kvSave,
    double kvLoad,
    double decodeQueue,
    double decodeExecute,
    double network,
    String prefillWorker,
    String decodeWorker) {

  /** From a value for every part; a missing one counts as 0. */
  public static TtftParts of(
      Map<TtftPart, Double> seconds, String prefillWorker, String decodeWorker) {
    return new TtftParts(
        seconds.getOrDefault(TtftPart.PREFILL_QUEUE, 0.0),
        seconds.getOrDefault(TtftPart.PREFILL_EXECUTE, 0.0),
        seconds.getOrDefault(TtftPart.KV_SAVE, 0.0),
        seconds.getOrDefault(TtftPart.KV_LOAD, 0.0),
        seconds.getOrDefault(TtftPart.DECODE_QUEUE, 0.0),
        seconds.getOrDefault(TtftPart.DECODE_EXECUTE, 0.0),
        seconds.getOrDefault(TtftPart.NETWORK, 0.0),
        prefillWorker,
        decodeWorker);
  }

  /** The value of one part. */
  public double get(TtftPart part) {
    return switch (part) {
      case PREFILL_QUEUE -> prefillQueue;
      case PREFILL_EXECUTE -> prefillExecute;
      case KV_SAVE -> kvSave;
      case KV_LOAD -> kvLoad;
      case DECODE_QUEUE -> decodeQueue;
      case DECODE_EXECUTE -> decodeExecute;
      case NETWORK -> network;
    };
  }

  /** Sum of all seven: the client's TTFT. */
  public double total() {
    return prefillQueue + prefillExecute + kvSave + kvLoad + decodeQueue + decodeExecute + network;
  }
}
