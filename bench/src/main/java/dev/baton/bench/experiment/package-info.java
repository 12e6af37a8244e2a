/**
 * Experiments: one YAML file says which deployments are measured under which load; the sweep runs
 * them one after the other and leaves everything in one folder.
 */
@NullMarked
package dev.baton.bench.experiment;

import org.jspecify.annotations.NullMarked;
