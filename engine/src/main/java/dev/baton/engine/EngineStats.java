package dev.baton.engine;

/**
 * Counts of an engine at one moment; counters run from its start.
 *
 * @param running sequences that have a seat in the steps
 * @param waiting requests that wait for a seat or for blocks, reservations included
 * @param reserved reservations that hold blocks and wait for their KV
 * @param held prefills that hold blocks until they are handed over
 * @param freeBlocks KV blocks that no sequence holds (with or without cached content)
 * @param totalBlocks KV blocks of the pool
 * @param prefixQueryTokens prompt tokens looked up in the prefix cache
 * @param prefixHitTokens those of them that were found
 * @param preemptions sequences whose blocks were taken away
 * @param steps steps completed
 * @param failedSteps steps that the backend failed to run
 * @param promptTokens prompt tokens computed (recomputation after preemption included)
 * @param outputTokens tokens generated
 * @param deviceBusyNanos time that the device was busy with steps
 * @param finished requests ended, for whatever reason
 */
public record EngineStats(
    int running,
    int waiting,
    int reserved,
    int held,
    int freeBlocks,
    int totalBlocks,
    long prefixQueryTokens,
    long prefixHitTokens,
    long preemptions,
    long steps,
    long failedSteps,
    long promptTokens,
    long outputTokens,
    long deviceBusyNanos,
    long finished) {}
