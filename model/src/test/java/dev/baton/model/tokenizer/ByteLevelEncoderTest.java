package dev.baton.model.tokenizer;

import static org.assertj.core.api.Assertions.assertThat;

import dev.baton.model.Checkout;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** The encoder of common text gives the native library's ids. */
final class ByteLevelEncoderTest {
  private static final String[] PIECES = {
    "the", "The", " a", "ing", "Hello", "'s", "'S", "'LL", "'ve", "'x", "''", "1", "23", "4567",
    "²", "¼", " ", "  ", "   ", "\n", "\r\n", "\n\n", "\t", " \n ", ".", ",", " !", "?!\n", "(",
    "_", "<", "<|", "é", "ß", "Ω", "ж", "中", "文字", "か", "ン", "한", "。", "、", "–", "…", "\u3000",
    "\u00a0", "ª", "×", "ー"
  };

  private static TokenizerFile demo(Path dir, boolean wholeWords, boolean singleDigits)
      throws IOException {
    String json = Files.readString(Checkout.DEMO.resolve("tokenizer.json"));
    String changed =
        json.replaceAll("\"ignore_merges\": *true", "\"ignore_merges\": " + wholeWords);
    if (singleDigits) {
      changed = changed.replace("\\\\p{N}{1,3}", "\\\\p{N}");
      assertThat(changed).isNotEqualTo(json);
    }
    return TokenizerFile.read(Files.writeString(dir.resolve("tokenizer.json"), changed));
  }

  private static ByteLevelEncoder encoder(TokenizerFile file) {
    return ByteLevelEncoder.of(
            file.bpe().orElseThrow(), file.tokens(), new ByteLevel(file.tokens()))
        .orElseThrow();
  }

  @ParameterizedTest
  @CsvSource({"true, false", "false, false", "true, true"})
  void idsAreTheNativeLibrarys(boolean wholeWords, boolean singleDigits, @TempDir Path dir)
      throws Exception {
    TokenizerFile file = demo(dir, wholeWords, singleDigits);
    ByteLevelEncoder encoder = encoder(file);
    SplittableRandom random = new SplittableRandom(11);
    int done = 0;
    try (NativeTokenizer tokenizer = new NativeTokenizer(file, "demo", OptionalInt.empty())) {
      for (int i = 0; i < 20_000; i++) {
        String text = text(random, 1 + random.nextInt(20));
        int[] expected = tokenizer.encodeNatively(text, false);
        Optional<int[]> ids = encoder.encode(text);
        done += ids.isPresent() ? 1 : 0;
        assertThat(ids.orElse(expected)).as("\"%s\"", text).isEqualTo(expected);
        assertThat(tokenizer.encode(text, true)).isEqualTo(tokenizer.encodeNatively(text, true));
      }
    }
    assertThat(done).isGreaterThan(19_000);
  }

  @Test
  void longTextsAreSharedOutAndComeTogetherInOrder(@TempDir Path dir) throws Exception {
    TokenizerFile file = demo(dir, true, false);
    ByteLevelEncoder encoder = encoder(file);
    SplittableRandom random = new SplittableRandom(12);
    try (NativeTokenizer tokenizer = new NativeTokenizer(file, "demo", OptionalInt.empty())) {
      for (int pieces : new int[] {900, 1000, 1001, 4000, 20_000}) {
        String text = text(random, pieces);
        assertThat(encoder.encode(text).orElseThrow())
            .isEqualTo(tokenizer.encodeNatively(text, false));
      }
    }
  }

  private static String text(SplittableRandom random, int pieces) {
    StringBuilder text = new StringBuilder();
    for (int k = 0; k < pieces; k++) {
      if (random.nextInt(3) == 0) {
        char c = (char) random.nextInt(0x10000);
        text.append(WordSplitter.knows(c) ? c : 'q');
      } else {
        text.append(PIECES[random.nextInt(PIECES.length)]);
      }
    }
    return text.toString();
  }

  @Test
  void everyCharacterItKnowsIsSplitAsByTheNativeLibrary(@TempDir Path dir) throws Exception {
    TokenizerFile file = demo(dir, true, false);
    ByteLevelEncoder encoder = encoder(file);
    try (NativeTokenizer tokenizer = new NativeTokenizer(file, "demo", OptionalInt.empty())) {
      for (int c = 0; c < 0x10000; c++) {
        if (WordSplitter.knows((char) c)) {
          String character = String.valueOf((char) c);
          String text =
              "the" + character + "ing 1" + character + "2. " + character + "'s" + character;
          assertThat(encoder.encode(text).orElseThrow())
              .as("U+%04X", c)
              .isEqualTo(tokenizer.encodeNatively(text, false));
        }
      }
    }
  }

  @Test
  void whatIsOutOfTheOrdinaryIsLeftToTheNativeLibrary(@TempDir Path dir) throws Exception {
    ByteLevelEncoder encoder = encoder(demo(dir, true, false));
    assertThat(encoder.encode("a<|eot_id|>b")).isEmpty();
    assertThat(encoder.encode("smile \ud83d\ude00")).isEmpty();
    assertThat(encoder.encode("half \ud83d")).isEmpty();
    assertThat(encoder.encode("\u017f")).isEmpty();
    assertThat(encoder.encode("\u0e01")).isEmpty();
    assertThat(encoder.encode("a".repeat(600))).isEmpty();
    assertThat(encoder.encode("a<|eot_id")).isPresent();
  }

  @Test
  void otherKindsOfTokenizersHaveNone(@TempDir Path dir) throws Exception {
    String json = Files.readString(Checkout.DEMO.resolve("tokenizer.json"));
    for (String[] change :
        new String[][] {
          {"\"normalizer\": *null", "\"normalizer\": {\"type\": \"NFC\"}"},
          {"\"behavior\": *\"Isolated\"", "\"behavior\": \"Removed\""},
          {"\"add_prefix_space\": *false", "\"add_prefix_space\": true"},
          {"\"dropout\": *null", "\"dropout\": 0.5"}
        }) {
      String changed = json.replaceFirst(change[0], change[1]);
      assertThat(changed).isNotEqualTo(json);
      TokenizerFile file =
          TokenizerFile.read(Files.writeString(dir.resolve("tokenizer.json"), changed));
      assertThat(file.bpe()).as(change[1]).isEmpty();
    }
  }
}
