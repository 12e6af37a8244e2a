package dev.baton.openai.response;

import dev.baton.openai.Json;
import tools.jackson.databind.node.ObjectNode;

/**
 * What every answer and every chunk of one request begins with.
 *
 * @param id public id of the response, e.g. "chatcmpl-…"
 * @param created seconds since 1970
 * @param model name of the model as it is served
 */
public record ResponseHead(String id, long created, String model) {

  ObjectNode toJson(String object) {
    ObjectNode json = Json.object();
    json.put("id", id);
    json.put("object", object);
    json.put("created", created);
    json.put("model", model);
    return json;
  }
}
