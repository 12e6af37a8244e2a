package dev.baton.cpu;

import com.sun.management.OperatingSystemMXBean;
import dev.baton.cpu.forward.KvPool;
import dev.baton.engine.backend.BackendException;
import dev.baton.engine.backend.BackendOptions;
import dev.baton.engine.backend.KvLayout;
import dev.baton.model.config.ElementType;
import dev.baton.model.config.ModelConfig;
import java.lang.management.ManagementFactory;

/** How many KV blocks a CPU worker gets. */
final class KvSizing {
  private static final long MODEST = 512L << 20;

  private KvSizing() {}

  /**
   * The number asked for; else what fits the size asked for; else enough for every sequence at full
   * length, but no more than 512 MiB (or an eighth of memory, where that is less) unless one
   * sequence of full length needs more. Blocks take memory as they are used.
   *
   * @throws BackendException if what was asked for is no block, or more than the machine's memory
   */
  static KvLayout layout(ModelConfig model, BackendOptions options) {
    long perBlock =
        KvPool.bytesPerBlock(
            options.blockSize(), model.layers(), model.kvHeads(), model.headSize());
    long blocks;
    if (options.numGpuBlocks().isPresent()) {
      blocks = options.numGpuBlocks().getAsInt();
    } else if (options.kvCacheBytes().isPresent()) {
      blocks = options.kvCacheBytes().getAsLong() / perBlock;
      if (blocks == 0) {
        throw new BackendException(
            "A KV pool of "
                + options.kvCacheBytes().getAsLong()
                + " bytes holds no block: one of "
                + options.blockSize()
                + " tokens takes "
                + perBlock
                + " bytes. Give the pool more, or use smaller blocks.");
      }
    } else {
      blocks = modest(options, perBlock);
    }
    if (blocks > memory() / perBlock) {
      throw new BackendException(
          ("A KV pool of %d blocks of %d tokens takes %d MiB, and this machine has %d MiB of memory:"
                  + " ask for a smaller one.")
              .formatted(blocks, options.blockSize(), (blocks * perBlock) >> 20, memory() >> 20));
    }
    return new KvLayout(
        (int) Math.min(blocks, Integer.MAX_VALUE),
        options.blockSize(),
        model.layers(),
        model.kvHeads(),
        model.headSize(),
        ElementType.F32);
  }

  private static long modest(BackendOptions options, long perBlock) {
    long memory = memory();
    long perSequence = (options.maxModelLen() + options.blockSize() - 1L) / options.blockSize() + 1;
    long most = Math.min(MODEST, memory / 8) / perBlock;
    long wanted = Math.min(perSequence * options.maxNumSeqs(), most);
    return Math.max(1, Math.max(wanted, Math.min(perSequence, memory / 4 / perBlock)));
  }

  /** The machine's, or the container's where that has less. */
  private static long memory() {
    return ManagementFactory.getPlatformMXBean(OperatingSystemMXBean.class).getTotalMemorySize();
  }
}
