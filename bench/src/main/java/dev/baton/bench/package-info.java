/** Measuring LLM servers: what goes wrong in ways that the user can put right. */
@NullMarked
package dev.baton.bench;

import org.jspecify.annotations.NullMarked;
