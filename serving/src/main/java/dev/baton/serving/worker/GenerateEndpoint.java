package dev.baton.serving.worker;

import dev.baton.engine.EngineRequest;
import dev.baton.openai.Json;
import dev.baton.openai.OpenAiException;
import dev.baton.openai.request.ChatRequest;
import dev.baton.openai.request.CompletionRequest;
import dev.baton.openai.request.GenerationParams;
import dev.baton.openai.request.Prompt;
import dev.baton.openai.response.ResponseHead;
import dev.baton.serving.handoff.TransferParams;
import dev.baton.serving.http.ClientGoneException;
import dev.baton.serving.http.HttpExchange;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/** /v1/completions and /v1/chat/completions. */
final class GenerateEndpoint {
  private static final System.Logger LOG = System.getLogger(GenerateEndpoint.class.getName());

  private final LoadedModel model;
  private final PromptEncoder encoder;
  private final Metrics metrics;
  private final boolean logRequests;

  GenerateEndpoint(LoadedModel model, PromptEncoder encoder, Metrics metrics, boolean logRequests) {
    this.model = model;
    this.encoder = encoder;
    this.metrics = metrics;
    this.logRequests = logRequests;
  }

  void completion(HttpExchange exchange) throws ClientGoneException, InterruptedException {
    CompletionRequest request = CompletionRequest.read(Json.parse(exchange.body()), model.limits());
    Models.check(model, request.params().model());
    List<int[]> prompts = new ArrayList<>(request.prompts().size());
    for (Prompt prompt : request.prompts()) {
      prompts.add(encoder.encode(prompt, request.addSpecialTokens()));
    }
    List<String> echoes = new ArrayList<>();
    if (request.echo()) {
      for (int i = 0; i < prompts.size(); i++) {
        echoes.add(echo(request.prompts().get(i)));
      }
    }
    run(
        exchange,
        request.params(),
        prompts,
        echoes,
        CompletionRequest.DEFAULT_MAX_TOKENS,
        "cmpl-",
        Optional.empty());
  }

  void chat(HttpExchange exchange) throws ClientGoneException, InterruptedException {
    ChatRequest request = ChatRequest.read(Json.parse(exchange.body()), model.limits());
    Models.check(model, request.params().model());
    run(
        exchange,
        request.params(),
        List.of(encoder.encode(request.prompt())),
        List.of(),
        Integer.MAX_VALUE,
        "chatcmpl-",
        Optional.of(request.prompt().continuedRole().orElse("assistant")));
  }

  private void run(
      HttpExchange exchange,
      GenerationParams params,
      List<int[]> prompts,
      List<String> echoes,
      int defaultMaxTokens,
      String idPrefix,
      Optional<String> chatRole)
      throws ClientGoneException, InterruptedException {
    Optional<TransferParams> transfer = Transfers.read(params, model);
    List<Integer> replayed = transfer.map(TransferParams::resumeTokens).orElse(List.of());
    checkReplayed(replayed, prompts.size() * params.n());
    boolean prefillLeg = transfer.isPresent() && transfer.get().doRemoteDecode();
    List<EngineRequest> requests =
        Requests.build(
            params,
            prompts,
            defaultMaxTokens,
            replayed,
            prefillLeg ? 1 : 0,
            model.maxModelLen(),
            chatRole.isPresent() ? "messages" : "prompt");
    String id = RequestIds.of(exchange, params.requestId());
    ResponseHead head =
        new ResponseHead(
            id.startsWith(idPrefix) ? id : idPrefix + id,
            System.currentTimeMillis() / 1000,
            params.model().filter(model.names()::contains).orElse(model.name()));
    if (prefillLeg) {
      PrefillLeg.run(model, metrics, exchange, head, transfer.orElseThrow(), requests);
      return;
    }
    List<Answer> answers = new ArrayList<>(requests.size());
    for (int i = 0; i < requests.size(); i++) {
      Answer answer =
          new Answer(i, requests.get(i), params, model.tokenizer(), model.config().eosTokenIds());
      if (!echoes.isEmpty()) {
        answer.text.append(echoes.get(i / params.n()));
      }
      if (!replayed.isEmpty()) {
        answer.replay(replayed);
      }
      answers.add(answer);
    }
    boolean chat = chatRole.isPresent();
    String role = chatRole.orElse("");
    AnswerSink sink =
        params.stream()
            ? new StreamSink(exchange, params, head, chat, role)
            : new WholeSink(exchange, params, head, chat, role, answers);
    new Generation(model, metrics, exchange, params, answers, sink, transfer).run();
    if (logRequests) {
      log(exchange, head, answers);
    }
  }

  private String echo(Prompt prompt) {
    return switch (prompt) {
      case Prompt.Text(String text) -> text;
      case Prompt.Tokens(int[] ids) -> encoder.tokenizer().decode(ids, true);
    };
  }

  private void checkReplayed(List<Integer> replayed, int answers) {
    if (replayed.isEmpty()) {
      return;
    }
    if (answers > 1) {
      throw OpenAiException.badRequest(
          "\"kv_transfer_params\": only a request with one answer can be resumed; this one asks for "
              + answers
              + ".",
          "kv_transfer_params");
    }
    for (int token : replayed) {
      if (token >= model.limits().vocabSize()) {
        throw OpenAiException.badRequest(
            "\"kv_transfer_params\": resume_token_ids holds " + token + ", outside the vocabulary.",
            "kv_transfer_params",
            "token_id_out_of_range");
      }
    }
  }

  private static void log(HttpExchange exchange, ResponseHead head, List<Answer> answers) {
    int prompt = answers.getFirst().promptLength;
    int output = answers.stream().mapToInt(answer -> answer.outputTokens).sum();
    LOG.log(
        System.Logger.Level.INFO,
        "{0} from {1}: {2} prompt tokens, {3} output tokens, {4} ms",
        head.id(),
        exchange.remoteAddress(),
        prompt,
        output,
        (System.nanoTime() - exchange.receivedNanos()) / 1_000_000);
  }
}
