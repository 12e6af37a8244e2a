package dev.baton.openai;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.List;
import org.junit.jupiter.api.Test;

/** Documents that go both ways. */
final class TimingsTest {

  @Test
  void timingsSurviveTheWayThroughJson() {
    Timings timings =
        new Timings(
            1,
            2.5,
            0.25,
            3,
            0.5,
            0.125,
            7.375,
            99,
            16,
            1,
            "10.0.0.1:20003",
            null,
            List.of(new Timings.Event("prefill", "received", 0)));
    assertThat(Timings.fromJson(Json.parse(Json.bytes(timings.toJson())))).contains(timings);
    assertThat(timings.partsMs()).isEqualTo(timings.serverTtftMs());
  }

  @Test
  void errorsSurviveTheWayThroughJson() {
    ErrorBody error = new ErrorBody("no \"such\" thing", "invalid_request_error", "model", null);
    assertThat(new String(error.toBytes(), java.nio.charset.StandardCharsets.UTF_8))
        .isEqualTo(
            "{\"error\":{\"message\":\"no \\\"such\\\" thing\",\"type\":\"invalid_request_error\","
                + "\"param\":\"model\",\"code\":null}}");
    assertThat(ErrorBody.fromJson(Json.parse(error.toBytes()))).contains(error);
    assertThat(ErrorBody.fromJson(Json.parse("{\"id\": 1}"))).isEmpty();
  }

  @Test
  void whatIsNoJsonSaysWhere() {
    assertThatThrownBy(() -> Json.parse("{\n  \"a\": tru }"))
        .isInstanceOf(OpenAiException.class)
        .hasMessageContaining("line 2");
  }
}
