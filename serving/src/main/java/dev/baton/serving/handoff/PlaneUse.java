package dev.baton.serving.handoff;

/**
 * How a worker exchanges KV with one peer.
 *
 * @param peer its address
 * @param plane name of the data plane: "tcp", "cuda-ipc", "p2p-nccl"
 * @param gigabytesPerSecond as measured when the pair was made; 0 if not measured yet
 */
public record PlaneUse(String peer, String plane, double gigabytesPerSecond) {}
