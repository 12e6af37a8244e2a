package dev.baton.cuda.kernel;

import dev.baton.cuda.binding.LibraryFinder;
import dev.baton.cuda.binding.Nvrtc;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;

/**
 * NVRTC for tests: what this machine has, and the oldest that Baton supports. It needs no GPU;
 * scripts/nvrtc.sh installs both. In continuous integration (CI is set) they have to be there.
 */
public final class Compilers {
  private static final String OLDEST = "BATON_OLDEST_CUDA_LIBRARIES";

  private Compilers() {}

  /** The compiler that a worker would use. */
  public static Optional<Path> newest() {
    LibraryFinder finder = LibraryFinder.ofEnvironment();
    Optional<Path> file = Nvrtc.find(finder);
    return required(file, "NVRTC is not installed. Looked in " + finder.folders());
  }

  /** NVRTC 12.0. */
  public static Optional<Path> oldest() {
    String folder = System.getenv(OLDEST);
    Optional<Path> file =
        Optional.ofNullable(folder)
            .map(f -> Path.of(f, "libnvrtc.so.12"))
            .filter(Files::isRegularFile);
    return required(file, "NVRTC 12.0 is not installed: " + OLDEST + " is " + folder);
  }

  /** Folders of the toolkits' headers, beside the compilers, with the compiler. */
  public static Map<Path, Path> headers() {
    Map<Path, Path> found = new LinkedHashMap<>();
    for (Optional<Path> compiler : java.util.List.of(newest(), oldest())) {
      compiler.ifPresent(
          file -> {
            Path home = file.toAbsolutePath().resolve("../..").normalize();
            for (Path folder :
                new Path[] {
                  home.resolve("include"), home.resolveSibling("cuda_runtime").resolve("include")
                }) {
              if (Files.isRegularFile(folder.resolve("cuda.h"))) {
                found.put(folder, file);
                return;
              }
            }
            required(Optional.empty(), "no cuda.h beside " + file);
          });
    }
    return found;
  }

  private static Optional<Path> required(Optional<Path> file, String otherwise) {
    if (file.isEmpty()) {
      if (System.getenv("CI") != null) {
        throw new AssertionError(otherwise);
      }
      System.out.println(
          "LEFT OUT: "
              + otherwise
              + ". scripts/nvrtc.sh installs what is needed; no GPU is needed.");
    }
    return file;
  }
}
