package dev.baton.cuda.kernel;

import dev.baton.cuda.binding.Nvrtc;
import dev.baton.model.config.ElementType;
import java.util.ArrayList;
import java.util.List;

/** Compiles a kernel with other constants than usual, to compare them. */
public final class KernelVariants {
  private KernelVariants() {}

  public static byte[] prefill(Nvrtc nvrtc, ElementType type, int headSize, String... defines) {
    Program program = Program.hopperPrefillAttention(type, headSize);
    List<String> options = new ArrayList<>(program.options(90));
    for (String define : defines) {
      options.add("-D" + define);
    }
    return nvrtc.compile(program.file(), program.source(), Program.headers(), options);
  }
}
