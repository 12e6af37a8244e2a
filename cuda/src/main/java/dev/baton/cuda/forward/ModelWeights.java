package dev.baton.cuda.forward;

import java.util.List;

/**
 * Device pointers of a model's weights; 0 where the model has none.
 *
 * @param embedding [vocab, hidden]
 * @param layers in order
 * @param finalNorm [hidden]
 * @param head [vocab, hidden]; the embedding where they are tied
 * @param bytes of all
 */
record ModelWeights(long embedding, List<Layer> layers, long finalNorm, long head, long bytes) {

  /**
   * One decoder layer.
   *
   * @param inputNorm [hidden]
   * @param qkv [querySize + 2 kvSize, hidden]
   * @param qkvBias [querySize + 2 kvSize]
   * @param qNorm [headSize]
   * @param kNorm [headSize]
   * @param output [hidden, querySize]
   * @param outputBias [hidden]
   * @param postNorm [hidden]
   * @param gateUp [2 intermediate, hidden]
   * @param gateUpBias [2 intermediate]
   * @param down [hidden, intermediate]
   * @param downBias [hidden]
   */
  record Layer(
      long inputNorm,
      long qkv,
      long qkvBias,
      long qNorm,
      long kNorm,
      long output,
      long outputBias,
      long postNorm,
      long gateUp,
      long gateUpBias,
      long down,
      long downBias) {}
}
