package dev.baton.app;

import dev.baton.bench.BenchException;
import dev.baton.bench.load.LoadOptions;
import dev.baton.bench.load.LoadRun;
import dev.baton.bench.results.BenchResult;
import dev.baton.bench.results.ConsoleBlock;
import dev.baton.bench.results.RequestSample;
import java.io.PrintWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** {@code baton bench serve}: the options, output and files of {@code vllm bench serve}. */
@Command(
    name = "serve",
    description = {
      "Measures a server of OpenAI's API under load, with the options, the output and the result"
          + " files of `vllm bench serve` (option names may have underscores, too).",
      "The API key is read from the environment variable OPENAI_API_KEY."
    },
    sortOptions = false,
    mixinStandardHelpOptions = true,
    preprocessor = UnderscoreNames.class)
final class BenchServeCommand implements Callable<Integer> {
  private static final int SHOWN_ERRORS = 10;

  @Spec private CommandSpec spec;
  @Mixin private BenchTargetOptions target = new BenchTargetOptions();
  @Mixin private BenchLoadOptions load = new BenchLoadOptions();
  @Mixin private BenchDatasetOptions dataset = new BenchDatasetOptions();
  @Mixin private BenchOutputOptions output = new BenchOutputOptions();

  @Option(
      names = "--tokenizer",
      paramLabel = "DIR",
      description =
          "Model directory whose tokenizer prepares the prompts. Default: the server's"
              + " /tokenize and /detokenize.")
  private @Nullable String tokenizer;

  @Option(names = "--tokenizer-mode", hidden = true)
  @SuppressWarnings("UnusedVariable") // accepted as vLLM accepts it; nothing here depends on it
  private @Nullable String tokenizerMode;

  @Option(names = "--trust-remote-code", hidden = true)
  @SuppressWarnings("UnusedVariable") // accepted as vLLM accepts it; nothing here depends on it
  private boolean trustRemoteCode;

  @Option(names = "--skip-tokenizer-init", hidden = true)
  @SuppressWarnings("UnusedVariable") // accepted as vLLM accepts it; nothing here depends on it
  private boolean skipTokenizerInit;

  @SuppressWarnings("NullAway.Init") // picocli sets spec
  BenchServeCommand() {}

  @Override
  public Integer call() throws InterruptedException {
    PrintWriter out = spec.commandLine().getOut();
    PrintWriter err = spec.commandLine().getErr();
    BenchProgress progress = new BenchProgress(err, Terminal.isInteractive(), output.quiet);
    BenchResult result;
    try (Prepared prepared = prepare(progress)) {
      result = LoadRun.run(prepared.options(), progress);
    } catch (BenchException e) {
      throw new UserError(String.valueOf(e.getMessage()), e);
    }
    showErrors(result, err);
    out.print(ConsoleBlock.of(result));
    out.flush();
    output.save(result).ifPresent(file -> err.println("result: " + file));
    err.flush();
    if (result.completed() == 0) {
      throw new UserError(
          "none of the "
              + result.failed()
              + " requests succeeded; the first error was: "
              + result.requests().getFirst().error());
    }
    return 0;
  }

  /** Options, with the tokenizer that they may hold open. */
  private record Prepared(LoadOptions options, @Nullable LocalTokenizer tokenizer)
      implements AutoCloseable {
    @Override
    public void close() {
      if (tokenizer != null) {
        tokenizer.close();
      }
    }
  }

  private Prepared prepare(BenchProgress progress) {
    LocalTokenizer local = null;
    if (tokenizer != null && Files.isDirectory(Path.of(tokenizer))) {
      local = new LocalTokenizer(Path.of(tokenizer));
    } else if (tokenizer != null) {
      progress.warning(
          "--tokenizer "
              + tokenizer
              + " is no directory here: the server's tokenizer is used instead");
    }
    try {
      LoadOptions.Builder builder = LoadOptions.builder(target.url(), dataset.spec());
      target.apply(builder, System.getenv("OPENAI_API_KEY"));
      load.apply(builder);
      output.apply(builder);
      if (dataset.ignoreEos) {
        builder.ignoreEos(true);
      }
      if (local != null) {
        builder.tokenizer(local);
      }
      if (target.temperature == null) {
        progress.warning(
            "no --temperature: the server's default decides; give --temperature 0 for greedy"
                + " answers");
      }
      return new Prepared(builder.build(), local);
    } catch (IllegalArgumentException e) {
      if (local != null) {
        local.close();
      }
      throw new ParameterException(spec.commandLine(), String.valueOf(e.getMessage()), e);
    }
  }

  private static void showErrors(BenchResult result, PrintWriter err) {
    Map<String, Integer> counts = new LinkedHashMap<>();
    for (RequestSample request : result.requests()) {
      if (!request.success()) {
        counts.merge(request.error(), 1, Integer::sum);
      }
    }
    counts.entrySet().stream()
        .limit(SHOWN_ERRORS)
        .forEach(
            entry ->
                err.println(
                    (entry.getValue() == 1
                            ? "1 request failed: "
                            : entry.getValue() + " requests failed: ")
                        + entry.getKey()));
    if (counts.size() > SHOWN_ERRORS) {
      err.println("… and with " + (counts.size() - SHOWN_ERRORS) + " other messages");
    }
    err.flush();
  }
}
