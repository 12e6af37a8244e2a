package dev.baton.app;

import dev.baton.bench.load.Api;
import dev.baton.bench.load.LoadOptions;
import dev.baton.bench.load.TimingsMode;
import dev.baton.openai.http.Headers;
import java.net.URI;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** Whom {@code bench serve} asks, and how. */
final class BenchTargetOptions {
  @Option(
      names = {"--backend", "--endpoint-type"},
      paramLabel = "NAME",
      defaultValue = "openai",
      description = "vllm or openai (both: completions), or openai-chat. Default: openai.")
  String backend = "openai";

  @Option(
      names = "--base-url",
      paramLabel = "URL",
      description = "Server's URL without the endpoint; wins over --host and --port.")
  @Nullable String baseUrl;

  @Option(names = "--host", paramLabel = "HOST", description = "Default: 127.0.0.1.")
  String host = "127.0.0.1";

  @Option(names = "--port", paramLabel = "PORT", description = "Default: 8000.")
  int port = 8000;

  @Option(
      names = "--endpoint",
      paramLabel = "PATH",
      description = "Default: /v1/completions, with openai-chat /v1/chat/completions.")
  @Nullable String endpoint;

  @Option(
      names = "--model",
      paramLabel = "NAME",
      description = "Model to ask for. Default: the first that the server names.")
  @Nullable String model;

  @Option(
      names = "--served-model-name",
      paramLabel = "NAME",
      description = "Name to send if it differs from --model.")
  @Nullable String servedModelName;

  @Option(
      names = "--header",
      paramLabel = "KEY=VALUE",
      arity = "1..*",
      description = "Further request headers.")
  List<String> headers = new ArrayList<>();

  @Option(
      names = "--extra-body",
      paramLabel = "JSON",
      description = "Object whose fields are added to every request; they win over all others.")
  @Nullable String extraBody;

  @Option(names = "--insecure", description = "Do not check the server's TLS certificate.")
  boolean insecure;

  @Option(
      names = "--request-id-prefix",
      paramLabel = "TEXT",
      description = "Front of the x-request-id header. Default: bench-, 8 random digits, -.")
  @Nullable String requestIdPrefix;

  @Option(
      names = "--logprobs",
      paramLabel = "N",
      description = "Log-probabilities to ask for per token (completions only).")
  @Nullable Integer logprobs;

  @Option(names = "--top-p", paramLabel = "P", description = "Sampling: nucleus.")
  @Nullable Double topP;

  @Option(names = "--top-k", paramLabel = "K", description = "Sampling: most likely tokens.")
  @Nullable Integer topK;

  @Option(names = "--min-p", paramLabel = "P", description = "Sampling: least probability.")
  @Nullable Double minP;

  @Option(
      names = "--temperature",
      paramLabel = "T",
      description = "Sampling: temperature; 0 = greedy. Not sent by default: the server decides.")
  @Nullable Double temperature;

  @Option(names = "--frequency-penalty", paramLabel = "X", description = "Sampling.")
  @Nullable Double frequencyPenalty;

  @Option(names = "--presence-penalty", paramLabel = "X", description = "Sampling.")
  @Nullable Double presencePenalty;

  @Option(names = "--repetition-penalty", paramLabel = "X", description = "Sampling.")
  @Nullable Double repetitionPenalty;

  @Option(
      names = "--lora-modules",
      paramLabel = "NAME",
      arity = "1..*",
      description = "Adapters that replace the model, one per request.")
  List<String> loraModules = new ArrayList<>();

  @Option(
      names = "--lora-assignment",
      paramLabel = "HOW",
      description = "random or round-robin. Default: random.")
  String loraAssignment = "random";

  @Option(
      names = "--timings",
      negatable = true,
      description =
          "Ask the server where the time to the first token went. Default: if it is Baton.")
  @Nullable Boolean timings;

  private static final Map<String, Api> BACKENDS =
      Map.of("vllm", Api.COMPLETIONS, "openai", Api.COMPLETIONS, "openai-chat", Api.CHAT);

