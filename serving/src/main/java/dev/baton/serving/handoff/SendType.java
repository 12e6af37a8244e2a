package dev.baton.serving.handoff;

/** When the KV of a prompt travels ({@code send_type}). */
public enum SendType {
  /** Each group of layers as soon as it is computed, while later ones are still being computed. */
  PUT_ASYNC,
  /** Each chunk of the prompt once all its layers are computed; the first token follows the KV. */
  PUT,
  /** The decode worker pulls when the prompt is done. */
  GET
}
