package dev.baton.bench.dataset;

import dev.baton.bench.BenchException;
import java.io.BufferedReader;
import java.io.IOException;
import java.nio.file.Files;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.function.Consumer;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/**
 * A JSON-lines file with a {@code prompt} per line ({@code question} is taken too: that is GSM8K's
 * column) and, if wanted, {@code output_tokens}.
 */
final class CustomPrompts {
  private static final JsonMapper JSON = new JsonMapper();

  private final DatasetSpec.Custom spec;
  private final long seed;
  private final Optional<PromptTokenizer> tokenizer;
  private final boolean chat;
  private final Consumer<String> warnings;

  CustomPrompts(
      DatasetSpec.Custom spec,
      long seed,
      Optional<PromptTokenizer> tokenizer,
      boolean chat,
      Consumer<String> warnings) {
    this.spec = spec;
    this.seed = seed;
    this.tokenizer = tokenizer;
    this.chat = chat;
    this.warnings = warnings;
  }

  private record Row(String prompt, int outputTokens) {}

  List<PromptRequest> make(int count) throws BenchException, InterruptedException {
    if (!spec.file().getFileName().toString().endsWith(".jsonl")) {
      throw new BenchException(
          "the custom dataset must be a file ending in .jsonl (one JSON object per line with a"
              + " \"prompt\"); given was "
              + spec.file());
    }
    List<Row> rows = rows();
    if (spec.shuffle()) {
      Datasets.shuffle(rows, seed);
    }
    int wanted = count <= 0 ? rows.size() : Math.min(count, rows.size());
    // The chat endpoint applies the template itself; doing it here too would do it twice.
    boolean template = spec.chatTemplate() && !chat;
    if (template && (tokenizer.isEmpty() || tokenizer.get().chat("a").isEmpty())) {
      warnings.accept(
          "prompts are sent without a chat template: "
              + (tokenizer.isEmpty()
                  ? "there is no tokenizer to apply it with"
                  : "the model has none")
              + " (--skip-chat-template says that this is wanted)");
      template = false;
    }
    boolean templated = template;
    List<PromptRequest> requests = Parallel.map(wanted, i -> request(rows.get(i), templated));
    return Datasets.filled(requests, count, spec.oversample(), seed);
  }

  private PromptRequest request(Row row, boolean template) throws BenchException {
    if (tokenizer.isEmpty()) {
      return new PromptRequest(new Prompt.Text(row.prompt()), 0, row.outputTokens());
    }
    if (template) {
      Optional<int[]> ids = tokenizer.get().chat(row.prompt());
      if (ids.isPresent()) {
        return new PromptRequest(
            new Prompt.Tokens(ids.get()), ids.get().length, row.outputTokens());
      }
    }
    int length = tokenizer.get().encode(row.prompt(), true).length;
    return new PromptRequest(new Prompt.Text(row.prompt()), length, row.outputTokens());
  }

  private List<Row> rows() throws BenchException {
    List<Row> rows = new ArrayList<>();
    int number = 0;
    try (BufferedReader lines = Files.newBufferedReader(spec.file())) {
      for (String line = lines.readLine(); line != null; line = lines.readLine()) {
        number++;
        if (!line.isBlank()) {
          rows.add(row(line, number));
        }
      }
    } catch (IOException e) {
      throw new BenchException(
          "cannot read the dataset " + spec.file() + ": " + FileFailure.reason(e), e);
    }
    return rows;
  }

  private Row row(String line, int number) throws BenchException {
    JsonNode object;
    try {
      object = JSON.readTree(line);
    } catch (JacksonException e) {
      throw new BenchException(
          spec.file() + " line " + number + " is no JSON: " + e.getOriginalMessage(), e);
    }
    JsonNode prompt = object.has("prompt") ? object.path("prompt") : object.path("question");
    if (!prompt.isString()) {
      throw new BenchException(
          spec.file() + " line " + number + " has no text \"prompt\" (or \"question\")");
    }
    int output = spec.outputLen();
    if (output == -1) {
      output = object.path("output_tokens").asInt(0);
      if (output < 1) {
        throw new BenchException(
            spec.file()
                + " line "
                + number
                + " has no \"output_tokens\" of at least 1, which --custom-output-len -1 needs");
      }
    }
    return new Row(prompt.stringValue(), output);
  }
}
