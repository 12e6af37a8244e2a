/** The CPU backend: kernels on the Vector API and one forward pass. */
@NullMarked
package dev.baton.cpu;

import org.jspecify.annotations.NullMarked;
