/** Memory outside the Java heap. */
@NullMarked
package dev.baton.cpu.memory;

import org.jspecify.annotations.NullMarked;
