/**
 * Deployments: starts workers and a proxy as processes, waits until they are ready, watches them
 * and stops them, so that no process outlives the experiment.
 */
@NullMarked
package dev.baton.bench.deployment;

import org.jspecify.annotations.NullMarked;
