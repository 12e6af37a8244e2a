package dev.baton.serving.handoff;

import dev.baton.engine.backend.BackendException;
import dev.baton.engine.backend.KvLayout;
import dev.baton.engine.backend.KvPlane;
import dev.baton.engine.backend.KvSender;
import java.lang.System.Logger.Level;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/**
 * A prefill worker's choice of the data plane for a new link: the fastest that both ends can serve,
 * or the one that the configuration names. It is connected and measured by a thread of its own;
 * until that is done KV goes through the link itself.
 */
final class PairMaker {
  private static final System.Logger LOG = System.getLogger(PairMaker.class.getName());

  /** Name of the link itself as a data plane. */
  static final String TCP = "tcp";

  /** What a TCP connection is expected to reach, GB/s, and a plane of any kind at least of it. */
  private static final double TCP_EXPECTED = 1;

  private static final double TOO_SLOW = 0.1;
  private static final long PROBE_BYTES = 64 << 20;
  private static final int BALLASTS = 4;
  private static final long ANSWER_SECONDS = 10;

  /** A measurement of the link waits until nothing else was sent for so long, ms. */
  private static final long IDLE = 100;

  private static final long LATEST = 5000;

  private final WorkerSide worker;
  private final Link link;
  private final List<String> avoided;
  private final CountDownLatch decided = new CountDownLatch(1);
  private final CountDownLatch echoed = new CountDownLatch(1);
  private volatile @Nullable Attempt attempt;

  /** A plane that is being connected. */
  private static final class Attempt {
    private final String plane;
    private final CountDownLatch answered = new CountDownLatch(1);
    private volatile @Nullable KvSender sender;
    private volatile String obstacle = "";

    private Attempt(String plane) {
      this.plane = plane;
    }
  }

  private record Candidate(KvPlane plane, byte[] greeting, KvPlane.Reach reach) {}

  /**
   * For a link.
   *
   * @param avoided planes that failed with this peer a moment ago
   */
  PairMaker(WorkerSide worker, Link link, List<String> avoided) {
    this.worker = worker;
    this.link = link;
    this.avoided = avoided;
  }

  /** Begins; {@link #awaitDecided} tells when it is done. */
  void start() {
    List<Candidate> candidates = candidates();
    if (candidates.isEmpty()) {
      useLink();
      Thread.ofVirtual().name("kv-measure-" + link.name()).start(this::measureLink);
      return;
    }
    Thread.ofPlatform().daemon().name("kv-pair-" + link.name()).start(() -> connect(candidates));
  }

  /** Whether the plane is chosen. */
  boolean isDecided() {
    return decided.getCount() == 0;
  }

  /** Waits until the plane is chosen, but not for long. */
  void awaitDecided(long millis) throws InterruptedException {
    // Not decided in time: the first hand-offs go through the link.
    boolean _ = decided.await(millis, TimeUnit.MILLISECONDS);
  }

  // --- what the peer says, on the link's reader ---

  void invited(Frame.Invited answer) throws ProtocolException {
    Attempt now = attempt;
    if (now == null || !now.plane.equals(answer.plane())) {
      throw new ProtocolException("an answer to an invitation that was not made");
    }
    now.obstacle = answer.obstacle();
    now.answered.countDown();
    KvSender sender = now.sender;
    if (!now.obstacle.isEmpty() && sender != null) {
      sender.close();
    }
  }

  void echo() {
    echoed.countDown();
  }

  // --- the choice ---

  private List<Candidate> candidates() {
    String wanted = worker.config().connector();
    List<Candidate> found = new ArrayList<>();
    if (wanted.equals("TcpConnector")) {
      return found;
    }
    Frame.Shape theirs = link.peer().shape();
    boolean sameType = theirs.type() == worker.hello().shape().type();
    for (KvPlane plane : worker.port().planes()) {
      byte[] greeting = null;
      for (Frame.Greeting g : link.peer().planes()) {
        greeting = g.plane().equals(plane.name()) ? g.content() : greeting;
      }
      KvPlane.Reach reach =
          avoided.contains(plane.name())
              ? KvPlane.Reach.no("it failed with this worker a moment ago")
              : greeting == null
                  ? KvPlane.Reach.no("the decode worker does not have it")
                  : sameType
                      ? plane.reach(greeting)
                      : KvPlane.Reach.no("the two pools have different element types");
      boolean named = plane.connector().equals(wanted);
      if (reach.obstacle().isEmpty() && greeting != null) {
        found.add(new Candidate(plane, greeting, reach));
      } else {
        LOG.log(
            named ? Level.WARNING : Level.INFO,
            "hand-off to {0}: {1} cannot be used: {2}{3}",
            link.name(),
            plane.connector(),
            reach.obstacle().orElse(""),
            named ? ". The fastest plane that both workers have is used instead." : "");
      }
    }
    found.sort(
        Comparator.comparing((Candidate c) -> !c.plane().connector().equals(wanted))
            .thenComparingDouble(c -> -c.reach().gigabytesPerSecond()));
    return found;
  }

