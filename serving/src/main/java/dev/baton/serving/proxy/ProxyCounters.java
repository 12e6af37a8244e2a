package dev.baton.serving.proxy;

import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.LongAdder;

/** What the proxy counts. */
final class ProxyCounters {
  final LongAdder requests = new LongAdder();
  final AtomicInteger active = new AtomicInteger();
  final LongAdder noWorker = new LongAdder();
  final LongAdder failed = new LongAdder();
  final LongAdder clientsGone = new LongAdder();
  final LongAdder prefillRetries = new LongAdder();
  final LongAdder pairRetries = new LongAdder();
  final LongAdder replays = new LongAdder();
}
