package dev.baton.cuda.forward;

import dev.baton.cuda.binding.Driver;
import dev.baton.engine.backend.BackendException;
import dev.baton.engine.backend.Step;
import java.util.ArrayDeque;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.LinkedBlockingQueue;

/**
 * Tells a step's listener when layers have been computed. A thread of its own waits for events that
 * lie in the stream between groups of layers.
 */
final class LayerWatch implements AutoCloseable {
  private static final System.Logger LOG = System.getLogger(LayerWatch.class.getName());

  private sealed interface Task {}

  private record Reached(Watched step, long event, int from, int to) implements Task {}

  private record Stop() implements Task {}

  private final Device device;
  private final Driver driver;
  private final LinkedBlockingQueue<Task> tasks = new LinkedBlockingQueue<>();
  private final ArrayDeque<Long> events = new ArrayDeque<>(); // free ones; guarded by itself
  private final Thread thread;

  LayerWatch(Device device) {
    this.device = device;
    this.driver = device.driver();
    thread = Thread.ofPlatform().name("baton-cuda-layers").daemon().start(this::run);
  }

  /** A step whose layers are announced in {@code groups} groups or fewer. */
  Watched watch(Step step, int layers, int groups) {
    return new Watched(step, layers, (layers + groups - 1) / groups);
  }

  /** One step. */
  final class Watched {
    private final Step step;
    private final int layers;
    private final int groupSize;
    private int from;
    private final CountDownLatch told = new CountDownLatch(1);

    private Watched(Step step, int layers, int groupSize) {
      this.step = step;
      this.layers = layers;
      this.groupSize = groupSize;
    }

    /** Called as layers are enqueued, in order. */
    void enqueued(int layer, long stream) {
      int to = layer + 1;
      if (to - from == groupSize || to == layers) {
        long event = take();
        driver.record(event, stream);
        tasks.add(new Reached(this, event, from, to));
        from = to;
      }
    }

    /** Waits until the listener has been told of all layers. */
    void awaitTold() {
      try {
        told.await();
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
        throw new BackendException("Interrupted while step " + step.id() + " was announced.", e);
      }
    }
  }

  private long take() {
    synchronized (events) {
      Long event = events.poll();
      if (event != null) {
        return event;
      }
    }
    return driver.createEvent(false, true);
  }

  private void run() {
    device.makeCurrent();
    while (true) {
      try {
        switch (tasks.take()) {
          case Stop() -> {
            return;
          }
          case Reached r -> {
            try {
              driver.synchronizeEvent(r.event(), "computing layers");
              r.step().step.listener().layersWritten(r.step().step.id(), r.from(), r.to());
            } finally {
              if (r.to() == r.step().layers) {
                r.step().told.countDown();
              }
              synchronized (events) {
                events.add(r.event());
              }
            }
          }
        }
      } catch (InterruptedException e) {
        return;
      } catch (RuntimeException e) {
        LOG.log(System.Logger.Level.ERROR, "Layers could not be announced.", e);
      }
    }
  }

  @Override
  public void close() {
    tasks.add(new Stop());
    try {
      thread.join();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
    synchronized (events) {
      events.forEach(driver::destroyEvent);
      events.clear();
    }
  }
}
