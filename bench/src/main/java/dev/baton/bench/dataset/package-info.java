/** Prompts to send: random ones of exact length, or those of a local file. */
@NullMarked
package dev.baton.bench.dataset;

import org.jspecify.annotations.NullMarked;
