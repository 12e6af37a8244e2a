/** Tests of the block pool. */
@NullMarked
package dev.baton.engine.blocks;

import org.jspecify.annotations.NullMarked;
