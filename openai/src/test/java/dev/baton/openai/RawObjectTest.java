package dev.baton.openai;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Random;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ObjectNode;

class RawObjectTest {
  private static final List<String> BLANKS = List.of("", " ", "\n", "\t  ", "\r\n ");

  private static byte[] utf8(String text) {
    return text.getBytes(StandardCharsets.UTF_8);
  }

  private static String text(byte[] bytes) {
    return new String(bytes, StandardCharsets.UTF_8);
  }

  @Test
  void whatIsNotTouchedStaysByteForByte() {
    RawObject object =
        RawObject.parse(
            utf8(" { \"prompt\" : [1, 2 ,3] ,\"s\\u0061\": 1.50,\"n\":1e2 , \"x\":{}}\n"));
    ObjectNode set = Json.object();
    set.put("n", 1);
    assertEquals(
        "{\"prompt\" : [1, 2 ,3],\"x\":{},\"n\":1}", text(object.bytes(Set.of("sa"), set)));
    assertEquals('[', object.kind("prompt"));
    assertEquals('1', object.kindOfFirst("prompt"));
    assertEquals(0, object.kindOfFirst("x"));
    assertEquals(0, object.kind("missing"));
  }

  @Test
  void anEmptyObjectCanBeFilled() {
    RawObject object = RawObject.parse(utf8("{ }"));
    ObjectNode set = Json.object();
    assertEquals("{}", text(object.bytes(Set.of(), set)));
    set.put("a\"b", true);
    assertEquals("{\"a\\\"b\":true}", text(object.bytes(Set.of(), set)));
  }

  @Test
  void theLastOfSeveralMembersOfOneNameCounts() {
    RawObject object = RawObject.parse(utf8("{\"n\":2,\"n\":1}"));
    assertEquals(1, object.get("n").orElseThrow().intValue());
    assertEquals("{}", text(object.bytes(Set.of("n"), Json.object())));
  }

  @Test
  void anyObjectEditedAsBytesIsTheTreeEdited() {
    long seed = new Random().nextLong();
    Random random = new Random(seed);
    for (int round = 0; round < 2_000; round++) {
      StringBuilder json = new StringBuilder(blank(random)).append('{');
      int members = random.nextInt(6);
      for (int i = 0; i < members; i++) {
        json.append(i == 0 ? "" : ",").append(blank(random));
        json.append('"').append((char) ('a' + i)).append("ü\\n\"").append(blank(random));
        json.append(':').append(blank(random)).append(value(random, 3)).append(blank(random));
      }
      String text = json.append(blank(random)).append('}').append(blank(random)).toString();
      ObjectNode tree = (ObjectNode) Json.parse(text);
      RawObject object = RawObject.parse(utf8(text));
      for (String name : List.copyOf(tree.propertyNames())) {
        assertEquals(tree.get(name), object.get(name).orElseThrow(), "seed " + seed + ": " + text);
      }
      String gone = (char) ('a' + random.nextInt(7)) + "ü\n";
      String changed = (char) ('a' + random.nextInt(7)) + "ü\n";
      ObjectNode set = Json.object();
      set.put(changed, "€\"");
      JsonNode edited = Json.parse(object.bytes(Set.of(gone), set));
      tree.remove(gone);
      tree.put(changed, "€\"");
      assertEquals(tree, edited, "seed " + seed + ": " + text);
    }
  }

  private static String blank(Random random) {
    return BLANKS.get(random.nextInt(BLANKS.size()));
  }

  private static String value(Random random, int depth) {
    return switch (random.nextInt(depth == 0 ? 5 : 7)) {
      case 0 -> "null";
      case 1 -> random.nextBoolean() ? "true" : "false";
      case 2 -> "" + random.nextInt();
      case 3 -> random.nextInt(1000) + ".25E-3";
      case 4 -> "\"a\\\"b,}]\\u00e9 é€😀{[" + random.nextInt(10) + "\"";
      case 5 ->
          "[" + blank(random) + value(random, depth - 1) + " ," + value(random, depth - 1) + "]";
      default -> "{\"k\"" + blank(random) + ":" + value(random, depth - 1) + blank(random) + "}";
    };
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "",
        " ",
        "{",
        "{\"a\"",
        "{\"a\":",
        "{\"a\":1",
        "{\"a\":1,}",
        "{\"a\":[1,}",
        "{a:1}",
        "{\"a\":01}",
        "{\"a\":1} x",
        "{\"a\":1}{}",
        "nonsense",
        "{\"a\":\"\u0001\"}",
        "{\"a\":tru}"
      })
  void whatIsNoJsonIsRefusedAsByTheTree(String text) {
    OpenAiException tree = assertThrows(OpenAiException.class, () -> Json.parse(text));
    OpenAiException raw = assertThrows(OpenAiException.class, () -> RawObject.parse(utf8(text)));
    assertEquals(tree.status(), raw.status());
  }

  @ParameterizedTest
  @ValueSource(strings = {"[]", "1", "null", "\"{}\""})
  void anotherKindOfValueIsRefused(String text) {
    OpenAiException raw = assertThrows(OpenAiException.class, () -> RawObject.parse(utf8(text)));
    assertEquals(400, raw.status());
    assertEquals("The body must be a JSON object.", raw.body().message());
  }

  @Test
  void whatIsNestedTooDeepIsRefused() {
    String deep = "{\"a\":" + "[".repeat(100_000) + "]".repeat(100_000) + "}";
    OpenAiException raw = assertThrows(OpenAiException.class, () -> RawObject.parse(utf8(deep)));
    assertEquals(400, raw.status());
  }
}
