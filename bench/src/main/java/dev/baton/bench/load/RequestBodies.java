package dev.baton.bench.load;

import dev.baton.bench.dataset.Prompt;
import dev.baton.bench.dataset.PromptRequest;
import dev.baton.openai.Json;
import java.util.List;
import java.util.SplittableRandom;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.ObjectNode;

/** The JSON bodies of requests, field for field those of {@code vllm bench serve}. */
final class RequestBodies {
  private final LoadOptions options;
  private final String model;
  private final boolean timings;

  RequestBodies(LoadOptions options, String model, boolean timings) {
    this.options = options;
    this.model = model;
    this.timings = timings;
  }

  byte[] of(PromptRequest request, int index) {
    ObjectNode body = Json.object();
    body.put("model", model(index));
    switch (options.api()) {
      case COMPLETIONS -> completion(body, request);
      case CHAT -> chat(body, request);
    }
    body.put("stream", true);
    body.putObject("stream_options").put("include_usage", true);
    if (options.ignoreEos()) {
      body.put("ignore_eos", true);
    }
    if (timings) {
      body.put("timings", true);
    }
    options
        .sampling()
        .forEach(
            (name, value) -> {
              if (value instanceof Integer whole) {
                body.put(name, whole);
              } else {
                body.put(name, value.doubleValue());
              }
            });
    options.extraBody().forEach(body::set);
    return Json.bytes(body);
  }

  private String model(int index) {
    List<String> adapters = options.loraModules();
    if (adapters.isEmpty()) {
      return model;
    }
    int chosen =
        options.loraRoundRobin()
            ? index % adapters.size()
            : new SplittableRandom(options.seed() + 31L * index).nextInt(adapters.size());
    return adapters.get(chosen);
  }

  private void completion(ObjectNode body, PromptRequest request) {
    switch (request.prompt()) {
      case Prompt.Text text -> body.put("prompt", text.text());
      case Prompt.Tokens tokens -> {
        ArrayNode ids = body.putArray("prompt");
        for (int id : tokens.ids()) {
          ids.add(id);
        }
      }
    }
    body.put("repetition_penalty", 1.0);
    body.put("max_tokens", request.outputTokens());
    options.logprobs().ifPresent(top -> body.put("logprobs", top));
  }

  private static void chat(ObjectNode body, PromptRequest request) {
    if (!(request.prompt() instanceof Prompt.Text text)) {
      throw new IllegalStateException("chat requests take text prompts");
    }
    ObjectNode message = body.putArray("messages").addObject();
    message.put("role", "user");
    ObjectNode part = message.putArray("content").addObject();
    part.put("type", "text");
    part.put("text", text.text());
    body.put("max_completion_tokens", request.outputTokens());
  }
}
