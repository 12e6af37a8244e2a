package dev.baton.serving.worker;

import dev.baton.openai.Json;
import dev.baton.openai.request.DetokenizeRequest;
import dev.baton.openai.request.TokenizeRequest;
import dev.baton.serving.http.HttpExchange;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.ObjectNode;

/** /tokenize and /detokenize. */
final class TokenizeEndpoint {
  private final LoadedModel model;
  private final PromptEncoder encoder;

  TokenizeEndpoint(LoadedModel model, PromptEncoder encoder) {
    this.model = model;
    this.encoder = encoder;
  }

  void tokenize(HttpExchange exchange) {
    TokenizeRequest request = TokenizeRequest.read(Json.parse(exchange.body()));
    Models.check(model, request.model());
    int[] ids =
        switch (request.input()) {
          case TokenizeRequest.TextInput(String text, boolean addSpecialTokens) ->
              encoder.encode(text, addSpecialTokens, "prompt");
          case TokenizeRequest.ChatInput(var prompt) -> encoder.encode(prompt);
        };
    ObjectNode json = Json.object();
    json.put("count", ids.length);
    json.put("max_model_len", model.maxModelLen());
    ArrayNode tokens = json.putArray("tokens");
    for (int id : ids) {
      tokens.add(id);
    }
    if (request.tokenStrings()) {
      ArrayNode strings = json.putArray("token_strs");
      for (int id : ids) {
        strings.add(encoder.tokenizer().token(id).orElse(""));
      }
    } else {
      json.putNull("token_strs");
    }
    exchange.respond(200, "application/json", Json.bytes(json));
  }

  void detokenize(HttpExchange exchange) {
    DetokenizeRequest request =
        DetokenizeRequest.read(Json.parse(exchange.body()), model.limits().vocabSize());
    Models.check(model, request.model());
    ObjectNode json = Json.object();
    json.put("prompt", encoder.tokenizer().decode(request.tokens(), request.skipSpecialTokens()));
    exchange.respond(200, "application/json", Json.bytes(json));
  }
}
