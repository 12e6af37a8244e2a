package dev.baton.bench.deployment;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.BufferedReader;
import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

@Timeout(60)
class DeploymentTest {
  @TempDir Path folder;

  @Test
  void disaggregatedIsReadyWhenTheProxySeesEveryWorker() throws InterruptedException {
    DeploymentSpec spec =
        FakeParent.spec(
            Engine.BATON,
            List.of(
                FakeParent.worker(Role.PREFILL, 1, Map.of()),
                FakeParent.worker(Role.DECODE, 2, Map.of())));
    List<Long> pids;
    try (Deployment d = Deployment.start(spec, FakeParent.options(), folder)) {
      pids = d.pids();
      assertThat(d.processes())
          .extracting(StartedProcess::name)
          .containsExactly("proxy", "prefill-0", "decode-0", "decode-1");
      assertThat(d.baseUrl().getPort()).isEqualTo(d.processes().getFirst().port());
      assertThat(String.join(" ", d.processes().get(1).command()))
          .contains("serve --model m --host 127.0.0.1 --port " + d.processes().get(1).port())
          .contains("\"kv_role\":\"kv_producer\"")
          .contains("\"proxy_port\":\"" + d.processes().getFirst().controlPort() + "\"");
      assertThat(folder.resolve("decode-1.log")).content().contains("fake serve");
      d.check();
    }
    assertThat(pids).hasSize(4).allSatisfy(DeploymentTest::assertGone);
  }

  @Test
  void workerThatEndsDuringItsStartIsNamedWithTheEndOfItsLog() {
    DeploymentSpec spec =
        FakeParent.spec(
            Engine.BATON, List.of(FakeParent.worker(Role.COMBINED, 1, Map.of("fail", true))));

    assertThatThrownBy(() -> Deployment.start(spec, FakeParent.options(), folder))
        .isInstanceOf(DeploymentException.class)
        .hasMessageContaining("combined of deployment 'fake' ended before it was ready")
        .hasMessageContaining("exit status 3")
        .hasMessageContaining("combined.log")
        .hasMessageContaining("cannot read weights: file is cut short");
  }

  @Test
  void workerThatIsNeverReadyRunsIntoTheDeadline() {
    DeploymentSpec spec =
        FakeParent.spec(
            Engine.BATON, List.of(FakeParent.worker(Role.COMBINED, 1, Map.of("sleepy", true))));
    LaunchOptions soon =
        new LaunchOptions(FakeBaton.launcher(), "m", "", Duration.ofSeconds(3), s -> {});

    assertThatThrownBy(() -> Deployment.start(spec, soon, folder))
        .hasMessageContaining("combined did not answer")
        .hasMessageContaining("within 3 s")
        .hasMessageContaining("ready-timeout");
    assertThat(ProcessHandle.current().children().filter(ProcessHandle::isAlive)).isEmpty();
  }

  @Test
  void deathInMidRunIsSeen() throws InterruptedException {
    DeploymentSpec spec =
        FakeParent.spec(Engine.BATON, List.of(FakeParent.worker(Role.COMBINED, 1, Map.of())));
    try (Deployment d = Deployment.start(spec, FakeParent.options(), folder)) {
      ProcessHandle worker = ProcessHandle.of(d.pids().getFirst()).orElseThrow();
      worker.destroyForcibly();
      worker.onExit().join();

      assertThatThrownBy(d::checkAfterFailures)
          .hasMessageContaining("ended while it was being measured")
          .hasMessageContaining("killed by signal 9");
    }
  }

  @Test
  void portInUseIsNamedBeforeAnythingStarts() throws IOException {
    try (ServerSocket busy = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
      WorkerSpec worker =
          new WorkerSpec(
              Role.COMBINED,
              1,
              "auto",
              List.of(),
              List.of(busy.getLocalPort()),
              List.of(),
              Map.of(),
              Map.of());

      assertThatThrownBy(
              () ->
                  Deployment.start(
                      FakeParent.spec(Engine.BATON, List.of(worker)), FakeParent.options(), folder))
          .hasMessageContaining("port " + busy.getLocalPort() + " for combined is in use");
    }
    assertThat(folder).isEmptyDirectory();
  }

  @ParameterizedTest
  @EnumSource(names = {"BATON", "VLLM"})
  void nothingOutlivesAParentThatIsKilled(Engine engine) throws Exception {
    List<String> command = new ArrayList<>(FakeBaton.launcher());
    command.removeLast();
    command.addAll(List.of(FakeParent.class.getName(), engine.key(), folder.toString()));
    Process parent = new ProcessBuilder(command).redirectErrorStream(true).start();
    BufferedReader out = parent.inputReader(StandardCharsets.UTF_8);
    String line = "";
    while (line != null && !line.startsWith("ready")) {
      line = out.readLine();
    }
    assertThat(line).isNotNull();
    long child = Long.parseLong(Files.readString(folder.resolve("pid")));
    assertThat(ProcessHandle.of(child)).isPresent();

    parent.destroyForcibly();

    ProcessHandle.of(child)
        .ifPresent(handle -> assertThat(handle.onExit()).succeedsWithin(20, TimeUnit.SECONDS));
    assertGone(child);
  }

  private static void assertGone(long pid) {
    assertThat(ProcessHandle.of(pid).filter(ProcessHandle::isAlive)).as("process " + pid).isEmpty();
  }
}
