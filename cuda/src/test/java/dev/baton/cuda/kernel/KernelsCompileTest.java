package dev.baton.cuda.kernel;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.baton.cuda.binding.LibraryFinder;
import dev.baton.cuda.binding.Nvrtc;
import dev.baton.engine.backend.BackendException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * Compiles every kernel for every architecture. NVRTC needs no GPU; scripts/nvrtc.sh installs it.
 * In continuous integration (CI is set) it has to be there.
 */
class KernelsCompileTest {
  private static final List<Integer> ARCHITECTURES = List.of(80, 90, 100);

  private static Optional<Nvrtc> compiler() {
    LibraryFinder finder = LibraryFinder.ofEnvironment();
    if (Nvrtc.find(finder).isPresent()) {
      return Optional.of(Nvrtc.load(finder));
    }
    if (System.getenv("CI") != null) {
      throw new AssertionError(
          "NVRTC is not installed, so no kernel was compiled. Looked in " + finder.folders());
    }
    System.out.println(
        "LEFT OUT: the CUDA kernels were not compiled, since NVRTC is not installed. scripts/nvrtc.sh"
            + " installs it (no GPU needed).");
    return Optional.empty();
  }

  @Test
  void everyKernelCompilesForEveryArchitecture() {
    compiler()
        .ifPresent(
            nvrtc -> {
              List<String> failures = new ArrayList<>();
              for (int architecture : ARCHITECTURES) {
                Program.all().parallelStream()
                    .forEach(program -> compile(nvrtc, program, architecture, failures));
              }
              assertThat(failures).isEmpty();
            });
  }

  private static void compile(
      Nvrtc nvrtc, Program program, int architecture, List<String> failures) {
    try {
      byte[] code =
          nvrtc.compile(
              program.file(), program.source(), Program.headers(), program.options(architecture));
      assertThat(code).startsWith(0x7f, 'E', 'L', 'F');
    } catch (BackendException | AssertionError e) {
      synchronized (failures) {
        failures.add(program + " sm_" + architecture + ": " + e.getMessage());
      }
    }
  }

  @Test
  void aSourceWithAnErrorIsRefusedWithTheCompilersMessage() {
    compiler()
        .ifPresent(
            nvrtc ->
                assertThatThrownBy(
                        () ->
                            nvrtc.compile(
                                "wrong.cu",
                                "__global__ void k() { nonsense; }",
                                Map.of(),
                                List.of("-arch=sm_90")))
                    .isInstanceOf(BackendException.class)
                    .hasMessageContaining("wrong.cu does not compile")
                    .hasMessageContaining("nonsense"));
  }

  @Test
  void compiledCodeIsKeptAndFoundAgain(@TempDir Path folder) {
    compiler()
        .ifPresent(
            nvrtc -> {
              byte[] first =
                  new KernelCompiler(() -> nvrtc, "1", folder).compile(Program.sampling(), 90);
              KernelCompiler without =
                  new KernelCompiler(
                      () -> {
                        throw new AssertionError("compiled again");
                      },
                      "1",
                      folder);
              assertThat(without.compile(Program.sampling(), 90)).isEqualTo(first);
              assertThat(Files.exists(folder.resolve("kernels"))).isTrue();
            });
  }
}
