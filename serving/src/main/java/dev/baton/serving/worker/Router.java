package dev.baton.serving.worker;

import dev.baton.openai.ErrorBody;
import dev.baton.openai.OpenAiException;
import dev.baton.serving.http.Handler;
import dev.baton.serving.http.HttpExchange;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.TreeSet;

/**
 * Finds the endpoint for method and path and turns {@link OpenAiException} into error answers.
 * Unknown paths and methods get 404 and 405 with the API's body.
 */
public final class Router implements Handler {
  private static final String JSON = "application/json";

  private final Map<String, Map<String, Handler>> routes = new LinkedHashMap<>();
  private final Map<String, Handler> prefixes = new LinkedHashMap<>();

  /** Serves a path; GET stands for HEAD too. */
  public Router on(String method, String path, Handler handler) {
    routes.computeIfAbsent(path, p -> new LinkedHashMap<>()).put(method, handler);
    return this;
  }

  /** Serves GET on every path that begins so and goes on. */
  public Router onPrefix(String prefix, Handler handler) {
    prefixes.put(prefix, handler);
    return this;
  }

  @Override
  public void handle(HttpExchange exchange) throws Exception {
    try {
      find(exchange).handle(exchange);
    } catch (OpenAiException e) {
      if (exchange.answered()) {
        throw e;
      }
      answer(exchange, e);
    }
  }

  /** Sends an error with the headers that belong to its status. */
  public static void answer(HttpExchange exchange, OpenAiException e) {
    switch (e.status()) {
      case 401 -> exchange.responseHeader("WWW-Authenticate", "Bearer");
      case 429, 503 -> exchange.responseHeader("Retry-After", "1");
      default -> {}
    }
    exchange.respond(e.status(), JSON, e.body().toBytes());
  }

  private Handler find(HttpExchange exchange) {
    String path = exchange.path();
    if (path.length() > 1 && path.endsWith("/")) {
      path = path.substring(0, path.length() - 1);
    }
    String method = exchange.method().equals("HEAD") ? "GET" : exchange.method();
    Map<String, Handler> methods = routes.get(path);
    if (methods == null) {
      for (Map.Entry<String, Handler> prefix : prefixes.entrySet()) {
        if (path.startsWith(prefix.getKey()) && path.length() > prefix.getKey().length()) {
          methods = Map.of("GET", prefix.getValue());
        }
      }
    }
    if (methods == null) {
      throw new OpenAiException(
          404,
          new ErrorBody(
              "There is no path "
                  + shorten(path)
                  + " here; there are "
                  + String.join(", ", new TreeSet<>(routes.keySet()))
                  + ".",
              ErrorBody.INVALID_REQUEST,
              null,
              "unknown_path"));
    }
    Handler handler = methods.get(method);
    if (handler == null) {
      String allowed = String.join(", ", new TreeSet<>(methods.keySet()));
      exchange.responseHeader("Allow", allowed);
      throw OpenAiException.methodNotAllowed(
          shorten(path) + " takes " + allowed + ", not " + shorten(exchange.method()) + ".");
    }
    return handler;
  }

  private static String shorten(String text) {
    return text.length() <= 100 ? text : text.substring(0, 100) + "…";
  }
}
