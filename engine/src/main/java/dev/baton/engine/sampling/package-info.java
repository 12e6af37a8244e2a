/** How the next token is chosen. */
@NullMarked
package dev.baton.engine.sampling;

import org.jspecify.annotations.NullMarked;
