package dev.baton.serving.worker;

import dev.baton.openai.Json;
import dev.baton.openai.OpenAiException;
import dev.baton.serving.http.HttpExchange;
import java.net.URLDecoder;
import java.nio.charset.StandardCharsets;
import java.util.Optional;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.ObjectNode;

/** /v1/models, and whether a request's model is one of them. */
final class Models {
  private Models() {}

  /**
   * Lets a request for a served model, or for none in particular, pass.
   *
   * @throws OpenAiException 404 otherwise
   */
  static void check(LoadedModel model, Optional<String> asked) {
    if (asked.isPresent() && !asked.get().isEmpty() && !model.names().contains(asked.get())) {
      throw unknown(model, asked.get());
    }
  }

  static void list(LoadedModel model, HttpExchange exchange) {
    ObjectNode json = Json.object();
    json.put("object", "list");
    ArrayNode data = json.putArray("data");
    for (String name : model.names()) {
      data.add(describe(model, name));
    }
    exchange.respond(200, "application/json", Json.bytes(json));
  }

  static void one(LoadedModel model, HttpExchange exchange, String prefix) {
    String name;
    try {
      name = URLDecoder.decode(exchange.path().substring(prefix.length()), StandardCharsets.UTF_8);
    } catch (IllegalArgumentException notEncoded) {
      name = exchange.path().substring(prefix.length());
    }
    if (!model.names().contains(name)) {
      throw unknown(model, name);
    }
    exchange.respond(200, "application/json", Json.bytes(describe(model, name)));
  }

  private static ObjectNode describe(LoadedModel model, String name) {
    ObjectNode entry = Json.object();
    entry.put("id", name);
    entry.put("object", "model");
    entry.put("created", model.created());
    entry.put("owned_by", "baton");
    entry.put("root", model.root());
    entry.putNull("parent");
    entry.put("max_model_len", model.maxModelLen());
    return entry;
  }

  private static OpenAiException unknown(LoadedModel model, String name) {
    return OpenAiException.notFound(
        "The model \""
            + (name.length() > 200 ? name.substring(0, 200) + "…" : name)
            + "\" does not exist here; this server has "
            + String.join(", ", model.names())
            + ".",
        "model",
        "model_not_found");
  }
}
