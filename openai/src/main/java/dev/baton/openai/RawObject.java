package dev.baton.openai;

import java.io.ByteArrayOutputStream;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import tools.jackson.core.JsonParser;
import tools.jackson.core.JsonToken;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ObjectNode;

/**
 * A JSON object whose members stay the bytes that they were. For one who passes a body on with a
 * few members changed: a prompt of thousands of token ids is read over once, and never becomes a
 * tree. Immutable.
 */
public final class RawObject {
  private final byte[] bytes;
  private final List<Member> members;

  /** One member: where its name and its value begin, and where the value has ended. */
  private record Member(String name, int begin, int value, int end) {}

  private RawObject(byte[] bytes, List<Member> members) {
    this.bytes = bytes;
    this.members = members;
  }

  /**
   * Reads one JSON object in UTF-8.
   *
   * @param bytes not changed any more
   * @throws OpenAiException 400 as of {@link Json#parse(byte[])}, or if it is another kind of value
   */
  public static RawObject parse(byte[] bytes) {
    return Json.read(bytes, parser -> new RawObject(bytes, members(bytes, parser)));
  }

  private static List<Member> members(byte[] bytes, JsonParser parser) {
    if (parser.nextToken() != JsonToken.START_OBJECT) {
      throw OpenAiException.badRequest("The body must be a JSON object.", null);
    }
    List<Member> members = new ArrayList<>();
    String name = "";
    int begin = -1;
    int value = 0;
    while (true) {
      JsonToken token = parser.nextToken();
      int at = (int) parser.currentTokenLocation().getByteOffset();
      if (begin >= 0) {
        members.add(new Member(name, begin, value, endOfValue(bytes, at)));
      }
      if (token != JsonToken.PROPERTY_NAME) {
        break;
      }
      name = parser.currentName();
      begin = at;
      parser.nextToken();
      value = (int) parser.currentTokenLocation().getByteOffset();
      parser.skipChildren();
    }
    parser.nextToken(); // reads on to the end, where there must be nothing more
    if (parser.currentToken() != null) {
      throw OpenAiException.badRequest("The body is not JSON: it goes on after its end.", null);
    }
    return members;
  }

  /** Between a value and the next name there is nothing but blanks and a comma. */
  private static int endOfValue(byte[] bytes, int next) {
    int end = next;
    while (bytes[end - 1] <= ' ' && bytes[end - 1] >= 0) {
      end--;
    }
    if (bytes[end - 1] != ',') {
      return end;
    }
    end--;
    while (bytes[end - 1] <= ' ' && bytes[end - 1] >= 0) {
      end--;
    }
    return end;
  }

  /** Whether there is a member of that name. */
  public boolean has(String name) {
    return find(name).isPresent();
  }

  /** A member's value as a tree; of several with one name the last, as every reader takes it. */
  public Optional<JsonNode> get(String name) {
    return find(name)
        .map(m -> Json.parse(new String(bytes, m.value, m.end - m.value, StandardCharsets.UTF_8)));
  }

  /** The first byte of a member's value, which says what kind of value it is; 0 without one. */
  public byte kind(String name) {
    return find(name).map(m -> bytes[m.value]).orElse((byte) 0);
  }

  /** The first byte of a list's first element; 0 if it is empty or no list. */
  public byte kindOfFirst(String name) {
    Optional<Member> member = find(name);
    if (member.isEmpty() || bytes[member.get().value] != '[') {
      return 0;
    }
    int at = member.get().value + 1;
    while (bytes[at] <= ' ' && bytes[at] >= 0) {
      at++;
    }
    return bytes[at] == ']' ? 0 : bytes[at];
  }

  private Optional<Member> find(String name) {
    for (int i = members.size() - 1; i >= 0; i--) {
      if (members.get(i).name.equals(name)) {
        return Optional.of(members.get(i));
      }
    }
    return Optional.empty();
  }

  /**
   * The object with some members left out and some set. What is neither stays byte for byte.
   *
   * @param without names to leave out
   * @param set new values, at the end and in their order
   */
  public byte[] bytes(Set<String> without, ObjectNode set) {
    ByteArrayOutputStream out = new ByteArrayOutputStream(bytes.length + 512);
    char separator = '{';
    for (Member member : members) {
      if (!without.contains(member.name) && !set.has(member.name)) {
        out.write(separator);
        out.write(bytes, member.begin, member.end - member.begin);
        separator = ',';
      }
    }
    for (Map.Entry<String, JsonNode> entry : set.properties()) {
      out.write(separator);
      out.writeBytes(Json.quoted(entry.getKey()));
      out.write(':');
      out.writeBytes(Json.bytes(entry.getValue()));
      separator = ',';
    }
    if (separator == '{') {
      out.write(separator);
    }
    out.write('}');
    return out.toByteArray();
  }
}
