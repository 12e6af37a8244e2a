package dev.baton.openai.response;

import dev.baton.openai.ErrorBody;
import dev.baton.openai.Json;
import dev.baton.openai.Timings;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Optional;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.node.ObjectNode;

/**
 * Writes the events of one request's stream as bytes. What all chunks share is serialised once, so
 * that a token costs the copying of two constant pieces and the escaping of its text. Belongs to
 * one request; not thread-safe.
 */
public final class StreamWriter {
  /** The event that ends a stream. */
  private static final byte[] DONE = "data: [DONE]\n\n".getBytes(StandardCharsets.US_ASCII);

  private static final byte[] NULL = "null".getBytes(StandardCharsets.US_ASCII);

  private final boolean chat;
  private final byte[] open; // data: {"id":…,"model":…,"choices":[{"index":
  private final byte[] textKey;
  private final byte[] plainEnd;
  private final byte[] noChoices;
  private final boolean usageInLastChunk;
  private final Utf8Builder out = new Utf8Builder();

  /**
   * Prepares a stream.
   *
   * @param chat chunks of chat completions rather than completions
   * @param usageInLastChunk whether usage was asked for: every other chunk then says "usage": null
   */
  public StreamWriter(ResponseHead head, boolean chat, boolean usageInLastChunk) {
    this.chat = chat;
    this.usageInLastChunk = usageInLastChunk;
    String json = Json.text(head.toJson(chat ? "chat.completion.chunk" : "text_completion"));
    String start = "data: " + json.substring(0, json.length() - 1) + ",\"choices\":[";
    this.open = utf8(start + "{\"index\":");
    this.noChoices = utf8(start + "]");
    this.textKey = utf8(chat ? ",\"delta\":{\"content\":\"" : ",\"text\":\"");
    this.plainEnd =
        utf8(
            (chat ? "\"}" : "\"")
                + ",\"logprobs\":null,\"finish_reason\":null}]"
                + (usageInLastChunk ? ",\"usage\":null" : "")
                + "}\n\n");
  }

  /** The common chunk: new text and nothing else. */
  public byte[] text(int index, String text) {
    return out.clear().raw(open).number(index).raw(textKey).escaped(text).raw(plainEnd).toBytes();
  }

  /** The first chunk of a chat answer: the role, with empty content. */
  public byte[] role(int index, String role, @Nullable Usage usage, int @Nullable [] promptIds) {
    out.clear()
        .raw(open)
        .number(index)
        .ascii(",\"delta\":{\"role\":\"")
        .escaped(role)
        .ascii("\",\"content\":\"\"},\"logprobs\":null,\"finish_reason\":null}]");
    if (promptIds != null) {
      ids("prompt_token_ids", promptIds);
    }
    usage(usage);
    return out.ascii("}\n\n").toBytes();
  }

  /** Any chunk of an answer. */
  public byte[] chunk(Chunk chunk) {
    out.clear().raw(open).number(chunk.index());
    if (chat && chunk.text().isEmpty() && chunk.finishReason() != null) {
      out.ascii(",\"delta\":{}");
    } else {
      out.raw(textKey).escaped(chunk.text()).ascii(chat ? "\"}" : "\"");
    }
    out.ascii(",\"logprobs\":");
    if (chunk.logprobs().isPresent()) {
      List<TokenLogprob> positions = chunk.logprobs().get();
      out.raw(
          Json.bytes(
              chat
                  ? TokenLogprob.chat(positions)
                  : TokenLogprob.completion(positions, chunk.textOffset())));
    } else {
      out.raw(NULL);
    }
    out.ascii(",\"finish_reason\":");
    String finish = chunk.finishReason();
    if (finish == null) {
      out.raw(NULL);
    } else {
      out.ascii("\"").ascii(finish).ascii("\",\"stop_reason\":");
      switch (chunk.stopReason()) {
        case StopReason.None() -> out.raw(NULL);
        case StopReason.Text(String stop) -> out.ascii("\"").escaped(stop).ascii("\"");
        case StopReason.Token(int id) -> out.number(id);
      }
    }
    chunk.tokenIds().ifPresent(ids -> ids("token_ids", ids));
    if (!chat) {
      chunk.promptTokenIds().ifPresent(ids -> ids("prompt_token_ids", ids));
    }
    out.ascii("}]");
    usage(chunk.usage().orElse(null));
    return out.ascii("}\n\n").toBytes();
  }

  /** The chunk before the end: no choices, usage and timings where they were asked for. */
  public byte[] summary(Optional<Usage> usage, Optional<Timings> timings) {
    out.clear().raw(noChoices);
    usage(usage.orElse(null));
    timings.ifPresent(t -> out.ascii(",\"timings\":").raw(Json.bytes(t.toJson())));
    return out.ascii("}\n\n").toBytes();
  }

  /** The end. */
  public static byte[] done() {
    return DONE.clone();
  }

  /**
   * A failure in mid-stream: an event named "error" whose data is an error document, so that
   * clients that look at either notice.
   */
  public static byte[] error(ErrorBody error) {
    ObjectNode json = error.toJson();
    return utf8("event: error\ndata: " + Json.text(json) + "\n\n");
  }

  private void usage(@Nullable Usage usage) {
    if (usage != null) {
      out.ascii(",\"usage\":").raw(Json.bytes(usage.toJson()));
    } else if (usageInLastChunk) {
      out.ascii(",\"usage\":null");
    }
  }

  private void ids(String name, int[] ids) {
    out.ascii(",\"").ascii(name).ascii("\":[");
    for (int i = 0; i < ids.length; i++) {
      if (i > 0) {
        out.ascii(",");
      }
      out.number(ids[i]);
    }
    out.ascii("]");
  }

  private static byte[] utf8(String text) {
    return text.getBytes(StandardCharsets.UTF_8);
  }
}
