package dev.baton.app;

import dev.baton.bench.dataset.DatasetSpec;
import java.nio.file.Path;
import java.util.List;
import java.util.OptionalInt;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** What {@code bench serve} sends. */
final class BenchDatasetOptions {
  @Option(
      names = "--dataset-name",
      paramLabel = "NAME",
      description =
          "random, custom (JSON lines with \"prompt\" or \"question\", as HumanEval's and GSM8K's"
              + " files), sharegpt or mix (several kinds of random requests at once). Default: random.")
  String name = "random";

  @Option(
      names = "--mix-class",
      paramLabel = "K=V,…",
      description =
          "One class of the dataset mix: name=NAME,input-len=N,output-len=N and rate=REQ/S, or"
              + " in-flight=N (so many are kept under way), or neither, for the one class that"
              + " --request-rate and --num-prompts are about. Once for each class.")
  List<String> mixClasses = List.of();

  @Option(names = "--dataset-path", paramLabel = "FILE", description = "File of the dataset.")
  @Nullable Path path;

  @Option(
      names = {"--random-input-len"},
      paramLabel = "N",
      description = "Prompt length in tokens. Default: 1024.")
  @Nullable Integer randomInputLen;

  @Option(
      names = "--random-output-len",
      paramLabel = "N",
      description = "Tokens to generate. Default: 128.")
  @Nullable Integer randomOutputLen;

  @Option(
      names = "--random-range-ratio",
      paramLabel = "R",
      description =
          "Lengths vary evenly by this share to both sides, 0 to below 1; or"
              + " {\"input\": a, \"output\": b}. Default: 0.")
  String randomRangeRatio = "0.0";

  @Option(
      names = "--random-prefix-len",
      paramLabel = "N",
      description = "Tokens in front that all requests share. Default: 0.")
  int randomPrefixLen;

  @Option(
      names = "--random-token-ids",
      description =
          "Send random prompts as token ids. Default: as text, made exact through the server's"
              + " /tokenize and /detokenize (or --tokenizer); ids only where neither exists.")
  boolean randomTokenIds;

  @Option(names = "--input-len", paramLabel = "N", description = "As --random-input-len.")
  @Nullable Integer inputLen;

  @Option(
      names = "--output-len",
      paramLabel = "N",
      description = "Tokens to generate, whatever the dataset.")
  @Nullable Integer outputLen;

  @Option(
      names = "--custom-output-len",
      paramLabel = "N",
      description = "Tokens to generate; -1 = each row's output_tokens. Default: 256.")
  @Nullable Integer customOutputLen;

  @Option(
      names = "--sharegpt-output-len",
      paramLabel = "N",
      description = "Tokens to generate. Default: as long as the conversation's answer.")
  @Nullable Integer shareGptOutputLen;

  @Option(
      names = "--skip-chat-template",
      description = "Send custom prompts to the completions endpoint as they are.")
  boolean skipChatTemplate;

  @Option(names = "--disable-shuffle", description = "Keep the file's order.")
  boolean disableShuffle;

  @Option(names = "--no-oversample", description = "Do not repeat prompts of a short file.")
  boolean noOversample;

  @Option(
      names = "--ignore-eos",
      description =
          "Let answers go on to their full length. Always on for random prompts and mixes.")
  boolean ignoreEos;

  DatasetSpec spec() {
    return switch (name) {
      case "random" -> random();
      case "mix" -> MixClasses.of(mixClasses, form());
      case "custom" ->
          new DatasetSpec.Custom(
              file("a JSON-lines file with a \"prompt\" per line"),
              first(customOutputLen, outputLen, 256),
              !skipChatTemplate,
              !disableShuffle,
              !noOversample);
      case "sharegpt" -> {
        Integer forced = shareGptOutputLen != null ? shareGptOutputLen : outputLen;
        yield new DatasetSpec.ShareGpt(
            file("ShareGPT's JSON file"),
            forced == null ? OptionalInt.empty() : OptionalInt.of(forced),
            !disableShuffle,
            !noOversample);
      }
      default ->
          throw new IllegalArgumentException(
              "--dataset-name "
                  + name
                  + " is not supported; allowed are random, custom, sharegpt and mix (a dataset from"
                  + " the web: save it as JSON lines with \"prompt\" and take custom)");
    };
  }

  private DatasetSpec random() {
    if (path != null) {
      throw new IllegalArgumentException("the random dataset takes no --dataset-path");
    }
    double[] range = range();
    return new DatasetSpec.Random(
        first(randomInputLen, inputLen, 1024),
        first(randomOutputLen, outputLen, 128),
        range[0],
        range[1],
        randomPrefixLen,
        form());
  }

  private DatasetSpec.RandomForm form() {
    return randomTokenIds ? DatasetSpec.RandomForm.TOKEN_IDS : DatasetSpec.RandomForm.AUTO;
  }

  private Path file(String what) {
    if (path == null) {
      throw new IllegalArgumentException(
          "--dataset-name " + name + " needs --dataset-path: " + what);
    }
    return path;
  }

  private static int first(@Nullable Integer own, @Nullable Integer general, int otherwise) {
    return own != null ? own : general != null ? general : otherwise;
  }

  /** The share for input and the one for output. */
  private double[] range() {
    try {
      JsonNode json = new JsonMapper().readTree(randomRangeRatio);
      if (json != null && json.isNumber()) {
        return new double[] {json.doubleValue(), json.doubleValue()};
      }
      if (json != null && json.path("input").isNumber() && json.path("output").isNumber()) {
        return new double[] {json.path("input").doubleValue(), json.path("output").doubleValue()};
      }
    } catch (JacksonException e) {
      // Told below.
    }
    throw new IllegalArgumentException(
        "--random-range-ratio is "
            + randomRangeRatio
            + "; allowed is a number from 0 to below 1, or {\"input\": a, \"output\": b}");
  }
}
