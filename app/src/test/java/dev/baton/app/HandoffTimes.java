package dev.baton.app;

import dev.baton.app.HandoffProcess.Pair;
import dev.baton.app.HandoffProcess.Setting;
import dev.baton.app.HandoffProcess.Stats;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;

/**
 * How long hand-offs take: what of them comes after the first token, and, with send_type GET where
 * nothing is hidden behind the prefill, their bandwidth. Part of {@link HandoffCheck}.
 */
final class HandoffTimes {
  private static final int WARM = 30;
  private static final int COUNT = 24;
  private static final int BYTES_PER_TOKEN = 128 << 10;

  private HandoffTimes() {}

  /**
   * Measures one way. What of a hand-off comes after the first token, with layers sent as they are
   * computed (not over TCP, which nothing asks for); and bandwidth.
   *
   * @param bare what the same bytes reach without Baton, GB/s: copied on the device, through
   *     ncclSend and ncclRecv, or through a socket between page-locked buffers
   */
  static void run(HandoffSites way, double bare) throws Exception {
    String name = "3 " + way.name();
    if (!way.key().equals("tcp")) {
      try (Pair pair = start(way, model(4096, 14336, 128256), "PUT_ASYNC")) {
        for (int tokens : new int[] {512, 4000}) {
          HandoffCheck.figure(
              "%s, %,d tokens: after the first token p50, ms".formatted(name, tokens),
              measure(pair, tokens, "PUT_ASYNC").exposed());
        }
      }
    }
    try (Pair pair = start(way, model(1024, 1024, 8192), "GET")) {
      measure(pair, 512, "GET");
      Median median = measure(pair, 4000, "GET");
      String share = "%s, 4,000 tokens: %s, share of a bare %s, %%";
      String what =
          switch (way.key()) {
            case "ipc" -> "device copy";
            case "nccl" -> "ncclSend";
            default -> "socket";
          };
      if (median.copied() > 0) {
        HandoffCheck.figure(
            share.formatted(name, "copying", what), 100 * speed(4000, median.copied()) / bare);
      }
      HandoffCheck.figure(
          share.formatted(name, "first to last byte sent", what),
          100 * speed(4000, median.sent()) / bare);
      HandoffCheck.figure(
          share.formatted(name, "request to checked KV", what),
          100 * speed(4000, median.exposed()) / bare);
    }
  }

  private static Pair start(HandoffSites way, Path model, String send) throws Exception {
    String extra = ",\"send_type\":\"" + send + "\"";
    return Pair.start(new Setting(model, "dummy", 4200, 4096, 3L << 30, "F16", -1, extra), way);
  }

  /** KV in the shape of Llama-3.1-8B's, without weights. */
  private static Path model(int hidden, int intermediate, int vocabulary) throws IOException {
    Path folder = Files.createTempDirectory("baton-shape");
    Files.writeString(
        folder.resolve("config.json"),
        """
        {"architectures":["LlamaForCausalLM"],"model_type":"llama","hidden_size":%d,
        "intermediate_size":%d,"num_hidden_layers":32,"num_attention_heads":32,"head_dim":128,
        "num_key_value_heads":8,"vocab_size":%d,"max_position_embeddings":131072,
        "rms_norm_eps":1e-05,"rope_theta":500000.0,"tie_word_embeddings":false,
        "hidden_act":"silu","torch_dtype":"bfloat16","bos_token_id":1,"eos_token_id":2}
        """
            .formatted(hidden, intermediate, vocabulary));
    folder.toFile().deleteOnExit(); // after its file, which is named last
    folder.resolve("config.json").toFile().deleteOnExit();
    return folder;
  }

  private static double speed(int tokens, double milliseconds) {
    return (double) tokens * BYTES_PER_TOKEN / milliseconds / 1e6;
  }

  /**
   * Medians, ms.
   *
   * @param exposed what came after the first token
   * @param sent from the first to the last byte sent, by the prefill worker's clock: listing,
   *     launching, noticing and telling the other included
   * @param copied what the device took for the copies; 0 where it does not copy into the other pool
   */
  private record Median(double exposed, double sent, double copied) {}

  /** Hands over one after the other. */
  private static Median measure(Pair pair, int tokens, String send) throws InterruptedException {
    double[] exposed = new double[COUNT];
    double[] sent = new double[COUNT];
    double[] copied = new double[COUNT];
    boolean good = true;
    for (int i = -WARM; i < COUNT; i++) {
      String id = "t" + tokens + "x" + (i + WARM);
      Stats d = pair.d().stats();
      Stats p = pair.p().stats();
      pair.handOver(id, 0, tokens, 2);
      good &= pair.d().tokens(id).startsWith("LENGTH");
      good &= pair.p().outcome(id).startsWith("HandedOver");
      if (i >= 0) {
        exposed[i] = (pair.d().stats().exposedNanos() - d.exposedNanos()) / 1e6;
        Stats after = pair.p().stats();
        sent[i] = (after.sendNanos() - p.sendNanos()) / 1e6;
        copied[i] = (after.copyNanos() - p.copyNanos()) / 1e6;
      }
    }
    Median median = new Median(median(exposed), median(sent), median(copied));
    HandoffCheck.report(
        good,
        "%s, %s, %d tokens (%d MiB): after the first token %.3f ms p50, %.3f p90 = %.1f GB/s;"
            + " sending took %.3f ms p50, the device's copies %.3f",
        pair.d().stats().planes(),
        send,
        tokens,
        (long) tokens * BYTES_PER_TOKEN >> 20,
        median.exposed(),
        exposed[COUNT * 9 / 10],
        speed(tokens, median.exposed()),
        median.sent(),
        median.copied());
    return median;
  }

  private static double median(double[] values) {
    Arrays.sort(values);
    return (values[values.length / 2] + values[(values.length - 1) / 2]) / 2;
  }
}
