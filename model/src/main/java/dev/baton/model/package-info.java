/** Reads model directories: configuration, weights, tokenizer, chat template. */
@NullMarked
package dev.baton.model;

import org.jspecify.annotations.NullMarked;
