package dev.baton.bench.experiment;

import java.io.IOException;
import java.net.InetAddress;
import java.net.UnknownHostException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.ZoneId;
import java.time.ZonedDateTime;
import java.time.format.DateTimeFormatter;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;

/**
 * Where an experiment ran.
 *
 * @param date ISO date and time with zone
 * @param host name
 * @param os name, version, architecture
 * @param cpu model
 * @param cores processors that this process may use
 * @param memoryBytes of the machine
 * @param gpus one line each
 * @param java version
 * @param baton version
 * @param commit of the checkout; empty if unknown
 * @param cuda version of CUDA that the GPU driver supports, if there is one
 */
public record Environment(
    String date,
    String host,
    String os,
    String cpu,
    int cores,
    long memoryBytes,
    List<String> gpus,
    String java,
    String baton,
    String commit,
    Optional<String> cuda) {

  /** Copies the list. */
  public Environment {
    gpus = List.copyOf(gpus);
  }

  /**
   * Looks at this machine.
   *
   * @param version Baton's
   * @param home Baton's checkout, to ask git for its commit
   */
  public static Environment capture(String version, Path home) {
    return new Environment(
        ZonedDateTime.now(ZoneId.systemDefault()).format(DateTimeFormatter.ISO_OFFSET_DATE_TIME),
        hostName(),
        System.getProperty("os.name")
            + " "
            + System.getProperty("os.version")
            + " "
            + System.getProperty("os.arch"),
        fromFile(Path.of("/proc/cpuinfo"), "model name").orElse(System.getProperty("os.arch")),
        Runtime.getRuntime().availableProcessors(),
        fromFile(Path.of("/proc/meminfo"), "MemTotal").map(Environment::kibibytes).orElse(0L),
        output(
            List.of(
                "nvidia-smi",
                "--query-gpu=name,memory.total,driver_version",
                "--format=csv,noheader")),
        System.getProperty("java.vendor.version", "") + " " + Runtime.version(),
        version,
        commit(home),
        cudaVersion());
  }

  /**
   * In what that can change figures another one differs, each as "what: this / other"; empty if in
   * nothing. A commit that one of them does not know is no difference.
   */
  public List<String> differences(Environment other) {
    List<String> out = new ArrayList<>();
    differ(out, "host", host, other.host);
    differ(out, "operating system", os, other.os);
    differ(out, "CPU", cpu, other.cpu);
    differ(out, "cores", String.valueOf(cores), String.valueOf(other.cores));
    differ(out, "GPU", String.join("; ", gpus), String.join("; ", other.gpus));
    differ(out, "CUDA", cuda.orElse("none"), other.cuda.orElse("none"));
    differ(out, "Java", java, other.java);
    differ(out, "Baton", baton, other.baton);
    if (!commit.isEmpty() && !other.commit.isEmpty()) {
      differ(out, "commit", commit, other.commit);
    }
    return out;
  }

  private static void differ(List<String> out, String what, String one, String other) {
    if (!one.equals(other)) {
      out.add(what + ": " + one + " / " + other);
    }
  }

  private static Optional<String> cudaVersion() {
    return output(List.of("nvidia-smi", "--version")).stream()
        .filter(l -> l.startsWith("CUDA Version"))
        .map(l -> l.substring(l.indexOf(':') + 1).strip())
        .findFirst();
  }

  private static String hostName() {
    try {
      return InetAddress.getLocalHost().getHostName();
    } catch (UnknownHostException e) {
      return "unknown";
    }
  }

  private static String commit(Path home) {
    List<String> head =
        output(List.of("git", "-C", home.toString(), "rev-parse", "--short=12", "HEAD"));
    if (head.size() != 1) {
      return "";
    }
    boolean changed =
        !output(
                List.of(
                    "git", "-C", home.toString(), "status", "--porcelain", "--untracked-files=no"))
            .isEmpty();
    return head.getFirst() + (changed ? " with local changes" : "");
  }

  private static Optional<String> fromFile(Path file, String key) {
    if (!Files.isReadable(file)) {
      return Optional.empty();
    }
    try (Stream<String> lines = Files.lines(file)) {
      return lines
          .filter(l -> l.startsWith(key))
          .map(l -> l.substring(l.indexOf(':') + 1).strip())
          .findFirst();
    } catch (IOException e) {
      return Optional.empty();
    }
  }

  private static long kibibytes(String text) {
    String digits = text.replaceAll("\\D", "");
    return digits.isEmpty() ? 0 : Long.parseLong(digits) * 1024;
  }

  /** A command's lines, or none if it is missing, fails or takes longer than ten seconds. */
  private static List<String> output(List<String> command) {
    try {
      Process process =
          new ProcessBuilder(command).redirectError(ProcessBuilder.Redirect.DISCARD).start();
      process.getOutputStream().close();
      List<String> lines = new ArrayList<>();
      Thread reader =
          Thread.ofVirtual()
              .start(
                  () -> {
                    try (var in = process.inputReader(StandardCharsets.UTF_8)) {
                      in.lines().filter(l -> !l.isBlank()).forEach(lines::add);
                    } catch (IOException e) {
                      lines.clear();
                    }
                  });
      boolean done = process.waitFor(10, TimeUnit.SECONDS);
      if (!done) {
        process.destroyForcibly();
      }
      reader.join(1000);
      return done && process.exitValue() == 0 ? List.copyOf(lines) : List.of();
    } catch (IOException e) {
      return List.of();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      return List.of();
    }
  }
}
