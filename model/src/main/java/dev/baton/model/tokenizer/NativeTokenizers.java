package dev.baton.model.tokenizer;

import ai.djl.huggingface.tokenizers.jni.TokenizersLibrary;
import dev.baton.model.ModelFormatException;
import java.io.IOException;
import java.io.InputStream;
import java.net.JarURLConnection;
import java.net.URL;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.Locale;

/**
 * Hugging Face's tokenizers library, as DJL binds it. Only DJL's native library and the class that
 * declares its functions are used, not DJL's own loader: that one asks for the GPU, may download a
 * CUDA build, and reports to its makers on some clouds. This one unpacks the CPU build from the jar
 * and never uses the network.
 */
final class NativeTokenizers {
  private NativeTokenizers() {}

  /** The library's functions. The first call loads it. */
  static TokenizersLibrary library() {
    if (Holder.FAILURE.isEmpty()) {
      return TokenizersLibrary.LIB;
    }
    throw new ModelFormatException(Holder.FAILURE);
  }

  private static final class Holder {
    /** Why the library could not be loaded; empty if it was. */
    static final String FAILURE = load();

    private static String load() {
      String platform = platform(System.getProperty("os.name"), System.getProperty("os.arch"));
      String file = System.mapLibraryName("tokenizers");
      URL resource =
          TokenizersLibrary.class.getResource("/native/lib/%s/cpu/%s".formatted(platform, file));
      if (resource == null) {
        return "The tokenizer library has no build for %s. It runs on linux-x86_64, linux-aarch64 and osx-aarch64; elsewhere send prompts as token ids."
            .formatted(platform);
      }
      try {
        System.load(unpack(resource, file, cacheFolder()).toString());
        return "";
      } catch (IOException | UnsatisfiedLinkError e) {
        return "The tokenizer library could not be loaded (%s). It needs a writable home or temporary directory and, on Linux, glibc 2.25 or newer."
            .formatted(e.getMessage());
      }
    }
  }

  /** "linux-x86_64", as the jar's folders are named. */
  static String platform(String osName, String osArch) {
    String os = osName.toLowerCase(Locale.ROOT);
    String arch = osArch.toLowerCase(Locale.ROOT);
    return (os.startsWith("mac") ? "osx" : os.startsWith("win") ? "win" : os)
        + "-"
        + (arch.equals("amd64") ? "x86_64" : arch.equals("arm64") ? "aarch64" : arch);
  }

  /** This user's cache folder; the temporary directory's would be open to other users. */
  private static Path cacheFolder() {
    String xdg = System.getenv("XDG_CACHE_HOME");
    Path base =
        xdg == null || xdg.isEmpty()
            ? Path.of(System.getProperty("user.home"), ".cache")
            : Path.of(xdg);
    return base.resolve("baton").resolve("native");
  }

  /**
   * Copies the library to {@code folder}, once for all processes: its name holds checksum and size,
   * and it appears there only when it is complete. Where the folder is not writable, a copy of this
   * process alone in the temporary directory.
   */
  static Path unpack(URL resource, String fileName, Path folder) throws IOException {
    Path temporary;
    Path target;
    try {
      target = folder.resolve(identity(resource)).resolve(fileName);
      if (Files.isRegularFile(target)) {
        return target;
      }
      Files.createDirectories(target.getParent());
      temporary = Files.createTempFile(target.getParent(), fileName, ".part");
    } catch (IOException notWritable) {
      Path own = Files.createTempDirectory("baton-native");
      target = own.resolve(fileName);
      temporary = own.resolve(fileName + ".part");
      own.toFile().deleteOnExit();
      target.toFile().deleteOnExit();
    }
    try {
      try (InputStream in = resource.openStream()) {
        Files.copy(in, temporary, StandardCopyOption.REPLACE_EXISTING);
      }
      if (Files.getFileStore(temporary).supportsFileAttributeView("posix")) {
        Files.setPosixFilePermissions(temporary, PosixFilePermissions.fromString("rwx------"));
      }
      return Files.move(temporary, target, StandardCopyOption.ATOMIC_MOVE);
    } finally {
      Files.deleteIfExists(temporary);
    }
  }

  /** Name for these bytes, without unpacking them. */
  private static String identity(URL resource) throws IOException {
    if (resource.openConnection() instanceof JarURLConnection jar) {
      return "tokenizers-%08x-%d"
          .formatted(jar.getJarEntry().getCrc(), jar.getJarEntry().getSize());
    }
    return "tokenizers-" + Long.toHexString(resource.openConnection().getLastModified());
  }
}
