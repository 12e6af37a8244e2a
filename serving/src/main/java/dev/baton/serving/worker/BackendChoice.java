package dev.baton.serving.worker;

import dev.baton.engine.backend.BackendException;
import dev.baton.engine.backend.BackendProvider;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;

/** Picks the backend for {@code --device}. */
final class BackendChoice {
  private BackendChoice() {}

  /**
   * The provider that was named, or for "auto" the most preferred one that can be used.
   *
   * @throws BackendException if there is none; the message says why and what to do
   */
  static BackendProvider choose(String device, List<BackendProvider> providers) {
    List<BackendProvider> sorted = new ArrayList<>(providers);
    sorted.sort(Comparator.comparingInt(BackendProvider::preference).reversed());
    List<String> reasons = new ArrayList<>();
    for (BackendProvider provider : sorted) {
      if (!device.equals("auto") && !device.equals(provider.device())) {
        continue;
      }
      Optional<String> unavailable = provider.unavailable();
      if (unavailable.isEmpty()) {
        return provider;
      }
      reasons.add(provider.device() + ": " + unavailable.get());
    }
    if (reasons.isEmpty()) {
      throw new BackendException(
          "--device "
              + device
              + ": there is no such backend in this installation; there are auto"
              + sorted.stream().map(provider -> ", " + provider.device()).reduce("", String::concat)
              + ".");
    }
    throw new BackendException(
        "--device " + device + ": no backend can be used. " + String.join(" ", reasons));
  }
}
