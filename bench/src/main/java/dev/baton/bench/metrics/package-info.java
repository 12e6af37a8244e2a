/** Statistics of a run: definitions and formulas, without sockets or files. */
@NullMarked
package dev.baton.bench.metrics;

import org.jspecify.annotations.NullMarked;
