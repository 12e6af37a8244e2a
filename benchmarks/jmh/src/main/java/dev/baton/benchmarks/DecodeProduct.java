package dev.baton.benchmarks;

import dev.baton.cpu.forward.Product;
import dev.baton.cpu.kernel.Simd;
import dev.baton.cpu.memory.NativeMemory;
import dev.baton.cpu.threads.Team;
import dev.baton.cpu.weights.PanelMatrix;
import dev.baton.model.config.ElementType;
import java.lang.foreign.MemorySegment;
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
 * The product of a decode step over a matrix that no cache holds, for one and more sequences,
 * beside plain reading. The counter {@code bytes} is in bytes of weights per second, {@code tokens}
 * in activation rows per second. Memory can change its pace within seconds, so {@link #turns} takes
 * the product, that of one sequence and reading in turn: {@code reading} over {@code multiplying}
 * is the product's share of the bandwidth, {@code batch * single / multiplying} what the batch
 * gains.
 */
@State(Scope.Thread)
@BenchmarkMode(Mode.Throughput)
@OutputTimeUnit(TimeUnit.SECONDS)
@Fork(value = 1, jvmArgsAppend = "--add-modules=jdk.incubator.vector")
@Warmup(iterations = 4, time = 1)
@Measurement(iterations = 6, time = 1)
public class DecodeProduct {
  private static final int DEPTH = 768;
  private static final int OUT = 163_840;

  /** Weights. */
  @Param({"BF16", "F16"})
  public ElementType type = ElementType.BF16;

  /** Sequences in the batch. */
  @Param({"1", "2", "4", "8", "16"})
  public int batch;

  private final NativeMemory memory = new NativeMemory();
  private final Team team = new Team(Runtime.getRuntime().availableProcessors(), "benchmark");
  private final Product product = new Product(team);
  private PanelMatrix matrix = Matrices.random(ElementType.BF16, 16, 16, memory, team);
  private MemorySegment plain = MemorySegment.NULL;
  private float[] x = new float[0];
  private float[] y = new float[0];

  /** Counts bytes and rows. */
  @AuxCounters(AuxCounters.Type.OPERATIONS)
  @State(Scope.Thread)
  public static class Work {
    /** Bytes of weights. */
    public double bytes;

    /** Activation rows. */
    public double tokens;

    /** Begins at zero in every iteration. */
    @Setup(Level.Iteration)
    public void reset() {
      bytes = 0;
      tokens = 0;
    }
  }

  /** How the time is divided between products and readings of the same weights. */
  @AuxCounters(AuxCounters.Type.OPERATIONS)
  @State(Scope.Thread)
  public static class Turns {
    /** Seconds in products with the batch, of a second. */
    public double multiplying;

    /** Seconds in products with one sequence, of a second. */
    public double single;

    /** Seconds in plain reading, of a second. */
    public double reading;

    /** Begins at zero in every iteration. */
    @Setup(Level.Iteration)
    public void reset() {
      multiplying = 0;
      single = 0;
      reading = 0;
    }
  }

  /** Makes the matrix, and as much memory to read. */
  @Setup
  public void setUp() {
    matrix = Matrices.random(type, OUT, DEPTH, memory, team);
    plain = memory.dense(matrix.bytes());
    plain.fill((byte) 1);
    x = Matrices.activations(batch * DEPTH);
    y = new float[batch * matrix.panels() * Simd.PANEL];
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
    multiply(batch);
    work.bytes += matrix.bytes();
    work.tokens += batch;
    return y;
  }

  /** Reading alone. */
  @Benchmark
  public int read(Work work) {
    work.bytes += plain.byteSize();
    return Ceilings.read(team, plain);
  }

  /** The product, that of one sequence, and reading. */
  @Benchmark
  public int turns(Turns turns) {
    turns.multiplying += seconds(batch);
    turns.single += seconds(1);
    long begin = System.nanoTime();
    int sum = Ceilings.read(team, plain);
    turns.reading += (System.nanoTime() - begin) / 1e9;
    return sum;
  }

  private double seconds(int sequences) {
    long begin = System.nanoTime();
    multiply(sequences);
    return (System.nanoTime() - begin) / 1e9;
  }

  private void multiply(int sequences) {
    product.run(matrix, 0, matrix.panels(), x, sequences, y, 0, matrix.panels() * Simd.PANEL);
  }
}
