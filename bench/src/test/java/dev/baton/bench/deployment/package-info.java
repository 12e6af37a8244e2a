@NullMarked
package dev.baton.bench.deployment;

import org.jspecify.annotations.NullMarked;
