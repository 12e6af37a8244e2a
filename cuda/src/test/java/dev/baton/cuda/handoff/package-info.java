/** Checks of the copies of KV that need a GPU. */
@NullMarked
package dev.baton.cuda.handoff;

import org.jspecify.annotations.NullMarked;
