package dev.baton.app;

import dev.baton.app.HandoffProcess.Pair;
import dev.baton.app.HandoffProcess.Setting;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Random;

/**
 * Hand-offs between two worker processes on one GPU (or two): are the answers those of one worker,
 * does the death of either leave anything, how long does it take. Prints one line for each check,
 * and {@code FIGURE<tab>name<tab>value} for the table of handoff.sh; exits with 1 if a check
 * failed.
 *
 * <p>Arguments: model directory of the demo model, then any of {@code answers kill http times};
 * {@code devices=} two GPUs' numbers or "cpu", the prefill worker's first (the first GPU for both);
 * {@code planes=} ways of {@link HandoffSites}; {@code bare-ipc=}, {@code bare-nccl=} and {@code
 * bare-tcp=} are what times are compared with, GB/s.
 */
final class HandoffCheck {
  private static final int REQUESTS = 200;
  private static final int LONGEST = 4000;

  /**
   * Tokens whose logits are closer than this may change places where sums are added up in another
   * order: it is as far from a token's logit as 16-bit arithmetic is from the exact one, twice.
   */
  private static final double TIE = 0.05;

  private static int failures;

  private HandoffCheck() {}

  public static void main(String[] arguments) throws Exception {
    Path model = Path.of(arguments[0]).toAbsolutePath();
    List<String> parts = new ArrayList<>(Arrays.asList(arguments).subList(1, arguments.length));
    List<HandoffSites> ways =
        HandoffSites.of(words(parts, "planes=", "ipc,tcp,cpu"), words(parts, "devices=", ""));
    if (parts.contains("answers")) {
      for (HandoffSites way : ways) {
        answers(new Setting(model, "auto", 4096, 512, 256L << 20, "F16", 2, ""), way);
      }
    }
    if (parts.contains("kill")) {
      kill(new Setting(model, "auto", 4096, 512, 256L << 20, "BF16", -1, ""), ways.getFirst());
    }
    if (parts.contains("http")) {
      HandoffHttpCheck.run(model, ways.getFirst());
    }
    if (parts.contains("times")) {
      for (HandoffSites way : ways) {
        if (way.alike()) {
          HandoffTimes.run(way, value(parts, "bare-" + way.key() + "="));
        }
      }
    }
    System.exit(failures == 0 ? 0 : 1);
  }

  private static List<String> words(List<String> parts, String name, String usual) {
    String given =
        parts.stream()
            .filter(p -> p.startsWith(name))
            .map(p -> p.substring(name.length()))
            .findFirst()
            .orElse(usual);
    return given.isEmpty() ? List.of() : Arrays.asList(given.split(",", -1));
  }

  private static double value(List<String> parts, String name) {
    return parts.stream()
        .filter(p -> p.startsWith(name))
        .mapToDouble(p -> Double.parseDouble(p.substring(name.length())))
        .findFirst()
        .orElse(Double.NaN);
  }

  static void report(boolean good, String text, Object... values) {
    failures += good ? 0 : 1;
    System.out.println((good ? "ok   " : "FAIL ") + String.format(Locale.ROOT, text, values));
  }

  static void figure(String name, double value) {
    System.out.printf(Locale.ROOT, "FIGURE\t%s\t%.4g%n", name, value);
  }

  // --- answers ---

  /** What a worker said of a request; margins are those between the two likeliest tokens, nats. */
  private record Answer(String reason, String[] tokens, double[] margins) {
    private static Answer of(String line) {
      String[] w = line.split(" ", -1);
      if (!w[0].equals("LENGTH") || w.length < 3 || w[2].isEmpty()) {
        return new Answer(line, new String[0], new double[0]);
      }
      return new Answer(
          w[0],
          w[1].replaceAll("[\\[\\]]", "").split(",", -1),
          Arrays.stream(w[2].substring(1).split(",", -1))
              .mapToDouble(Double::parseDouble)
              .toArray());
    }

    private boolean complete() {
      return reason.equals("LENGTH");
    }

    /** The first token that is another; -1 if none is. */
    private int differs(Answer other) {
      return Arrays.mismatch(tokens, other.tokens);
    }
  }

  /**
   * 200 requests, prompts of 1 to 4,000 tokens, one at a time: on one device bit for bit what one
   * worker answers. Then the same eight at a time, where steps are composed otherwise than those of
   * the worker that computes each alone, so that sums of the device come out otherwise in their
   * last bits; a token may be another then where two are as likely.
   */
  private static void answers(Setting s, HandoffSites way) throws Exception {
    try (Pair pair = Pair.start(s, way)) {
      List<Answer> alone = new ArrayList<>();
      Random random = new Random(11);
      int[] lengths = new int[REQUESTS];
      HandoffProcess reference = way.alike() ? pair.d() : pair.p();
      for (int i = 0; i < REQUESTS; i++) {
        lengths[i] =
            i < 3
                ? new int[] {1, 2, LONGEST}[i]
                : (int) Math.round(Math.exp(random.nextDouble() * Math.log(LONGEST)));
        reference.alone("r" + i, lengths[i], 16);
        alone.add(Answer.of(reference.tokens("r" + i)));
      }
      for (int inFlight : new int[] {1, 8}) {
        answers(pair, lengths, alone, inFlight, way);
      }
    }
  }

