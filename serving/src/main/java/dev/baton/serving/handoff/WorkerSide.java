package dev.baton.serving.handoff;

import dev.baton.engine.Engine;
import dev.baton.engine.backend.KvLayout;
import dev.baton.engine.backend.KvPort;

/**
 * What both halves of a connector share.
 *
 * @param config settings
 * @param engine runs the requests
 * @param port reads and writes KV
 * @param layout shape of the pool
 * @param hello this worker's greeting
 * @param counters what is counted
 */
record WorkerSide(
    KvTransferConfig config,
    Engine engine,
    KvPort port,
    KvLayout layout,
    Frame.Hello hello,
    HandoffCounters counters) {}
