package dev.baton.model.weights;

import dev.baton.model.config.ModelConfig;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.SequencedMap;

/** Which tensors a model of a given configuration consists of, as Hugging Face names them. */
public final class TensorShapes {
  private TensorShapes() {}

  /** Name to shape, in the order of the forward pass. */
  public static SequencedMap<String, List<Long>> of(ModelConfig c) {
    SequencedMap<String, List<Long>> shapes = new LinkedHashMap<>();
    long hidden = c.hiddenSize();
    shapes.put("model.embed_tokens.weight", List.of((long) c.vocabSize(), hidden));
    for (int i = 0; i < c.layers(); i++) {
      String layer = "model.layers." + i + ".";
      String attention = layer + "self_attn.";
      String mlp = layer + "mlp.";
      shapes.put(layer + "input_layernorm.weight", List.of(hidden));
      projection(shapes, attention + "q_proj", c.querySize(), hidden, c.attentionBias());
      projection(shapes, attention + "k_proj", c.kvSize(), hidden, c.attentionBias());
      projection(shapes, attention + "v_proj", c.kvSize(), hidden, c.attentionBias());
      if (c.qkNorm()) {
        shapes.put(attention + "q_norm.weight", List.of((long) c.headSize()));
        shapes.put(attention + "k_norm.weight", List.of((long) c.headSize()));
      }
      projection(shapes, attention + "o_proj", hidden, c.querySize(), c.outputBias());
      shapes.put(layer + "post_attention_layernorm.weight", List.of(hidden));
      projection(shapes, mlp + "gate_proj", c.intermediateSize(), hidden, c.mlpBias());
      projection(shapes, mlp + "up_proj", c.intermediateSize(), hidden, c.mlpBias());
      projection(shapes, mlp + "down_proj", hidden, c.intermediateSize(), c.mlpBias());
    }
    shapes.put("model.norm.weight", List.of(hidden));
    if (!c.tiedEmbeddings()) {
      shapes.put("lm_head.weight", List.of((long) c.vocabSize(), hidden));
    }
    return shapes;
  }

  private static void projection(
      SequencedMap<String, List<Long>> shapes, String name, long out, long in, boolean bias) {
    shapes.put(name + ".weight", List.of(out, in));
    if (bias) {
      shapes.put(name + ".bias", List.of(out));
    }
  }
}
