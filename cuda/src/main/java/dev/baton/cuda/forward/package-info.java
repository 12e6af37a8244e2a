/** One forward pass on a CUDA device: weights, products, step buffers, the order of kernels. */
@NullMarked
package dev.baton.cuda.forward;

import org.jspecify.annotations.NullMarked;
