package dev.baton.model.config;

/** Type of one number in a weight, activation or KV tensor. Little-endian wherever it is stored. */
public enum ElementType {
  /** IEEE 754 binary32. */
  F32(4, "float32"),
  /** IEEE 754 binary16. */
  F16(2, "float16"),
  /** The upper half of a binary32. */
  BF16(2, "bfloat16");

  private final int bytes;
  private final String torchName;

  ElementType(int bytes, String torchName) {
    this.bytes = bytes;
    this.torchName = torchName;
  }

  /** Bytes of one element. */
  public int bytes() {
    return bytes;
  }

  /** The name in config.json ("dtype", "torch_dtype") and in command-line options: "float16". */
  public String torchName() {
    return torchName;
  }
}
