package dev.baton.cuda.forward;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;

/**
 * What was found fastest on a kind of device, kept on disk from one start to the next: a text file
 * with one line an entry and a checksum at its end, named after everything that the times depend
 * on. A file that is damaged, or cannot be read or written, costs time, nothing else. Whether an
 * entry can still be used is for the caller to see. For one thread.
 */
final class TuningCache {
  private static final System.Logger LOG = System.getLogger(TuningCache.class.getName());
  private static final String HEADER = "baton tuning 1";
  private static final String SUM = "sha256 ";

  private final Path file;
  private final String identity;
  private final Map<String, String> entries;
  private boolean changed;

  /**
   * Opens the cache.
   *
   * @param folder of all caches; made when needed
   * @param identity everything that decides which way is fastest: device, driver, library, kernels
   */
  TuningCache(Path folder, String identity) {
    this.identity = identity.replace('\n', ' ');
    file = folder.resolve("tuning").resolve(hash(this.identity).substring(0, 24) + ".txt");
    entries = read();
  }

  /** What was kept under a key. */
  Optional<String> get(String key) {
    return Optional.ofNullable(entries.get(key));
  }

  /** Keeps a value from {@link #save} on. Neither key nor value has a line break or a tab. */
  void put(String key, String value) {
    changed |= !value.equals(entries.put(key, value));
  }

  /** Writes the file, if something changed, in one step: a reader sees the old or the new one. */
  void save() {
    if (!changed) {
      return;
    }
    Map<String, String> all = read(); // another worker may have added to it
    all.putAll(entries);
    StringBuilder text = new StringBuilder();
    text.append(HEADER).append('\n').append(identity).append('\n');
    all.forEach((key, value) -> text.append(key).append('\t').append(value).append('\n'));
    String sum = hash(text.toString());
    text.append(SUM).append(sum).append('\n');
    Path folder = file.getParent();
    try {
      if (folder == null) {
        return;
      }
      Files.createDirectories(folder);
      Path part = Files.createTempFile(folder, "tuning", ".part");
      Files.writeString(part, text);
      Files.move(part, file, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
      changed = false;
    } catch (IOException e) {
      LOG.log(
          System.Logger.Level.WARNING,
          "What was found fastest cannot be kept in "
              + file
              + "; it is measured at every start. "
              + e);
    }
  }

  private Map<String, String> read() {
    Map<String, String> read = new TreeMap<>();
    try {
      if (!Files.isRegularFile(file)) {
        return read;
      }
      String text = Files.readString(file);
      int sum = text.lastIndexOf("\n" + SUM) + 1;
      List<String> lines = text.substring(0, sum).lines().toList();
      if (lines.size() < 2
          || !lines.get(0).equals(HEADER)
          || !lines.get(1).equals(identity)
          || !text.substring(sum).strip().equals(SUM + hash(text.substring(0, sum)))) {
        LOG.log(System.Logger.Level.WARNING, file + " is damaged; it is made anew.");
        return read;
      }
      for (String line : lines.subList(2, lines.size())) {
        int tab = line.indexOf('\t');
        if (tab > 0) {
          read.put(line.substring(0, tab), line.substring(tab + 1));
        }
      }
    } catch (IOException e) {
      LOG.log(System.Logger.Level.WARNING, file + " cannot be read; it is made anew. " + e);
    }
    return read;
  }

  private static String hash(String text) {
    try {
      return HexFormat.of()
          .formatHex(
              MessageDigest.getInstance("SHA-256").digest(text.getBytes(StandardCharsets.UTF_8)));
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException("every Java has SHA-256", e);
    }
  }
}
