package dev.baton.bench.dataset;

import dev.baton.bench.BenchException;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.SplittableRandom;
import java.util.function.Consumer;

/** Makes the requests of a dataset; the same seed gives the same requests. */
public final class Datasets {
  private Datasets() {}

  /**
   * The requests in the order in which they are sent.
   *
   * @param count how many; 0 or less = all there are (files only)
   * @param tokenizer the model's tokenizer, if one can be asked
   * @param chat whether they go to the chat endpoint, which takes text only
   * @param warnings told what is not as asked
   */
  public static List<PromptRequest> build(
      DatasetSpec spec,
      int count,
      long seed,
      Optional<PromptTokenizer> tokenizer,
      boolean chat,
      Consumer<String> warnings)
      throws BenchException, InterruptedException {
    if (count <= 0 && spec instanceof DatasetSpec.Random) {
      throw new BenchException(
          "--num-prompts is " + count + "; the random dataset needs at least 1");
    }
    List<PromptRequest> requests =
        switch (spec) {
          case DatasetSpec.Random random ->
              new RandomPrompts(random, seed, tokenizer, chat, warnings).make(count);
          case DatasetSpec.Custom custom ->
              new CustomPrompts(custom, seed, tokenizer, chat, warnings).make(count);
          case DatasetSpec.ShareGpt shareGpt ->
              new ShareGptPrompts(shareGpt, seed, tokenizer).make(count);
          case DatasetSpec.Mix mix ->
              throw new IllegalArgumentException("a mix is built class by class");
        };
    if (requests.isEmpty()) {
      throw new BenchException("the dataset has no usable prompt: nothing could be sent");
    }
    return requests;
  }

  /** Fisher-Yates. */
  static <T> void shuffle(List<T> list, long seed) {
    SplittableRandom random = new SplittableRandom(seed);
    for (int i = list.size() - 1; i > 0; i--) {
      int j = random.nextInt(i + 1);
      T kept = list.get(i);
      list.set(i, list.get(j));
      list.set(j, kept);
    }
  }

  /** Repeats random requests until there are {@code count}, if that is wanted. */
  static List<PromptRequest> filled(
      List<PromptRequest> requests, int count, boolean oversample, long seed) {
    if (!oversample || requests.isEmpty() || requests.size() >= count) {
      return requests;
    }
    List<PromptRequest> all = new ArrayList<>(requests);
    SplittableRandom random = new SplittableRandom(seed ^ 0x5deece66dL);
    while (all.size() < count) {
      all.add(requests.get(random.nextInt(requests.size())));
    }
    return all;
  }
}
