package dev.baton.openai.response;

import dev.baton.openai.Timings;
import java.util.List;
import java.util.Optional;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.ObjectNode;

/** Whole answers: the documents that a request without {@code stream} gets. */
public final class Responses {
  private Responses() {}

  /** Answer of /v1/completions. */
  public static ObjectNode completion(
      ResponseHead head, List<Choice> choices, Usage usage, Optional<Timings> timings) {
    ObjectNode json = head.toJson("text_completion");
    ArrayNode list = json.putArray("choices");
    for (Choice choice : choices) {
      ObjectNode entry = list.addObject();
      entry.put("index", choice.index());
      entry.put("text", choice.text());
      if (choice.logprobs().isPresent()) {
        entry.set("logprobs", TokenLogprob.completion(choice.logprobs().get(), 0));
      } else {
        entry.putNull("logprobs");
      }
      end(entry, choice);
      choice.promptTokenIds().ifPresent(ids -> putIds(entry, "prompt_token_ids", ids));
    }
    return tail(json, usage, timings);
  }

  /** Answer of /v1/chat/completions. */
  public static ObjectNode chat(
      ResponseHead head,
      String role,
      List<Choice> choices,
      Usage usage,
      Optional<Timings> timings) {
    ObjectNode json = head.toJson("chat.completion");
    ArrayNode list = json.putArray("choices");
    for (Choice choice : choices) {
      ObjectNode entry = list.addObject();
      entry.put("index", choice.index());
      ObjectNode message = entry.putObject("message");
      message.put("role", role);
      message.put("content", choice.text());
      message.putNull("refusal");
      if (choice.logprobs().isPresent()) {
        entry.set("logprobs", TokenLogprob.chat(choice.logprobs().get()));
      } else {
        entry.putNull("logprobs");
      }
      end(entry, choice);
    }
    choices.getFirst().promptTokenIds().ifPresent(ids -> putIds(json, "prompt_token_ids", ids));
    return tail(json, usage, timings);
  }

  private static void end(ObjectNode entry, Choice choice) {
    entry.put("finish_reason", choice.finishReason());
    switch (choice.stopReason()) {
      case StopReason.None() -> entry.putNull("stop_reason");
      case StopReason.Text(String stop) -> entry.put("stop_reason", stop);
      case StopReason.Token(int id) -> entry.put("stop_reason", id);
    }
    choice.tokenIds().ifPresent(ids -> putIds(entry, "token_ids", ids));
  }

  private static ObjectNode tail(ObjectNode json, Usage usage, Optional<Timings> timings) {
    json.set("usage", usage.toJson());
    timings.ifPresent(t -> json.set("timings", t.toJson()));
    return json;
  }

  static void putIds(ObjectNode target, String name, int[] ids) {
    ArrayNode list = target.putArray(name);
    for (int id : ids) {
      list.add(id);
    }
  }
}
