package dev.baton.cuda;

import dev.baton.cuda.binding.CublasLt;
import dev.baton.cuda.binding.Driver;
import dev.baton.cuda.binding.LibraryFinder;
import dev.baton.cuda.binding.Nccl;
import dev.baton.cuda.binding.Nvml;
import dev.baton.cuda.binding.Nvrtc;
import dev.baton.cuda.forward.Occupancy;
import dev.baton.engine.backend.BackendException;
import dev.baton.engine.backend.Finding;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.function.Function;
import java.util.function.Supplier;

/** Looks at driver, devices and libraries without making a context on a device. */
final class Inspection {
  private static final int OLDEST_DRIVER = 12000;
  private static final int OLDEST_ARCHITECTURE = 80;

  private static final String NO_DRIVER =
      "no NVIDIA driver (libcuda.so.1) on this machine; install it if there is a GPU, or use"
          + " --device cpu.";

  private final LibraryFinder everything;

  Inspection(LibraryFinder everything) {
    this.everything = everything;
  }

  /** Why the backend cannot run here, with the remedy; empty if it can. */
  Optional<String> obstacle() {
    try {
      if (!Driver.present(everything)) {
        return Optional.of(NO_DRIVER);
      }
      Driver driver = Driver.load(everything);
      return driverObstacle(driver).or(() -> missing(everything.forDriver(driver.version())));
    } catch (BackendException e) {
      return Optional.of(String.valueOf(e.getMessage()));
    } catch (RuntimeException | LinkageError e) {
      return Optional.of("the NVIDIA driver cannot be used: " + e);
    }
  }

  private static Optional<String> driverObstacle(Driver driver) {
    int count = driver.deviceCount();
    if (count == 0) {
      return Optional.of(
          "the NVIDIA driver shows no device"
              + visible(", with CUDA_VISIBLE_DEVICES=")
              + "; check CUDA_VISIBLE_DEVICES, or use --device cpu.");
    }
    if (driver.version() < OLDEST_DRIVER) {
      return Optional.of(
          "the NVIDIA driver supports CUDA %d.%d, Baton needs 12.0; install a newer driver."
              .formatted(driver.version() / 1000, driver.version() % 1000 / 10));
    }
    int device = driver.device(0);
    int architecture = architecture(driver, device);
    if (architecture < OLDEST_ARCHITECTURE) {
      return Optional.of(
          ("%s has compute capability %d.%d, Baton needs 8.0 (A100) or later; pick another device"
                  + " with CUDA_VISIBLE_DEVICES, or use --device cpu.")
              .formatted(driver.deviceName(device), architecture / 10, architecture % 10));
    }
    return Optional.empty();
  }

  private static Optional<String> missing(LibraryFinder finder) {
    if (Nvrtc.find(finder).isEmpty()) {
      return Optional.of(remedy(finder, "NVRTC", "libnvrtc.so", "nvidia-cuda-nvrtc"));
    }
    if (CublasLt.find(finder).isEmpty()) {
      return Optional.of(remedy(finder, "cuBLASLt", "libcublasLt.so", "nvidia-cublas"));
    }
    return Optional.empty();
  }

  private static String remedy(LibraryFinder finder, String what, String file, String pip) {
    boolean newest = finder.newestMajor() >= 13;
    return "%s (%s%s) is not installed: install the CUDA toolkit or `pip install %s%s`, or name its folder with %s or in %s."
        .formatted(
            what,
            file,
            newest ? ".13 or .12" : ".12, which is what this driver can run",
            pip,
            newest ? "" : "-cu12",
            LibraryFinder.OPTION,
            LibraryFinder.VARIABLE);
  }

