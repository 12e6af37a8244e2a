package dev.baton.cpu.weights;

import org.jspecify.annotations.Nullable;

/**
 * One decoder layer. Biases and norms that the model lacks are null.
 *
 * @param inputNorm [hidden]
 * @param qkv q, k and v rows below one another, each padded to whole panels
 * @param queryBias [heads * headSize]
 * @param keyBias [kvHeads * headSize]
 * @param valueBias [kvHeads * headSize]
 * @param queryNorm [headSize]
 * @param keyNorm [headSize]
 * @param output attention's output projection
 * @param outputBias [hidden]
 * @param postNorm norm before the feed-forward, [hidden]
 * @param gateUp panels of gate and up in turn
 * @param gateBias [intermediate]
 * @param upBias [intermediate]
 * @param down [hidden, intermediate]
 * @param downBias [hidden]
 */
public record LayerWeights(
    float[] inputNorm,
    PanelMatrix qkv,
    float @Nullable [] queryBias,
    float @Nullable [] keyBias,
    float @Nullable [] valueBias,
    float @Nullable [] queryNorm,
    float @Nullable [] keyNorm,
    PanelMatrix output,
    float @Nullable [] outputBias,
    float[] postNorm,
    PanelMatrix gateUp,
    float @Nullable [] gateBias,
    float @Nullable [] upBias,
    PanelMatrix down,
    float @Nullable [] downBias) {

  /** Bytes of the matrices. */
  long bytes() {
    return qkv.bytes() + output.bytes() + gateUp.bytes() + down.bytes();
  }
}
