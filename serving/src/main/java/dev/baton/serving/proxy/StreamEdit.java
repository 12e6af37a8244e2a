package dev.baton.serving.proxy;

import java.io.ByteArrayOutputStream;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * Follows a streamed answer as it passes: keeps the token ids, which it takes out where the client
 * did not ask for them, and gives an answer that goes on elsewhere the id that it began with.
 * Everything else stays byte for byte.
 *
 * <p>It works on the bytes. That is safe for what a worker writes (JSON without blanks): the quotes
 * of {@code "token_ids":} are escaped wherever the same characters occur in a text.
 */
final class StreamEdit {
  private static final byte[] IDS = ascii("\"token_ids\":");
  private static final byte[] PROMPT_IDS = ascii("\"prompt_token_ids\":");
  private static final byte[] ID = ascii("data: {\"id\":\"");
  private static final byte[] FINISH = ascii("\"finish_reason\":\"");
  private static final byte[] DONE = ascii("data: [DONE]");
  private static final byte[] ERROR = ascii("event: error");

  private final boolean keepIds;
  private final List<Integer> tokens = new ArrayList<>();
  private byte[] id = new byte[0];
  private boolean idsSeen;
  private boolean finished;
  private boolean done;

  /**
   * For one answer, whichever workers it comes from.
   *
   * @param keepIds whether the client asked for token ids
   */
  StreamEdit(boolean keepIds) {
    this.keepIds = keepIds;
  }

  /** Takes whole events and gives what the client is to get. */
  byte[] pass(byte[] events) {
    notice(events);
    collect(events);
    byte[] result = events;
    if (!keepIds) {
      result = withoutField(withoutField(result, IDS), PROMPT_IDS);
    }
    return withFirstId(result);
  }

  private void notice(byte[] events) {
    if (indexOf(events, FINISH, 0) >= 0) {
      finished = true;
    }
    done |= lineAt(events, DONE) >= 0;
  }

  /** Where the event begins by which a worker says that it cannot go on; -1 if there is none. */
  static int errorAt(byte[] events) {
    return lineAt(events, ERROR);
  }

  /** A text may say it too, but not at a line's start. */
  private static int lineAt(byte[] events, byte[] wanted) {
    int at = indexOf(events, wanted, 0);
    while (at > 0 && events[at - 1] != '\n') {
      at = indexOf(events, wanted, at + 1);
    }
    return at;
  }

  /** Lets whole events pass as they are, looking only for the end. */
  byte[] watch(byte[] events) {
    notice(events);
    return events;
  }

  /** Output tokens that have passed. */
  List<Integer> tokens() {
    return tokens;
  }

  /** Whether it is known which tokens have passed. */
  boolean idsSeen() {
    return idsSeen;
  }

  /** Whether the answer's last token has passed. */
  boolean finished() {
    return finished;
  }

  /** Whether the end of the stream has passed. */
  boolean done() {
    return done;
  }

  private void collect(byte[] events) {
    int at = indexOf(events, IDS, 0);
    while (at >= 0) {
      int i = at + IDS.length;
      if (i < events.length && events[i] == '[') {
        idsSeen = true;
        i = numbers(events, i + 1);
      }
      at = indexOf(events, IDS, i);
    }
  }

  private int numbers(byte[] events, int from) {
    int i = from;
    long number = -1;
    for (; i < events.length && events[i] != ']'; i++) {
      if (events[i] >= '0' && events[i] <= '9') {
        number = Math.max(0, number) * 10 + (events[i] - '0');
      } else if (events[i] == ',') {
        tokens.add((int) number);
        number = -1;
      }
    }
    if (number >= 0) {
      tokens.add((int) number);
    }
    return i;
  }

  private static byte[] withoutField(byte[] events, byte[] name) {
    int at = indexOf(events, name, 0);
    if (at < 0) {
      return events;
    }
    ByteArrayOutputStream out = new ByteArrayOutputStream(events.length);
    int from = 0;
    while (at >= 0) {
      int end = endOfValue(events, at + name.length);
      int begin = at;
      if (begin > from && events[begin - 1] == ',') {
        begin--;
      } else if (end < events.length && events[end] == ',') {
        end++;
      }
      out.write(events, from, begin - from);
      from = end;
      at = indexOf(events, name, end);
    }
    out.write(events, from, events.length - from);
    return out.toByteArray();
  }

  /** After a list of numbers, or after null. */
  private static int endOfValue(byte[] events, int from) {
    int i = from;
    if (i < events.length && events[i] == '[') {
      while (i < events.length && events[i] != ']') {
        i++;
      }
      return Math.min(events.length, i + 1);
    }
    while (i < events.length && events[i] != ',' && events[i] != '}') {
      i++;
    }
    return i;
  }

  private byte[] withFirstId(byte[] events) {
    int at = indexOf(events, ID, 0);
    if (at < 0) {
      return events;
    }
    if (id.length == 0) {
      int begin = at + ID.length;
      id = Arrays.copyOfRange(events, begin, endOfText(events, begin));
      return events;
    }
    if (startsWith(events, at + ID.length, id)) {
      return events; // an event batch comes from one worker, so all of its ids are the same
    }
    ByteArrayOutputStream out = new ByteArrayOutputStream(events.length + 64);
    int from = 0;
    while (at >= 0) {
      int begin = at + ID.length;
      out.write(events, from, begin - from);
      out.writeBytes(id);
      from = endOfText(events, begin);
      at = indexOf(events, ID, from);
    }
    out.write(events, from, events.length - from);
    return out.toByteArray();
  }

  private static int endOfText(byte[] events, int from) {
    int i = from;
    while (i < events.length && events[i] != '"') {
      i++;
    }
    return i;
  }

  private static boolean startsWith(byte[] bytes, int at, byte[] prefix) {
    return at + prefix.length <= bytes.length
        && Arrays.equals(bytes, at, at + prefix.length, prefix, 0, prefix.length);
  }

  private static int indexOf(byte[] bytes, byte[] wanted, int from) {
    for (int i = from; i <= bytes.length - wanted.length; i++) {
      if (bytes[i] == wanted[0] && startsWith(bytes, i, wanted)) {
        return i;
      }
    }
    return -1;
  }

  private static byte[] ascii(String text) {
    return text.getBytes(StandardCharsets.US_ASCII);
  }
}
