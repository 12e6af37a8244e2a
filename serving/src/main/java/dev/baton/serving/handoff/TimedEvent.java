package dev.baton.serving.handoff;

/**
 * One stamp of a request's timeline on one worker.
 *
 * @param event name as in the {@code timings} object: "prefill_begin", "kv_send_end" …
 * @param atMs milliseconds since that worker received the request, by its own monotonic clock
 */
public record TimedEvent(String event, double atMs) {}
