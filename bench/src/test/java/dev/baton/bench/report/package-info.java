@NullMarked
package dev.baton.bench.report;

import org.jspecify.annotations.NullMarked;
