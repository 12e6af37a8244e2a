package dev.baton.cuda.handoff;

import dev.baton.cuda.binding.Driver;
import dev.baton.cuda.binding.Interprocess;
import dev.baton.cuda.binding.Launcher.Kernel;
import dev.baton.cuda.kernel.KernelCompiler;
import dev.baton.cuda.kernel.Program;

/** The loaded kernels that copy KV, and the driver's functions that go with it. */
public final class KvKernel implements AutoCloseable {
  private final Driver driver;
  private final Interprocess interprocess;
  private final long module;
  private final Kernel copy;
  private final Kernel copyBlocks;
  private final Kernel finish;

  /** Compiles where needed, and loads. The context is current. */
  public KvKernel(
      Driver driver, Interprocess interprocess, KernelCompiler compiler, int architecture) {
    this.driver = driver;
    this.interprocess = interprocess;
    module = driver.loadModule(compiler.compile(Program.kvCopy(), architecture), "kv_copy.cu");
    copy = kernel("kv_copy", 6);
    copyBlocks = kernel("kv_copy_blocks", 3);
    finish = kernel("kv_finish", 3);
  }

  private Kernel kernel(String name, int arguments) {
    return new Kernel(name, driver.function(module, name), arguments);
  }

  Kernel copy() {
    return copy;
  }

  Kernel copyBlocks() {
    return copyBlocks;
  }

  Kernel finish() {
    return finish;
  }

  Interprocess interprocess() {
    return interprocess;
  }

  @Override
  public void close() {
    driver.unloadModule(module);
  }
}
