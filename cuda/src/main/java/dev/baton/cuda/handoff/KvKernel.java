package dev.baton.cuda.handoff;

import dev.baton.cuda.binding.Driver;
import dev.baton.cuda.binding.Interprocess;
import dev.baton.cuda.binding.Launcher.Kernel;
import dev.baton.cuda.kernel.KernelCompiler;
import dev.baton.cuda.kernel.Program;

/** The loaded kernel that copies KV, and the driver's functions that go with it. */
public final class KvKernel implements AutoCloseable {
  private final Driver driver;
  private final Interprocess interprocess;
  private final long module;
  private final Kernel copy;

  /** Compiles where needed, and loads. The context is current. */
  public KvKernel(
      Driver driver, Interprocess interprocess, KernelCompiler compiler, int architecture) {
    this.driver = driver;
    this.interprocess = interprocess;
    module = driver.loadModule(compiler.compile(Program.kvCopy(), architecture), "kv_copy.cu");
    copy = new Kernel("kv_copy", driver.function(module, "kv_copy"), 6);
  }

  Kernel copy() {
    return copy;
  }

  Interprocess interprocess() {
    return interprocess;
  }

  @Override
  public void close() {
    driver.unloadModule(module);
  }
}
