package dev.baton.serving.handoff;

import dev.baton.engine.Engine;
import dev.baton.engine.backend.KvLayout;
import dev.baton.engine.backend.KvPort;
import java.util.Map;

/**
 * What both halves of a connector share.
 *
 * @param config settings
 * @param engine runs the requests
 * @param port reads and writes KV
 * @param layout shape of the pool
 * @param hello this worker's greeting
 * @param counters what is counted
 * @param planes how KV travels on each open link
 */
record WorkerSide(
    KvTransferConfig config,
    Engine engine,
    KvPort port,
    KvLayout layout,
    Frame.Hello hello,
    HandoffCounters counters,
    Map<Link, PlaneUse> planes) {}
