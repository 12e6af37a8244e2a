package dev.baton.cpu;

import com.sun.management.HotSpotDiagnosticMXBean;
import java.lang.management.ManagementFactory;
import java.util.Optional;

/** Whether the processor multiplies and adds in one instruction. */
final class FusedMultiplyAdd {
  private FusedMultiplyAdd() {}

  /** Without it, Java computes each fused operation in software, a thousand times slower. */
  static Optional<String> missing() {
    HotSpotDiagnosticMXBean vm = ManagementFactory.getPlatformMXBean(HotSpotDiagnosticMXBean.class);
    try {
      if (!Boolean.parseBoolean(vm.getVMOption("UseFMA").getValue())) {
        return Optional.of(
            "The CPU backend needs a processor with fused multiply-add (x86: since 2013; remove"
                + " -XX:-UseFMA if it was given).");
      }
    } catch (IllegalArgumentException e) {
      // A virtual machine without that option: let it try.
    }
    return Optional.empty();
  }
}
