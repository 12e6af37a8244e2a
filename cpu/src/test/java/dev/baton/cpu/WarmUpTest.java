package dev.baton.cpu;

import dev.baton.model.ModelDirectory;
import dev.baton.model.config.ElementType;
import java.nio.file.Path;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

/** A worker serves without its warm-up, only more slowly; so it is here that a failure shows. */
final class WarmUpTest {
  private static final Path ROOT = Path.of(System.getProperty("baton.root"));

  @ParameterizedTest
  @EnumSource(ElementType.class)
  void everyTypeOfTheDemoModelWarmsUp(ElementType type) {
    warmUp("models/fable-5m", type);
  }

  @ParameterizedTest
  @ValueSource(
      strings = {"llama-mha", "llama-mqa-tied", "mistral", "qwen2", "qwen3", "llama-odd-sizes"})
  void everyShapeWarmsUp(String name) {
    warmUp("goldens/" + name, ElementType.BF16);
  }

  private static void warmUp(String path, ElementType type) {
    WarmUp.rounds(ModelDirectory.open(ROOT.resolve(path)).config(), type, 0);
  }
}
