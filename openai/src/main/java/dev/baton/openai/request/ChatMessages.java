package dev.baton.openai.request;

import dev.baton.openai.OpenAiException;
import java.math.BigInteger;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;

/** Turns messages and tools into the plain values that a chat template reads. */
final class ChatMessages {
  private ChatMessages() {}

  static List<Map<String, @Nullable Object>> read(Fields fields) {
    JsonNode value = fields.value("messages");
    if (!value.isArray()) {
      throw Fields.wrongType("messages", "a list of messages", value);
    }
    if (value.isEmpty()) {
      throw OpenAiException.badRequest(
          "\"messages\" is empty; give at least one message, e.g. {\"role\": \"user\", \"content\":"
              + " \"Hello\"}.",
          "messages",
          "invalid_value");
    }
    List<Map<String, @Nullable Object>> messages = new ArrayList<>(value.size());
    for (int i = 0; i < value.size(); i++) {
      messages.add(message(value.get(i), "messages[" + i + "]"));
    }
    return messages;
  }

  private static Map<String, @Nullable Object> message(JsonNode node, String where) {
    if (!node.isObject()) {
      throw Fields.wrongType(where, "an object with \"role\" and \"content\"", node);
    }
    JsonNode role = node.path("role");
    if (!role.isString() || role.stringValue().isEmpty()) {
      throw Fields.wrongType(where + ".role", "a non-empty string", role);
    }
    Map<String, @Nullable Object> message = new LinkedHashMap<>();
    for (Map.Entry<String, JsonNode> field : node.properties()) {
      switch (field.getKey()) {
        case "content" -> {}
        case "tool_calls" -> {
          if (!field.getValue().isNull()) {
            message.put("tool_calls", toolCalls(field.getValue(), where));
          }
        }
        default -> message.put(field.getKey(), plain(field.getValue()));
      }
    }
    boolean calls = message.containsKey("tool_calls");
    message.put("content", content(node.path("content"), where, calls, role.stringValue()));
    return message;
  }

  private static @Nullable Object content(
      JsonNode content, String where, boolean calls, String role) {
    if (content.isString()) {
      return content.stringValue();
    }
    if (content.isNull() || content.isMissingNode()) {
      if (calls) {
        return null;
      }
      if (role.equals("assistant")) {
        return "";
      }
    }
    if (!content.isArray()) {
      throw Fields.wrongType(where + ".content", "a string or a list of text parts", content);
    }
    List<Object> parts = new ArrayList<>(content.size());
    for (int i = 0; i < content.size(); i++) {
      parts.add(part(content.get(i), where + ".content[" + i + "]"));
    }
    return parts;
  }

  private static Map<String, Object> part(JsonNode part, String where) {
    if (part.isString()) {
      return textPart(part.stringValue());
    }
    String type = part.path("type").asString("");
    if (!part.isObject()) {
      throw Fields.wrongType(where, "an object {\"type\": \"text\", \"text\": …}", part);
    }
    if (!type.equals("text") && !type.equals("input_text") && !type.equals("output_text")) {
      throw OpenAiException.badRequest(
          where
              + " has the type \""
              + (type.length() > 40 ? type.substring(0, 40) : type)
              + "\"; this model reads text only, so parts must be of type \"text\".",
          where,
          "unsupported_content");
    }
    if (!part.path("text").isString()) {
      throw Fields.wrongType(where + ".text", "a string", part.path("text"));
    }
    return textPart(part.path("text").stringValue());
  }

  private static Map<String, Object> textPart(String text) {
    Map<String, Object> part = new LinkedHashMap<>();
    part.put("type", "text");
    part.put("text", text);
    return part;
  }

  private static List<@Nullable Object> toolCalls(JsonNode calls, String where) {
    if (!calls.isArray()) {
      throw Fields.wrongType(where + ".tool_calls", "a list", calls);
    }
    List<@Nullable Object> list = new ArrayList<>();
    for (int i = 0; i < calls.size(); i++) {
      JsonNode call = calls.get(i);
      String at = where + ".tool_calls[" + i + "]";
      JsonNode function = call.path("function");
      if (!function.isObject() || !function.path("name").isString()) {
        throw Fields.wrongType(at + ".function", "an object with a \"name\"", function);
      }
      Map<String, @Nullable Object> copy = object(call);
      Map<String, @Nullable Object> copiedFunction = object(function);
      JsonNode arguments = function.path("arguments");
      if (arguments.isString()) {
        // Templates render arguments as JSON themselves; a string would be quoted once more.
        copiedFunction.put("arguments", arguments(arguments.stringValue(), at));
      }
      copy.put("function", copiedFunction);
      list.add(copy);
    }
    return list;
  }

  private static @Nullable Object arguments(String text, String where) {
    if (text.isBlank()) {
      return new LinkedHashMap<String, Object>();
    }
    try {
      return plain(dev.baton.openai.Json.parse(text));
    } catch (OpenAiException e) {
      throw OpenAiException.badRequest(
          where + ".function.arguments is not JSON.", where, "invalid_value");
    }
  }

  static List<@Nullable Object> tools(Fields fields) {
    List<@Nullable Object> tools = new ArrayList<>();
    List<JsonNode> list = fields.list("tools");
    for (int i = 0; i < list.size(); i++) {
      JsonNode tool = list.get(i);
      if (!tool.path("function").isObject() || !tool.path("function").path("name").isString()) {
        throw OpenAiException.badRequest(
            "\"tools["
                + i
                + "]\" must be {\"type\": \"function\", \"function\": {\"name\": …}}; got "
                + Fields.describe(tool)
                + ".",
            "tools",
            "invalid_type");
      }
      tools.add(plain(tool));
    }
    return tools;
  }

  static Map<String, @Nullable Object> object(JsonNode node) {
    Map<String, @Nullable Object> map = new LinkedHashMap<>();
    for (Map.Entry<String, JsonNode> field : node.properties()) {
      map.put(field.getKey(), plain(field.getValue()));
    }
    return map;
  }

  /** String, Boolean, Long, BigInteger, Double, List, Map or null. */
  static @Nullable Object plain(JsonNode node) {
    return switch (node.getNodeType()) {
      case STRING -> node.stringValue();
      case BOOLEAN -> node.booleanValue();
      case NUMBER -> {
        if (!node.isIntegralNumber()) {
          yield node.doubleValue();
        }
        if (node.canConvertToLong()) {
          yield node.longValue();
        }
        BigInteger big = node.bigIntegerValue();
        yield big;
      }
      case ARRAY -> {
        List<@Nullable Object> list = new ArrayList<>(node.size());
        for (JsonNode element : node) {
          list.add(plain(element));
        }
        yield list;
      }
      case OBJECT -> object(node);
      default -> null;
    };
  }
}
