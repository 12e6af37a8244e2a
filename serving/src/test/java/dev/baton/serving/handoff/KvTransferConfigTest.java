package dev.baton.serving.handoff;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

class KvTransferConfigTest {

  @Test
  void theJsonOfVllmsExampleIsReadAsItIs() {
    KvTransferConfig p =
        KvTransferConfig.parse(
            """
            {"kv_connector":"P2pNcclConnector","kv_role":"kv_producer","kv_buffer_size":"1e1",
             "kv_port":"21001","kv_connector_extra_config":{"proxy_ip":"0.0.0.0",
             "proxy_port":"30001","http_port":"20003","send_type":"PUT_ASYNC",
             "nccl_num_channels":"16"}}""");
    assertThat(p.role()).isEqualTo(KvRole.PRODUCER);
    assertThat(p.bufferSize()).isEqualTo(10);
    assertThat(p.port()).isEqualTo(21001);
    assertThat(p.proxies()).containsExactly(new HostPort("0.0.0.0", 30001));
    assertThat(p.httpPort()).hasValue(20003);
    assertThat(p.ncclChannels()).isEqualTo(16);
    KvTransferConfig d =
        KvTransferConfig.parse(
            """
            {"kv_connector":"P2pNcclConnector","kv_role":"kv_consumer","kv_buffer_size":8e9,
             "kv_port":22001,"kv_rank":1,"kv_connector_extra_config":{"proxy_ip":
             "10.0.0.1, 10.0.0.2:30002,[::1]:5","proxy_port":30001,"mem_pool_size_gb":1.5}}""");
    assertThat(d.bufferSize()).isEqualTo(8_000_000_000L);
    assertThat(d.proxies())
        .containsExactly(
            new HostPort("10.0.0.1", 30001),
            new HostPort("10.0.0.2", 30002),
            new HostPort("::1", 5));
    assertThat(d.ignored()).containsExactly("kv_rank");
  }

  @Test
  void whatIsWrongIsNamedWithWhatIsAllowed() {
    Map.of(
            "{kv_role:", "no JSON",
            "[1]", "must be a JSON object",
            "{}", "kv_role is missing",
            "{\"kv_role\":\"boss\"}", "kv_producer (prefill worker)",
            "{\"kv_role\":\"kv_both\",\"kv_port\":70000}", "0 to 65535",
            "{\"kv_role\":\"kv_both\",\"kv_port\":\"x\"}", "kv_port is \"x\"",
            "{\"kv_role\":\"kv_both\",\"kv_connector\":\"NixlConnector\"}", "P2pNcclConnector",
            "{\"kv_role\":\"kv_both\",\"kv_buffer_size\":-1}", "kv_buffer_size",
            "{\"kv_role\":\"kv_both\",\"kv_connector_extra_config\":{\"send_type\":\"SHOVE\"}}",
                "PUT_ASYNC, PUT, GET",
            "{\"kv_role\":\"kv_both\",\"kv_connector_extra_config\":7}", "a JSON object")
        .forEach(
            (json, part) ->
                assertThatThrownBy(() -> KvTransferConfig.parse(json))
                    .isInstanceOf(IllegalArgumentException.class)
                    .hasMessageContaining("--kv-transfer-config")
                    .hasMessageContaining(part));
  }

  @Test
  void addressesAreReadStrictly() {
    assertThat(HostPort.parse("a.b-c:1")).isEqualTo(new HostPort("a.b-c", 1));
    for (String bad :
        List.of("", ":", "a", "a:", "a:b", "a:-1", "a:65536", " a:1", "a/b:1", "ä:1")) {
      assertThatThrownBy(() -> HostPort.parse(bad)).isInstanceOf(IllegalArgumentException.class);
    }
  }
}
