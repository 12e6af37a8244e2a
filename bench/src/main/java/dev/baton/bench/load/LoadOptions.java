package dev.baton.bench.load;

import dev.baton.bench.dataset.DatasetSpec;
import dev.baton.bench.dataset.PromptTokenizer;
import dev.baton.bench.metrics.Metric;
import dev.baton.openai.http.Headers;
import java.net.URI;
import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import tools.jackson.databind.JsonNode;

/**
 * Everything that makes one run. Made with {@link #builder}.
 *
 * @param baseUrl the server, as {@code http://127.0.0.1:8000}
 * @param endpoint path below it
 * @param api which of OpenAI's endpoints that is
 * @param backend name for the result file
 * @param model model for the result file; empty = the server's first
 * @param servedModelName model name sent, if another
 * @param dataset which prompts
 * @param numPrompts how many requests
 * @param traffic when they arrive
 * @param numWarmups requests sent before, all at once, that are not measured
 * @param readyTimeout how long to wait until a first request succeeds; zero does not try one
 * @param requestTimeout longest silence of the server within a request
 * @param seed of prompts and arrivals
 * @param ignoreEos whether answers go on to their full length
 * @param sampling sampling parameters by their name in the request
 * @param logprobs top log-probabilities to ask for (completions only)
 * @param extraBody further fields of the request, which replace all others
 * @param headers further headers
 * @param apiKey bearer token
 * @param verifyTls whether certificates are checked
 * @param requestIdPrefix front of the {@code x-request-id} header; empty = a random one
 * @param timings whether to ask for the server's timeline
 * @param loraModules names that replace the model, one per request
 * @param loraRoundRobin in turn instead of by chance
 * @param tokenizer tokenizer to prepare prompts with; empty = the server's
 * @param metrics statistics to report
 * @param percentiles percentiles to report, 0 to 100
 * @param goodput limits of a good request
 * @param metadata further keys of the result
 * @param label front of the result's file name
 */
