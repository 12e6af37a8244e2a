package dev.baton.serving.handoff;

import java.util.List;
import java.util.Optional;
import tools.jackson.databind.JsonNode;

/**
 * The body field {@code kv_transfer_params} that the proxy adds to both legs of a request.
 *
 * @param transferId names this hand-off, on both workers and nowhere else
 * @param doRemotePrefill this worker is to decode; another one runs the prompt
 * @param doRemoteDecode this worker is to run the prompt; another one decodes
 * @param peer control address of the other worker
 * @param prefillWorker the prefill worker's name in timelines (its HTTP address)
 * @param decodeWorker the decode worker's name in timelines
 * @param resumeTokens output tokens that the client has already got from a worker that is gone: the
 *     answer goes on after them; empty for a new request
 */
public record TransferParams(
    String transferId,
    boolean doRemotePrefill,
    boolean doRemoteDecode,
    HostPort peer,
    Optional<String> prefillWorker,
    Optional<String> decodeWorker,
    List<Integer> resumeTokens) {

  /** Longest transfer id, characters. */
  public static final int MAX_ID = 128;

  public TransferParams {
    resumeTokens = List.copyOf(resumeTokens);
  }

  /**
   * Reads the field's value.
   *
   * @return empty if the value is absent, null, or asks for neither a remote prefill nor a remote
   *     decode (the request is then an ordinary one)
   * @throws IllegalArgumentException with a message for the client, if it is malformed
   */
  public static Optional<TransferParams> parse(JsonNode node) {
    if (node.isMissingNode() || node.isNull()) {
      return Optional.empty();
    }
    if (!node.isObject()) {
      throw new IllegalArgumentException("kv_transfer_params must be an object");
    }
    boolean remotePrefill = flag(node, "do_remote_prefill");
    boolean remoteDecode = flag(node, "do_remote_decode");
    if (!remotePrefill && !remoteDecode) {
      return Optional.empty();
    }
    if (remotePrefill && remoteDecode) {
      throw new IllegalArgumentException(
          "kv_transfer_params: do_remote_prefill and do_remote_decode exclude each other");
    }
    String id = text(node, "transfer_id").orElse("");
    if (id.isEmpty() || id.length() > MAX_ID) {
      throw new IllegalArgumentException(
          "kv_transfer_params: transfer_id must be a string of 1 to " + MAX_ID + " characters");
    }
    String host = text(node, "remote_host").orElse("");
    JsonNode port = node.path("remote_port");
    if (host.isEmpty() || !port.isIntegralNumber() || !port.canConvertToInt()) {
      throw new IllegalArgumentException(
          "kv_transfer_params: remote_host (string) and remote_port (integer) must name the other"
              + " worker's control address");
    }
    HostPort peer;
    try {
      peer = HostPort.parse(new HostPort(host, port.intValue()).toString());
    } catch (IllegalArgumentException e) {
      throw new IllegalArgumentException("kv_transfer_params: " + e.getMessage(), e);
    }
    return Optional.of(
        new TransferParams(
            id,
            remotePrefill,
            remoteDecode,
            peer,
            text(node, "prefill_worker"),
            text(node, "decode_worker"),
            tokens(node.path("resume_token_ids"))));
  }

  private static boolean flag(JsonNode node, String name) {
    JsonNode value = node.path(name);
    if (value.isMissingNode() || value.isNull()) {
      return false;
    }
    if (!value.isBoolean()) {
      throw new IllegalArgumentException("kv_transfer_params: " + name + " must be true or false");
    }
    return value.booleanValue();
  }

  private static Optional<String> text(JsonNode node, String name) {
    JsonNode value = node.path(name);
    if (value.isMissingNode() || value.isNull()) {
      return Optional.empty();
    }
    if (!value.isString() || value.stringValue().length() > 300) {
      throw new IllegalArgumentException("kv_transfer_params: " + name + " must be a short string");
    }
    return Optional.of(value.stringValue());
  }

  private static List<Integer> tokens(JsonNode node) {
    if (node.isMissingNode() || node.isNull()) {
      return List.of();
    }
    if (!node.isArray()) {
      throw new IllegalArgumentException(
          "kv_transfer_params: resume_token_ids must be a list of token ids");
    }
    Integer[] ids = new Integer[node.size()];
    for (int i = 0; i < ids.length; i++) {
      JsonNode id = node.get(i);
      if (!id.isIntegralNumber() || !id.canConvertToInt() || id.intValue() < 0) {
        throw new IllegalArgumentException(
            "kv_transfer_params: resume_token_ids must be a list of token ids");
      }
      ids[i] = id.intValue();
    }
    return List.of(ids);
  }
}
