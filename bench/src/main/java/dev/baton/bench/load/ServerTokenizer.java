package dev.baton.bench.load;

import dev.baton.bench.BenchException;
import dev.baton.bench.dataset.PromptTokenizer;
import dev.baton.openai.Json;
import dev.baton.openai.http.Headers;
import dev.baton.openai.http.HttpClientPool;
import dev.baton.openai.http.HttpReply;
import java.io.IOException;
import java.net.URI;
import java.util.Optional;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.ObjectNode;

/**
 * The tokenizer behind the server's {@code /tokenize} and {@code /detokenize}: prompts made with it
 * have the length that the server will count, whatever the client knows of the model.
 *
 * <p>These endpoints tell neither the size of the vocabulary nor the control tokens. The size is
 * found by bisection: ids outside are refused or decode to nothing. Control and byte tokens stand
 * at the ends of vocabularies, so that the first and last 64th are left out of random prompts.
 */
final class ServerTokenizer implements PromptTokenizer {
  private static final int MAX_BYTES = 256 << 20;
  private static final int LARGEST_VOCABULARY = 1 << 22;

  private final HttpClientPool pool;
  private final URI tokenize;
  private final URI detokenize;
  private final Headers headers;
  private final String model;
  private int vocabulary;

  private ServerTokenizer(HttpClientPool pool, LoadOptions options, Headers headers, String model) {
    this.pool = pool;
    this.tokenize = options.below("/tokenize");
    this.detokenize = options.below("/detokenize");
    this.headers = headers;
    this.model = model;
  }

  /** The server's tokenizer, if it has both endpoints in vLLM's form. */
  static Optional<PromptTokenizer> probe(
      HttpClientPool pool, LoadOptions options, Headers headers, String model) {
    ServerTokenizer candidate = new ServerTokenizer(pool, options, headers, model);
    try {
      int[] ids = candidate.encode("Hello world", false);
      return ids.length > 0 && !candidate.decode(ids).isEmpty()
          ? Optional.of(candidate)
          : Optional.empty();
    } catch (BenchException e) {
      return Optional.empty();
    }
  }

  @Override
  public String name() {
    return model;
  }

  @Override
  public synchronized int vocabularySize() throws BenchException {
    if (vocabulary == 0) {
      int inside = 1;
      int outside = LARGEST_VOCABULARY;
      while (outside - inside > 1) {
        int middle = (inside + outside) >>> 1;
        if (decodes(middle)) {
          inside = middle;
        } else {
          outside = middle;
        }
      }
      vocabulary = inside + 1;
    }
    return vocabulary;
  }

  /** Whether that id, or one of the next few (some decode to nothing), is in the vocabulary. */
  private boolean decodes(int id) throws BenchException {
    for (int tried = id; tried < id + 8; tried++) {
      ObjectNode body = Json.object();
      body.put("model", model);
      body.putArray("tokens").add(tried);
      try (HttpReply reply = pool.send("POST", detokenize, headers, Json.bytes(body))) {
        JsonNode answer = ServerInfo.tree(reply.bytes(MAX_BYTES));
        if (reply.status() == 200 && !answer.path("prompt").asString("").isEmpty()) {
          return true;
        }
      } catch (IOException e) {
        throw failure(detokenize, e);
      }
    }
    return false;
  }

  @Override
  public int[] encode(String text, boolean addSpecialTokens) throws BenchException {
    ObjectNode body = Json.object();
    body.put("model", model);
    body.put("prompt", text);
    body.put("add_special_tokens", addSpecialTokens);
    return ids(post(tokenize, body));
  }

  @Override
  public String decode(int[] ids) throws BenchException {
    ObjectNode body = Json.object();
    body.put("model", model);
    ArrayNode tokens = body.putArray("tokens");
    for (int id : ids) {
      tokens.add(id);
    }
    JsonNode prompt = post(detokenize, body).path("prompt");
    if (!prompt.isString()) {
      throw new BenchException(detokenize + " answered without a \"prompt\"");
    }
    return prompt.stringValue();
  }

  @Override
  public boolean special(int id) {
    int margin = vocabulary / 64;
    return id < margin || id >= vocabulary - margin;
  }

  @Override
  public Optional<int[]> chat(String userMessage) throws BenchException {
    ObjectNode body = Json.object();
    body.put("model", model);
    ObjectNode message = body.putArray("messages").addObject();
    message.put("role", "user");
    message.put("content", userMessage);
    body.put("add_generation_prompt", true);
    try (HttpReply reply = pool.send("POST", tokenize, headers, Json.bytes(body))) {
      byte[] answer = reply.bytes(MAX_BYTES);
      return reply.status() == 200 ? Optional.of(ids(ServerInfo.tree(answer))) : Optional.empty();
    } catch (IOException e) {
      throw failure(tokenize, e);
    }
  }

  private int[] ids(JsonNode answer) throws BenchException {
    JsonNode tokens = answer.path("tokens");
    if (!tokens.isArray()) {
      throw new BenchException(tokenize + " answered without \"tokens\"");
    }
    int[] ids = new int[tokens.size()];
    for (int i = 0; i < ids.length; i++) {
      ids[i] = tokens.get(i).asInt(-1);
    }
    return ids;
  }

  private JsonNode post(URI uri, ObjectNode body) throws BenchException {
    try (HttpReply reply = pool.send("POST", uri, headers, Json.bytes(body))) {
      byte[] answer = reply.bytes(MAX_BYTES);
      if (reply.status() != 200) {
        throw new BenchException(
            uri + " answered HTTP " + reply.status() + ": " + ServerInfo.message(answer));
      }
      return ServerInfo.tree(answer);
    } catch (IOException e) {
      throw failure(uri, e);
    }
  }

  private static BenchException failure(URI uri, IOException e) {
    return new BenchException("preparing prompts through " + uri + " failed: " + e.getMessage(), e);
  }
}
