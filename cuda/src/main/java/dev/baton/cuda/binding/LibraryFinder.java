package dev.baton.cuda.binding;

import java.io.File;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Looks for NVIDIA's libraries where they are usually installed: the folders that the user named
 * ({@value #OPTION}, then the environment variable {@value #VARIABLE}), LD_LIBRARY_PATH, CUDA
 * toolkits, the system's library folders, and Python environments that hold the pip packages.
 */
public final class LibraryFinder {
  private static final System.Logger LOG = System.getLogger(LibraryFinder.class.getName());

  /** Environment variable with folders to look in first, separated like a PATH. */
  public static final String VARIABLE = "BATON_CUDA_LIBRARIES";

  /** Option of the command line with the same meaning; it comes before the variable. */
  public static final String OPTION = "--cuda-libraries";

  /** System property through which the option gets here. */
  public static final String PROPERTY = "baton.cuda.libraries";

  private static final Pattern VERSIONED = Pattern.compile("lib(nvrtc|cublasLt)\\.so\\.(\\d+)");

  private final List<Path> folders;
  private final int newest;

  private LibraryFinder(List<Path> folders, int newest) {
    this.folders = folders;
    this.newest = newest;
  }

  /** A finder that looks into these folders alone. */
  static LibraryFinder of(List<Path> folders) {
    return new LibraryFinder(folders, Integer.MAX_VALUE);
  }

  /**
   * The same, without libraries that are newer than a driver: code of CUDA 13 does not run on a
   * driver for CUDA 12 (the other way round it does).
   *
   * @param cudaVersion what the driver supports, e.g. 12040
   */
  public LibraryFinder forDriver(int cudaVersion) {
    return new LibraryFinder(folders, cudaVersion / 1000);
  }

  /** A finder for this process's environment. */
  public static LibraryFinder ofEnvironment() {
    Set<Path> folders = new LinkedHashSet<>();
    addPaths(folders, System.getProperty(PROPERTY, ""));
    addPaths(folders, environment(VARIABLE));
    addPaths(folders, environment("LD_LIBRARY_PATH"));
    for (String variable : List.of("CUDA_HOME", "CUDA_PATH")) {
      String home = environment(variable);
      if (!home.isEmpty()) {
        addToolkit(folders, Path.of(home));
      }
    }
    addToolkit(folders, Path.of("/usr/local/cuda"));
    children(Path.of("/usr/local"), "cuda-*").reversed().forEach(home -> addToolkit(folders, home));
    addToolkit(folders, Path.of("/opt/cuda"));
    for (String system :
        List.of(
            "/usr/lib/x86_64-linux-gnu",
            "/usr/lib/aarch64-linux-gnu",
            "/usr/lib64",
            "/usr/local/nvidia/lib64",
            "/usr/lib/wsl/lib")) {
      folders.add(Path.of(system));
    }
    addConfigured(folders);
    pythonEnvironments().forEach(home -> addSitePackages(folders, home));
    return of(folders.stream().filter(Files::isDirectory).toList());
  }

  /** The newest major version of CUDA whose libraries are found. */
  public int newestMajor() {
    return newest;
  }

  /** The folders that are searched, in order. */
  public List<Path> folders() {
    return folders;
  }

  /** The first file of one of these names; earlier names win over earlier folders. */
  public Optional<Path> find(String... names) {
    for (String name : names) {
      Matcher versioned = VERSIONED.matcher(name);
      if (versioned.matches() && Integer.parseInt(versioned.group(2)) > newest) {
        continue;
      }
      for (Path folder : folders) {
        Path file = folder.resolve(name);
        if (Files.exists(file)) {
          return Optional.of(file);
        }
      }
    }
    return Optional.empty();
  }

  /** Files of a folder whose names match a glob. */
  static List<Path> children(Path folder, String glob) {
    List<Path> found = new ArrayList<>();
    if (Files.isDirectory(folder)) {
      try (DirectoryStream<Path> entries = Files.newDirectoryStream(folder, glob)) {
        entries.forEach(found::add);
      } catch (IOException | java.nio.file.DirectoryIteratorException e) {
        throw new UncheckedIOException(
            "Cannot list " + folder + ": " + e.getMessage(), new IOException(e));
      }
    }
    found.sort(null);
    return found;
  }

  private static String environment(String name) {
    String value = System.getenv(name);
    return value == null ? "" : value;
  }

  private static void addPaths(Set<Path> folders, String list) {
    for (String folder : list.split(File.pathSeparator, -1)) {
      if (!folder.isBlank()) {
        folders.add(Path.of(folder));
      }
    }
  }

  private static void addToolkit(Set<Path> folders, Path home) {
    folders.add(home.resolve("lib64"));
    folders.add(home.resolve("targets/x86_64-linux/lib"));
    folders.add(home.resolve("targets/sbsa-linux/lib"));
  }

  /** The folders that the system's own loader knows beside the usual ones. */
  private static void addConfigured(Set<Path> folders) {
    for (Path file : children(Path.of("/etc/ld.so.conf.d"), "*.conf")) {
      try {
        for (String line : Files.readAllLines(file)) {
          if (line.startsWith("/")) {
            folders.add(Path.of(line.strip()));
          }
        }
      } catch (IOException e) {
        // One place less to look at: what is missing then is reported with all folders.
        LOG.log(System.Logger.Level.DEBUG, "Cannot read " + file, e);
      }
    }
  }

  private static List<Path> pythonEnvironments() {
    List<Path> homes = new ArrayList<>();
    for (String variable : List.of("VIRTUAL_ENV", "CONDA_PREFIX")) {
      String home = environment(variable);
      if (!home.isEmpty()) {
        homes.add(Path.of(home));
      }
    }
    for (String folder : environment("PATH").split(File.pathSeparator, -1)) {
      if (!folder.isBlank() && Files.exists(Path.of(folder, "python3"))) {
        Path home = Path.of(folder).getParent();
        if (home != null) {
          homes.add(home);
        }
      }
    }
    homes.add(Path.of(System.getProperty("user.home", "/"), ".local"));
    homes.add(Path.of("/usr"));
    homes.add(Path.of("/usr/local"));
    return homes;
  }

  private static void addSitePackages(Set<Path> folders, Path home) {
    folders.add(home.resolve("targets/x86_64-linux/lib")); // conda's packages
    for (Path python : children(home.resolve("lib"), "python3*")) {
      for (String packages : List.of("site-packages", "dist-packages")) {
        Path nvidia = python.resolve(packages).resolve("nvidia");
        // Newest last in name order, wanted first: CUDA 13 lies in cu13, CUDA 12 in a folder a
        // library.
        children(nvidia, "*").reversed().forEach(part -> folders.add(part.resolve("lib")));
      }
    }
  }
}
