/** Policy of generation: what runs in the next step, whose KV blocks are whose. */
@NullMarked
package dev.baton.engine;

import org.jspecify.annotations.NullMarked;
