/** What a run measured, and the JSON file that keeps it. */
@NullMarked
package dev.baton.bench.results;

import org.jspecify.annotations.NullMarked;
