package dev.baton.cuda.handoff;

import dev.baton.cuda.binding.Driver;
import dev.baton.cuda.forward.Device;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.foreign.MemorySegment;
import java.net.InetSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.util.Locale;

/**
 * What a hand-off over TCP is compared with: one connection over the loopback interface that moves
 * bytes from device memory to device memory through page-locked buffers, two at each end, and does
 * nothing else. While one buffer is on its way over the socket, the other is copied from or to the
 * device.
 */
final class BareSocket {
  private static final long BYTES = 524_288_000; // KV of 4,000 tokens of Llama-3.1-8B

  private BareSocket() {}

  /** Prints the best of a few sizes of buffers. */
  static void time(Device device) {
    double best = 0;
    for (int piece : new int[] {512 << 10, 2 << 20, 4 << 20}) {
      for (int i = 0; i < 3; i++) {
        double speed = BYTES / (double) move(device, piece);
        System.out.printf(
            Locale.ROOT, "bare socket, buffers of %d KiB: %.2f GB/s%n", piece >> 10, speed);
        best = Math.max(best, speed);
      }
    }
    System.out.printf(Locale.ROOT, "FIGURE\tbare socket, GB/s\t%.4g%n", best);
  }

  /** One end: two buffers, a stream, device memory. */
  private static final class End implements AutoCloseable {
    private final Device device;
    private final Driver driver;
    private final MemorySegment[] buffers = new MemorySegment[2];
    private final long[] events = new long[2];
    private final long stream;
    private final long memory;

    private End(Device device, int piece) {
      this.device = device;
      driver = device.driver();
      device.makeCurrent();
      stream = driver.createStream();
      memory = device.allocate(piece, "check");
      for (int i = 0; i < 2; i++) {
        buffers[i] = driver.allocatePinned(piece);
        events[i] = driver.createEvent(false, false);
      }
    }

    private void toHost(int i, int bytes) {
      driver.copyToHost(buffers[i], memory, bytes, stream);
      driver.record(events[i], stream);
    }

    private void toDevice(int i, int bytes) {
      driver.copyToDevice(memory, buffers[i], bytes, stream);
      driver.record(events[i], stream);
    }

    private void await(int i) {
      driver.synchronizeEvent(events[i], "check");
    }

    @Override
    public void close() {
      device.makeCurrent();
      driver.synchronize(stream);
      for (int i = 0; i < 2; i++) {
        driver.freePinned(buffers[i]);
        driver.destroyEvent(events[i]);
      }
      driver.destroyStream(stream);
      device.free(memory, buffers[0].byteSize());
    }
  }

  /** Nanoseconds from the first copy to the arrival of the last byte on the device. */
  private static long move(Device device, int piece) {
    try (ServerSocketChannel server =
            ServerSocketChannel.open().bind(new InetSocketAddress("127.0.0.1", 0));
        End sender = new End(device, piece);
        End receiver = new End(device, piece)) {
      SocketChannel out = SocketChannel.open(server.getLocalAddress());
      SocketChannel in = server.accept();
      long begin = System.nanoTime();
      Thread reading = Thread.ofPlatform().start(() -> receive(device, in, receiver, piece));
      send(out, sender, piece);
      reading.join();
      long end = System.nanoTime();
      out.close();
      in.close();
      device.makeCurrent();
      return end - begin;
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      return Long.MAX_VALUE;
    }
  }

  private static void send(SocketChannel out, End end, int piece) throws IOException {
    long pieces = BYTES / piece;
    end.toHost(0, piece);
    for (long i = 0; i < pieces; i++) {
      int now = (int) (i % 2);
      end.await(now);
      if (i + 1 < pieces) {
        end.toHost(1 - now, piece);
      }
      ByteBuffer bytes = end.buffers[now].asByteBuffer();
      while (bytes.hasRemaining()) {
        out.write(bytes);
      }
    }
  }

  private static void receive(Device device, SocketChannel in, End end, int piece) {
    device.makeCurrent();
    try {
      for (long i = 0; i < BYTES / piece; i++) {
        int now = (int) (i % 2);
        if (i > 1) {
          end.await(now);
        }
        ByteBuffer bytes = end.buffers[now].asByteBuffer();
        while (bytes.hasRemaining() && in.read(bytes) >= 0) {}
        end.toDevice(now, piece);
      }
      end.driver.synchronize(end.stream);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
