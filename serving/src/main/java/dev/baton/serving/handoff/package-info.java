/**
 * The hand-off of a request's KV cache from a prefill to a decode worker: control plane, and the
 * data plane over TCP.
 */
@NullMarked
package dev.baton.serving.handoff;

import org.jspecify.annotations.NullMarked;
