package dev.baton.app;

import dev.baton.engine.backend.BackendProvider;
import dev.baton.engine.backend.Finding;
import dev.baton.model.ModelDirectory;
import dev.baton.model.ModelFormatException;
import java.io.IOException;
import java.io.PrintWriter;
import java.lang.management.ManagementFactory;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.ServiceLoader;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** Says what works on this machine, what does not, and what to do about it. */
@Command(
    name = "doctor",
    mixinStandardHelpOptions = true,
    description = "Checks JDK, memory, devices, libraries, ports and a model directory.")
final class DoctorCommand implements Callable<Integer> {

  /** The ports that the shipped experiments and the defaults use. */
  private static final List<Integer> DEFAULT_PORTS = List.of(8000, 10001, 30001, 20003, 20005);

  @Option(names = "--model", description = "Model directory to check.")
  private @Nullable Path model;

  @Option(
      names = "--port",
      description = "Port to check (repeatable; default: the ports that Baton uses by default).")
  private List<Integer> ports = DEFAULT_PORTS;

  @Mixin private final CudaLibraries cudaLibraries = new CudaLibraries();

  @Spec private CommandSpec spec;

  private boolean failed;

  @SuppressWarnings("NullAway.Init") // picocli sets spec
  DoctorCommand() {}

  @Override
  public Integer call() {
    PrintWriter out = spec.commandLine().getOut();
    cudaLibraries.apply();
    out.println(
        "ok    JDK      " + Runtime.version() + " (" + System.getProperty("java.home") + ")");
    memory(out);
    devices(out);
    for (int port : ports) {
      port(out, port);
    }
    if (model != null) {
      model(out, model);
    }
    out.flush();
    return failed ? Main.FAILED : 0;
  }

  private static void memory(PrintWriter out) {
    long total =
        ManagementFactory.getOperatingSystemMXBean()
                instanceof com.sun.management.OperatingSystemMXBean system
            ? system.getTotalMemorySize()
            : Runtime.getRuntime().maxMemory();
    out.printf(
        "ok    machine  %d cores, %.1f GiB of memory%n",
        Runtime.getRuntime().availableProcessors(), total / (double) (1L << 30));
  }

  private void devices(PrintWriter out) {
    boolean any = false;
    for (BackendProvider provider : ServiceLoader.load(BackendProvider.class)) {
      Optional<String> why = provider.unavailable();
      any |= why.isEmpty();
      out.println(
          why.map(reason -> "none  " + pad(provider.device()) + reason)
              .orElse("ok    " + pad(provider.device()) + "usable"));
      for (Finding finding : provider.findings()) {
        String state =
            switch (finding.state()) {
              case OK -> "ok    ";
              case MISSING -> "none  ";
              case BROKEN -> "FAIL  ";
            };
        out.println(state + pad(provider.device()) + finding.text());
      }
    }
    if (!any) {
      failed = true;
      out.println("FAIL  device   no backend can run here");
    }
  }

  private static String pad(String name) {
    return name + " ".repeat(Math.max(1, 9 - name.length()));
  }

  private void port(PrintWriter out, int port) {
    if (port < 1 || port > 65535) {
      throw new UserError("--port " + port + ": a port is a number from 1 to 65535");
    }
    try (ServerSocket socket = new ServerSocket(port, 1, InetAddress.getLoopbackAddress())) {
      out.println("ok    port     " + socket.getLocalPort() + " is free");
    } catch (IOException e) {
      out.println(
          "busy  port     " + port + " is in use: stop what listens there, or give another");
    }
  }

  private void model(PrintWriter out, Path directory) {
    try {
      ModelDirectory opened = ModelDirectory.open(directory);
      out.println(
          "ok    model    "
              + opened.config().architecture().className()
              + ", "
              + opened.config().layers()
              + " layers, hidden "
              + opened.config().hiddenSize());
      boolean tokenizer = Files.exists(directory.resolve("tokenizer.json"));
      out.println(
          tokenizer
              ? "ok    model    tokenizer.json is there"
              : "none  model    no tokenizer.json: only prompts of token ids can be served");
    } catch (ModelFormatException e) {
      failed = true;
      out.println("FAIL  model    " + e.getMessage());
    }
  }
}
