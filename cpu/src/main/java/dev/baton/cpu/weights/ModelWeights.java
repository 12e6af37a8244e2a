package dev.baton.cpu.weights;

import dev.baton.cpu.memory.NativeMemory;
import dev.baton.cpu.threads.Team;
import dev.baton.engine.backend.BackendProvider;
import dev.baton.model.config.ElementType;
import dev.baton.model.config.ModelConfig;
import dev.baton.model.weights.Tensor;
import dev.baton.model.weights.WeightSource;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * All weights of a model, re-laid out for the kernels.
 *
 * @param embedding token embeddings
 * @param layers decoder layers
 * @param finalNorm [hidden]
 * @param head output head, [vocabulary, hidden]
 */
public record ModelWeights(
    EmbeddingTable embedding, List<LayerWeights> layers, float[] finalNorm, PanelMatrix head) {

  /** Bytes of the matrices. */
  public long bytes() {
    long sum = embedding.bytes() + head.bytes();
    for (LayerWeights layer : layers) {
      sum += layer.bytes();
    }
    return sum;
  }

  /** Element type of the matrices, as the start-up line names it. */
  public ElementType type() {
    return layers.isEmpty() ? head.type() : layers.getFirst().gateUp().type();
  }

  /**
   * Reads and re-lays out every tensor that the model needs.
   *
   * @param type element type to hold; empty to keep the files' own
   * @throws dev.baton.model.ModelFormatException if a tensor is missing or has another shape
   */
  public static ModelWeights load(
      ModelConfig config,
      WeightSource source,
      Optional<ElementType> type,
      NativeMemory memory,
      Team team,
      BackendProvider.Progress progress) {
    return new Loading(config, source, memory, new PanelLoader(team, memory, type), progress).run();
  }

  private record Loading(
      ModelConfig c,
      WeightSource source,
      NativeMemory memory,
      PanelLoader panels,
      BackendProvider.Progress progress) {

    ModelWeights run() {
      Tensor embedding = source.tensor("model.embed_tokens.weight", c.vocabSize(), c.hiddenSize());
      EmbeddingTable table;
      PanelMatrix head;
      if (c.tiedEmbeddings()) {
        head = panels.stack(List.of(embedding));
        table = new EmbeddingTable.Tied(head);
      } else {
        table = EmbeddingTable.Rows.copy(embedding, memory);
        head = matrix("lm_head.weight", c.vocabSize(), c.hiddenSize());
      }
      List<LayerWeights> layers = new ArrayList<>();
      for (int i = 0; i < c.layers(); i++) {
        progress.loaded((i + 1.0) / (c.layers() + 1.0));
        layers.add(layer("model.layers." + i + "."));
      }
      float[] norm = vector("model.norm.weight", c.hiddenSize());
      progress.loaded(1);
      return new ModelWeights(table, List.copyOf(layers), norm, head);
    }

    private LayerWeights layer(String p) {
      String a = p + "self_attn.";
      String m = p + "mlp.";
      int hidden = c.hiddenSize();
      int mid = c.intermediateSize();
      PanelMatrix qkv =
          panels.stack(
              List.of(
                  source.tensor(a + "q_proj.weight", c.querySize(), hidden),
                  source.tensor(a + "k_proj.weight", c.kvSize(), hidden),
                  source.tensor(a + "v_proj.weight", c.kvSize(), hidden)));
      PanelMatrix gateUp =
          panels.interleave(
              source.tensor(m + "gate_proj.weight", mid, hidden),
              source.tensor(m + "up_proj.weight", mid, hidden));
      return new LayerWeights(
          vector(p + "input_layernorm.weight", hidden),
          qkv,
          optional(c.attentionBias(), a + "q_proj.bias", c.querySize()),
          optional(c.attentionBias(), a + "k_proj.bias", c.kvSize()),
          optional(c.attentionBias(), a + "v_proj.bias", c.kvSize()),
          optional(c.qkNorm(), a + "q_norm.weight", c.headSize()),
          optional(c.qkNorm(), a + "k_norm.weight", c.headSize()),
          matrix(a + "o_proj.weight", hidden, c.querySize()),
          optional(c.outputBias(), a + "o_proj.bias", hidden),
          vector(p + "post_attention_layernorm.weight", hidden),
          gateUp,
          optional(c.mlpBias(), m + "gate_proj.bias", mid),
          optional(c.mlpBias(), m + "up_proj.bias", mid),
          matrix(m + "down_proj.weight", hidden, mid),
          optional(c.mlpBias(), m + "down_proj.bias", hidden));
    }

    private PanelMatrix matrix(String name, int rows, int depth) {
      return panels.stack(List.of(source.tensor(name, rows, depth)));
    }

    private float @Nullable [] optional(boolean present, String name, int size) {
      return present ? vector(name, size) : null;
    }

    private float[] vector(String name, int size) {
      Tensor tensor = source.tensor(name, size);
      float[] values = new float[size];
      Elements.toFloats(tensor.data(), tensor.type(), 0, values, 0, size);
      return values;
    }
  }
}
