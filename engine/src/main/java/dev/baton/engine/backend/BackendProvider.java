package dev.baton.engine.backend;

import dev.baton.model.ModelDirectory;
import java.util.List;
import java.util.Optional;

/** Makes backends of one kind; found with {@link java.util.ServiceLoader}. */
public interface BackendProvider {

  /** The value of --device that names it: "cpu", "cuda". */
  String device();

  /** Higher is tried first with --device auto. */
  int preference();

  /** Why it cannot be used on this machine, in one line with the remedy; empty if it can. */
  Optional<String> unavailable();

  /** What it found on this machine: devices, libraries with place and version, what is missing. */
  default List<Finding> findings() {
    return List.of();
  }

  /**
   * Loads the model and allocates the KV pool.
   *
   * @param progress told the share loaded, from 0 to 1, while weights load
   * @throws BackendException if the device fails or the model does not fit
   * @throws dev.baton.model.ModelFormatException if the weights cannot be used
   */
  Backend open(ModelDirectory model, BackendOptions options, Progress progress);

  /** Told how far a load has come. */
  interface Progress {
    void loaded(double share);

    /** As {@link #loaded(double)}, by a backend that counts bytes. */
    default void loaded(long bytes, long ofBytes) {
      loaded((double) bytes / ofBytes);
    }
  }
}
