package dev.baton.bench.load;

import dev.baton.bench.BenchException;
import dev.baton.openai.Json;
import dev.baton.openai.OpenAiException;
import dev.baton.openai.http.Headers;
import dev.baton.openai.http.HttpClientPool;
import dev.baton.openai.http.HttpConnectException;
import dev.baton.openai.http.HttpReply;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;

/**
 * What the server says about itself.
 *
 * @param model name of its first model, or the one asked for
 * @param listed the same if the server's list has it, else the list's first (for its tokenizer)
 * @param root name of that model's files, for the result
 * @param baton whether it is one of ours
 */
record ServerInfo(String model, String listed, String root, boolean baton) {
  private static final int MAX_BYTES = 4 << 20;

  /**
   * Asks for the model list.
   *
   * @throws NotReady if nobody answers there (yet)
   * @throws BenchException if the answer leaves no model to name
   */
  static ServerInfo ask(LoadOptions options, HttpClientPool pool, Headers headers)
      throws BenchException, NotReady {
    int status;
    byte[] body;
    try (HttpReply reply = pool.send("GET", options.below("/v1/models"), headers, new byte[0])) {
      status = reply.status();
      body = reply.bytes(MAX_BYTES);
    } catch (HttpConnectException e) {
      throw new NotReady(
          "no server at "
              + options.baseUrl()
              + " ("
              + e.getMessage()
              + "). Start one there, or name another with --base-url, or --host and --port",
          e);
    } catch (IOException e) {
      throw new NotReady(
          "the server at " + options.baseUrl() + " does not answer: " + e.getMessage(), e);
    }
    if (status == 503) {
      throw new NotReady(
          "the server at " + options.baseUrl() + " is not ready: " + message(body), null);
    }
    if (status == 401 || status == 403) {
      throw new BenchException(
          "the server at "
              + options.baseUrl()
              + " refuses the API key (HTTP "
              + status
              + "); put the right one into the environment variable OPENAI_API_KEY");
    }
    JsonNode models = status == 200 ? tree(body).path("data") : Json.array();
    String wanted = options.servedModelName().or(options::model).orElse("");
    JsonNode chosen = models.path(0);
    for (JsonNode model : models) {
      if (model.path("id").asString("").equals(wanted)) {
        chosen = model;
        break;
      }
    }
    String id = chosen.path("id").asString("");
    if (wanted.isEmpty() && id.isEmpty()) {
      throw new BenchException(
          "the server at "
              + options.baseUrl()
              + " names no model (GET /v1/models: HTTP "
              + status
              + "); give one with --model");
    }
    String name = wanted.isEmpty() ? id : wanted;
    String root = chosen.path("root").asString(name);
    boolean baton = chosen.path("owned_by").asString("").equals("baton");
    return new ServerInfo(name, id.isEmpty() ? name : id, options.model().orElse(root), baton);
  }

  /** Nobody answers; a later attempt may go better. */
  static final class NotReady extends Exception {
    private static final long serialVersionUID = 1;

    NotReady(String message, @Nullable Throwable cause) {
      super(message, cause);
    }
  }

  static JsonNode tree(byte[] body) {
    try {
      return Json.parse(body);
    } catch (OpenAiException e) {
      return Json.object();
    }
  }

  /** The message in an error body of OpenAI's or a similar form, or the body's beginning. */
  static String message(byte[] body) {
    JsonNode tree = tree(body);
    JsonNode error = tree.path("error");
    for (JsonNode candidate :
        new JsonNode[] {error.path("message"), error, tree.path("message"), tree.path("detail")}) {
      if (candidate.isString()) {
        return candidate.stringValue();
      }
    }
    String text = new String(body, StandardCharsets.UTF_8).strip();
    return text.length() <= 300 ? text : text.substring(0, 300) + "…";
  }
}
