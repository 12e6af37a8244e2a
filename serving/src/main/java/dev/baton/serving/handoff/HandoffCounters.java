package dev.baton.serving.handoff;

import java.util.concurrent.atomic.LongAdder;

/** What a connector counts. */
final class HandoffCounters {
  final LongAdder malformedPeers = new LongAdder();
  final LongAdder checksumFailures = new LongAdder();
  final LongAdder sent = new LongAdder();
  final LongAdder sentBytes = new LongAdder();
  final LongAdder received = new LongAdder();
  final LongAdder receivedBytes = new LongAdder();
  final LongAdder sendNanos = new LongAdder();
  final LongAdder receiveNanos = new LongAdder();
  final LongAdder exposedNanos = new LongAdder();
  final LongAdder failed = new LongAdder();
  final LongAdder computedLocally = new LongAdder();
}
