package dev.baton.serving.proxy;

import dev.baton.openai.Json;
import dev.baton.openai.OpenAiException;
import dev.baton.openai.RawObject;
import java.security.SecureRandom;
import java.util.HexFormat;
import java.util.List;
import java.util.Set;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.ObjectNode;

/** A client's body, and the bodies of the two legs made from it. */
final class Legs {
  private static final SecureRandom RANDOM = new SecureRandom();

  /** What a client may not say: it is the proxy's own affair. */
  private static final String TRANSFER = "kv_transfer_params";

  /** What concerns the streamed answer only, which comes from the decode worker. */
  private static final Set<String> NOT_FOR_PREFILL =
      Set.of("stream_options", "timings", "return_token_ids");

  private final RawObject body;
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
    this.body = RawObject.parse(raw);
    this.bytes = raw.length;
    this.stream = body.kind("stream") == 't';
    this.idsWanted = body.kind("return_token_ids") == 't';
    this.replayable = stream && body.kind("return_token_ids") != '"' && oneAnswer(body);
  }

  private static boolean oneAnswer(RawObject body) {
    byte first = body.kindOfFirst("prompt");
    boolean tokens = first == '-' || (first >= '0' && first <= '9');
    return oneOrNone(body, "n")
        && oneOrNone(body, "best_of")
        && (first == 0 || tokens || body.get("prompt").orElseThrow().size() == 1);
  }

  private static boolean oneOrNone(RawObject body, String name) {
    return body.get(name).filter(n -> !n.isNull() && !(n.isInt() && n.intValue() == 1)).isEmpty();
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
    ObjectNode set = Json.object();
    set.put("stream", false);
    set.put("max_tokens", 1);
    if (body.has("max_completion_tokens")) {
      set.put("max_completion_tokens", 1);
    }
    if (body.get("min_tokens")
        .filter(least -> least.isNumber() && least.doubleValue() > 1)
        .isPresent()) {
      set.put("min_tokens", 1);
    }
    ObjectNode params = params(set, id, decode, prefill, decode, resume);
    params.put("do_remote_prefill", false);
    params.put("do_remote_decode", true);
    return body.bytes(NOT_FOR_PREFILL, set);
  }

  byte[] decode(String id, Upstream prefill, Upstream decode, List<Integer> resume) {
    ObjectNode set = Json.object();
    if (replayable) {
      set.put("return_token_ids", true);
    }
    ObjectNode params = params(set, id, prefill, prefill, decode, resume);
    params.put("do_remote_prefill", true);
    params.put("do_remote_decode", false);
    return body.bytes(Set.of(), set);
  }

  private static ObjectNode params(
      ObjectNode leg,
      String id,
      Upstream peer,
      Upstream prefill,
      Upstream decode,
      List<Integer> resume) {
    ObjectNode params = leg.putObject(TRANSFER);
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
