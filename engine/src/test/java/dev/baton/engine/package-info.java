/** Tests of the engine against a backend written for them. */
@NullMarked
package dev.baton.engine;

import org.jspecify.annotations.NullMarked;
