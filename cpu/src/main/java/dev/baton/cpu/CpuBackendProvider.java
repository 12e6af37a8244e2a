package dev.baton.cpu;

import dev.baton.cpu.forward.KvPool;
import dev.baton.cpu.memory.NativeMemory;
import dev.baton.cpu.threads.Team;
import dev.baton.cpu.weights.ModelWeights;
import dev.baton.engine.backend.Backend;
import dev.baton.engine.backend.BackendOptions;
import dev.baton.engine.backend.BackendProvider;
import dev.baton.engine.backend.KvLayout;
import dev.baton.model.ModelDirectory;
import dev.baton.model.config.ModelConfig;
import dev.baton.model.weights.WeightSource;
import dev.baton.model.weights.Weights;
import java.util.Optional;

/** Makes CPU backends. */
public final class CpuBackendProvider implements BackendProvider {

  @Override
  public String device() {
    return "cpu";
  }

  @Override
  public int preference() {
    return 0;
  }

  @Override
  public Optional<String> unavailable() {
    if (ModuleLayer.boot().findModule("jdk.incubator.vector").isEmpty()) {
      return Optional.of(
          "The CPU backend needs the JDK's vector module: start java with --add-modules"
              + " jdk.incubator.vector (./baton does).");
    }
    return FusedMultiplyAdd.missing();
  }

  @Override
  public Backend open(ModelDirectory model, BackendOptions options, Progress progress) {
    ModelConfig config = model.config();
    KvLayout layout = KvSizing.layout(config, options);
    int threads = options.threads().orElse(Runtime.getRuntime().availableProcessors());
    WarmUp warmUp = WarmUp.start(config, options);
    NativeMemory memory = new NativeMemory();
    Team team = new Team(threads, "compute");
    try (WeightSource source = Weights.open(model, options.loadFormat(), options.seed())) {
      ModelWeights weights =
          ModelWeights.load(config, source, options.dtype(), memory, team, progress);
      KvPool pool = new KvPool(layout, memory);
      warmUp.await();
      return new CpuBackend(config, weights, layout, pool, memory, team);
    } catch (RuntimeException | Error e) {
      warmUp.await();
      team.close();
      memory.close();
      throw e;
    }
  }
}
