/** The pool of KV blocks: who holds which, and which can be found again by their content. */
@NullMarked
package dev.baton.engine.blocks;

import org.jspecify.annotations.NullMarked;
