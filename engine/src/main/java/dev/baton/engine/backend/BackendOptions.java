package dev.baton.engine.backend;

import dev.baton.model.config.ElementType;
import dev.baton.model.weights.LoadFormat;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.OptionalLong;

/**
 * How a backend is to be set up.
 *
 * @param maxModelLen longest sequence, tokens
 * @param maxNumBatchedTokens most tokens of one step
 * @param maxNumSeqs most sequences of one step, and number of slots
 * @param blockSize token slots of a KV block
 * @param dtype type of weights and activations; empty for the backend's choice by the model's type
 * @param loadFormat files or dummy weights
 * @param seed of dummy weights
 * @param gpuMemoryUtilization share of the device's memory that this worker may fill, (0, 1]
 * @param kvCacheBytes size of the KV pool; empty: the backend sizes it from what is free (GPU), or
 *     to a modest share of memory (CPU)
 * @param numGpuBlocks number of KV blocks, overriding every other rule
 * @param threads compute threads of a CPU backend; empty: all cores
 */
public record BackendOptions(
    int maxModelLen,
    int maxNumBatchedTokens,
    int maxNumSeqs,
    int blockSize,
    Optional<ElementType> dtype,
    LoadFormat loadFormat,
    long seed,
    double gpuMemoryUtilization,
    OptionalLong kvCacheBytes,
    OptionalInt numGpuBlocks,
    OptionalInt threads) {}
