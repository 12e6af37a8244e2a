package dev.baton.serving.handoff;

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
    long promisedBytes) {}