  private void connect(List<Candidate> candidates) {
    try {
      for (Candidate candidate : candidates) {
        if (link.isOpen() && connect(candidate)) {
          return;
        }
      }
      if (link.isOpen()) {
        useLink();
        measureLink();
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    } finally {
      decided.countDown();
    }
  }

  private boolean connect(Candidate candidate) throws InterruptedException {
    KvPlane plane = candidate.plane();
    long from = System.nanoTime();
    KvSender sender = null;
    Attempt mine = new Attempt(plane.name());
    try {
      Frame.Shape s = link.peer().shape();
      KvLayout theirs =
          new KvLayout(
              0, s.blockSize(), s.layers(), s.kvHeads(), s.headSize(), worker.layout().type());
      sender = plane.openSender(candidate.greeting(), theirs, worker.config().ncclChannels());
      mine.sender = sender;
      attempt = mine;
      link.send(new Frame.Invite(new Frame.Greeting(plane.name(), sender.invitation())));
      if (!mine.answered.await(ANSWER_SECONDS, TimeUnit.SECONDS)) {
        throw new BackendException("the decode worker did not answer");
      }
      if (!mine.obstacle.isEmpty()) {
        throw new BackendException("decode worker: " + mine.obstacle);
      }
      sender.connect();
      double best = 0;
      for (int i = 0; i < 2; i++) {
        if (!sender.placesDirectly()) {
          link.send(new Frame.Probe(PROBE_BYTES));
        }
        best = Math.max(best, (double) PROBE_BYTES / Math.max(1, sender.probe(PROBE_BYTES)));
      }
      link.pair(new Pair(plane.name(), sender, null, best));
      link.send(new Frame.Measured(plane.name(), best));
      if (!echoed.await(ANSWER_SECONDS, TimeUnit.SECONDS)) {
        link.close("the decode worker did not take up " + plane.name(), false);
        return true;
      }
      use(plane.name(), best);
      LOG.log(
          Level.INFO,
          "hand-off to {0}: {1} ({2}), {3} GB/s, ready after {4} ms",
          link.name(),
          plane.connector(),
          candidate.reach().way(),
          format(best),
          (System.nanoTime() - from) / 1_000_000);
      warnIfSlow(plane.connector(), best, candidate.reach().gigabytesPerSecond());
      decided.countDown();
      return true;
    } catch (RuntimeException e) {
      if (sender != null) {
        sender.close();
      }
      String reason = mine.obstacle.isEmpty() ? String.valueOf(e.getMessage()) : mine.obstacle;
      LOG.log(
          link.isOpen() ? Level.WARNING : Level.DEBUG,
          "hand-off to {0}: {1} cannot be used: {2}",
          link.name(),
          plane.connector(),
          reason);
      return false;
    }
  }

  // --- the link itself ---

  /** Says so to the peer as well: a busy link may not be measured for a while. */
  private void useLink() {
    use(TCP, 0);
    link.send(new Frame.Measured(TCP, 0));
    decided.countDown();
  }

  private void measureLink() {
    try {
      long start = System.nanoTime();
      int idle = 0;
      while (idle < IDLE && (System.nanoTime() - start) / 1_000_000 < LATEST) {
        Thread.sleep(10);
        idle = link.dataWaits() ? 0 : idle + 10;
        if (!link.isOpen()) {
          return;
        }
      }
      Ballast ballast = new Ballast();
      link.sendData(ballast);
      if (!echoed.await(ANSWER_SECONDS, TimeUnit.SECONDS) || !link.isOpen()) {
        return;
      }
      long nanos = Math.max(1, System.nanoTime() - ballast.begin);
      double speed = (double) BALLASTS * FrameCodec.CHUNK_PAYLOAD / nanos;
      link.send(new Frame.Measured(TCP, speed));
      use(TCP, speed);
      LOG.log(Level.INFO, "hand-off to {0}: TCP, {1} GB/s", link.name(), format(speed));
      warnIfSlow("TCP", speed, TCP_EXPECTED);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  /** As many bytes as a measurement takes. */
  private static final class Ballast implements Link.Outgoing {
    private int left = BALLASTS;
    private volatile long begin;

    @Override
    public boolean encode(ByteBuffer out) {
      if (left == BALLASTS) {
        begin = System.nanoTime();
      }
      left--;
      int start = out.position();
      out.position(start + FrameCodec.BALLAST_HEADER + FrameCodec.CHUNK_PAYLOAD);
      FrameCodec.encodeBallastHeader(new Frame.Ballast(left == 0), out, start);
      return left > 0;
    }
  }

  private void use(String plane, double speed) {
    if (link.isOpen()) {
      worker.planes().put(link, new PlaneUse(link.name(), plane, speed));
    }
  }

  private void warnIfSlow(String plane, double speed, double expected) {
    if (speed < expected * TOO_SLOW) {
      LOG.log(
          Level.WARNING,
          "hand-off to {0}: {1} moves {2} GB/s where about {3} are usual. Check: is something else"
              + " busy on these GPUs or cores (nvidia-smi, top); do the GPUs reach each other"
              + " (nvidia-smi topo -m); does the network path have the speed you expect; for a"
              + " container, is /dev/shm large enough.",
          link.name(),
          plane,
          format(speed),
          format(expected));
    }
  }

  private static String format(double speed) {
    return String.format(Locale.ROOT, speed < 10 ? "%.2f" : "%.0f", speed);
  }
}
