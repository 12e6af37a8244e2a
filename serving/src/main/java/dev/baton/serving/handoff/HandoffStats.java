package dev.baton.serving.handoff;

import dev.baton.engine.backend.KvPlane;
import java.util.List;

/**
 * Counters of a connector.
 *
 * @param connections open now
 * @param malformedPeers connections dropped because of what they sent
 * @param checksumFailures chunks or transfers whose checksum did not fit
 * @param sent prompts handed over
 * @param sentBytes KV bytes sent
 * @param received prompts taken over
 * @param receivedBytes KV bytes received
 * @param failed halves that failed on this worker, either role
 * @param computedLocally prompts that this decode worker computed itself
 * @param active transfers under way
 * @param promisedBytes KV bytes reserved and not yet adopted
 * @param quarantined transfers that are over and whose blocks a prefill worker may still write
 * @param sendNanos time from the first to the last byte sent, over all prompts
 * @param receiveNanos time from the first byte received to adoption, over all prompts
 * @param exposedNanos the part of it that was not hidden behind the prefill: from the first token's
 *     arrival to adoption
 * @param planeEnds ends of data planes and mappings of peers' memory that are open
 * @param copied what this worker's data planes have copied into peers' pools themselves
 * @param planes how KV travels to and from each peer now
 */
public record HandoffStats(
    int connections,
    long malformedPeers,
    long checksumFailures,
    long sent,
    long sentBytes,
    long received,
    long receivedBytes,
    long failed,
    long computedLocally,
    int active,
    long promisedBytes,
    int quarantined,
    long sendNanos,
    long receiveNanos,
    long exposedNanos,
    int planeEnds,
    KvPlane.Copied copied,
    List<PlaneUse> planes) {
  public HandoffStats {
    planes = List.copyOf(planes);
  }
}
