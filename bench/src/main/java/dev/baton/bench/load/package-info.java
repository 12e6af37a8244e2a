/** Sending requests on schedule and measuring what comes back. */
@NullMarked
package dev.baton.bench.load;

import org.jspecify.annotations.NullMarked;
