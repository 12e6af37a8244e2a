/**
 * Measurements of the CPU kernels and of the forward pass; compiled with the build, not shipped.
 */
@NullMarked
package dev.baton.benchmarks;

import org.jspecify.annotations.NullMarked;
