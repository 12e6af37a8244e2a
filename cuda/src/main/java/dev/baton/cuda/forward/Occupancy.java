package dev.baton.cuda.forward;

import dev.baton.cuda.binding.Driver;
import dev.baton.cuda.binding.LibraryFinder;
import dev.baton.cuda.binding.Nvml;
import dev.baton.engine.backend.BackendException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;

/** Says in words who holds a device's memory. */
public final class Occupancy {
  private static final double GIB = 1L << 30;
  private static final double MIB = 1L << 20;

  private Occupancy() {}

  /** E.g. "139.8 GiB, of which 120.0 GiB are free; held by process 4711 (python3) 19.3 GiB". */
  public static String describe(Nvml.Memory memory) {
    StringBuilder text = new StringBuilder(128);
    text.append(size(memory.total())).append(", of which ").append(size(memory.free()));
    text.append(" are free");
    String separator = "; held by process ";
    for (Nvml.Holder holder : memory.holders()) {
      text.append(separator).append(holder.pid()).append(name(holder.pid()));
      holder.bytes().ifPresent(bytes -> text.append(' ').append(size(bytes)));
      separator = ", ";
    }
    return text.toString();
  }

  /**
   * A sentence on the other processes that hold memory of a device, for messages on too little of
   * it; empty if there are none or nobody knows.
   */
  static String others(LibraryFinder finder, Driver driver, int device) {
    try {
      List<Nvml.Holder> others =
          Nvml.load(finder).memory(driver.busId(device)).holders().stream()
              .filter(holder -> holder.pid() != ProcessHandle.current().pid())
              .toList();
      if (others.isEmpty()) {
        return "";
      }
      StringBuilder text = new StringBuilder(128).append(" Processes on the device:");
      for (Nvml.Holder holder : others) {
        text.append(' ').append(holder.pid()).append(name(holder.pid()));
        holder.bytes().ifPresent(bytes -> text.append(' ').append(size(bytes)));
        text.append(',');
      }
      text.setCharAt(text.length() - 1, '.');
      return text.toString();
    } catch (BackendException e) {
      return "";
    }
  }

  static String size(long bytes) {
    return Math.abs(bytes) < GIB
        ? String.format(Locale.ROOT, "%.0f MiB", bytes / MIB)
        : String.format(Locale.ROOT, "%.1f GiB", bytes / GIB);
  }

  private static String name(int pid) {
    try {
      // Another name space of processes, or another user's: then there is only the number.
      return " (" + Files.readString(Path.of("/proc/" + pid + "/comm")).strip() + ")";
    } catch (IOException e) {
      return "";
    }
  }
}
