package dev.baton.cuda;

import dev.baton.cuda.binding.CublasLt;
import dev.baton.cuda.binding.Driver;
import dev.baton.cuda.binding.LibraryFinder;
import dev.baton.cuda.binding.Nvrtc;
import dev.baton.cuda.forward.CudaBackend;
import dev.baton.engine.backend.Backend;
import dev.baton.engine.backend.BackendException;
import dev.baton.engine.backend.BackendOptions;
import dev.baton.engine.backend.BackendProvider;
import dev.baton.model.ModelDirectory;
import java.util.Optional;

/** NVIDIA GPUs: --device cuda. */
public final class CudaBackendProvider implements BackendProvider {
  private static final int OLDEST_DRIVER = 12000;
  private static final int OLDEST_ARCHITECTURE = 80;

  @Override
  public String device() {
    return "cuda";
  }

  @Override
  public int preference() {
    return 100;
  }

  /** Loads nothing but the driver, and that only where it is installed. */
  @Override
  public Optional<String> unavailable() {
    try {
      LibraryFinder finder = LibraryFinder.ofEnvironment();
      if (!Driver.present(finder)) {
        return Optional.of(
            "no NVIDIA driver (libcuda.so.1) on this machine; install it if there is a GPU, or use"
                + " --device cpu.");
      }
      Driver driver = Driver.load(finder);
      if (driver.deviceCount() == 0) {
        return Optional.of(
            "the NVIDIA driver shows no device; check CUDA_VISIBLE_DEVICES, or use --device cpu.");
      }
      if (driver.version() < OLDEST_DRIVER) {
        return Optional.of(
            "the NVIDIA driver supports CUDA %d.%d, Baton needs 12.0; install a newer driver."
                .formatted(driver.version() / 1000, driver.version() % 1000 / 10));
      }
      int device = driver.device(0);
      int architecture =
          10 * driver.attribute(Driver.COMPUTE_MAJOR, device)
              + driver.attribute(Driver.COMPUTE_MINOR, device);
      if (architecture < OLDEST_ARCHITECTURE) {
        return Optional.of(
            "%s has compute capability %d.%d, Baton needs 8.0 (A100) or later; use --device cpu."
                .formatted(driver.deviceName(device), architecture / 10, architecture % 10));
      }
      return missing(finder);
    } catch (BackendException e) {
      return Optional.of(String.valueOf(e.getMessage()));
    } catch (RuntimeException | LinkageError e) {
      return Optional.of("the NVIDIA driver cannot be used: " + e);
    }
  }

  private static Optional<String> missing(LibraryFinder finder) {
    if (Nvrtc.find(finder).isEmpty()) {
      return Optional.of(remedy("NVRTC (libnvrtc.so.13 or .12)", "nvidia-cuda-nvrtc"));
    }
    if (CublasLt.find(finder).isEmpty()) {
      return Optional.of(remedy("cuBLASLt (libcublasLt.so.13 or .12)", "nvidia-cublas"));
    }
    return Optional.empty();
  }

  private static String remedy(String library, String pip) {
    return library
        + " is not installed: install the CUDA toolkit or `pip install "
        + pip
        + "`, or name its folder in "
        + LibraryFinder.VARIABLE
        + ".";
  }

  @Override
  public Backend open(ModelDirectory model, BackendOptions options, Progress progress) {
    return CudaBackend.open(LibraryFinder.ofEnvironment(), model, options, progress);
  }
}
