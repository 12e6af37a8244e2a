package dev.baton.serving.worker;

import dev.baton.model.template.TemplateException;
import dev.baton.model.tokenizer.Tokenizer;
import dev.baton.openai.OpenAiException;
import dev.baton.openai.request.ChatPrompt;
import dev.baton.openai.request.Prompt;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** Turns prompts and conversations into token ids. Thread-safe. */
final class PromptEncoder {
  private final LoadedModel model;

  PromptEncoder(LoadedModel model) {
    this.model = model;
  }

  /**
   * The model's tokenizer.
   *
   * @throws OpenAiException 400 if it has none
   */
  Tokenizer tokenizer() {
    return model
        .tokenizer()
        .orElseThrow(
            () ->
                OpenAiException.badRequest(
                    "This model was loaded without a tokenizer (its directory has no"
                        + " tokenizer.json): send prompts as token ids to /v1/completions.",
                    "prompt"));
  }

  /** Ids of a completion's prompt; at least one. */
  int[] encode(Prompt prompt, boolean addSpecialTokens) {
    int[] ids =
        switch (prompt) {
          case Prompt.Text(String text) -> encode(text, addSpecialTokens, "prompt");
          case Prompt.Tokens(int[] tokens) -> tokens;
        };
    if (ids.length == 0) {
      throw OpenAiException.badRequest(
          "\"prompt\" has no tokens; give at least one.", "prompt", "invalid_value");
    }
    return ids;
  }

  /** Ids of a rendered conversation; at least one. */
  int[] encode(ChatPrompt prompt) {
    int[] ids = encode(render(prompt), prompt.addSpecialTokens(), "messages");
    if (ids.length == 0) {
      throw OpenAiException.badRequest(
          "The chat template makes an empty text of these messages.", "messages", "invalid_value");
    }
    return ids;
  }

  int[] encode(String text, boolean addSpecialTokens, String param) {
    Tokenizer tokenizer = tokenizer();
    int[] ids = tokenizer.encode(text, addSpecialTokens);
    int vocabulary = model.config().vocabSize();
    for (int id : ids) {
      if (id >= vocabulary) {
        // An added token that the checkpoint has no row for.
        throw OpenAiException.badRequest(
            "The text holds "
                + tokenizer.token(id).orElse("a token")
                + " (id "
                + id
                + "), for which the model has no embedding: it has "
                + vocabulary
                + ".",
            param,
            "token_id_out_of_range");
      }
    }
    return ids;
  }

  private String render(ChatPrompt prompt) {
    ModelTemplates.Compiled chosen =
        model
            .templates()
            .orElseThrow(
                () ->
                    OpenAiException.badRequest(
                        "This model has no chat template: use /v1/completions, or start the server"
                            + " with --chat-template FILE.",
                        "messages",
                        "no_chat_template"))
            .choose(!prompt.tools().isEmpty());
    Map<String, @Nullable Object> context = new HashMap<>(model.specialTokens());
    context.putAll(prompt.templateArguments());
    List<Map<String, @Nullable Object>> messages = new ArrayList<>(prompt.messages().size());
    for (Map<String, @Nullable Object> message : prompt.messages()) {
      Map<String, @Nullable Object> copy = new LinkedHashMap<>(message);
      copy.put("content", content(message.get("content"), chosen.readsParts()));
      messages.add(copy);
    }
    context.put("messages", messages);
    context.put("tools", prompt.tools().isEmpty() ? null : prompt.tools());
    context.put("documents", prompt.documents().isEmpty() ? null : prompt.documents());
    context.put("add_generation_prompt", prompt.addGenerationPrompt());
    String text;
    try {
      text = chosen.template().render(context);
    } catch (TemplateException e) {
      String why = String.valueOf(e.getMessage());
      throw OpenAiException.badRequest(
          e.raisedByTemplate() ? why : "The chat template cannot render these messages: " + why,
          "messages",
          "chat_template_error");
    }
    return prompt.continueFinalMessage() ? upToFinalMessage(text, messages) : text;
  }

  /** Text parts joined for templates that take a string, and the other way round. */
  private static @Nullable Object content(@Nullable Object content, boolean asParts) {
    if (content instanceof List<?> parts && !asParts) {
      StringBuilder joined = new StringBuilder();
      for (Object part : parts) {
        if (part instanceof Map<?, ?> map && map.get("text") instanceof String text) {
          joined.append(joined.isEmpty() ? "" : "\n").append(text);
        }
      }
      return joined.toString();
    }
    if (content instanceof String text && asParts) {
      Map<String, Object> part = new LinkedHashMap<>();
      part.put("type", "text");
      part.put("text", text);
      return List.of(part);
    }
    return content;
  }

  /** Cuts what the template adds after the last message, so that the answer continues it. */
  private static String upToFinalMessage(
      String text, List<Map<String, @Nullable Object>> messages) {
    Object content = messages.getLast().get("content");
    String last =
        content instanceof List<?> parts
                && !parts.isEmpty()
                && parts.getLast() instanceof Map<?, ?> part
            ? String.valueOf(part.get("text"))
            : content instanceof String s ? s : "";
    String stripped = last.strip();
    int at = text.lastIndexOf(stripped);
    if (stripped.isEmpty() || at < 0) {
      throw OpenAiException.badRequest(
          "\"continue_final_message\": the last message's text does not appear in what the chat"
              + " template makes of it.",
          "continue_final_message",
          "invalid_value");
    }
    int end = at + stripped.length();
    return text.startsWith(last.stripLeading(), at)
        ? text.substring(0, at + last.stripLeading().length())
        : text.substring(0, end);
  }
}
