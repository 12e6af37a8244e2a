package dev.baton.app;

import dev.baton.cuda.binding.LibraryFinder;
import java.io.File;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;

/** The option that names folders of NVIDIA's libraries, of every command that opens a device. */
final class CudaLibraries {

  @Option(
      names = LibraryFinder.OPTION,
      paramLabel = "DIR[:DIR]",
      description =
          "Folders in which NVIDIA's libraries are looked for first (also the variable "
              + LibraryFinder.VARIABLE
              + ").")
  private @Nullable String folders;

  /** Lets the backend know. It has to come before the first look for a device. */
  void apply() {
    if (folders == null) {
      return;
    }
    for (String folder : folders.split(File.pathSeparator, -1)) {
      try {
        if (!folder.isBlank() && !Files.isDirectory(Path.of(folder))) {
          throw new UserError(LibraryFinder.OPTION + ": " + folder + " is no folder.");
        }
      } catch (InvalidPathException e) {
        throw new UserError(LibraryFinder.OPTION + " is no path: " + e.getMessage(), e);
      }
    }
    System.setProperty(LibraryFinder.PROPERTY, folders);
  }
}
