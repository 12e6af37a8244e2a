package dev.baton.bench.load;

import dev.baton.bench.dataset.PromptRequest;
import dev.baton.bench.results.RampUp;
import dev.baton.openai.http.Headers;
import dev.baton.openai.http.HttpClientPool;
import java.time.LocalDateTime;
import java.time.ZoneId;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.LongAdder;
import java.util.concurrent.locks.LockSupport;

/**
 * Releases requests on schedule from the calling thread, each on a thread of its own, and waits for
 * all. The schedule never waits for answers; only a limit on concurrency holds requests back, and
 * then on their own threads.
 */
final class Sender {
  /**
   * Up to so many requests have platform threads: the kernel wakes them when bytes come, while a
   * virtual thread waits for two others to be woken first, which is time that the server would be
   * blamed for.
   */
  private static final int MOST_PLATFORM_THREADS = 2048;

  private final HttpClientPool pool;
  private final LoadOptions options;
  private final Headers headers;
  private final RequestBodies bodies;
  private final String idPrefix;
  private final Progress progress;
  private final LongAdder chunks = new LongAdder();

  /** Guards the three counts and the calls of {@link #progress}. */
  private final Object counting = new Object();

  private int sent;
  private int completed;
  private int failed;

  Sender(
      HttpClientPool pool,
      LoadOptions options,
      Headers headers,
      RequestBodies bodies,
      String idPrefix,
      Progress progress) {
    this.pool = pool;
    this.options = options;
    this.headers = headers;
    this.bodies = bodies;
    this.idPrefix = idPrefix;
    this.progress = progress;
  }

  /**
   * One request.
   *
   * @param request what was sent
   * @param releasedNanos when the schedule let it go
   * @param outcome what came back
   */
  record Sent(PromptRequest request, long releasedNanos, StreamedRequest.Outcome outcome) {}

  /**
   * All requests: those of the schedule in its order, then those kept in flight as they were sent.
   *
   * @param seconds from the schedule's begin to the last answer
   * @param maxScheduleDelay largest delay behind the schedule of a request's sending, seconds;
   *     where a limit on concurrency holds requests back, of its release
   */
  record Run(
      List<Sent> sent,
      double seconds,
      double maxScheduleDelay,
      List<RampUp.RpsChange> rpsChanges) {}

  Run send(Plan plan) throws InterruptedException {
    List<PromptRequest> requests = plan.requests();
    Places places = new Places(options.traffic().maxConcurrency().orElse(Integer.MAX_VALUE));
    List<Future<Sent>> futures = new ArrayList<>(requests.size());
    List<RampUp.RpsChange> changes = new ArrayList<>();
    long latest = 0;
    long begin = System.nanoTime();
    try (ExecutorService threads = threads(plan)) {
      try {
        KeptInFlight kept = new KeptInFlight(plan, begin, threads);
        int lastRps = -1;
        for (int i = 0; i < requests.size(); i++) {
          long due = begin + (long) (plan.schedule()[i] * 1e9);
          sleepUntil(due);
          long released = System.nanoTime();
          latest = Math.max(latest, released - due);
          lastRps = noteRate(i, requests.size(), lastRps, changes);
          int index = i;
          CountDownLatch place = places.ask();
          futures.add(
              threads.submit(
                  () -> {
                    try {
                      return one(
                          requests.get(index), index, released, place, begin, requests.size());
                    } finally {
                      places.leave();
                    }
                  }));
        }
        List<Sent> all = new ArrayList<>(requests.size());
        for (Future<Sent> future : futures) {
          all.add(future.get());
        }
        if (options.traffic().maxConcurrency().isEmpty()) {
          // Without a limit nothing but the client itself stands between release and sending.
          for (int i = 0; i < all.size(); i++) {
            long due = begin + (long) (plan.schedule()[i] * 1e9);
            latest = Math.max(latest, all.get(i).outcome().startNanos() - due);
          }
        }
        all.addAll(kept.finish());
        return new Run(all, (System.nanoTime() - begin) / 1e9, latest / 1e9, List.copyOf(changes));
      } catch (ExecutionException e) {
        threads.shutdownNow();
        throw new IllegalStateException("a request ended abnormally", e.getCause());
      } catch (InterruptedException e) {
        threads.shutdownNow();
        throw e;
      }
    }
  }

