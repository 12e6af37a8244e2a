/** One forward pass over a mixed batch: KV pool, attention, feed-forward, sampling. */
@NullMarked
package dev.baton.cpu.forward;

import org.jspecify.annotations.NullMarked;
