package dev.baton.openai.http;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.InputStream;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.KeyStore;
import java.util.concurrent.TimeUnit;
import javax.net.ssl.KeyManagerFactory;
import javax.net.ssl.SSLContext;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

@Timeout(60)
class HttpsTest {
  private static final char[] PASSWORD = "changeit".toCharArray();

  @TempDir Path folder;

  private ServerSocket secured() throws Exception {
    Path store = folder.resolve("store.p12");
    Process keytool =
        new ProcessBuilder(
                Path.of(System.getProperty("java.home"), "bin", "keytool").toString(),
                "-genkeypair",
                "-alias",
                "test",
                "-keyalg",
                "EC",
                "-dname",
                "CN=localhost",
                "-keystore",
                store.toString(),
                "-storetype",
                "PKCS12",
                "-storepass",
                new String(PASSWORD))
            .redirectErrorStream(true)
            .redirectOutput(folder.resolve("keytool.log").toFile())
            .start();
    assertThat(keytool.waitFor(30, TimeUnit.SECONDS)).isTrue();
    assertThat(keytool.exitValue()).isZero();
    KeyStore keys = KeyStore.getInstance("PKCS12");
    try (InputStream in = Files.newInputStream(store)) {
      keys.load(in, PASSWORD);
    }
    KeyManagerFactory managers =
        KeyManagerFactory.getInstance(KeyManagerFactory.getDefaultAlgorithm());
    managers.init(keys, PASSWORD);
    SSLContext context = SSLContext.getInstance("TLS");
    context.init(managers.getKeyManagers(), null, null);
    return context.getServerSocketFactory().createServerSocket();
  }

  @Test
  void anUnknownCertificateIsRefusedUnlessTheUserWantsIt() throws Exception {
    try (RawServer server =
        new RawServer(
            secured(),
            connected -> {
              while (true) {
                connected.request();
                connected.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
              }
            },
            InetAddress.ofLiteral("127.0.0.1"))) {
      URI uri = URI.create("https://127.0.0.1:" + server.port() + "/");
      try (HttpClientPool strict = new HttpClientPool(HttpClientOptions.defaults())) {
        assertThatThrownBy(() -> strict.send("GET", uri, Headers.empty(), new byte[0]))
            .isInstanceOf(HttpConnectException.class);
      }
      try (HttpClientPool trusting =
          new HttpClientPool(HttpClientOptions.defaults().withVerifyTls(false))) {
        for (int i = 0; i < 3; i++) {
          try (HttpReply reply = trusting.send("GET", uri, Headers.empty(), new byte[0])) {
            assertThat(reply.text(10)).isEqualTo("ok");
          }
        }
      }
      assertThat(server.connections.get()).isEqualTo(2);
    }
  }
}
