package dev.baton.model.tokenizer;

import static org.assertj.core.api.Assertions.assertThat;

import dev.baton.model.Checkout;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

final class DetokenizerTest {
  private static final List<String> TEXTS =
      List.of(
          "Hello, world!",
          " leading and   inner  spaces ",
          "naïve Größe 北京 こんにちは 안녕",
          "emoji 🚀🧪 family 👨‍👩‍👧 flag 🇩🇪 skin 👍🏽",
          "combining e\u0301 a\u0308 and \u200d joiners",
          "replacement \uFFFD and \uFFFD\uFFFD\uFFFD\uFFFD\uFFFD\uFFFD\uFFFD\uFFFD\uFFFD in text",
          "\uFFFD",
          "line\r\n\n\ttab",
          "𝔘𝔫𝔦𝔠𝔬𝔡𝔢 𓀀𓁐",
          "",
          " ",
          "   ");

  private static Tokenizer byteLevel;
  private static Tokenizer fallback;

  @BeforeAll
  static void load(@TempDir Path dir) throws IOException {
    byteLevel = Tokenizers.load(Checkout.DEMO);
    Files.writeString(dir.resolve("tokenizer.json"), sentencePiece());
    fallback = Tokenizers.load(dir);
  }

  @AfterAll
  static void close() throws Exception {
    byteLevel.close();
    fallback.close();
  }

  /** A tokenizer in the form of Llama 2's and Mistral's: "▁" for spaces, bytes as a fallback. */
  private static String sentencePiece() {
    StringBuilder vocabulary = new StringBuilder("\"<unk>\":0,\"<s>\":1,\"</s>\":2");
    int id = 3;
    for (int b = 0; b < 256; b++) {
      vocabulary.append(",\"<0x%02X>\":%d".formatted(b, id++));
    }
    for (String token :
        List.of(
            "▁", "a", "b", "c", "d", "e", "f", "g", "h", "i", "j", "k", "l", "m", "n", "o", "p",
            "q", "r", "s", "t", "u", "v", "w", "x", "y", "z", "▁t", "he", "▁the", "ll", "\uFFFD")) {
      vocabulary.append(",\"").append(token).append("\":").append(id++);
    }
    return ("{'version':'1.0','added_tokens':[{'id':1,'content':'<s>','single_word':false,'lstrip':false,"
            + "'rstrip':false,'normalized':false,'special':true},{'id':2,'content':'</s>','single_word':false,"
            + "'lstrip':false,'rstrip':false,'normalized':false,'special':true}],"
            + "'normalizer':{'type':'Sequence','normalizers':[{'type':'Prepend','prepend':'▁'},"
            + "{'type':'Replace','pattern':{'String':' '},'content':'▁'}]},'pre_tokenizer':null,"
            + "'decoder':{'type':'Sequence','decoders':[{'type':'Replace','pattern':{'String':'▁'},'content':' '},"
            + "{'type':'ByteFallback'},{'type':'Fuse'},{'type':'Strip','content':' ','start':1,'stop':0}]},"
            + "'model':{'type':'BPE','dropout':null,'unk_token':'<unk>','fuse_unk':true,'byte_fallback':true,"
            + "'vocab':{VOCAB},'merges':['h e','l l','▁ t','▁t he']}}")
        .replace('\'', '"')
        .replace("VOCAB", vocabulary);
  }

  private static String stream(Tokenizer tokenizer, int[] ids, boolean skipSpecial) {
    Detokenizer detokenizer = tokenizer.detokenizer(skipSpecial);
    StringBuilder out = new StringBuilder();
    for (int id : ids) {
      String piece = detokenizer.append(id);
      // Never half a surrogate pair: each piece is a text by itself.
      assertThat(NativeTokenizer.withoutLoneSurrogates(piece)).isEqualTo(piece);
      out.append(piece);
    }
    return out.append(detokenizer.finish()).toString();
  }

  @Test
  void streamedTextIsTheTextForGoldensAndUnicode() {
    List<String> texts = new ArrayList<>(TEXTS);
    Golden.read().forEach(g -> texts.add(g.text()));
    for (String text : texts) {
      for (Tokenizer t : List.of(byteLevel, fallback)) {
        for (boolean addSpecial : new boolean[] {false, true}) {
          int[] ids = t.encode(text, addSpecial);
          for (boolean skip : new boolean[] {false, true}) {
            assertThat(stream(t, ids, skip)).as(text).isEqualTo(t.decode(ids, skip));
          }
        }
      }
      assertThat(stream(byteLevel, byteLevel.encode(text, false), false)).isEqualTo(text);
    }
  }

  @Test
  void everyPieceIsGivenAsSoonAsItIsCertain() {
    for (Tokenizer t : List.of(byteLevel, fallback)) {
      int[] ids = t.encode("a🚀b", false);
      Detokenizer detokenizer = t.detokenizer(true);
      List<String> pieces = new ArrayList<>();
      for (int id : ids) {
        pieces.add(detokenizer.append(id));
      }
      assertThat(pieces).filteredOn(p -> !p.isEmpty()).containsExactly("a", "🚀", "b");
      assertThat(pieces.getLast()).isEqualTo("b");
      assertThat(detokenizer.finish()).isEmpty();
    }
  }

  @Test
  void halfACharacterAtTheEndBecomesAReplacement() {
    for (Tokenizer t : List.of(byteLevel, fallback)) {
      int[] rocket = t.encode("a🚀", false);
      int[] cut = Arrays.copyOf(rocket, rocket.length - 1);
      assertThat(stream(t, cut, true)).startsWith("a\uFFFD").isEqualTo(t.decode(cut, true));
    }
  }

