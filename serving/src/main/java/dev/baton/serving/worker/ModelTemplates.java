package dev.baton.serving.worker;

import dev.baton.model.ModelFormatException;
import dev.baton.model.template.ChatTemplate;
import dev.baton.model.template.ChatTemplates;
import dev.baton.model.template.TemplateException;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;

/**
 * A model's chat templates, as transformers chooses among them.
 *
 * @param ordinary for conversations
 * @param withTools for conversations in which the model may call tools, where it has one of its own
 */
record ModelTemplates(Compiled ordinary, Optional<Compiled> withTools) {

  /**
   * A template that is ready to render.
   *
   * @param readsParts whether it reads message contents as lists of parts
   */
  record Compiled(ChatTemplate template, boolean readsParts) {}

  Compiled choose(boolean tools) {
    return tools ? withTools.orElse(ordinary) : ordinary;
  }

  /**
   * That of {@code --chat-template}, or those of the tokenizer's directory; empty if there is none.
   *
   * @throws ModelFormatException naming the file, if one is not valid or cannot be read
   */
  static Optional<ModelTemplates> load(Optional<String> option, Path tokenizerDir) {
    if (option.isPresent()) {
      Compiled given = compile(TemplateSource.ofOption(option.get()));
      return Optional.of(new ModelTemplates(given, Optional.empty()));
    }
    List<ChatTemplates.Source> all = ChatTemplates.all(tokenizerDir);
    return ChatTemplates.ordinary(all)
        .map(
            ordinary ->
                new ModelTemplates(
                    compile(TemplateSource.of(ordinary)),
                    ChatTemplates.forTools(all).map(source -> compile(TemplateSource.of(source)))));
  }

  private static Compiled compile(TemplateSource source) {
    try {
      return new Compiled(ChatTemplate.compile(source.text()), source.readsParts());
    } catch (TemplateException e) {
      throw new ModelFormatException(
          source.origin()
              + ": the chat template is not valid: "
              + e.getMessage()
              + ". Give another one with --chat-template FILE.",
          e);
    }
  }
}
