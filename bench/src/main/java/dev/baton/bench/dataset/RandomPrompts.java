package dev.baton.bench.dataset;

import dev.baton.bench.BenchException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.SplittableRandom;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Consumer;

/**
 * The random dataset as {@code vllm bench serve} builds it: a shared prefix of uniform draws, then
 * per request a run of consecutive ids from a random place of the allowed vocabulary; as text it is
 * decoded and encoded again until its length is exact, at most twenty times (vLLM: ten).
 *
 * <p>Without any tokenizer, completions get token ids (which need none) and chats get plain English
 * words, about one token each; a warning says so.
 */
final class RandomPrompts {
  private static final int ROUNDS = 20;
  private static final int STABLE_TRIES = 50;

  /** Ids below this exist in every vocabulary worth measuring, if nobody can tell its size. */
  private static final int SAFE_VOCABULARY = 4000;

  /** Short common words, a single token in most vocabularies. */
  private static final String[] WORDS = {
    "the", "of", "and", "to", "in", "is", "that", "for", "it", "as", "was", "with", "be", "by",
    "on", "not", "he", "his", "but", "at", "are", "this", "have", "from", "or", "had", "an", "they",
    "which", "one", "you", "were", "her", "all", "she", "there", "would", "their", "we", "him",
    "been", "has", "when", "who", "will", "more", "no", "if", "out", "so", "said", "what", "up",
    "its", "about", "into", "than", "them", "can", "only", "other", "new", "some", "time"
  };

  private final DatasetSpec.Random spec;
  private final long seed;
  private final Optional<PromptTokenizer> tokenizer;
  private final boolean chat;
  private final Consumer<String> warnings;

  /** What {@link #comesBack(PromptTokenizer, int)} found out. */
  private final Map<Integer, Boolean> comesBack = new ConcurrentHashMap<>();