  private static void answers(
      Pair pair, int[] lengths, List<Answer> alone, int inFlight, HandoffSites way)
      throws InterruptedException {
    boolean strict = way.alike() && inFlight == 1;
    String what = way.name();
    int equal = 0;
    int ties = 0;
    int handed = 0;
    int complete = 0;
    StringBuilder different = new StringBuilder();
    for (int base = 0; base < REQUESTS; base += inFlight) {
      int end = Math.min(REQUESTS, base + inFlight);
      for (int i = base; i < end; i++) {
        pair.handOver("r" + i, inFlight, lengths[i], 16);
      }
      for (int i = base; i < end; i++) {
        Answer got = Answer.of(pair.d().tokens("r" + i));
        handed += pair.p().outcome("r" + i).startsWith("HandedOver") ? 1 : 0;
        complete += got.complete() ? 1 : 0;
        int at = alone.get(i).differs(got);
        if (at < 0) {
          equal++;
        } else if (got.complete()) {
          double margin = alone.get(i).margins()[at];
          ties += margin <= TIE ? 1 : 0;
          different.append(String.format(Locale.ROOT, " %d+%d:%.4f", lengths[i], at, margin));
        } else if (different.length() < 200) {
          different.append(' ').append(got.reason());
        }
      }
    }
    boolean whole = pair.p().whole() & pair.d().whole();
    String planes = pair.d().stats().planes();
    report(
        (strict ? equal : equal + ties) == REQUESTS
            && complete == REQUESTS
            && whole
            && planes.contains(way.plane()),
        "%s, %d in flight: %d of %d answers are one worker's, %d differ at a tie, %d elsewhere; %d"
            + " handed over, nothing left %s; %s%s",
        what,
        inFlight,
        equal,
        REQUESTS,
        ties,
        complete - equal - ties,
        handed,
        whole,
        planes,
        different.isEmpty() ? "" : "; prompt+place:margin" + different);
    String name = "1 %s, %d in flight: answers that ".formatted(what, inFlight);
    if (strict) {
      figure(name + "are one worker's, of 200", equal);
    } else {
      figure(name + "are one worker's or part at a tie, of 200", equal + ties);
      figure(name + "are one worker's outright, of 200", equal);
    }
  }

  // --- deaths ---

  private static final int AT_ONCE = 12;

  /** Either worker is killed under load, three times. */
  private static void kill(Setting s, HandoffSites way) throws Exception {
    HandoffProcess p = HandoffProcess.start(s, "kv_producer", way.prefill(), way.connector());
    HandoffProcess d = HandoffProcess.start(s, "kv_consumer", way.decode(), way.connector());
    try {
      int number = 0;
      int wrong = 0;
      long[] memory = new long[6];
      for (int round = 0; round < 6; round++) {
        boolean prefill = round < 3;
        int before = number;
        for (int i = 0; i < AT_ONCE; i++, number++) {
          new Pair(p, d).handOver("k" + number, 0, 3000, 24);
        }
        Thread.sleep(30L * (round % 3 + 1));
        long begin = System.nanoTime();
        int ended = 0;
        int answered = 0;
        boolean alone;
        if (prefill) {
          p.close();
          // Nothing of the dead worker is left on the other before it is back.
          alone = d.open(0);
          p = HandoffProcess.start(s, "kv_producer", way.prefill(), way.connector());
          for (int i = before; i < number; i++) {
            p.prefill(d, "k" + i, 0, 3000, 24);
          }
          ended = AT_ONCE;
          for (int i = before; i < number; i++) {
            answered += d.tokens("k" + i).startsWith("LENGTH") ? 1 : 0;
          }
        } else {
          d.close();
          for (int i = before; i < number; i++) {
            ended += p.outcome("k" + i).equals("NO ANSWER") ? 0 : 1;
          }
          alone = p.open(0);
          d = HandoffProcess.start(s, "kv_consumer", way.decode(), way.connector());
          for (int i = before; i < number; i++) {
            new Pair(p, d).handOver("a" + i, 0, 3000, 24);
          }
          for (int i = before; i < number; i++) {
            answered += d.tokens("a" + i).startsWith("LENGTH") ? 1 : 0;
          }
        }
        boolean whole = p.whole() & d.whole();
        boolean open = p.open(way.prefillEnds()) & d.open(way.decodeEnds());
        memory[round] = way.deviceMemory();
        boolean good = ended == AT_ONCE && answered == AT_ONCE && whole && open && alone;
        wrong += good ? 0 : 1;
        report(
            good,
            "%s worker killed, round %d: %d of %d prefills ended, %d answered after %.1f s; the"
                + " other kept nothing open %s, pools whole %s, one pair open %s; device %d MiB; %s",
            prefill ? "prefill" : "decode",
            round % 3,
            ended,
            AT_ONCE,
            answered,
            (System.nanoTime() - begin) / 1e9,
            alone,
            whole,
            open,
            memory[round],
            d.stats().planes());
      }
      figure("2 six deaths under load: rounds with a lost request or something left", wrong);
      figure(
          "2 six deaths under load: device memory more than after the first, MiB",
          memory[5] - memory[0]);
    } finally {
      p.close();
      d.close();
    }
  }
}
