package dev.baton.model.config;

/**
 * The decoder-only architectures that Baton computes; the constant's name appears in config.json's
 * "architectures". They share one forward pass and differ in what {@link ModelConfig} says.
 */
public enum Architecture {
  LLAMA("LlamaForCausalLM"),
  MISTRAL("MistralForCausalLM"),
  /** Biases on q, k and v. */
  QWEN2("Qwen2ForCausalLM"),
  /** RMSNorm over each head of q and k before RoPE. */
  QWEN3("Qwen3ForCausalLM");

  private final String className;

  Architecture(String className) {
    this.className = className;
  }

  /** The class name that config.json's "architectures" holds. */
  public String className() {
    return className;
  }
}
