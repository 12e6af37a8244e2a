package dev.baton.serving.worker;

import dev.baton.openai.OpenAiException;
import dev.baton.serving.http.HttpExchange;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.ArrayList;
import java.util.List;

/**
 * Checks bearer tokens. Digests are compared, in constant time and against every key, so that the
 * time taken tells nothing about a key, its length included.
 */
public final class ApiKeys {
  private final List<byte[]> digests = new ArrayList<>();

  /** Accepts these keys; none: everything is let through. */
  public ApiKeys(List<String> keys) {
    for (String key : keys) {
      digests.add(digest(key));
    }
  }

  /**
   * Lets the request pass.
   *
   * @throws OpenAiException 401 if it has no acceptable key
   */
  public void check(HttpExchange exchange) {
    if (digests.isEmpty()) {
      return;
    }
    String header = exchange.header("Authorization").orElse("");
    String scheme = "Bearer ";
    if (!header.regionMatches(true, 0, scheme, 0, scheme.length())) {
      throw OpenAiException.unauthorized(
          "No API key: send the header Authorization: Bearer KEY with the key that the server was"
              + " started with.");
    }
    byte[] given = digest(header.substring(scheme.length()).strip());
    boolean known = false;
    for (byte[] digest : digests) {
      known |= MessageDigest.isEqual(digest, given);
    }
    if (!known) {
      throw OpenAiException.unauthorized(
          "This API key is not one that the server was started with.");
    }
  }

  private static byte[] digest(String key) {
    try {
      return MessageDigest.getInstance("SHA-256").digest(key.getBytes(StandardCharsets.UTF_8));
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException("every Java platform has SHA-256", e);
    }
  }
}
