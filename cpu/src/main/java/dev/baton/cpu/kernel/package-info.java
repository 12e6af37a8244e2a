/**
 * Arithmetic on arrays and panels: every kernel has a Vector API form and a scalar twin behind one
 * interface. No kernel knows models, steps or threads.
 */
@NullMarked
package dev.baton.cpu.kernel;

import org.jspecify.annotations.NullMarked;
