package dev.baton.openai.request;

import dev.baton.openai.OpenAiException;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;

/**
 * What a chat template is given: messages and what goes with them.
 *
 * @param messages at least one, as plain maps; "content" is a String, a List of {type, text} maps,
 *     or null beside tool calls
 * @param tools as sent; empty if there are none or they must not be called
 * @param documents as sent; empty if there are none
 * @param addGenerationPrompt whether to end with the head of the assistant's message
 * @param continueFinalMessage whether the answer continues the last message
 * @param templateArguments further variables of the template
 * @param addSpecialTokens whether the tokenizer adds its special tokens to the rendered text
 */
public record ChatPrompt(
    List<Map<String, @Nullable Object>> messages,
    List<@Nullable Object> tools,
    List<@Nullable Object> documents,
    boolean addGenerationPrompt,
    boolean continueFinalMessage,
    Map<String, @Nullable Object> templateArguments,
    boolean addSpecialTokens) {

  static ChatPrompt read(Fields fields) {
    fields.refuse(
        "chat_template", "templates in requests are not accepted; start the server with one.");
    List<Map<String, @Nullable Object>> messages = ChatMessages.read(fields);
    List<@Nullable Object> tools = ChatMessages.tools(fields);
    JsonNode choice = fields.value("tool_choice");
    if (choice.isString() && choice.stringValue().equals("none")) {
      tools = List.of();
    } else if (!choice.isNull() && !(choice.isString() && choice.stringValue().equals("auto"))) {
      if (!choice.isString() && !choice.isObject()) {
        throw Fields.wrongType("tool_choice", "\"none\", \"auto\" or an object", choice);
      }
      throw OpenAiException.badRequest(
          "\"tool_choice\": forcing a tool call is not supported; use \"auto\" or \"none\".",
          "tool_choice",
          "unsupported_parameter");
    }
    List<@Nullable Object> documents = new ArrayList<>();
    for (JsonNode document : fields.list("documents")) {
      documents.add(ChatMessages.plain(document));
    }
    boolean continues = fields.bool("continue_final_message", false);
    boolean generation = fields.bool("add_generation_prompt", !continues);
    if (continues && generation) {
      throw OpenAiException.badRequest(
          "\"continue_final_message\" and \"add_generation_prompt\" exclude each other.",
          "continue_final_message",
          "invalid_value");
    }
    return new ChatPrompt(
        messages,
        tools,
        documents,
        generation,
        continues,
        new LinkedHashMap<>(ChatMessages.object(fields.object("chat_template_kwargs").node())),
        fields.bool("add_special_tokens", false));
  }

  /** The role of the message that an answer belongs to. */
  public Optional<String> continuedRole() {
    return continueFinalMessage
            && messages.get(messages.size() - 1).get("role") instanceof String role
        ? Optional.of(role)
        : Optional.empty();
  }
}
