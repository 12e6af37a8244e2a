@NullMarked
package dev.baton.bench.experiment;

import org.jspecify.annotations.NullMarked;
