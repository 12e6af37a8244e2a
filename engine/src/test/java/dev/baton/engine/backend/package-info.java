/** Tests of what backends and hand-off share. */
@NullMarked
package dev.baton.engine.backend;

import org.jspecify.annotations.NullMarked;
