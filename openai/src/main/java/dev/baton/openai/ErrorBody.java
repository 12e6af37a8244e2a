package dev.baton.openai;

import java.util.Optional;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ObjectNode;

/**
 * OpenAI's error object: {@code {"error":{"message":…,"type":…,"param":…,"code":…}}}.
 *
 * @param message what was wrong and what to do
 * @param type kind of error, e.g. "invalid_request_error"
 * @param param the request field that it is about, if one
 * @param code short name of the reason, e.g. "model_not_found", if there is one
 */
public record ErrorBody(
    String message, String type, @Nullable String param, @Nullable String code) {

  /** An error of the client's. */
  public static final String INVALID_REQUEST = "invalid_request_error";

  /** A missing or wrong key. */
  public static final String AUTHENTICATION = "authentication_error";

  /** An error of ours. */
  public static final String SERVER = "server_error";

  /** The whole document with its outer "error" key. */
  public ObjectNode toJson() {
    ObjectNode error = Json.object();
    error.put("message", message);
    error.put("type", type);
    error.put("param", param);
    error.put("code", code);
    ObjectNode root = Json.object();
    root.set("error", error);
    return root;
  }

  /** {@link #toJson} as UTF-8. */
  public byte[] toBytes() {
    return Json.bytes(toJson());
  }

  /** Reads an error document; empty if the tree is not one. Missing fields become null or "". */
  public static Optional<ErrorBody> fromJson(JsonNode root) {
    JsonNode error = root.path("error");
    if (!error.isObject()) {
      return Optional.empty();
    }
    return Optional.of(
        new ErrorBody(
            error.path("message").asString(""),
            error.path("type").asString(""),
            textOrNull(error.path("param")),
            textOrNull(error.path("code"))));
  }

  private static @Nullable String textOrNull(JsonNode node) {
    return node.isMissingNode() || node.isNull() ? null : node.asString("");
  }
}
