package dev.baton.cuda.forward;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class TuningCacheTest {
  @TempDir private Path folder;

  private List<Path> files() throws IOException {
    try (Stream<Path> all = Files.list(folder.resolve("tuning"))) {
      return all.toList();
    }
  }

  private TuningCache saved(String identity, String key, String value) {
    TuningCache cache = new TuningCache(folder, identity);
    cache.put(key, value);
    cache.save();
    return cache;
  }

  @Test
  void whatWasSavedIsFoundAgain() {
    saved("H200", "store 1x6144x4096", "gemv 8");
    assertThat(new TuningCache(folder, "H200").get("store 1x6144x4096")).contains("gemv 8");
    assertThat(new TuningCache(folder, "H200").get("store 2x6144x4096")).isEmpty();
  }

  @Test
  void anotherDeviceOrLibraryHasAnotherFile() throws IOException {
    saved("H200, cuBLASLt 130100", "a", "1");
    assertThat(new TuningCache(folder, "H200, cuBLASLt 130200").get("a")).isEmpty();
    saved("H200, cuBLASLt 130200", "a", "2");
    assertThat(files()).hasSize(2);
    assertThat(new TuningCache(folder, "H200, cuBLASLt 130100").get("a")).contains("1");
  }

  @Test
  void twoWorkersKeepBothTheirEntries() {
    TuningCache first = new TuningCache(folder, "H200");
    TuningCache second = new TuningCache(folder, "H200");
    first.put("a", "1");
    first.save();
    second.put("b", "2");
    second.save();
    TuningCache both = new TuningCache(folder, "H200");
    assertThat(both.get("a")).contains("1");
    assertThat(both.get("b")).contains("2");
  }

  @Test
  void everyDamageIsFoundOut() throws IOException {
    saved("H200", "key", "value");
    Path file = files().get(0);
    byte[] whole = Files.readAllBytes(file);
    for (int cut = 0; cut < whole.length - 1; cut++) { // the last byte is only the line's end
      Files.write(file, java.util.Arrays.copyOf(whole, cut));
      assertThat(new TuningCache(folder, "H200").get("key")).isEmpty();
    }
    for (int at = 0; at < whole.length - 1; at++) {
      byte[] wrong = whole.clone();
      wrong[at] ^= 1;
      Files.write(file, wrong);
      assertThat(new TuningCache(folder, "H200").get("key")).isEmpty();
    }
    saved("H200", "key", "new");
    assertThat(new TuningCache(folder, "H200").get("key")).contains("new");
  }

  @Test
  void aFolderThatCannotBeMadeCostsNothingElse() throws IOException {
    Path file = Files.createFile(folder.resolve("file"));
    TuningCache cache = new TuningCache(file, "H200");
    cache.put("a", "1");
    cache.save();
    assertThat(cache.get("a")).contains("1");
  }
}
