package dev.baton.cuda.kernel;

import dev.baton.cuda.binding.Nvrtc;
import dev.baton.engine.backend.BackendException;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;
import java.util.List;
import java.util.function.Supplier;

/**
 * Compiles programs, and keeps what it compiled in a folder under a name made of source, options
 * and compiler version. A folder that cannot be used costs time, nothing else.
 */
public final class KernelCompiler {
  private static final System.Logger LOG = System.getLogger(KernelCompiler.class.getName());

  private final Supplier<Nvrtc> compiler;
  private final String version;
  private final Path cache;

  /**
   * A compiler.
   *
   * @param compiler loaded when something has to be compiled
   * @param version names the compiler in the cache without loading it, e.g. its file and size
   * @param cache folder of compiled code; made when needed
   */
  public KernelCompiler(Supplier<Nvrtc> compiler, String version, Path cache) {
    this.compiler = compiler;
    this.version = version;
    this.cache = cache;
  }

  /** The folder under the user's cache folder. */
  public static Path defaultCache() {
    String base = System.getenv("XDG_CACHE_HOME");
    return (base == null || base.isEmpty()
            ? Path.of(System.getProperty("user.home", "/tmp"), ".cache")
            : Path.of(base))
        .resolve("baton");
  }

  /** The code of a program for a compute capability (90 for 9.0). */
  public byte[] compile(Program program, int architecture) {
    String source = program.source();
    List<String> options = program.options(architecture);
    Path file = cache.resolve("kernels").resolve(name(program, source, options));
    try {
      if (Files.isRegularFile(file)) {
        return Files.readAllBytes(file);
      }
    } catch (IOException e) {
      LOG.log(System.Logger.Level.DEBUG, "Compiled kernels in " + file + " cannot be read.", e);
    }
    byte[] code = compiler.get().compile(program.file(), source, Program.headers(), options);
    store(file, code);
    return code;
  }

  /** Names sources, options and compiler of some programs: another name, other machine code. */
  public String fingerprint(List<Program> programs, int architecture) {
    return programs.stream()
        .map(program -> name(program, program.source(), program.options(architecture)))
        .sorted()
        .collect(java.util.stream.Collectors.joining(" "));
  }

  private static void store(Path file, byte[] code) {
    try {
      Path folder = file.toAbsolutePath().getParent();
      if (folder == null) {
        return;
      }
      Files.createDirectories(folder);
      Path part = Files.createTempFile(folder, "kernel", ".part");
      Files.write(part, code);
      Files.move(part, file, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
    } catch (IOException e) {
      LOG.log(
          System.Logger.Level.WARNING,
          "Compiled kernels cannot be kept in "
              + file
              + "; they are compiled at every start. "
              + e);
    }
  }

  private String name(Program program, String source, List<String> options) {
    try {
      MessageDigest digest = MessageDigest.getInstance("SHA-256");
      for (String part :
          List.of(version, source, Program.headers().toString(), options.toString())) {
        digest.update(part.getBytes(StandardCharsets.UTF_8));
        digest.update((byte) 0);
      }
      return program.file().replace(".cu", "-")
          + HexFormat.of().formatHex(digest.digest(), 0, 12)
          + ".cubin";
    } catch (NoSuchAlgorithmException e) {
      throw new BackendException("This Java has no SHA-256.", e);
    }
  }
}
