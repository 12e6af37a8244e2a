package dev.baton.model;

import java.nio.file.Path;
import java.util.List;

/** Files of the checkout that tests read. */
public final class Checkout {
  public static final Path ROOT = Path.of(System.getProperty("baton.root"));
  public static final Path DEMO = ROOT.resolve("models/fable-5m");
  public static final Path GOLDENS = ROOT.resolve("goldens");

  /** Directories of the golden shapes. */
  public static final List<String> SHAPES =
      List.of(
          "llama-gqa-wide-head",
          "llama-mha",
          "llama-mqa-tied",
          "llama-rope-llama3",
          "mistral",
          "qwen2",
          "qwen3");

  private Checkout() {}
}
