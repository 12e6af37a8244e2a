/**
 * Baton on NVIDIA GPUs: the {@link dev.baton.engine.backend.Backend} for CUDA devices. docs/cuda.md
 * describes how it is built.
 */
@NullMarked
package dev.baton.cuda;

import org.jspecify.annotations.NullMarked;