  RandomPrompts(
      DatasetSpec.Random spec,
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

  List<PromptRequest> make(int count) throws BenchException, InterruptedException {
    if (spec.form() == DatasetSpec.RandomForm.TOKEN_IDS && chat) {
      throw new BenchException(
          "random prompts as token ids cannot go to the chat endpoint, which takes text only; use"
              + " the completions endpoint (--backend vllm) or leave --random-token-ids out");
    }
    boolean text = spec.form() == DatasetSpec.RandomForm.AUTO && tokenizer.isPresent();
    if (tokenizer.isEmpty() && chat) {
      warnings.accept(
          "the server has no /tokenize and /detokenize and no --tokenizer was given: prompts are"
              + " made of common words and their length in tokens is only about right (the counts"
              + " reported are the server's)");
      return words(count);
    }
    if (tokenizer.isEmpty()) {
      warnings.accept(
          "the server has no /tokenize and /detokenize and no --tokenizer was given: prompts are"
              + " sent as token ids below "
              + SAFE_VOCABULARY);
    }
    int special =
        text
            ? tokenizer.get().encode("a", true).length - tokenizer.get().encode("a", false).length
            : 0;
    int[] allowed = allowed();
    int[][] lengths = lengths(count, Math.max(1, spec.inputLen() - special));
    int[] prefix = prefix(allowed, text);
    AtomicInteger missed = new AtomicInteger();
    List<PromptRequest> requests =
        Parallel.map(
            count,
            i -> {
              int[] ids = Arrays.copyOf(prefix, prefix.length + lengths[0][i]);
              for (int k = prefix.length; k < ids.length; k++) {
                long at = (long) lengths[2][i] + i + k - prefix.length;
                ids[k] = allowed[(int) (at % allowed.length)];
              }
              if (!text) {
                return new PromptRequest(new Prompt.Tokens(ids), ids.length, lengths[1][i]);
              }
              Exact exact = exact(ids, allowed, new SplittableRandom(mix(seed, i)));
              if (exact.length() != ids.length) {
                missed.incrementAndGet();
              }
              return new PromptRequest(
                  new Prompt.Text(exact.text()), exact.length() + special, lengths[1][i]);
            });
    if (missed.get() > 0) {
      warnings.accept(
          missed.get()
              + " of "
              + count
              + " random prompts do not have exactly the length asked for: their text has no"
              + " tokenization of that length");
    }
    return requests;
  }

  /** Input lengths, output lengths and offsets: three draws per request. */
  private int[][] lengths(int count, int inputLen) {
    SplittableRandom random = new SplittableRandom(seed);
    int[][] drawn = new int[3][count];
    int inputLow = (int) Math.floor(inputLen * (1 - spec.inputRange()));
    int inputHigh = (int) Math.ceil(inputLen * (1 + spec.inputRange()));
    int outputLow = Math.max(1, (int) Math.floor(spec.outputLen() * (1 - spec.outputRange())));
    int outputHigh = Math.max(1, (int) Math.ceil(spec.outputLen() * (1 + spec.outputRange())));
    for (int i = 0; i < count; i++) {
      drawn[0][i] = Math.max(1, random.nextInt(inputLow, inputHigh + 1));
    }
    for (int i = 0; i < count; i++) {
      drawn[1][i] = random.nextInt(outputLow, outputHigh + 1);
    }
    for (int i = 0; i < count; i++) {
      drawn[2][i] = random.nextInt(1 << 30);
    }
    return drawn;
  }

  private int[] allowed() throws BenchException {
    if (tokenizer.isEmpty()) {
      int[] ids = new int[SAFE_VOCABULARY - 512];
      Arrays.setAll(ids, i -> i + 512);
      return ids;
    }
    PromptTokenizer known = tokenizer.get();
    int size = known.vocabularySize();
    int[] ids = new int[size];
    int kept = 0;
    for (int id = 0; id < size; id++) {
      if (!known.special(id)) {
        ids[kept++] = id;
      }
    }
    if (kept == 0) {
      throw new BenchException(
          "the tokenizer " + known.name() + " has no ordinary tokens to make prompts of");
    }
    return Arrays.copyOf(ids, kept);
  }

  private int[] prefix(int[] allowed, boolean text) throws BenchException {
    SplittableRandom random = new SplittableRandom(mix(seed, -1));
    int[] ids = new int[spec.prefixLen()];
    Arrays.setAll(ids, i -> allowed[random.nextInt(allowed.length)]);
    if (text && ids.length > 0) {
      // The prefix alone goes the same round, so that it stays whole in front of every body.
      return exact(ids, allowed, random).ids();
    }
    return ids;
  }

  /** A text and what it encodes to, the tokenizer's own additions left out. */
  private record Exact(String text, int[] ids) {
    int length() {
      return ids.length;
    }
  }

  private Exact exact(int[] wanted, int[] allowed, SplittableRandom random) throws BenchException {
    PromptTokenizer known = tokenizer.orElseThrow();
    int[] ids = wanted;
    String text = "";
    int[] encoded = ids;
    for (int round = 0; round < ROUNDS; round++) {
      text = known.decode(ids);
      encoded = known.encode(text, false);
      if (encoded.length == wanted.length) {
        break;
      }
      // Cutting alone can go in circles: half a character becomes a replacement character, which
      // is longer again. So each further round also draws more of the tail anew, of tokens that
      // come back as themselves.
      int kept = Math.clamp(encoded.length, 0, Math.max(0, wanted.length - round));
      ids = Arrays.copyOf(encoded, wanted.length);
      for (int i = kept; i < wanted.length; i++) {
        ids[i] = stable(known, allowed, random);
      }
    }
    return new Exact(text, encoded);
  }

  /** A token whose text encodes to it alone; half characters, for one, do not. */
  private int stable(PromptTokenizer known, int[] allowed, SplittableRandom random)
      throws BenchException {
    int id = allowed[random.nextInt(allowed.length)];
    for (int tries = 0; tries < STABLE_TRIES && !comesBack(known, id); tries++) {
      id = allowed[random.nextInt(allowed.length)];
    }
    return id;
  }

  private boolean comesBack(PromptTokenizer known, int id) throws BenchException {
    Boolean answer = comesBack.get(id);
    if (answer == null) {
      int[] again = known.encode(known.decode(new int[] {id}), false);
      answer = again.length == 1 && again[0] == id;
      comesBack.put(id, answer);
    }
    return answer;
  }

  private List<PromptRequest> words(int count) {
    int[][] lengths = lengths(count, spec.inputLen());
    SplittableRandom shared = new SplittableRandom(mix(seed, -1));
    StringBuilder prefix = new StringBuilder();
    for (int k = 0; k < spec.prefixLen(); k++) {
      prefix.append(WORDS[shared.nextInt(WORDS.length)]).append(' ');
    }
    List<PromptRequest> requests = new ArrayList<>(count);
    for (int i = 0; i < count; i++) {
      SplittableRandom random = new SplittableRandom(mix(seed, i));
      StringBuilder text = new StringBuilder(prefix);
      for (int k = 0; k < lengths[0][i]; k++) {
        text.append(k == 0 ? "" : " ").append(WORDS[random.nextInt(WORDS.length)]);
      }
      requests.add(
          new PromptRequest(
              new Prompt.Text(text.toString()), spec.prefixLen() + lengths[0][i], lengths[1][i]));
    }
    return requests;
  }

  private static long mix(long seed, long index) {
    long z = seed * 0x9e3779b97f4a7c15L + index;
    z = (z ^ (z >>> 30)) * 0xbf58476d1ce4e5b9L;
    z = (z ^ (z >>> 27)) * 0x94d049bb133111ebL;
    return z ^ (z >>> 31);
  }
}
