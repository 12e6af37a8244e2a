package dev.baton.serving.proxy;

import dev.baton.openai.Json;
import dev.baton.openai.OpenAiException;
import java.security.SecureRandom;
import java.util.HexFormat;
import java.util.List;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.ObjectNode;

/** A client's body, and the bodies of the two legs made from it. */
final class Legs {
  private static final SecureRandom RANDOM = new SecureRandom();

  private final ObjectNode body;
  private final boolean stream;
  private final boolean idsWanted;
  private final boolean replayable;
  private final int bytes;

  /**
   * Reads a client's body.
   *
   * @throws OpenAiException 400 if it is no JSON object
   */
  Legs(byte[] raw) {
    JsonNode root = Json.parse(raw);
    if (!(root instanceof ObjectNode object)) {
      throw OpenAiException.badRequest("The body must be a JSON object.", null);
    }
    object.remove("kv_transfer_params"); // the proxy's own affair
    this.body = object;
    this.bytes = raw.length;
    JsonNode streamed = object.path("stream");
    this.stream = streamed.isBoolean() && streamed.booleanValue();
    JsonNode ids = object.path("return_token_ids");
    this.idsWanted = ids.isBoolean() && ids.booleanValue();
    this.replayable = stream && !ids.isString() && oneAnswer(object);
  }

  private static boolean oneAnswer(ObjectNode object) {
    JsonNode n = object.path("n");
    boolean single = n.isMissingNode() || n.isNull() || (n.isInt() && n.intValue() == 1);
    JsonNode bestOf = object.path("best_of");
    single &=
        bestOf.isMissingNode() || bestOf.isNull() || (bestOf.isInt() && bestOf.intValue() == 1);
    JsonNode prompt = object.path("prompt");
    boolean several = prompt.isArray() && !prompt.isEmpty() && !prompt.get(0).isInt();
    return single && !(several && prompt.size() > 1);
  }

  /** A fresh name for a hand-off. */
  static String transferId() {
    byte[] id = new byte[16];
    RANDOM.nextBytes(id);
    return HexFormat.of().formatHex(id);
  }

  boolean stream() {
    return stream;
  }

  /** Whether the client asked for token ids. */
  boolean idsWanted() {
    return idsWanted;
  }

  /** Whether the answer could go on elsewhere if its worker died: a stream of one choice. */
  boolean replayable() {
    return replayable;
  }

  /** Size of the client's body, a measure of the prompt's length. */
  int bytes() {
    return bytes;
  }

  /** One token, not streamed; the client's sampling, so that it is the decode worker's first. */
  byte[] prefill(String id, Upstream prefill, Upstream decode, List<Integer> resume) {
    ObjectNode leg = body.deepCopy();
    leg.put("stream", false);
    leg.remove("stream_options");
    leg.remove("timings");
    leg.remove("return_token_ids");
    leg.put("max_tokens", 1);
    if (leg.has("max_completion_tokens")) {
      leg.put("max_completion_tokens", 1);
    }
    JsonNode least = leg.path("min_tokens");
    if (least.isInt() && least.intValue() > 1) {
      leg.put("min_tokens", 1);
    }
    ObjectNode params = params(leg, id, decode, prefill, decode, resume);
    params.put("do_remote_prefill", false);
    params.put("do_remote_decode", true);
    return Json.bytes(leg);
  }

  byte[] decode(String id, Upstream prefill, Upstream decode, List<Integer> resume) {
    ObjectNode leg = body.deepCopy();
    if (replayable) {
      leg.put("return_token_ids", true);
    }
    ObjectNode params = params(leg, id, prefill, prefill, decode, resume);
    params.put("do_remote_prefill", true);
    params.put("do_remote_decode", false);
    return Json.bytes(leg);
  }

  private static ObjectNode params(
      ObjectNode leg,
      String id,
      Upstream peer,
      Upstream prefill,
      Upstream decode,
      List<Integer> resume) {
    ObjectNode params = leg.putObject("kv_transfer_params");
    params.put("transfer_id", id);
    params.put("remote_host", peer.control().host());
    params.put("remote_port", peer.control().port());
    params.put("prefill_worker", prefill.name());
    params.put("decode_worker", decode.name());
    if (!resume.isEmpty()) {
      ArrayNode ids = params.putArray("resume_token_ids");
      resume.forEach(ids::add);
    }
    return params;
  }
}
