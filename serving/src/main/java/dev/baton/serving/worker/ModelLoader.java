package dev.baton.serving.worker;

import dev.baton.engine.Engine;
import dev.baton.engine.EngineOptions;
import dev.baton.engine.backend.Backend;
import dev.baton.engine.backend.BackendException;
import dev.baton.engine.backend.BackendOptions;
import dev.baton.engine.backend.BackendProvider;
import dev.baton.model.ModelDirectory;
import dev.baton.model.ModelFormatException;
import dev.baton.model.config.ModelConfig;
import dev.baton.model.template.ChatTemplates;
import dev.baton.model.tokenizer.Tokenizer;
import dev.baton.model.tokenizer.Tokenizers;
import dev.baton.openai.request.Limits;
import dev.baton.openai.request.SamplingDefaults;
import dev.baton.serving.handoff.KvConnector;
import dev.baton.serving.handoff.KvConnectors;
import dev.baton.serving.handoff.KvTransferConfig;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;

/** Opens everything that a worker needs, and closes it again if a later part fails. */
final class ModelLoader {
  private static final System.Logger LOG = System.getLogger(ModelLoader.class.getName());

  private ModelLoader() {}

  static LoadedModel load(WorkerOptions options, List<BackendProvider> providers) {
    ModelDirectory directory = ModelDirectory.open(options.model());
    WorkerOptions.EngineSettings settings = options.engine();
    int maxModelLen = maxModelLen(settings, directory.config());
    BackendProvider provider = BackendChoice.choose(options.device(), providers);
    Path tokenizerDir = options.tokenizer().orElse(directory.path());
    Optional<Tokenizer> tokenizer = Tokenizers.find(tokenizerDir);
    if (tokenizer.isEmpty() && options.tokenizer().isPresent()) {
      throw new ModelFormatException(
          "--tokenizer " + tokenizerDir + " has no tokenizer.json: give a directory that has one.");
    }
    ModelConfig config = withTokenizersEnd(directory.config(), tokenizer);
    Optional<ModelTemplates> templates = ModelTemplates.load(options.chatTemplate(), tokenizerDir);
    SamplingDefaults defaults =
        options.generationDefaults()
            ? GenerationDefaults.read(directory.path())
            : SamplingDefaults.OPENAI;

    Backend backend =
        provider.open(
            new ModelDirectory(directory.path(), config),
            backendOptions(settings, maxModelLen),
            new LoadProgress(line -> LOG.log(System.Logger.Level.INFO, line), System::nanoTime));
    try {
      Engine engine =
          Engine.start(
              backend,
              new EngineOptions(
                  maxModelLen,
                  settings.maxNumBatchedTokens(),
                  settings.maxNumMixedTokens().orElse(backend.mixedStepTokens()),
                  settings.maxNumMixedTokens().orElse(backend.crowdedStepTokens()),
                  settings.maxNumSeqs(),
                  settings.prefixCaching(),
                  EngineOptions.DEFAULT_MAX_QUEUED));
      try {
        LoadedModel model =
            new LoadedModel(
                config,
                names(options),
                options.model().toString(),
                System.currentTimeMillis() / 1000,
                maxModelLen,
                tokenizer,
                templates,
                ChatTemplates.specialTokens(tokenizerDir),
                new Limits(config.vocabSize(), options.maxChoices(), defaults),
                backend,
                engine,
                connector(options, engine, backend, config));
        return model;
      } catch (RuntimeException | Error e) {
        engine.close();
        throw e;
      }
    } catch (RuntimeException | Error e) {
      backend.close();
      tokenizer.ifPresent(Tokenizer::close);
      throw e;
    }
  }

  /**
   * As in vLLM, the tokenizer's end token ends an answer beside those of the model's configuration:
   * who fine-tunes a model for chats often changes the tokenizer's alone.
   */
  private static ModelConfig withTokenizersEnd(ModelConfig config, Optional<Tokenizer> tokenizer) {
    OptionalInt end = tokenizer.map(Tokenizer::eosTokenId).orElse(OptionalInt.empty());
    return end.isPresent() ? config.withEndingToken(end.getAsInt()) : config;
  }

  private static int maxModelLen(WorkerOptions.EngineSettings settings, ModelConfig config) {
    int asked = settings.maxModelLen().orElse(config.maxPositions());
    if (asked > config.maxPositions()) {
      throw new ModelFormatException(
          "--max-model-len "
              + asked
              + " is more than the "
              + config.maxPositions()
              + " positions that the model was made for (max_position_embeddings): give at most"
              + " that.");
    }
    return asked;
  }

  private static List<String> names(WorkerOptions options) {
    return options.servedModelNames().isEmpty()
        ? List.of(options.model().toString())
        : options.servedModelNames();
  }

  private static BackendOptions backendOptions(
      WorkerOptions.EngineSettings settings, int maxModelLen) {
    return new BackendOptions(
        maxModelLen,
        settings.maxNumBatchedTokens(),
        settings.maxNumSeqs(),
        settings.blockSize(),
        settings.dtype(),
        settings.loadFormat(),
        settings.seed(),
        settings.gpuMemoryUtilization(),
        settings.kvCacheBytes(),
        settings.numGpuBlocks(),
        settings.threads());
  }

  private static Optional<KvConnector> connector(
      WorkerOptions options, Engine engine, Backend backend, ModelConfig config) {
    if (options.kvTransfer().isEmpty()) {
      return Optional.empty();
    }
    KvTransferConfig transfer = options.kvTransfer().get();
    try {
      return Optional.of(
          KvConnectors.create(
              transfer,
              engine,
              backend.kvPort(),
              backend.kvLayout(),
              KvConnectors.fingerprint(config),
              options.host()));
    } catch (IOException e) {
      throw new BackendException("--kv-transfer-config: " + e.getMessage(), e);
    }
  }
}
