package dev.baton.openai.http;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.net.URI;
import org.junit.jupiter.api.Test;

class OriginTest {
  @Test
  void takesHostAndPortFromTheUrl() {
    assertThat(Origin.of(URI.create("http://h/x"))).isEqualTo(new Origin(false, "h", 80));
    assertThat(Origin.of(URI.create("https://[::1]:8/x"))).isEqualTo(new Origin(true, "::1", 8));
  }

  /** Container networks name hosts so, and java.net.URI finds no host in them. */
  @Test
  void knowsHostNamesWithAnUnderscore() {
    Origin origin = Origin.of(URI.create("http://decode_1:20005/v1/models"));
    assertThat(origin).isEqualTo(new Origin(false, "decode_1", 20005));
    assertThat(origin.authority()).isEqualTo("decode_1:20005");
    assertThat(Origin.of(URI.create("https://a_b")).port()).isEqualTo(443);
  }

  @Test
  void refusesWhatHasNoUsableHostOrPort() {
    for (String url : new String[] {"http:///x", "http://h:0", "http://h:65536", "http://a_b:0"}) {
      assertThatThrownBy(() -> Origin.of(URI.create(url)))
          .as(url)
          .isInstanceOf(IllegalArgumentException.class);
    }
  }
}