public record LoadOptions(
    URI baseUrl,
    String endpoint,
    Api api,
    String backend,
    Optional<String> model,
    Optional<String> servedModelName,
    DatasetSpec dataset,
    int numPrompts,
    Traffic traffic,
    int numWarmups,
    Duration readyTimeout,
    Duration requestTimeout,
    long seed,
    boolean ignoreEos,
    Map<String, Number> sampling,
    OptionalInt logprobs,
    Map<String, JsonNode> extraBody,
    Headers headers,
    Optional<String> apiKey,
    boolean verifyTls,
    Optional<String> requestIdPrefix,
    TimingsMode timings,
    List<String> loraModules,
    boolean loraRoundRobin,
    Optional<PromptTokenizer> tokenizer,
    List<Metric> metrics,
    List<Double> percentiles,
    Optional<Goodput> goodput,
    Map<String, String> metadata,
    Optional<String> label) {

  /** Checks what no part can check alone. */
  public LoadOptions {
    String scheme = String.valueOf(baseUrl.getScheme());
    boolean known = scheme.equalsIgnoreCase("http") || scheme.equalsIgnoreCase("https");
    if (!known || baseUrl.getHost() == null) {
      throw new IllegalArgumentException(
          "the server's URL \""
              + baseUrl
              + "\" must be http://HOST:PORT or https://HOST:PORT, with a path in front of the"
              + " endpoint if need be");
    }
    if (!endpoint.endsWith(api.ending())) {
      throw new IllegalArgumentException(
          "the endpoint \""
              + endpoint
              + "\" does not fit the backend "
              + backend
              + ": it must end in "
              + api.ending());
    }
    if (numWarmups < 0) {
      throw new IllegalArgumentException("the number of warm-ups must not be negative");
    }
    for (double percentile : percentiles) {
      if (!(percentile >= 0 && percentile <= 100)) {
        throw new IllegalArgumentException(
            "percentiles lie between 0 and 100; given was " + percentile);
      }
    }
  }

  /** Options with the defaults of {@code vllm bench serve} for everything else. */
  public static Builder builder(URI baseUrl, DatasetSpec dataset) {
    return new Builder(baseUrl, dataset);
  }

  /** Where a request goes. */
  URI requestUri() {
    return below(endpoint);
  }

  /** A path of the same server. */
  URI below(String path) {
    String base = baseUrl.toString();
    return URI.create((base.endsWith("/") ? base.substring(0, base.length() - 1) : base) + path);
  }

  /** Collects options. Not thread-safe. */
  public static final class Builder {
    private final URI baseUrl;
    private final DatasetSpec dataset;
    private Optional<String> endpoint = Optional.empty();
    private Api api = Api.COMPLETIONS;
    private String backend = "openai";
    private Optional<String> model = Optional.empty();
    private Optional<String> servedModelName = Optional.empty();
    private int numPrompts = 1000;
    private Traffic traffic = Traffic.poisson(Double.POSITIVE_INFINITY);
    private int numWarmups;
    private Duration readyTimeout = Duration.ZERO;
    private Duration requestTimeout = Duration.ofHours(6);
    private long seed;
    private boolean ignoreEos;
    private Map<String, Number> sampling = Map.of();
    private OptionalInt logprobs = OptionalInt.empty();
    private Map<String, JsonNode> extraBody = Map.of();
    private Headers headers = Headers.empty();
    private Optional<String> apiKey = Optional.empty();
    private boolean verifyTls = true;
    private Optional<String> requestIdPrefix = Optional.empty();
    private TimingsMode timings = TimingsMode.AUTO;
    private List<String> loraModules = List.of();
    private boolean loraRoundRobin;
    private Optional<PromptTokenizer> tokenizer = Optional.empty();
    private List<Metric> metrics = List.of(Metric.TTFT, Metric.TPOT, Metric.ITL);
    private List<Double> percentiles = List.of(99.0);
    private Optional<Goodput> goodput = Optional.empty();
    private Map<String, String> metadata = Map.of();
    private Optional<String> label = Optional.empty();

    private Builder(URI baseUrl, DatasetSpec dataset) {
      this.baseUrl = baseUrl;
      this.dataset = dataset;
      // vLLM's rule: random prompts are there for their lengths.
      this.ignoreEos = dataset instanceof DatasetSpec.Random || dataset instanceof DatasetSpec.Mix;
    }

    /** Endpoint kind and the name of the backend; the path is the kind's usual one. */
    public Builder backend(String name, Api kind) {
      this.backend = name;
      this.api = kind;
      return this;
    }

    /** Another path. */
    public Builder endpoint(String path) {
      this.endpoint = Optional.of(path);
      return this;
    }

    /** Model for the result file and, unless another name is given, for the requests. */
    public Builder model(String name) {
      this.model = Optional.of(name);
      return this;
    }

    /** Model name in the requests. */
    public Builder servedModelName(String name) {
      this.servedModelName = Optional.of(name);
      return this;
    }

    /** Number of requests. */
    public Builder numPrompts(int count) {
      this.numPrompts = count;
      return this;
    }

    /** When requests arrive. */
    public Builder traffic(Traffic arrivals) {
      this.traffic = arrivals;
      return this;
    }

    /** Requests before the measured ones. */
    public Builder numWarmups(int count) {
      this.numWarmups = count;
      return this;
    }

    /** How long to wait for a first request to succeed. */
    public Builder readyTimeout(Duration timeout) {
      this.readyTimeout = timeout;
      return this;
    }

    /** Longest silence within a request. */
    public Builder requestTimeout(Duration timeout) {
      this.requestTimeout = timeout;
      return this;
    }

    /** Seed of prompts and arrivals. */
    public Builder seed(long value) {
      this.seed = value;
      return this;
    }

    /** Whether answers go on to their full length. */
    public Builder ignoreEos(boolean ignore) {
      this.ignoreEos = ignore;
      return this;
    }

    /** Sampling parameters. */
    public Builder sampling(Map<String, ? extends Number> parameters) {
      this.sampling = new LinkedHashMap<>(parameters);
      return this;
    }

    /** Log-probabilities to ask for. */
    public Builder logprobs(int top) {
      this.logprobs = OptionalInt.of(top);
      return this;
    }

    /** Further fields of the request. */
    public Builder extraBody(Map<String, JsonNode> fields) {
      this.extraBody = new LinkedHashMap<>(fields);
      return this;
    }

    /** Further headers. */
    public Builder headers(Headers more) {
      this.headers = more;
      return this;
    }

    /** Bearer token. */
    public Builder apiKey(String key) {
      this.apiKey = Optional.of(key);
      return this;
    }

    /** Whether certificates are checked. */
    public Builder verifyTls(boolean verify) {
      this.verifyTls = verify;
      return this;
    }

    /** Front of the request ids. */
    public Builder requestIdPrefix(String prefix) {
      this.requestIdPrefix = Optional.of(prefix);
      return this;
    }

    /** Whether to ask for the server's timeline. */
    public Builder timings(TimingsMode mode) {
      this.timings = mode;
      return this;
    }

    /** Adapters to spread the requests over. */
    public Builder loraModules(List<String> names, boolean roundRobin) {
      this.loraModules = List.copyOf(names);
      this.loraRoundRobin = roundRobin;
      return this;
    }

    /** Tokenizer to prepare the prompts with. */
    public Builder tokenizer(PromptTokenizer known) {
      this.tokenizer = Optional.of(known);
      return this;
    }

    /** Statistics to report. */
    public Builder metrics(List<Metric> selected) {
      this.metrics = List.copyOf(selected);
      return this;
    }

    /** Percentiles to report. */
    public Builder percentiles(List<Double> selected) {
      this.percentiles = List.copyOf(selected);
      return this;
    }

    /** Limits of a good request. */
    public Builder goodput(Goodput limits) {
      this.goodput = Optional.of(limits);
      return this;
    }

    /** Further keys of the result. */
    public Builder metadata(Map<String, String> keys) {
      this.metadata = new LinkedHashMap<>(keys);
      return this;
    }

    /** Front of the file name. */
    public Builder label(String name) {
      this.label = Optional.of(name);
      return this;
    }

    /**
     * The options.
     *
     * @throws IllegalArgumentException if some do not go together
     */
    public LoadOptions build() {
      return new LoadOptions(
          baseUrl,
          endpoint.orElse(api.endpoint()),
          api,
          backend,
          model,
          servedModelName,
          dataset,
          numPrompts,
          traffic,
          numWarmups,
          readyTimeout,
          requestTimeout,
          seed,
          ignoreEos,
          sampling,
          logprobs,
          extraBody,
          headers,
          apiKey,
          verifyTls,
          requestIdPrefix,
          timings,
          loraModules,
          loraRoundRobin,
          tokenizer,
          metrics,
          percentiles,
          goodput,
          metadata,
          label);
    }
  }
}
