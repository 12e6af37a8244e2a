package dev.baton.cuda;

import dev.baton.cuda.binding.LibraryFinder;
import dev.baton.cuda.forward.CudaBackend;
import dev.baton.engine.backend.Backend;
import dev.baton.engine.backend.BackendOptions;
import dev.baton.engine.backend.BackendProvider;
import dev.baton.engine.backend.Finding;
import dev.baton.model.ModelDirectory;
import java.util.List;
import java.util.Optional;

/** NVIDIA GPUs: --device cuda. */
public final class CudaBackendProvider implements BackendProvider {

  @Override
  public String device() {
    return "cuda";
  }

  @Override
  public int preference() {
    return 100;
  }

  /** Loads nothing but the driver, and that only where it is installed. */
  @Override
  public Optional<String> unavailable() {
    return new Inspection(LibraryFinder.ofEnvironment()).obstacle();
  }

  @Override
  public List<Finding> findings() {
    return new Inspection(LibraryFinder.ofEnvironment()).findings();
  }

  @Override
  public Backend open(ModelDirectory model, BackendOptions options, Progress progress) {
    return CudaBackend.open(LibraryFinder.ofEnvironment(), model, options, progress);
  }
}
