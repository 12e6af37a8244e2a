package dev.baton.cuda.forward;

import dev.baton.cuda.binding.Driver;
import dev.baton.cuda.binding.Launcher;
import dev.baton.cuda.binding.LibraryFinder;
import dev.baton.cuda.kernel.Kernels;
import dev.baton.model.ModelDirectory;
import dev.baton.model.config.ElementType;
import dev.baton.model.weights.LoadFormat;
import java.lang.foreign.Arena;
import java.nio.file.Path;

/** How fast weights come onto the device. */
final class LoadCheck {
  private LoadCheck() {}

  /** Loads a model's files, or dummy weights, in the type that was saved; no other work. */
  static void run(Path directory, LoadFormat format) {
    ModelDirectory model = ModelDirectory.open(directory);
    Driver driver = Driver.load(LibraryFinder.ofEnvironment());
    try (Device device = new Device(driver);
        Arena arena = Arena.ofShared();
        Kernels kernels = kernels(device, model)) {
      long stream = driver.createStream();
      Launcher launcher = new Launcher(driver, arena, stream, false);
      long from = System.nanoTime();
      long bytes =
          WeightLoader.load(
                  device, kernels, launcher, model, ElementType.BF16, format, 0, share -> {})
              .bytes();
      double seconds = (System.nanoTime() - from) / 1e9;
      System.out.printf(
          "weights (%s): %.2f GB in %.2f s, %.2f GB/s; page-locked copies alone %.1f GB/s%n",
          format, bytes / 1e9, seconds, bytes / 1e9 / seconds, pinned(device, stream));
      driver.destroyStream(stream);
    }
  }

  private static Kernels kernels(Device device, ModelDirectory model) {
    return new Kernels(
        device.driver(),
        CudaBackend.compiler(LibraryFinder.ofEnvironment()),
        device.architecture(),
        device.sharedMemory(),
        device.multiprocessors(),
        ElementType.BF16,
        model.config().headSize());
  }

  /** Rate of the same copies without files: the ceiling. */
  private static double pinned(Device device, long stream) {
    long to = device.allocate(Staging.PIECE, "a check");
    int pieces = 128;
    try (Staging staging = new Staging(device, stream)) {
      staging.copy((begin, into) -> into.fill((byte) 1), Staging.PIECE, to);
      device.driver().synchronize(stream);
      long from = System.nanoTime();
      for (int i = 0; i < pieces; i++) {
        staging.copy((begin, into) -> {}, Staging.PIECE, to);
      }
      device.driver().synchronize(stream);
      return pieces * Staging.PIECE / (double) (System.nanoTime() - from);
    }
  }
}
