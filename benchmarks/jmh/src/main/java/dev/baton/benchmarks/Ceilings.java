package dev.baton.benchmarks;

import dev.baton.cpu.threads.Team;
import java.lang.foreign.MemorySegment;
import java.nio.ByteOrder;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;

/** What the machine can do at best: the yardsticks that kernels are held against. */
final class Ceilings {
  private static final int CHAINS = 10;
  private static final long CHUNK = 1 << 20;

  private Ceilings() {}

  /** Floating-point operations of one call of {@link #multiplyAdd} with that many rounds. */
  static double operations(int threads, long rounds) {
    return 2.0 * threads * rounds * CHAINS * FloatVector.SPECIES_PREFERRED.length();
  }

  /** Independent chains of fused multiply-adds in registers, on every thread. */
  static float multiplyAdd(Team team, int rounds) {
    float[] results = new float[16 * team.size()];
    team.run(team.size(), (chunk, thread) -> results[16 * chunk] = chains(rounds));
    return results[0];
  }

  private static float chains(int rounds) {
    var s = FloatVector.SPECIES_PREFERRED;
    FloatVector m = FloatVector.broadcast(s, 1.0001f);
    FloatVector c = FloatVector.broadcast(s, 0.001f);
    FloatVector x0 = FloatVector.broadcast(s, 0f);
    FloatVector x1 = FloatVector.broadcast(s, 1f);
    FloatVector x2 = FloatVector.broadcast(s, 2f);
    FloatVector x3 = FloatVector.broadcast(s, 3f);
    FloatVector x4 = FloatVector.broadcast(s, 4f);
    FloatVector x5 = FloatVector.broadcast(s, 5f);
    FloatVector x6 = FloatVector.broadcast(s, 6f);
    FloatVector x7 = FloatVector.broadcast(s, 7f);
    FloatVector x8 = FloatVector.broadcast(s, 8f);
    FloatVector x9 = FloatVector.broadcast(s, 9f);
    for (int i = 0; i < rounds; i++) {
      x0 = x0.fma(m, c);
      x1 = x1.fma(m, c);
      x2 = x2.fma(m, c);
      x3 = x3.fma(m, c);
      x4 = x4.fma(m, c);
      x5 = x5.fma(m, c);
      x6 = x6.fma(m, c);
      x7 = x7.fma(m, c);
      x8 = x8.fma(m, c);
      x9 = x9.fma(m, c);
    }
    FloatVector left = x0.add(x1).add(x2).add(x3).add(x4);
    FloatVector right = x5.add(x6).add(x7).add(x8).add(x9);
    return left.add(right).lane(0);
  }

  /** Reads all of a piece of memory, on every thread. */
  static int read(Team team, MemorySegment memory) {
    int chunks = (int) (memory.byteSize() / CHUNK);
    int[] sums = new int[chunks];
    team.run(chunks, (chunk, thread) -> sums[chunk] = sum(memory, chunk * CHUNK));
    int sum = 0;
    for (int s : sums) {
      sum += s;
    }
    return sum;
  }

  private static int sum(MemorySegment memory, long from) {
    var s = IntVector.SPECIES_PREFERRED;
    long step = s.vectorByteSize();
    int rounds = (int) (CHUNK / (4 * step));
    IntVector a = IntVector.zero(s);
    IntVector b = a;
    IntVector c = a;
    IntVector d = a;
    for (int i = 0; i < rounds; i++) {
      long at = from + 4 * step * i;
      a = a.add(IntVector.fromMemorySegment(s, memory, at, ByteOrder.nativeOrder()));
      b = b.add(IntVector.fromMemorySegment(s, memory, at + step, ByteOrder.nativeOrder()));
      c = c.add(IntVector.fromMemorySegment(s, memory, at + 2 * step, ByteOrder.nativeOrder()));
      d = d.add(IntVector.fromMemorySegment(s, memory, at + 3 * step, ByteOrder.nativeOrder()));
    }
    return a.add(b).add(c).add(d).lane(0);
  }
}