  /** Everything that was found, and what is missing. */
  List<Finding> findings() {
    List<Finding> found = new ArrayList<>();
    LibraryFinder finder = everything;
    boolean driven = Driver.present(everything);
    if (driven) {
      try {
        Driver driver = Driver.load(everything);
        finder = everything.forDriver(driver.version());
        driver(driver, found);
      } catch (BackendException e) {
        found.add(Finding.broken(String.valueOf(e.getMessage())));
      }
    }
    library(
        found,
        "NVRTC",
        Nvrtc.find(finder),
        file -> Nvrtc.load(file).version(),
        remedy(finder, "NVRTC", "libnvrtc.so", "nvidia-cuda-nvrtc"),
        driven ? Finding.State.BROKEN : Finding.State.MISSING);
    library(
        found,
        "cuBLASLt",
        CublasLt.find(finder),
        file -> dotted(CublasLt.version(file), 10_000, 100),
        remedy(finder, "cuBLASLt", "libcublasLt.so", "nvidia-cublas"),
        driven ? Finding.State.BROKEN : Finding.State.MISSING);
    library(
        found,
        "NCCL",
        Nccl.find(finder),
        file -> dotted(Nccl.version(file), 10_000, 100),
        "NCCL (libnccl.so.2) is not installed; only a hand-off through NCCL needs it: `pip install"
            + " nvidia-nccl-cu%d`, or name its folder with %s."
                .formatted(finder.newestMajor() >= 13 ? 13 : 12, LibraryFinder.OPTION),
        Finding.State.MISSING);
    if (!driven) {
      // Without a GPU it is of no interest what else would be needed for one.
      found.removeIf(finding -> finding.state() != Finding.State.OK);
    }
    return found;
  }

  private void driver(Driver driver, List<Finding> found) {
    Optional<Nvml> nvml = Optional.empty();
    String release = "";
    try {
      Nvml library = Nvml.load(everything);
      nvml = Optional.of(library);
      release = library.driverVersion() + ", ";
    } catch (BackendException e) {
      found.add(Finding.missing("NVML (libnvidia-ml.so.1, part of the driver): " + e.getMessage()));
    }
    found.add(
        Finding.ok(
            "driver %sfor CUDA %d.%d: %s"
                .formatted(
                    release,
                    driver.version() / 1000,
                    driver.version() % 1000 / 10,
                    Driver.find(everything).map(Path::toString).orElse("libcuda.so.1"))));
    int count = driver.deviceCount();
    for (int i = 0; i < count; i++) {
      int device = driver.device(i);
      int architecture = architecture(driver, device);
      String text =
          "device %d: %s, compute capability %d.%d%s"
              .formatted(
                  i,
                  driver.deviceName(device),
                  architecture / 10,
                  architecture % 10,
                  nvml.map(library -> memory(library, driver, device)).orElse(""));
      found.add(architecture < OLDEST_ARCHITECTURE ? Finding.missing(text) : Finding.ok(text));
    }
    if (count > 1) {
      found.add(
          Finding.ok(
              "device 0 is used; CUDA_VISIBLE_DEVICES=N picks another" + visible(" (now it is ")));
    }
  }

  private static String memory(Nvml nvml, Driver driver, int device) {
    try {
      return ", " + Occupancy.describe(nvml.memory(driver.busId(device)));
    } catch (BackendException e) {
      return ", memory not known: " + e.getMessage();
    }
  }

  private static void library(
      List<Finding> found,
      String name,
      Optional<Path> file,
      Function<Path, String> version,
      String remedy,
      Finding.State without) {
    if (file.isEmpty()) {
      found.add(new Finding(without, remedy));
      return;
    }
    Supplier<String> text = () -> name + " " + version.apply(file.get()) + ": " + file.get();
    try {
      found.add(Finding.ok(text.get()));
    } catch (BackendException e) {
      found.add(new Finding(without, name + ": " + e.getMessage()));
    }
  }

  private static int architecture(Driver driver, int device) {
    return 10 * driver.attribute(Driver.COMPUTE_MAJOR, device)
        + driver.attribute(Driver.COMPUTE_MINOR, device);
  }

  /** 130100 as 13.1.0, 22809 as 2.28.9. */
  static String dotted(long version, int major, int minor) {
    return version / major + "." + version % major / minor + "." + version % minor;
  }

  private static String visible(String lead) {
    String value = System.getenv("CUDA_VISIBLE_DEVICES");
    return value == null ? "" : lead + value + (lead.contains("(") ? ")" : "");
  }
}
