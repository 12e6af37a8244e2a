package dev.baton.bench.dataset;

import java.nio.file.Path;
import java.util.HashSet;
import java.util.List;
import java.util.OptionalDouble;
import java.util.OptionalInt;
import java.util.Set;

/** Which prompts to send. */
public sealed interface DatasetSpec {

  /** How random prompts travel. */
  enum RandomForm {
    /** As text if a tokenizer can be asked to fix the length, else as token ids. */
    AUTO,
    /** As token ids. */
    TOKEN_IDS
  }

  /**
   * Prompts of random tokens.
   *
   * @param inputLen prompt length without the prefix
   * @param outputLen tokens to generate
   * @param inputRange the input length varies evenly by this share to both sides, 0 to below 1
   * @param outputRange the same for the output length
   * @param prefixLen tokens at the front that all requests share
   * @param form text or token ids
   */
  record Random(
      int inputLen,
      int outputLen,
      double inputRange,
      double outputRange,
      int prefixLen,
      RandomForm form)
      implements DatasetSpec {
    /** Checks the figures. */
    public Random {
      if (inputLen < 1 || outputLen < 1 || prefixLen < 0) {
        throw new IllegalArgumentException(
            "random prompts need an input length and an output length of at least 1 and a prefix"
                + " length of at least 0; given were "
                + inputLen
                + ", "
                + outputLen
                + " and "
                + prefixLen);
      }
      if (!(inputRange >= 0 && inputRange < 1 && outputRange >= 0 && outputRange < 1)) {
        throw new IllegalArgumentException(
            "the random range ratio must be at least 0 and below 1; given were "
                + inputRange
                + " (input) and "
                + outputRange
                + " (output)");
      }
    }

    /** Fixed lengths, no prefix: the common case. */
    public static Random of(int inputLen, int outputLen) {
      return new Random(inputLen, outputLen, 0, 0, 0, RandomForm.AUTO);
    }
  }

  /**
   * Prompts of a JSON-lines file with a column {@code prompt}.
   *
   * @param file ends in {@code .jsonl}
   * @param outputLen tokens to generate; -1 takes each row's {@code output_tokens}
   * @param chatTemplate whether prompts for the completions endpoint are put into the chat template
   * @param shuffle whether the rows are shuffled with the seed
   * @param oversample whether rows repeat if the file has too few
   */
  record Custom(Path file, int outputLen, boolean chatTemplate, boolean shuffle, boolean oversample)
      implements DatasetSpec {
    /** Checks the output length. */
    public Custom {
      if (outputLen < 1 && outputLen != -1) {
        throw new IllegalArgumentException(
            "the output length must be at least 1, or -1 for each row's output_tokens; was "
                + outputLen);
      }
    }
  }

  /**
   * First turns of the conversations of a ShareGPT JSON file.
   *
   * @param file a JSON array of objects with {@code conversations}
   * @param outputLen tokens to generate; empty = as long as the conversation's answer
   * @param shuffle whether the conversations are shuffled with the seed
   * @param oversample whether they repeat if the file has too few
   */
  record ShareGpt(Path file, OptionalInt outputLen, boolean shuffle, boolean oversample)
      implements DatasetSpec {
    /** Checks the output length. */
    public ShareGpt {
      if (outputLen.isPresent() && outputLen.getAsInt() < 1) {
        throw new IllegalArgumentException(
            "the output length must be at least 1; was " + outputLen.getAsInt());
      }
    }
  }

  /**
   * Several kinds of random requests at the same time, each with lengths and arrivals of its own:
   * long answers that keep decoding busy, say, while long prompts arrive.
   *
   * @param classes at least one; exactly one has neither a rate nor a number in flight: it arrives
   *     as the run's traffic says, its requests are the ones that are counted, and the run lasts
   *     until the last of them is answered
   */
  record Mix(List<TrafficClass> classes) implements DatasetSpec {
    /** Checks that the classes make a run. */
    public Mix {
      classes = List.copyOf(classes);
      Set<String> names = new HashSet<>();
      for (TrafficClass each : classes) {
        if (!names.add(each.name())) {
          throw new IllegalArgumentException(
              "two classes of the mix are named \"" + each.name() + "\"");
        }
      }
      long swept = classes.stream().filter(TrafficClass::swept).count();
      if (swept != 1) {
        throw new IllegalArgumentException(
            "a mix needs exactly one class without a rate and a number in flight of its own, which"
                + " arrives at the run's request rate; there are "
                + swept);
      }
    }

    /** The class that arrives at the run's rate. */
    public TrafficClass sweptClass() {
      return classes.stream().filter(TrafficClass::swept).findFirst().orElseThrow();
    }
  }

  /**
   * One kind of requests of a {@link Mix}.
   *
   * @param name letters, digits, '-' and '_'
   * @param prompts its lengths
   * @param rate requests/s of its own (Poisson); empty: none
   * @param inFlight so many requests are kept under way: when one is answered the next is sent,
   *     until the run is over; 0: none
   */
  record TrafficClass(String name, Random prompts, OptionalDouble rate, int inFlight) {
    /** Checks name and arrivals. */
    public TrafficClass {
      if (!name.matches("[A-Za-z0-9_-]{1,32}")) {
        throw new IllegalArgumentException(
            "the name of a class is 1 to 32 letters, digits, '-' and '_'; given was \""
                + name
                + "\"");
      }
      if (rate.isPresent() && !(rate.getAsDouble() > 0 && rate.getAsDouble() < 1e6)) {
        throw new IllegalArgumentException(
            "the rate of class " + name + " must be above 0 and finite; was " + rate.getAsDouble());
      }
      if (inFlight < 0 || (inFlight > 0 && rate.isPresent())) {
        throw new IllegalArgumentException(
            "class "
                + name
                + " has either a rate or a number in flight (at least 1), or neither; given were "
                + inFlight
                + " in flight"
                + (rate.isPresent() ? " and a rate of " + rate.getAsDouble() : ""));
      }
    }

    /** Whether it arrives at the run's rate. */
    public boolean swept() {
      return rate.isEmpty() && inFlight == 0;
    }
  }
}
