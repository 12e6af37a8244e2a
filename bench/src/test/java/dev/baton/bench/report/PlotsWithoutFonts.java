package dev.baton.bench.report;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;

/** A process that writes a report and then says which of AWT's native libraries it has loaded. */
public final class PlotsWithoutFonts {
  private PlotsWithoutFonts() {}

  /** Argument: the folder to write to. */
  public static void main(String[] args) throws IOException {
    Report.write(java.util.List.of(Simulated.sweep()), Path.of(args[0]));
    Path maps = Path.of("/proc/self/maps");
    String libraries = Files.isReadable(maps) ? Files.readString(maps) : "";
    for (String name : new String[] {"libfontmanager", "libfreetype", "libawt_xawt"}) {
      System.out.println(name + " " + libraries.contains(name));
    }
    System.out.println("done");
  }
}
