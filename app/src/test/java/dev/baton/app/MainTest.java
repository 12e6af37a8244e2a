package dev.baton.app;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.PrintWriter;
import java.io.StringWriter;
import java.net.InetAddress;
import java.net.ServerSocket;
import org.junit.jupiter.api.Test;
import picocli.CommandLine;

class MainTest {

  private final StringWriter out = new StringWriter();
  private final StringWriter err = new StringWriter();

  private int run(String... args) {
    CommandLine line = Main.commandLine();
    line.setOut(new PrintWriter(out, true));
    line.setErr(new PrintWriter(err, true));
    return line.execute(args);
  }

  @Test
  void misspeltOptionIsNamedWithTheNearestOneAndNoStackTrace() {
    assertThat(run("doctor", "--modle", "x")).isEqualTo(Main.USAGE);
    assertThat(err.toString()).contains("--modle", "--model", "--help").doesNotContain("\tat ");
  }

  @Test
  void unknownCommandIsAUsageError() {
    assertThat(run("sevre")).isEqualTo(Main.USAGE);
    assertThat(err.toString()).contains("sevre").doesNotContain("\tat ");
  }

  @Test
  void withoutACommandTheUsageIsPrinted() {
    assertThat(run()).isZero();
    assertThat(out.toString()).contains("doctor");
  }

  @Test
  void versionIsTheBuilds() {
    assertThat(run("--version")).isZero();
    assertThat(out.toString()).startsWith("baton 0.").doesNotContain("$");
  }

  @Test
  void doctorNamesABusyPortAndAMissingModel() throws Exception {
    try (ServerSocket busy = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
      int code =
          run("doctor", "--port", "" + busy.getLocalPort(), "--model", "/nowhere/to/be/found");
      assertThat(code).isEqualTo(Main.FAILED);
      assertThat(out.toString())
          .contains(busy.getLocalPort() + " is in use", "/nowhere/to/be/found")
          .doesNotContain("\tat ");
    }
  }

  @Test
  void oneProxyPortForBothIsRefused() {
    assertThat(run("proxy", "--port", "28442", "--discovery-port", "28442")).isEqualTo(Main.FAILED);
    assertThat(err.toString()).contains("--port and --discovery-port are both 28442");
  }

  @Test
  void aFolderOfLibrariesThatIsNoneIsNamed() {
    for (String command : new String[] {"doctor", "serve"}) {
      assertThat(run(command, "--cuda-libraries", "/nowhere/to/be/found")).isEqualTo(Main.FAILED);
      assertThat(err.toString()).contains("--cuda-libraries", "/nowhere/to/be/found");
    }
  }
}