  private static ExecutorService threads(Plan plan) {
    int needed = plan.requests().size();
    for (Plan.Stream stream : plan.streams()) {
      needed += stream.inFlight();
    }
    return needed > MOST_PLATFORM_THREADS
        ? Executors.newVirtualThreadPerTaskExecutor()
        : Executors.newThreadPerTaskExecutor(Thread.ofPlatform().name("request-", 0).factory());
  }

  /** Sends the next request of a stream when one is answered, until told to finish. */
  private final class KeptInFlight {
    /** After a failure, so that a server that refuses is not flooded. */
    private static final long PAUSE_MILLIS = 100;

    private final List<Future<?>> threads = new ArrayList<>();
    private final List<Sent> sent = new ArrayList<>();
    private final AtomicInteger next;
    private final CountDownLatch unlimited = new CountDownLatch(0);
    private volatile boolean over;

    KeptInFlight(Plan plan, long begin, ExecutorService executor) {
      next = new AtomicInteger(plan.requests().size());
      for (Plan.Stream stream : plan.streams()) {
        AtomicInteger taken = new AtomicInteger();
        for (int i = 0; i < stream.inFlight(); i++) {
          threads.add(
              executor.submit(
                  () -> {
                    while (!over) {
                      int place = taken.getAndIncrement() % stream.requests().size();
                      keep(stream.requests().get(place), begin, plan.requests().size());
                    }
                    return null;
                  }));
        }
      }
    }

    private void keep(PromptRequest request, long begin, int total) throws InterruptedException {
      Sent one = one(request, next.getAndIncrement(), System.nanoTime(), unlimited, begin, total);
      synchronized (sent) {
        sent.add(one);
      }
      if (!one.outcome().error().isEmpty()) {
        Thread.sleep(PAUSE_MILLIS);
      }
    }

    /** Lets what is under way end. */
    List<Sent> finish() throws InterruptedException, ExecutionException {
      over = true;
      for (Future<?> thread : threads) {
        thread.get();
      }
      synchronized (sent) {
        sent.sort(Comparator.comparingLong(s -> s.outcome().startNanos()));
        return List.copyOf(sent);
      }
    }
  }

  private Sent one(
      PromptRequest request, int index, long released, CountDownLatch place, long begin, int total)
      throws InterruptedException {
    byte[] body = bodies.of(request, index);
    Headers own = headers.with("x-request-id", idPrefix + index);
    place.await();
    boolean counted = index < total; // what is kept in flight has no total
    if (counted) {
      count(1, 0, 0, total, begin);
    }
    StreamedRequest.Outcome outcome =
        new StreamedRequest(pool, chunks).send(options.requestUri(), own, body);
    boolean success = outcome.error().isEmpty();
    if (counted) {
      count(0, success ? 1 : 0, success ? 0 : 1, total, begin);
    }
    return new Sent(request, released, outcome);
  }

  private void count(int sentMore, int completedMore, int failedMore, int total, long begin) {
    synchronized (counting) {
      sent += sentMore;
      completed += completedMore;
      failed += failedMore;
      progress.update(
          new Progress.State(
              total, sent, completed, failed, chunks.sum(), (System.nanoTime() - begin) / 1e9));
    }
  }

  /** Notes the whole numbers that a ramp's rate has crossed with this request. */
  private int noteRate(int i, int count, int before, List<RampUp.RpsChange> changes) {
    if (options.traffic().rampUp().isEmpty()) {
      return before;
    }
    int now = (int) ArrivalSchedule.rate(options.traffic(), i, count);
    String stamp = LocalDateTime.now(ZoneId.systemDefault()).toString();
    for (int rps = before < 0 ? now : before + 1; rps <= now; rps++) {
      changes.add(new RampUp.RpsChange(rps, stamp));
    }
    return Math.max(before, now);
  }

  private static void sleepUntil(long due) throws InterruptedException {
    for (long left = due - System.nanoTime(); left > 0; left = due - System.nanoTime()) {
      LockSupport.parkNanos(left);
      if (Thread.interrupted()) {
        throw new InterruptedException();
      }
    }
  }
}
