package dev.baton.cuda.kernel;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

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

/** Compiles every kernel for every architecture; see {@link Compilers}. */
class KernelsCompileTest {
  private static final List<Integer> ARCHITECTURES = List.of(80, 90, 100);

  /** What CUDA 12.0 knows of them. */
  private static final List<Integer> OLD_ARCHITECTURES = List.of(80, 90);

  private static Optional<Nvrtc> compiler() {
    return Compilers.newest().map(Nvrtc::load);
  }

  @Test
  void everyKernelCompilesForEveryArchitecture() {
    compiler().ifPresent(nvrtc -> assertThat(failures(nvrtc, ARCHITECTURES)).isEmpty());
  }

  @Test
  void everyKernelCompilesWithTheOldestCompiler() {
    Compilers.oldest()
        .ifPresent(file -> assertThat(failures(Nvrtc.load(file), OLD_ARCHITECTURES)).isEmpty());
  }

  private static List<String> failures(Nvrtc nvrtc, List<Integer> architectures) {
    List<String> failures = new ArrayList<>();
    for (int architecture : architectures) {
      Program.all(architecture).parallelStream()
          .forEach(program -> compile(nvrtc, program, architecture, failures));
    }
    return failures;
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
