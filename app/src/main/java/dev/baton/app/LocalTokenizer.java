package dev.baton.app;

import dev.baton.bench.dataset.PromptTokenizer;
import dev.baton.model.tokenizer.Tokenizer;
import dev.baton.model.tokenizer.Tokenizers;
import java.nio.file.Path;
import java.util.Optional;
import java.util.Set;

/** A model directory's tokenizer for preparing prompts. */
final class LocalTokenizer implements PromptTokenizer, AutoCloseable {
  private final String name;
  private final Tokenizer tokenizer;
  private final Set<Integer> special;

  LocalTokenizer(Path directory) {
    this.name = directory.toString();
    this.tokenizer = Tokenizers.load(directory);
    this.special = tokenizer.specialTokenIds();
  }

  @Override
  public String name() {
    return name;
  }

  @Override
  public int vocabularySize() {
    return tokenizer.vocabSize();
  }

  @Override
  public int[] encode(String text, boolean addSpecialTokens) {
    return tokenizer.encode(text, addSpecialTokens);
  }

  @Override
  public String decode(int[] ids) {
    return tokenizer.decode(ids, false);
  }

  @Override
  public boolean special(int id) {
    return special.contains(id);
  }

  /** Templates are the server's business here: its {@code /tokenize} knows them. */
  @Override
  public Optional<int[]> chat(String userMessage) {
    return Optional.empty();
  }

  @Override
  public void close() {
    tokenizer.close();
  }
}
