/** Everything's front door: one class per command. */
@NullMarked
package dev.baton.app;

import org.jspecify.annotations.NullMarked;
