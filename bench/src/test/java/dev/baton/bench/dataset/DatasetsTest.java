package dev.baton.bench.dataset;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.baton.bench.BenchException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class DatasetsTest {
  @TempDir Path folder;

  private final List<String> warnings = new ArrayList<>();

  /**
   * Words w0 to w999; the first and last ten are special. As real tokenizers do, it merges:
   * "w<even> w<even + 1>" becomes a token of its own (1000 + even), so that decoded runs come back
   * shorter.
   */
  private static final class Merging implements PromptTokenizer {
    private final boolean merges;

    Merging(boolean merges) {
      this.merges = merges;
    }

    @Override
    public String name() {
      return "merging";
    }

    @Override
    public int vocabularySize() {
      return 1000;
    }

    @Override
    public int[] encode(String text, boolean addSpecialTokens) {
      List<Integer> ids = new ArrayList<>();
      if (addSpecialTokens) {
        ids.add(1);
      }
      String[] words = text.isEmpty() ? new String[0] : text.split(" ", -1);
      for (int i = 0; i < words.length; i++) {
        int id = words[i].startsWith("w") ? Integer.parseInt(words[i].substring(1)) : 500;
        boolean pair =
            merges && id % 2 == 0 && i + 1 < words.length && words[i + 1].equals("w" + (id + 1));
        ids.add(pair ? 1000 + id : id);
        i += pair ? 1 : 0;
      }
      return ids.stream().mapToInt(Integer::intValue).toArray();
    }

    @Override
    public String decode(int[] ids) {
      return Arrays.stream(ids)
          .mapToObj(id -> id < 1000 ? "w" + id : "w" + (id - 1000) + " w" + (id - 999))
          .collect(Collectors.joining(" "));
    }

    @Override
    public boolean special(int id) {
      return id < 10 || id >= 990;
    }

    @Override
    public Optional<int[]> chat(String userMessage) {
      return userMessage.equals("untemplated")
          ? Optional.empty()
          : Optional.of(new int[] {2, userMessage.length(), 3});
    }
  }

  private List<PromptRequest> build(
      DatasetSpec spec, int count, long seed, Optional<PromptTokenizer> tokenizer, boolean chat)
      throws Exception {
    return Datasets.build(spec, count, seed, tokenizer, chat, warnings::add);
  }

  private static String text(PromptRequest request) {
    return ((Prompt.Text) request.prompt()).text();
  }

  @ParameterizedTest
  @ValueSource(ints = {2, 3, 17, 512})
  void randomPromptsHaveExactlyTheLengthAskedFor(int length) throws Exception {
    PromptTokenizer tokenizer = new Merging(true);
    List<PromptRequest> requests =
        build(DatasetSpec.Random.of(length, 8), 50, 1, Optional.of(tokenizer), false);
    assertThat(requests).hasSize(50);
    for (PromptRequest request : requests) {
      assertThat(tokenizer.encode(text(request), true)).hasSize(length);
      assertThat(request.promptTokens()).isEqualTo(length);
      assertThat(request.outputTokens()).isEqualTo(8);
    }
    assertThat(warnings).isEmpty();
  }

  @Test
  void lengthsVaryEvenlyWithinTheRangeAndShareThePrefix() throws Exception {
    DatasetSpec spec = new DatasetSpec.Random(101, 40, 0.5, 0.25, 20, DatasetSpec.RandomForm.AUTO);
    List<PromptRequest> requests = build(spec, 2000, 2, Optional.of(new Merging(false)), false);
    String prefix = text(requests.getFirst()).split(" (?=\\S+$)")[0];
    String shared =
        Arrays.stream(prefix.split(" ")).limit(20).collect(Collectors.joining(" ")) + " ";
    assertThat(requests).allMatch(request -> text(request).startsWith(shared));
    // 100 of the body vary by half; 20 of the prefix and the tokenizer's own one do not.
    assertThat(requests.stream().mapToInt(PromptRequest::promptTokens).min()).hasValue(71);
    assertThat(requests.stream().mapToInt(PromptRequest::promptTokens).max()).hasValue(171);
    assertThat(requests.stream().mapToInt(PromptRequest::outputTokens).min()).hasValue(30);
    assertThat(requests.stream().mapToInt(PromptRequest::outputTokens).max()).hasValue(50);
    assertThat(requests.stream().mapToInt(PromptRequest::promptTokens).average().orElse(0))
        .isBetween(118.0, 124.0);
  }

  @Test
  void randomBodiesAreRunsOfOrdinaryTokens() throws Exception {
    DatasetSpec spec = new DatasetSpec.Random(30, 1, 0, 0, 0, DatasetSpec.RandomForm.TOKEN_IDS);
    for (PromptRequest request : build(spec, 100, 3, Optional.of(new Merging(true)), false)) {
      int[] ids = ((Prompt.Tokens) request.prompt()).ids();
      assertThat(ids).hasSize(30);
      for (int i = 0; i < ids.length; i++) {
        assertThat(ids[i]).isBetween(10, 989);
        assertThat(ids[i]).isEqualTo((ids[0] - 10 + i) % 980 + 10);
      }
    }
  }

  @Test
  void theSeedDecidesAndNothingElse() throws Exception {
    DatasetSpec spec = new DatasetSpec.Random(40, 9, 0.3, 0.3, 5, DatasetSpec.RandomForm.AUTO);
    List<String> first =
        build(spec, 64, 7, Optional.of(new Merging(true)), false).stream()
            .map(DatasetsTest::text)
            .toList();
    assertThat(build(spec, 64, 7, Optional.of(new Merging(true)), false))
        .extracting(DatasetsTest::text)
        .isEqualTo(first);
    assertThat(build(spec, 64, 8, Optional.of(new Merging(true)), false))
        .extracting(DatasetsTest::text)
        .isNotEqualTo(first);
    assertThat(first).doesNotHaveDuplicates();
  }

  @Test
  void tokenIdsCannotGoToTheChatEndpoint() {
    DatasetSpec spec = new DatasetSpec.Random(8, 1, 0, 0, 0, DatasetSpec.RandomForm.TOKEN_IDS);
    assertThatThrownBy(() -> build(spec, 1, 0, Optional.empty(), true))
        .isInstanceOf(BenchException.class)
        .hasMessageContaining("text only");
  }

  @Test
  void impossibleRandomLengthsAreRefused() {
    assertThatThrownBy(() -> DatasetSpec.Random.of(0, 1)).hasMessageContaining("at least 1");
    assertThatThrownBy(() -> new DatasetSpec.Random(1, 1, 1, 0, 0, DatasetSpec.RandomForm.AUTO))
        .hasMessageContaining("below 1");
    assertThatThrownBy(() -> build(DatasetSpec.Random.of(1, 1), 0, 0, Optional.empty(), false))
        .isInstanceOf(BenchException.class);
  }

  private Path file(String name, String content) throws IOException {
    return Files.writeString(folder.resolve(name), content);
  }

  @Test
  void customRowsAreShuffledRepeatedAndTemplated() throws Exception {
    Path file =
        file(
            "rows.jsonl",
            """
            {"prompt": "one", "output_tokens": 11}
            {"question": "three", "output_tokens": 13}

            {"prompt": "fifth", "output_tokens": 15, "more": 1}
            """);
    List<PromptRequest> plain =
        build(custom(file, 256, false, false), 3, 0, Optional.empty(), false);
    assertThat(plain).extracting(DatasetsTest::text).containsExactly("one", "three", "fifth");
    assertThat(plain).allMatch(request -> request.outputTokens() == 256);

    List<PromptRequest> own = build(custom(file, -1, false, true), 7, 0, Optional.empty(), true);
    assertThat(own).hasSize(7);
    assertThat(own.subList(0, 3)).extracting(PromptRequest::outputTokens).containsOnly(11, 13, 15);

    List<PromptRequest> templated =
        build(custom(file, 5, true, false), 1, 0, Optional.of(new Merging(false)), false);
    assertThat(((Prompt.Tokens) templated.getFirst().prompt()).ids()).containsExactly(2, 3, 3);
    assertThat(templated.getFirst().promptTokens()).isEqualTo(3);
    assertThat(warnings).isEmpty();
    build(custom(file, 5, true, false), 1, 0, Optional.empty(), false);
    assertThat(warnings).anyMatch(text -> text.contains("without a chat template"));
  }

  private static DatasetSpec custom(Path file, int output, boolean template, boolean shuffle) {
    return new DatasetSpec.Custom(file, output, template, shuffle, true);
  }

  @Test
  void aBrokenCustomFileNamesTheLine() throws Exception {
    assertMessage(custom(file("a.txt", ""), 1, false, false), "must be a file ending in .jsonl");
    assertMessage(custom(folder.resolve("no.jsonl"), 1, false, false), "no such file");
    assertMessage(custom(file("b.jsonl", "{\"prompt\": \"x\"}\n{"), 1, false, false), "line 2");
    assertMessage(custom(file("c.jsonl", "{\"text\": \"x\"}"), 1, false, false), "\"prompt\"");
    assertMessage(
        custom(file("d.jsonl", "{\"prompt\": \"x\"}"), -1, false, false), "output_tokens");
    assertMessage(custom(file("e.jsonl", "\n"), 1, false, false), "no usable prompt");
  }

  private void assertMessage(DatasetSpec spec, String part) {
    assertThatThrownBy(() -> build(spec, 5, 0, Optional.of(new Merging(false)), false))
        .isInstanceOf(BenchException.class)
        .hasMessageContaining(part);
  }

  @Test
  void conversationsOutsideTheLimitsAreLeftOut() throws Exception {
    String good = turns("w1 w2 w3 w4", "w5 w6 w7 w8 w9");
    String shortPrompt = turns("w1", "w5 w6 w7 w8");
    String shortAnswer = turns("w1 w2 w3 w4", "w5");
    String longPrompt = turns("w1 ".repeat(1100).strip(), "w5 w6 w7 w8");
    String longTotal = turns("w1 ".repeat(900).strip(), "w5 ".repeat(1300).strip());
    String single = "{\"conversations\": [{\"from\": \"human\", \"value\": \"w1 w2 w3 w4\"}]}";
    Path file =
        file(
            "share.json",
            "["
                + String.join(
                    ",", good, shortPrompt, shortAnswer, longPrompt, longTotal, single, "{}")
                + "]");
    Optional<PromptTokenizer> tokenizer = Optional.of(new Merging(false));
    List<PromptRequest> natural =
        build(
            new DatasetSpec.ShareGpt(file, OptionalInt.empty(), true, false),
            9,
            5,
            tokenizer,
            false);
    assertThat(natural).hasSize(1);
    assertThat(natural.getFirst().promptTokens()).isEqualTo(5);
    assertThat(natural.getFirst().outputTokens()).isEqualTo(6);
    // A forced output length makes short answers usable, and 900 + 64 fits.
    List<PromptRequest> forced =
        build(
            new DatasetSpec.ShareGpt(file, OptionalInt.of(64), true, true), 9, 5, tokenizer, false);
    assertThat(forced).hasSize(9).allMatch(request -> request.outputTokens() == 64);
    assertThat(forced).extracting(PromptRequest::promptTokens).containsOnly(5, 901);
    assertThatThrownBy(
            () ->
                build(
                    new DatasetSpec.ShareGpt(file, OptionalInt.empty(), true, true),
                    1,
                    0,
                    Optional.empty(),
                    false))
        .isInstanceOf(BenchException.class)
        .hasMessageContaining("--tokenizer");
  }

  private static String turns(String prompt, String answer) {
    return "{\"conversations\": [{\"from\": \"human\", \"value\": \"%s\"}, {\"value\": \"%s\"}]}"
        .formatted(prompt, answer);
  }
}
