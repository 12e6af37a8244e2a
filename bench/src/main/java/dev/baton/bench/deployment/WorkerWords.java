package dev.baton.bench.deployment;

import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.regex.MatchResult;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/**
 * What a worker says of itself: the line about its device in its log, its planes in its metrics.
 */
final class WorkerWords {
  /** The lines that a worker writes about its device and its memory before it is ready. */
  private static final Pattern DEVICE =
      Pattern.compile("cpu: .*|.*\\(compute capability .*|.*; KV cache \\d+ blocks .*");

  private static final int LINES = 40;

  private static final Pattern PLANE =
      Pattern.compile("baton:kv_transfer_plane_gigabytes_per_second\\{[^}]*plane=\"([^\"]+)\"");

  private WorkerWords() {}

  static StartedProcess ask(StartedProcess p, URI base, Path log) throws InterruptedException {
    return new StartedProcess(
        p.name(), p.command(), p.port(), p.controlPort(), p.gpus(), device(log), planes(base));
  }

  private static String device(Path log) {
    try (Stream<String> lines = Files.lines(log)) {
      return lines
          .limit(LINES)
          .filter(l -> DEVICE.matcher(l).matches())
          .collect(Collectors.joining("; "));
    } catch (IOException e) {
      return "";
    }
  }

  private static List<String> planes(URI base) throws InterruptedException {
    try (HttpClient client =
        HttpClient.newBuilder().connectTimeout(Duration.ofSeconds(2)).build()) {
      HttpResponse<String> reply =
          client.send(
              HttpRequest.newBuilder(base.resolve("/metrics"))
                  .timeout(Duration.ofSeconds(5))
                  .build(),
              HttpResponse.BodyHandlers.ofString());
      return PLANE
          .matcher(reply.body())
          .results()
          .map((MatchResult m) -> m.group(1))
          .distinct()
          .sorted()
          .toList();
    } catch (IOException e) {
      return List.of();
    }
  }
}
