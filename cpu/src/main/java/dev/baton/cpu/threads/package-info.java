/** The threads that compute. */
@NullMarked
package dev.baton.cpu.threads;

import org.jspecify.annotations.NullMarked;
