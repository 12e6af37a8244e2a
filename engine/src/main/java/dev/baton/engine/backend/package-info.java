/** What a device offers the engine; implemented by the cpu and cuda modules. */
@NullMarked
package dev.baton.engine.backend;

import org.jspecify.annotations.NullMarked;
