package dev.baton.serving.handoff;

import dev.baton.engine.Engine;
import dev.baton.engine.backend.KvLayout;
import dev.baton.engine.backend.KvPort;
import dev.baton.model.config.ModelConfig;
import java.io.IOException;

/** Makes the connector that a configuration asks for and the worker can have. */
public final class KvConnectors {
  private KvConnectors() {}

  /**
   * Starts a connector.
   *
   * @param config what {@code --kv-transfer-config} says
   * @param engine runs the requests; stays the caller's, and is closed after the connector
   * @param port reads and writes the backend's KV blocks
   * @param layout their shape
   * @param fingerprint names the model; peers must have the same, see {@link #fingerprint}
   * @param host the address that the worker listens on, used where the configuration names none
   * @throws IOException if the control port cannot be opened; the message says which and why
   */
  public static KvConnector create(
      KvTransferConfig config,
      Engine engine,
      KvPort port,
      KvLayout layout,
      String fingerprint,
      String host)
      throws IOException {
    return WorkerConnector.start(config, engine, port, layout, fingerprint, host);
  }

  /** What two workers must agree on for one to go on with the other's KV. */
  public static String fingerprint(ModelConfig model) {
    return model.architecture()
        + " hidden="
        + model.hiddenSize()
        + " layers="
        + model.layers()
        + " heads="
        + model.heads()
        + " kv_heads="
        + model.kvHeads()
        + " head_size="
        + model.headSize()
        + " ffn="
        + model.intermediateSize()
        + " vocab="
        + model.vocabSize()
        + " eps="
        + model.rmsNormEps()
        + " bias="
        + model.attentionBias()
        + model.outputBias()
        + model.mlpBias()
        + " qk_norm="
        + model.qkNorm()
        + " window="
        + (model.slidingWindow().isPresent() ? model.slidingWindow().getAsInt() : 0)
        + " "
        + model.rope();
  }
}
