/** Tensors of a model: safetensors files, or seeded dummy weights. */
@NullMarked
package dev.baton.model.weights;

import org.jspecify.annotations.NullMarked;
