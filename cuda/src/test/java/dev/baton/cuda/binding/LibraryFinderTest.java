package dev.baton.cuda.binding;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.baton.engine.backend.BackendException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class LibraryFinderTest {
  private static final String[] NAMES = {"libnvrtc.so.13", "libnvrtc.so.12"};

  @TempDir private Path folder;

  private Path library(String in, String name) throws IOException {
    return Files.createFile(Files.createDirectories(folder.resolve(in)).resolve(name));
  }

  private LibraryFinder finder(String... folders) {
    return LibraryFinder.of(Stream.of(folders).map(folder::resolve).toList());
  }

  @Test
  void theNewerLibraryWinsOverTheEarlierFolder() throws IOException {
    library("a", "libnvrtc.so.12");
    Path newer = library("b", "libnvrtc.so.13");
    assertThat(finder("a", "b").find(NAMES)).contains(newer);
  }

  @Test
  void aDriverForCuda12GetsNoLibraryOfCuda13() throws IOException {
    Path older = library("a", "libnvrtc.so.12");
    library("b", "libnvrtc.so.13");
    assertThat(finder("a", "b").forDriver(12040).find(NAMES)).contains(older);
    assertThat(finder("b").forDriver(12040).find(NAMES)).isEmpty();
    assertThat(finder("b").forDriver(13000).find(NAMES)).isPresent();
  }

  @Test
  void otherLibrariesHaveVersionsOfTheirOwn() throws IOException {
    Path other = library("a", "libother.so.42");
    assertThat(finder("a").forDriver(12000).find("libother.so.42")).contains(other);
  }

  @Test
  void namedFoldersComeBeforeTheUsualOnes() throws IOException {
    Path named = library("named", "libnvrtc.so.13");
    System.setProperty(LibraryFinder.PROPERTY, folder.resolve("named").toString());
    try {
      assertThat(LibraryFinder.ofEnvironment().find(NAMES)).contains(named);
    } finally {
      System.clearProperty(LibraryFinder.PROPERTY);
    }
  }

  @Test
  void aFileThatIsNoLibraryIsNamed() throws IOException {
    Path broken = library("a", "libnccl.so.2");
    assertThatThrownBy(() -> Nccl.version(broken))
        .isInstanceOf(BackendException.class)
        .hasMessageContaining(broken.toString());
  }
}
