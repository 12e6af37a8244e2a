package dev.baton.benchmarks;

import dev.baton.cpu.forward.Packing;
import dev.baton.cpu.forward.Product;
import dev.baton.cpu.kernel.Simd;
import dev.baton.cpu.memory.NativeMemory;
import dev.baton.cpu.threads.Team;
import dev.baton.cpu.weights.PanelMatrix;
import dev.baton.model.config.ElementType;
import java.util.concurrent.TimeUnit;
import org.openjdk.jmh.annotations.AuxCounters;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Fork;
import org.openjdk.jmh.annotations.Level;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.TearDown;
import org.openjdk.jmh.annotations.Warmup;

/**
 * A prompt's product, packing of the activations included, beside the processor's peak. The counter
 * {@code operations} is in floating-point operations per second.
 */
@State(Scope.Thread)
@BenchmarkMode(Mode.Throughput)
@OutputTimeUnit(TimeUnit.SECONDS)
@Fork(value = 1, jvmArgsAppend = "--add-modules=jdk.incubator.vector")
@Warmup(iterations = 4, time = 1)
@Measurement(iterations = 6, time = 1)
public class PrefillProduct {
  private static final int ROWS = 512;
  private static final int ROUNDS = 20_000_000;

  /** Weights. */
  @Param({"BF16", "F16", "F32"})
  public ElementType type = ElementType.BF16;

  /** Columns and rows of the weight matrix. */
  @Param({"768x6144", "3072x768"})
  public String shape = "";

  private final NativeMemory memory = new NativeMemory();
  private final Team team = new Team(Runtime.getRuntime().availableProcessors(), "benchmark");
  private final Product product = new Product(team);
  private int depth;
  private int width;
  private float[] x = new float[0];
  private float[] packed = new float[0];
  private float[] y = new float[0];
  private PanelMatrix matrix = Matrices.random(ElementType.BF16, 16, 16, memory, team);

  /** Counts operations. */
  @AuxCounters(AuxCounters.Type.OPERATIONS)
  @State(Scope.Thread)
  public static class Work {
    /** Floating-point operations. */
    public double operations;

    /** Begins at zero in every iteration. */
    @Setup(Level.Iteration)
    public void reset() {
      operations = 0;
    }
  }

  /** Makes the matrix. */
  @Setup
  public void setUp() {
    String[] sizes = shape.split("x", 2);
    depth = Integer.parseInt(sizes[0]);
    int rows = Integer.parseInt(sizes[1]);
    matrix = Matrices.random(type, rows, depth, memory, team);
    width = matrix.panels() * Simd.PANEL;
    x = Matrices.activations(ROWS * depth);
    packed = new float[x.length];
    y = new float[ROWS * width];
  }

  /** Frees it. */
  @TearDown
  public void tearDown() {
    team.close();
    memory.close();
  }

  /** The product. */
  @Benchmark
  public float[] product(Work work) {
    Packing.pack(team, x, ROWS, depth, matrix.inputScale(), packed);
    product.run(matrix, 0, matrix.panels(), packed, ROWS, y, 0, width);
    work.operations += 2.0 * ROWS * depth * width;
    return y;
  }

  /** The processor's peak. */
  @Benchmark
  public float peak(Work work) {
    work.operations += Ceilings.operations(team.size(), ROUNDS);
    return Ceilings.multiplyAdd(team, ROUNDS);
  }
}
