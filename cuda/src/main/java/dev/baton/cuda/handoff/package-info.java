/**
 * KV between this device's pool and other workers: copies with checksums, and the data planes over
 * CUDA IPC and NCCL.
 */
@NullMarked
package dev.baton.cuda.handoff;

import org.jspecify.annotations.NullMarked;
