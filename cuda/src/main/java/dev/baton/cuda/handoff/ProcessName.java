package dev.baton.cuda.handoff;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;
import java.util.UUID;

/**
 * Names a process such that another one on the same host can tell whether it still runs.
 *
 * @param boot names the host and its start: {@code /proc/sys/kernel/random/boot_id}
 * @param namespace of process ids, so that {@code pid} means the same to both
 * @param pid process id
 * @param started in clock ticks after the host's start; tells a process from a later one with its
 *     id
 */
record ProcessName(UUID boot, long namespace, long pid, long started) {
  private static final Path PROC = Path.of("/proc");

  /** Bytes that {@link #write} takes. */
  static final int BYTES = 40;

  private static final int STARTED_FIELD = 22;
  private static final int STATE_FIELD = 3;

  /** This process; empty where the host does not tell. */
  static Optional<ProcessName> ofThis() {
    try {
      long pid = ProcessHandle.current().pid();
      UUID boot =
          UUID.fromString(Files.readString(PROC.resolve("sys/kernel/random/boot_id")).strip());
      String namespace = Files.readSymbolicLink(PROC.resolve("self/ns/pid")).toString();
      long inode = Long.parseLong(namespace.replaceAll("\\D", ""));
      return field(pid, STARTED_FIELD)
          .map(started -> new ProcessName(boot, inode, pid, Long.parseLong(started)));
    } catch (IOException | IllegalArgumentException e) {
      return Optional.empty();
    }
  }

  /** Whether the two run on one host and see each other's ids. */
  boolean sees(ProcessName other) {
    return boot.equals(other.boot) && namespace == other.namespace;
  }

  /**
   * Whether the process has ended, for one that this process {@link #sees}. The kernel closes a
   * process's files, the GPU driver's among them, before it becomes a zombie; closing those ends
   * the process's GPU contexts, and with them all that they had still to run.
   */
  boolean gone() {
    Optional<String> state = field(pid, STATE_FIELD);
    Optional<String> start = field(pid, STARTED_FIELD);
    if (state.isEmpty() || start.isEmpty()) {
      return !Files.exists(PROC.resolve(Long.toString(pid)));
    }
    return !start.get().equals(Long.toString(started)) || "ZXx".contains(state.get());
  }

  /** A field of {@code /proc/PID/stat}, counted from 1; those after the command's name only. */
  private static Optional<String> field(long pid, int number) {
    try {
      String stat =
          Files.readString(
              PROC.resolve(Long.toString(pid)).resolve("stat"), StandardCharsets.UTF_8);
      // The name, in brackets, may have brackets and spaces itself.
      String[] rest = stat.substring(stat.lastIndexOf(')') + 2).split(" ", -1);
      return Optional.of(rest[number - 3]);
    } catch (IOException | RuntimeException gone) {
      return Optional.empty();
    }
  }

  void write(ByteBuffer out) {
    out.putLong(boot.getMostSignificantBits()).putLong(boot.getLeastSignificantBits());
    out.putLong(namespace).putLong(pid).putLong(started);
  }

  static ProcessName read(ByteBuffer in) {
    return new ProcessName(
        new UUID(in.getLong(), in.getLong()), in.getLong(), in.getLong(), in.getLong());
  }
}
