package dev.baton.bench.deployment;

import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CountDownLatch;

/** A process that starts a deployment and then waits to be killed. */
public final class FakeParent {
  private FakeParent() {}

  /** Arguments: "baton" or "vllm", the folder of the logs. Prints the process ids once ready. */
  public static void main(String[] args) throws InterruptedException {
    Engine engine = args[0].equals("baton") ? Engine.BATON : Engine.VLLM;
    Path logs = Path.of(args[1]);
    Deployment deployment = Deployment.start(spec(engine, logs), options(), logs);
    System.out.println("ready " + deployment.pids());
    System.out.flush();
    new CountDownLatch(1).await();
  }

  static LaunchOptions options() {
    return new LaunchOptions(
        FakeBaton.launcher(), "m", "", Duration.ofSeconds(30), System.out::println);
  }

  static DeploymentSpec spec(Engine engine, Path folder) {
    Map<String, Object> flags =
        engine == Engine.VLLM
            ? Map.of("ignore-stdin", true, "pid-file", folder.resolve("pid").toString())
            : Map.of("pid-file", folder.resolve("pid").toString());
    return spec(engine, List.of(worker(Role.COMBINED, 1, flags)));
  }

  static WorkerSpec worker(Role role, int count, Map<String, Object> flags) {
    return new WorkerSpec(role, count, "auto", List.of(), List.of(), List.of(), flags, Map.of());
  }

  static DeploymentSpec spec(Engine engine, List<WorkerSpec> workers) {
    return new DeploymentSpec(
        "fake",
        engine,
        engine == Engine.VLLM ? FakeBaton.launcher() : List.of(),
        workers,
        ProxySpec.DEFAULT,
        "TcpConnector",
        Map.of(),
        Optional.empty(),
        0,
        "");
  }
}
