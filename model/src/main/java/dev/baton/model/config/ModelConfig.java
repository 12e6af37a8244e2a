package dev.baton.model.config;

import java.util.ArrayList;
import java.util.List;
import java.util.OptionalInt;

/**
 * The numbers of config.json that the forward pass needs, checked and with defaults filled in.
 *
 * @param architecture which of the supported families
 * @param hiddenSize width of the residual stream
 * @param layers number of decoder layers
 * @param heads query heads per layer
 * @param kvHeads key/value heads per layer; divides {@code heads}
 * @param headSize elements per head (head_dim, or hidden / heads)
 * @param intermediateSize width of the gated feed-forward
 * @param vocabSize rows of the embedding and of the output head
 * @param maxPositions longest sequence the model was made for
 * @param rmsNormEps epsilon of every RMSNorm
 * @param rope rotary embedding
 * @param attentionBias q, k and v projections have biases (Qwen2; Llama's attention_bias)
 * @param outputBias the attention's output projection has a bias (Llama's attention_bias)
 * @param mlpBias feed-forward projections have biases (Llama's mlp_bias)
 * @param qkNorm RMSNorm over each head of q and k, before RoPE (Qwen3)
 * @param tiedEmbeddings the output head is the embedding matrix
 * @param slidingWindow attention window in tokens, where the model has one
 * @param elementType type the weights were saved in
 * @param bosTokenId beginning-of-sequence id, where config.json names one
 * @param eosTokenIds ids that end a generation (from generation_config.json where present)
 */
public record ModelConfig(
    Architecture architecture,
    int hiddenSize,
    int layers,
    int heads,
    int kvHeads,
    int headSize,
    int intermediateSize,
    int vocabSize,
    int maxPositions,
    double rmsNormEps,
    RopeConfig rope,
    boolean attentionBias,
    boolean outputBias,
    boolean mlpBias,
    boolean qkNorm,
    boolean tiedEmbeddings,
    OptionalInt slidingWindow,
    ElementType elementType,
    OptionalInt bosTokenId,
    List<Integer> eosTokenIds) {

  /**
   * The same, with one more id that ends a generation; one outside the vocabulary changes nothing.
   */
  public ModelConfig withEndingToken(int id) {
    if (id < 0 || id >= vocabSize || eosTokenIds.contains(id)) {
      return this;
    }
    List<Integer> all = new ArrayList<>(eosTokenIds);
    all.add(id);
    return new ModelConfig(
        architecture,
        hiddenSize,
        layers,
        heads,
        kvHeads,
        headSize,
        intermediateSize,
        vocabSize,
        maxPositions,
        rmsNormEps,
        rope,
        attentionBias,
        outputBias,
        mlpBias,
        qkNorm,
        tiedEmbeddings,
        slidingWindow,
        elementType,
        bosTokenId,
        List.copyOf(all));
  }

  /** Elements of one token's q row: heads * headSize. */
  public int querySize() {
    return heads * headSize;
  }

  /** Elements of one token's k (or v) row: kvHeads * headSize. */
  public int kvSize() {
    return kvHeads * headSize;
  }

  /** Query heads that share one KV head. */
  public int groupSize() {
    return heads / kvHeads;
  }
}
