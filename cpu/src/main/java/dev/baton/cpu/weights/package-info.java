/** A model's weights in the layout that the kernels read. */
@NullMarked
package dev.baton.cpu.weights;

import org.jspecify.annotations.NullMarked;
