/** Baton's own kernels: their sources, compiling them for a device, and the compiled ones. */
@NullMarked
package dev.baton.cuda.kernel;

import org.jspecify.annotations.NullMarked;
