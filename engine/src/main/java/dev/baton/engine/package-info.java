/**
 * Policy of generation: what runs in the next step, whose KV blocks are whose.
 *
 * <p>The way of a request: {@link dev.baton.engine.Engine} checks it and queues a command; {@code
 * EngineLoop} (the thread "engine") takes it up as a {@code Sequence}; {@code Scheduler} gives it
 * blocks and puts it into steps; the {@link dev.baton.engine.backend.Backend} runs the steps and
 * samples; the loop appends the tokens and tells the listener.
 *
 * <p>Who may touch what:
 *
 * <ul>
 *   <li>Sequences, the scheduler and the block pool belong to the thread "engine". Other threads
 *       reach them through {@code CommandQueue} only, whose commands that thread runs between
 *       steps.
 *   <li>Listeners are called by that thread, except {@link
 *       dev.baton.engine.PrefillListener#onLayers}, which a thread of the backend calls.
 *   <li>What a step in flight refers to (block table entries, the token array, the blocks
 *       themselves) does not change until the step is done: ended sequences keep blocks and slot
 *       until then, and a preempted one drains first.
 *   <li>Any thread may read {@link dev.baton.engine.Engine#stats}: the loop publishes an immutable
 *       snapshot after each step.
 * </ul>
 */
@NullMarked
package dev.baton.engine;

import org.jspecify.annotations.NullMarked;
