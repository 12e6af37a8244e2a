/** Tests of the reference sampler. */
@NullMarked
package dev.baton.engine.sampling;

import org.jspecify.annotations.NullMarked;
