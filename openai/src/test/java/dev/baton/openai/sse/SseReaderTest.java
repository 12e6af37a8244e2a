package dev.baton.openai.sse;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import org.junit.jupiter.api.Test;

class SseReaderTest {
  /** Gives the parts one per read, as a socket would. */
  private static final class Parts extends InputStream {
    private final ArrayDeque<byte[]> parts = new ArrayDeque<>();
    int reads;

    Parts(List<byte[]> parts) {
      this.parts.addAll(parts);
    }

    @Override
    public int read() {
      throw new UnsupportedOperationException();
    }

    @Override
    public int read(byte[] target, int offset, int length) {
      reads++;
      byte[] next = parts.poll();
      if (next == null) {
        return -1;
      }
      int count = Math.min(length, next.length);
      System.arraycopy(next, 0, target, offset, count);
      if (count < next.length) {
        parts.addFirst(Arrays.copyOfRange(next, count, next.length));
      }
      return count;
    }
  }

  private static List<SseEvent> all(InputStream in) throws IOException {
    SseReader reader = new SseReader(in);
    List<SseEvent> events = new ArrayList<>();
    for (Optional<SseEvent> next = reader.next(); next.isPresent(); next = reader.next()) {
      events.add(next.get());
    }
    return events;
  }

  private static List<SseEvent> all(String text) throws IOException {
    return all(new ByteArrayInputStream(text.getBytes(StandardCharsets.UTF_8)));
  }

  private static SseEvent message(String data) {
    return new SseEvent("message", data);
  }

  @Test
  void eventsEndWithAnEmptyLineWhateverTheLineEnd() throws IOException {
    for (String end : List.of("\n", "\r\n", "\r")) {
      String text = "data: one" + end + end + "data: two" + end + "data: more" + end + end;
      assertThat(all(text)).containsExactly(message("one"), message("two\nmore"));
    }
  }

  @Test
  void commentsIdsAndEventsWithoutDataAreSkipped() throws IOException {
    String text = ": ping\n\nid: 7\nretry: 5\n\nevent: lost\n\ndata: x\n\n:\n\ndata: [DONE]\n\n";
    List<SseEvent> events = all(text);
    assertThat(events).containsExactly(message("x"), message("[DONE]"));
    assertThat(events.get(1).done()).isTrue();
  }

  @Test
  void theBlankAfterTheColonIsOptionalAndOnlyOneIsTaken() throws IOException {
    assertThat(all("data:x\n\ndata:  y\n\ndata:\n\ndata\n\n"))
        .containsExactly(message("x"), message(" y"), message(""), message(""));
  }

  @Test
  void theEventLineNamesTheType() throws IOException {
    assertThat(all("event: error\ndata: {}\n\ndata: x\n\n"))
        .containsExactly(new SseEvent("error", "{}"), message("x"));
  }

  @Test
  void anEventLeftOpenByTheEndOfTheStreamIsGiven() throws IOException {
    assertThat(all("data: a\n\ndata: b")).containsExactly(message("a"), message("b"));
    assertThat(all("data: a\n\ndata: b\n")).containsExactly(message("a"), message("b"));
    assertThat(all("")).isEmpty();
  }

  @Test
  void aByteOrderMarkIsIgnored() throws IOException {
    assertThat(all("\uFEFFdata: a\n\n")).containsExactly(message("a"));
  }

  @Test
  void anEventIsGivenBeforeAnythingElseIsRead() throws IOException {
    Parts parts =
        new Parts(List.of("data: a\r\n\r".getBytes(StandardCharsets.UTF_8), new byte[] {'\n'}));
    SseReader reader = new SseReader(parts);
    assertThat(reader.next()).contains(message("a"));
    assertThat(parts.reads).isEqualTo(1);
    assertThat(reader.next()).isEmpty();
  }

  @Test
  void anySplittingOfTheBytesGivesTheSameEvents() throws IOException {
    long seed = System.nanoTime();
    Random random = new Random(seed);
    String[] ends = {"\n", "\r\n", "\r"};
    for (int round = 0; round < 300; round++) {
      StringBuilder text = new StringBuilder();
      List<SseEvent> expected = new ArrayList<>();
      String end = ends[random.nextInt(3)];
      for (int i = random.nextInt(6); i >= 0; i--) {
        String data = "é漢😀\"x".repeat(random.nextInt(800)) + i;
        text.append(random.nextBoolean() ? ": comment" + end : "");
        text.append("data:").append(random.nextBoolean() ? " " : "").append(data);
        text.append(end).append(end);
        expected.add(message(data));
      }
      byte[] bytes = text.toString().getBytes(StandardCharsets.UTF_8);
      List<byte[]> parts = new ArrayList<>();
      int largest = 1 + random.nextInt(random.nextBoolean() ? 8 : 20_000);
      for (int from = 0; from < bytes.length; ) {
        int to = Math.min(bytes.length, from + 1 + random.nextInt(largest));
        parts.add(Arrays.copyOfRange(bytes, from, to));
        from = to;
      }
      assertThat(all(new Parts(parts))).as("seed %d round %d", seed, round).isEqualTo(expected);
    }
  }

  @Test
  void anEventBeyondTheLimitIsRefused() {
    byte[] line = ("data: " + "x".repeat(50_000)).getBytes(StandardCharsets.UTF_8);
    SseReader longLine = new SseReader(new ByteArrayInputStream(line), 20_000);
    assertThatThrownBy(longLine::next)
        .isInstanceOf(IOException.class)
        .hasMessageContaining("20000");
    byte[] lines = "data: 0123456789\n".repeat(5000).getBytes(StandardCharsets.UTF_8);
    SseReader manyLines = new SseReader(new ByteArrayInputStream(lines), 20_000);
    assertThatThrownBy(manyLines::next).isInstanceOf(IOException.class);
  }
}
