package dev.baton.bench.dataset;

import dev.baton.bench.BenchException;
import java.io.IOException;
import java.nio.file.Files;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/**
 * ShareGPT conversations: the first turn is the prompt, the second gives the output length; too
 * short and too long ones are left out by {@code vllm bench serve}'s limits.
 */
final class ShareGptPrompts {
  private static final int SHORTEST = 4;
  private static final int LONGEST_PROMPT = 1024;
  private static final int LONGEST_TOTAL = 2048;
  private static final int BATCH = 128;

  private final DatasetSpec.ShareGpt spec;
  private final long seed;
  private final Optional<PromptTokenizer> tokenizer;

  ShareGptPrompts(DatasetSpec.ShareGpt spec, long seed, Optional<PromptTokenizer> tokenizer) {
    this.spec = spec;
    this.seed = seed;
    this.tokenizer = tokenizer;
  }

  private record Turns(String prompt, String answer) {}

  List<PromptRequest> make(int count) throws BenchException, InterruptedException {
    if (tokenizer.isEmpty()) {
      throw new BenchException(
          "the sharegpt dataset needs token counts, but the server has no /tokenize; give the"
              + " model's directory with --tokenizer DIR");
    }
    List<Turns> conversations = conversations();
    if (spec.shuffle()) {
      Datasets.shuffle(conversations, seed);
    }
    int wanted = count <= 0 ? conversations.size() : count;
    List<PromptRequest> requests = new ArrayList<>();
    for (int from = 0; from < conversations.size() && requests.size() < wanted; from += BATCH) {
      List<Turns> batch = conversations.subList(from, Math.min(from + BATCH, conversations.size()));
      for (Optional<PromptRequest> one : Parallel.map(batch.size(), i -> request(batch.get(i)))) {
        if (one.isPresent() && requests.size() < wanted) {
          requests.add(one.get());
        }
      }
    }
    return Datasets.filled(requests, count, spec.oversample(), seed);
  }

  private Optional<PromptRequest> request(Turns turns) throws BenchException {
    PromptTokenizer known = tokenizer.orElseThrow();
    int prompt = known.encode(turns.prompt(), true).length;
    int output =
        spec.outputLen().isPresent()
            ? spec.outputLen().getAsInt()
            : known.encode(turns.answer(), true).length;
    boolean fits =
        prompt >= SHORTEST
            && (output >= SHORTEST || spec.outputLen().isPresent())
            && prompt <= LONGEST_PROMPT
            && prompt + output <= LONGEST_TOTAL;
    return fits
        ? Optional.of(new PromptRequest(new Prompt.Text(turns.prompt()), prompt, output))
        : Optional.empty();
  }

  private List<Turns> conversations() throws BenchException {
    JsonNode root;
    try (var in = Files.newInputStream(spec.file())) {
      root = new JsonMapper().readTree(in);
    } catch (IOException e) {
      throw new BenchException(
          "cannot read the dataset " + spec.file() + ": " + FileFailure.reason(e), e);
    } catch (JacksonException e) {
      throw new BenchException(
          "the dataset " + spec.file() + " is no JSON: " + e.getOriginalMessage(), e);
    }
    if (!root.isArray()) {
      throw new BenchException(
          "the sharegpt dataset must be one JSON array of objects with \"conversations\"; "
              + spec.file()
              + " is not");
    }
    List<Turns> conversations = new ArrayList<>();
    for (JsonNode entry : root) {
      JsonNode turns = entry.path("conversations");
      if (turns.size() >= 2
          && turns.path(0).path("value").isString()
          && turns.path(1).path("value").isString()) {
        conversations.add(
            new Turns(
                turns.path(0).path("value").stringValue(),
                turns.path(1).path("value").stringValue()));
      }
    }
    return conversations;
  }
}
