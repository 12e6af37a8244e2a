package dev.baton.serving.worker;

import dev.baton.engine.Engine;
import dev.baton.engine.backend.Backend;
import dev.baton.model.config.ModelConfig;
import dev.baton.model.tokenizer.Tokenizer;
import dev.baton.openai.request.Limits;
import dev.baton.serving.handoff.KvConnector;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * A model that is ready to serve.
 *
 * @param config its numbers
 * @param names names that requests may use, the reported one first
 * @param root where it was loaded from
 * @param created seconds since 1970 when it was loaded
 * @param maxModelLen longest sequence
 * @param tokenizer empty for a model without one, which takes and gives ids alone
 * @param templates empty for a model without one, which serves no chat
 * @param specialTokens what templates may name: "bos_token" to "<s>", and so on
 * @param limits what requests are checked against
 * @param backend the device
 * @param engine generates
 * @param connector hands KV over, for workers with a role
 */
record LoadedModel(
    ModelConfig config,
    List<String> names,
    String root,
    long created,
    int maxModelLen,
    Optional<Tokenizer> tokenizer,
    Optional<ModelTemplates> templates,
    Map<String, String> specialTokens,
    Limits limits,
    Backend backend,
    Engine engine,
    Optional<KvConnector> connector) {

  /** The name that answers carry. */
  String name() {
    return names.getFirst();
  }
}
