package dev.baton.model.tokenizer;

import ai.djl.huggingface.tokenizers.jni.TokenizersLibrary;
import dev.baton.model.ModelFormatException;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.Set;
import java.util.concurrent.Semaphore;
import java.util.function.LongFunction;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/**
 * A tokenizer of the native library; of common kinds, common text is encoded here instead. A call
 * into it holds its carrier thread, so at most all cores but one are inside at a time: other
 * virtual threads always have a carrier left.
 */
final class NativeTokenizer implements Tokenizer {
  private static final String PROBE = "a";
  private static final int PERMITS = Math.max(1, Runtime.getRuntime().availableProcessors() - 1);

  private final TokenizersLibrary library;
  private final @Nullable String[] tokens;
  private final Set<Integer> specialIds;
  private final OptionalInt eos;
  private final Optional<ByteLevel> byteLevel;
  private final Optional<ByteLevelEncoder> encoder;

  /** What a template puts around every text's ids. */
  private final int[] prefix;

  private final int[] suffix;

  /**
   * One permit per call inside; {@link #close} takes them all. Fair: a long text waits its turn.
   */
  private final Semaphore permits = new Semaphore(PERMITS, true);

  /** The native tokenizer, 0 once closed. Used with a permit, written with all of them. */
  private volatile long handle;

  NativeTokenizer(TokenizerFile file, String where, OptionalInt eos) {
    this.library = NativeTokenizers.library();
    this.tokens = file.tokens();
    this.specialIds = file.specialIds();
    this.eos = eos;
    this.byteLevel =
        file.byteLevel() ? Optional.of(new ByteLevel(file.tokens())) : Optional.empty();
    try {
      this.handle = library.createTokenizerFromString(file.json());
    } catch (RuntimeException e) {
      throw new ModelFormatException(
          "%s is no tokenizer that can be used: %s. Fetch the file again."
              .formatted(where, e.getMessage()),
          e);
    }
    // The file may ask for both (they are saved with it); prompts are neither cut nor padded.
    library.disableTruncation(handle);
    library.disablePadding(handle);
    int[] plain = encodeNatively(PROBE, false);
    int[] whole = encodeNatively(PROBE, true);
    int at = Collections.indexOfSubList(list(whole), list(plain));
    boolean found = plain.length > 0 && at >= 0;
    this.prefix = Arrays.copyOf(whole, Math.max(0, at));
    this.suffix = found ? Arrays.copyOfRange(whole, at + plain.length, whole.length) : prefix;
    this.encoder =
        found && byteLevel.isPresent()
            ? file.bpe().flatMap(r -> ByteLevelEncoder.of(r, file.tokens(), byteLevel.get()))
            : Optional.empty();
  }

  private static List<Integer> list(int[] ids) {
    return Arrays.stream(ids).boxed().toList();
  }

  @Override
  public int[] encode(String text, boolean addSpecialTokens) {
    Optional<int[]> own = encoder.flatMap(e -> text.isEmpty() ? Optional.empty() : e.encode(text));
    if (own.isEmpty() || handle == 0) {
      return encodeNatively(text, addSpecialTokens);
    }
    return addSpecialTokens ? joined(prefix, own.get(), suffix) : own.get();
  }

  private static int[] joined(int[] first, int[] second, int[] third) {
    int[] all = Arrays.copyOf(first, first.length + second.length + third.length);
    System.arraycopy(second, 0, all, first.length, second.length);
    System.arraycopy(third, 0, all, first.length + second.length, third.length);
    return all;
  }

  /** By the library, whatever the text. */
  int[] encodeNatively(String text, boolean addSpecialTokens) {
    String wellFormed = withoutLoneSurrogates(text);
    long[] ids =
        call(
            tokenizer -> {
              long encoding = library.encode(tokenizer, wellFormed, addSpecialTokens);
              try {
                return library.getTokenIds(encoding);
              } finally {
                library.deleteEncoding(encoding);
              }
            });
    return Arrays.stream(ids).mapToInt(Math::toIntExact).toArray();
  }

  @Override
  public String decode(int[] ids, boolean skipSpecialTokens) {
    if (byteLevel.isPresent()) {
      Detokenizer detokenizer = detokenizer(skipSpecialTokens);
      StringBuilder text = new StringBuilder();
      for (int id : ids) {
        text.append(detokenizer.append(id));
      }
      return text.append(detokenizer.finish()).toString();
    }
    long[] known = IntStream.of(ids).filter(this::isToken).asLongStream().toArray();
    return call(tokenizer -> library.decode(tokenizer, known, skipSpecialTokens));
  }

  @Override
  public Detokenizer detokenizer(boolean skipSpecialTokens, int[] before) {
    Set<Integer> skipped = skipSpecialTokens ? specialIds : Set.of();
    return byteLevel.isPresent()
        ? new ByteLevelDetokenizer(byteLevel.get(), skipped)
        : new WindowDetokenizer(
            ids -> decode(ids, false), id -> !isToken(id) || skipped.contains(id), before);
  }

  @Override
  public int vocabSize() {
    return tokens.length;
  }

  @Override
  public OptionalInt eosTokenId() {
    return eos;
  }

  @Override
  public Set<Integer> specialTokenIds() {
    return specialIds;
  }

  @Override
  public Optional<String> token(int id) {
    return id >= 0 && id < tokens.length ? Optional.ofNullable(tokens[id]) : Optional.empty();
  }

  private boolean isToken(int id) {
    return token(id).isPresent();
  }

  private <T> T call(LongFunction<T> function) {
    permits.acquireUninterruptibly();
    try {
      if (handle == 0) {
        throw new IllegalStateException("The tokenizer is closed.");
      }
      return function.apply(handle);
    } finally {
      permits.release();
    }
  }

  @Override
  public void close() {
    permits.acquireUninterruptibly(PERMITS);
    try {
      if (handle != 0) {
        library.deleteTokenizer(handle);
        handle = 0;
      }
    } finally {
      permits.release(PERMITS);
    }
  }

  /** The native side reads UTF-16 and cannot take half a pair. */
  static String withoutLoneSurrogates(String text) {
    for (int i = 0; i < text.length(); i++) {
      if (Character.isSurrogate(text.charAt(i))) {
        int[] points =
            text.codePoints().map(c -> c >= 0xD800 && c <= 0xDFFF ? 0xFFFD : c).toArray();
        return new String(points, 0, points.length);
      }
    }
    return text;
  }
}