  @Test
  void anySequenceOfByteLevelTokensStreamsToItsFullDecode() {
    long seed = System.nanoTime();
    System.out.println("seed " + seed);
    Random random = new Random(seed);
    for (int round = 0; round < 3000; round++) {
      // Mostly single bytes (ids 6 to 261), so that much of it is no UTF-8.
      int bound = random.nextBoolean() ? 262 : 1160;
      int[] ids = IntStream.range(0, random.nextInt(40)).map(i -> random.nextInt(bound)).toArray();
      boolean skip = random.nextBoolean();
      assertThat(stream(byteLevel, ids, skip)).isEqualTo(byteLevel.decode(ids, skip));
    }
  }

  @Test
  void ownByteLevelDecodingIsTheNativeLibrarysDecoding() {
    long seed = System.nanoTime();
    System.out.println("seed " + seed);
    Random random = new Random(seed);
    var library = NativeTokenizers.library();
    long handle =
        library.createTokenizerFromString(
            TokenizerFile.read(Checkout.DEMO.resolve("tokenizer.json")).json());
    for (int round = 0; round < 3000; round++) {
      int bound = random.nextBoolean() ? 262 : 1160;
      int[] ids = IntStream.range(0, random.nextInt(40)).map(i -> random.nextInt(bound)).toArray();
      boolean skip = random.nextBoolean();
      assertThat(byteLevel.decode(ids, skip))
          .isEqualTo(library.decode(handle, Arrays.stream(ids).asLongStream().toArray(), skip));
    }
    library.deleteTokenizer(handle);
  }

  @Test
  void randomTextWithSpecialTokensStreamsThroughByteFallback() {
    long seed = System.nanoTime();
    System.out.println("seed " + seed);
    Random random = new Random(seed);
    for (int round = 0; round < 2000; round++) {
      StringBuilder text = new StringBuilder();
      for (int i = random.nextInt(12); i >= 0; i--) {
        text.append(
            switch (random.nextInt(5)) {
              case 0 -> "</s>";
              case 1 -> " the";
              case 2 -> Character.toString(0x4E00 + random.nextInt(5000));
              case 3 -> Character.toString(0x1F300 + random.nextInt(500));
              default -> TEXTS.get(random.nextInt(TEXTS.size()));
            });
      }
      int[] ids = fallback.encode(text.toString(), true);
      boolean skip = random.nextBoolean();
      assertThat(stream(fallback, ids, skip))
          .as(text.toString())
          .isEqualTo(fallback.decode(ids, skip));
    }
  }

  @Test
  void anAnswerKeepsTheSpaceBetweenItAndItsPrompt() {
    int[] the = {Arrays.stream(fallback.encode("the", false)).max().orElseThrow()};
    assertThat(fallback.token(the[0])).contains("▁the");
    assertThat(fallback.detokenizer(true).append(the[0])).isEqualTo("the");
    for (String prompt : List.of("he", "he</s>", "a long text 北", " ")) {
      int[] before = fallback.encode(prompt, true);
      Detokenizer detokenizer = fallback.detokenizer(true, before);
      assertThat(detokenizer.append(the[0])).as(prompt).isEqualTo(" the");
      assertThat(detokenizer.append(the[0])).isEqualTo(" the");
      assertThat(detokenizer.finish()).isEmpty();
    }
    assertThat(fallback.detokenizer(true, new int[] {1}).append(the[0])).isEqualTo("the");
    assertThat(byteLevel.detokenizer(true, new int[] {226}).append(226)).isEqualTo(" ");
  }

  @Test
  void bytesThatNeverBecomeACharacterAreGivenInBoundedTime() {
    int invalid = 3 + 0xFF;
    Detokenizer detokenizer = fallback.detokenizer(true);
    int given = 0;
    for (int i = 0; i < 1000; i++) {
      String piece = detokenizer.append(invalid);
      assertThat(piece).matches("\uFFFD*").hasSizeLessThanOrEqualTo(8);
      given += piece.length();
      assertThat(i + 1 - given).isLessThanOrEqualTo(8);
    }
    assertThat(given + detokenizer.finish().length()).isEqualTo(1000);
    assertThat(fallback.detokenizer(true).append(-5)).isEmpty();
  }

  @Test
  void textGivenStaysWhenBytesGoWrongLater() {
    Detokenizer detokenizer = fallback.detokenizer(true);
    StringBuilder out = new StringBuilder();
    for (int b : new int[] {0xE4, 0xBD, 0xA0, 0xFF}) {
      out.append(detokenizer.append(3 + b));
    }
    int x = fallback.encode("x", false)[1];
    assertThat(out.append(detokenizer.append(x)).append(detokenizer.finish()))
        .hasToString("你\uFFFDx");
  }

  @Test
  void utf8InPiecesIsWhatItIsAsAWhole() {
    long seed = System.nanoTime();
    System.out.println("seed " + seed);
    Random random = new Random(seed);
    byte[] text = String.join("", TEXTS).getBytes(StandardCharsets.UTF_8);
    for (int round = 0; round < 300; round++) {
      Utf8Stream utf8 = new Utf8Stream();
      StringBuilder out = new StringBuilder();
      for (int at = 0; at < text.length; ) {
        int n = Math.min(text.length - at, random.nextInt(6));
        utf8.append(Arrays.copyOfRange(text, at, at + n), out);
        at += n;
      }
      utf8.finish(out);
      assertThat(out).hasToString(String.join("", TEXTS));
    }
  }
}
