package dev.baton.serving.handoff;

import dev.baton.engine.backend.BackendException;
import dev.baton.engine.backend.KvPlane;
import dev.baton.engine.backend.KvReceiver;
import java.lang.System.Logger.Level;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.RejectedExecutionException;
import org.jspecify.annotations.Nullable;

/**
 * A decode worker's end of making pairs on one link. What takes time is done by a thread of its
 * own, in order.
 */
final class PairTaker implements AutoCloseable {
  private static final System.Logger LOG = System.getLogger(PairTaker.class.getName());
  private static final long MOST_PROBED = 1L << 30;

  private final WorkerSide worker;
  private final Link link;
  private @Nullable ExecutorService thread; // guarded by this
  private boolean closed; // guarded by this
  private volatile @Nullable KvReceiver receiver; // not yet the link's
  private String plane = ""; // the thread's alone

  PairTaker(WorkerSide worker, Link link) {
    this.worker = worker;
    this.link = link;
  }

  void invite(Frame.Greeting invitation) {
    run(() -> accept(invitation));
  }

  void probe(long bytes) throws ProtocolException {
    if (bytes < 1 || bytes > MOST_PROBED) {
      throw new ProtocolException("a measurement of " + bytes + " bytes");
    }
    run(
        () -> {
          KvReceiver mine = receiver;
          if (mine != null) {
            mine.probe(bytes);
          }
        });
  }

  /** The prefill worker has chosen; a plane is taken up once this end has done its measuring. */
  void measured(Frame.Measured result) {
    if (result.plane().equals(PairMaker.TCP)) {
      use(result);
    } else {
      run(
          () -> {
            KvReceiver mine = receiver;
            if (mine != null && plane.equals(result.plane()) && link.pair() == null) {
              receiver = null;
              link.pair(new Pair(plane, null, mine, result.gigabytesPerSecond()));
              link.send(new Frame.Echo());
              use(result);
              LOG.log(Level.INFO, "hand-off from {0}: {1}", link.name(), plane);
            }
          });
    }
  }

  private void use(Frame.Measured result) {
    if (link.isOpen()) {
      worker
          .planes()
          .put(link, new PlaneUse(link.name(), result.plane(), result.gigabytesPerSecond()));
    }
  }

  private synchronized void run(Runnable task) {
    if (closed) {
      return;
    }
    ExecutorService mine = thread;
    if (mine == null) {
      mine =
          Executors.newSingleThreadExecutor(
              Thread.ofPlatform().daemon().name("kv-pair-" + link.name()).factory());
      thread = mine;
    }
    try {
      mine.execute(
          () -> {
            try {
              task.run();
            } catch (RuntimeException e) {
              link.close("the data plane failed: " + e.getMessage(), false);
            }
          });
    } catch (RejectedExecutionException closing) {
      // Nobody waits for it any more.
    }
  }

  private void accept(Frame.Greeting invitation) {
    letGo();
    try {
      if (link.pair() != null) {
        throw new BackendException("this connection has a data plane already");
      }
      KvPlane found =
          worker.port().planes().stream()
              .filter(p -> p.name().equals(invitation.plane()))
              .findFirst()
              .orElseThrow(() -> new BackendException("this worker has no such data plane"));
      byte[] greeting =
          link.peer().planes().stream()
              .filter(g -> g.plane().equals(invitation.plane()))
              .findFirst()
              .orElseThrow(() -> new BackendException("the prefill worker did not offer it"))
              .content();
      plane = invitation.plane();
      KvReceiver mine = found.openReceiver(greeting);
      receiver = mine;
      synchronized (this) {
        if (closed) {
          mine.close();
          return;
        }
      }
      // Before connecting: the two ends do that together.
      link.send(new Frame.Invited(plane, ""));
      mine.connect(invitation.content());
    } catch (RuntimeException e) {
      letGo();
      String reason = String.valueOf(e.getMessage());
      link.send(new Frame.Invited(invitation.plane(), reason.isBlank() ? e.toString() : reason));
      LOG.log(
          Level.WARNING,
          "hand-off from {0}: {1} cannot be used: {2}",
          link.name(),
          invitation.plane(),
          reason);
    }
  }

  private void letGo() {
    KvReceiver mine = receiver;
    receiver = null;
    if (mine != null) {
      mine.close();
    }
  }

  /** The link is closed. */
  @Override
  public void close() {
    synchronized (this) {
      closed = true;
      if (thread != null) {
        thread.shutdown();
      }
    }
    letGo();
  }
}