  URI url() {
    if (baseUrl != null) {
      try {
        return URI.create(baseUrl);
      } catch (IllegalArgumentException e) {
        throw new IllegalArgumentException("--base-url \"" + baseUrl + "\" is no URL", e);
      }
    }
    if (port < 1 || port > 65535) {
      throw new IllegalArgumentException("--port is " + port + "; allowed are 1 to 65535");
    }
    boolean bare = host.indexOf(':') >= 0 && !host.startsWith("[");
    try {
      return URI.create("http://" + (bare ? "[" + host + "]" : host) + ":" + port);
    } catch (IllegalArgumentException e) {
      throw new IllegalArgumentException("--host \"" + host + "\" is no host name", e);
    }
  }

  void apply(LoadOptions.Builder builder, @Nullable String apiKey) {
    Api api = BACKENDS.get(backend);
    if (api == null) {
      throw new IllegalArgumentException(
          "--backend "
              + backend
              + " is not supported; allowed are vllm, openai (completions) and openai-chat");
    }
    builder.backend(backend, api);
    if (endpoint != null) {
      builder.endpoint(endpoint.startsWith("/") ? endpoint : "/" + endpoint);
    }
    if (model != null) {
      builder.model(model);
    }
    if (servedModelName != null) {
      builder.servedModelName(servedModelName);
    }
    if (requestIdPrefix != null) {
      builder.requestIdPrefix(requestIdPrefix);
    }
    if (logprobs != null) {
      builder.logprobs(logprobs);
    }
    if (apiKey != null && !apiKey.isBlank()) {
      builder.apiKey(apiKey.strip());
    }
    if (timings != null) {
      builder.timings(timings ? TimingsMode.ON : TimingsMode.OFF);
    }
    if (!loraAssignment.equals("random") && !loraAssignment.equals("round-robin")) {
      throw new IllegalArgumentException(
          "--lora-assignment is " + loraAssignment + "; allowed are random and round-robin");
    }
    builder.loraModules(loraModules, loraAssignment.equals("round-robin"));
    builder.headers(parsedHeaders());
    builder.verifyTls(!insecure);
    builder.sampling(sampling());
    builder.extraBody(parsedExtraBody());
  }

  private Headers parsedHeaders() {
    Headers parsed = Headers.empty();
    for (Map.Entry<String, String> entry : pairs("--header", headers).entrySet()) {
      parsed = parsed.with(entry.getKey(), entry.getValue());
    }
    return parsed;
  }

  private Map<String, Number> sampling() {
    Map<String, Number> given = new LinkedHashMap<>();
    put(given, "top_p", topP);
    put(given, "top_k", topK);
    put(given, "min_p", minP);
    put(given, "temperature", temperature);
    put(given, "frequency_penalty", frequencyPenalty);
    put(given, "presence_penalty", presencePenalty);
    put(given, "repetition_penalty", repetitionPenalty);
    return given;
  }

  private static void put(Map<String, Number> given, String name, @Nullable Number value) {
    if (value != null) {
      given.put(name, value);
    }
  }

  private Map<String, JsonNode> parsedExtraBody() {
    Map<String, JsonNode> fields = new LinkedHashMap<>();
    if (extraBody == null) {
      return fields;
    }
    try {
      JsonNode object = new JsonMapper().readTree(extraBody);
      if (object != null && object.isObject()) {
        object.properties().forEach(entry -> fields.put(entry.getKey(), entry.getValue()));
        return fields;
      }
    } catch (JacksonException e) {
      throw new IllegalArgumentException("--extra-body is no JSON: " + e.getOriginalMessage(), e);
    }
    throw new IllegalArgumentException("--extra-body must be a JSON object, as {\"top_k\": 20}");
  }

  /** KEY=VALUE words, later ones winning. */
  static Map<String, String> pairs(String option, List<String> words) {
    Map<String, String> pairs = new LinkedHashMap<>();
    for (String word : words) {
      int equals = word.indexOf('=');
      if (equals < 1) {
        throw new IllegalArgumentException(option + " takes KEY=VALUE; given was \"" + word + "\"");
      }
      pairs.put(word.substring(0, equals).strip(), word.substring(equals + 1).strip());
    }
    return pairs;
  }
}
