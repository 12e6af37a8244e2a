package dev.baton.app;

import static org.assertj.core.api.Assertions.assertThat;

import dev.baton.cuda.handoff.NcclPlane;
import dev.baton.engine.Engine;
import dev.baton.engine.EngineOptions;
import dev.baton.engine.EngineRequest;
import dev.baton.engine.FinishReason;
import dev.baton.engine.RequestListener;
import dev.baton.engine.RequestTimes;
import dev.baton.engine.backend.Backend;
import dev.baton.engine.backend.BackendOptions;
import dev.baton.engine.backend.BackendProvider;
import dev.baton.engine.backend.KvPlane;
import dev.baton.engine.backend.KvPort;
import dev.baton.engine.sampling.SamplingParams;
import dev.baton.engine.sampling.TokenLogprobs;
import dev.baton.model.ModelDirectory;
import dev.baton.model.config.ElementType;
import dev.baton.model.weights.LoadFormat;
import dev.baton.serving.handoff.DecodeTimings;
import dev.baton.serving.handoff.HostPort;
import dev.baton.serving.handoff.KvConnector;
import dev.baton.serving.handoff.KvConnectors;
import dev.baton.serving.handoff.KvTransferConfig;
import dev.baton.serving.handoff.PrefillCall;
import dev.baton.serving.handoff.PrefillOutcome;
import dev.baton.serving.handoff.TransferParams;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.OptionalLong;
import java.util.Random;
import java.util.ServiceLoader;
import java.util.Set;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/**
 * Pairs over NCCL: real workers of the demo model and their connections, the communicators a fake
 * that moves bytes between their buffers.
 */
@Timeout(120)
class NcclPairTest {
  private static final UUID HOST = new UUID(1, 2);
  private static final int TOKENS = 5;

  private final FakeNccl nccl = new FakeNccl();

  /** A worker without HTTP. */
  private final class Worker implements AutoCloseable {
    private final Backend backend;
    private final Engine engine;
    private final KvConnector connector;

    Worker(String role, int gpu, String extra) throws Exception {
      BackendProvider cpu =
          ServiceLoader.load(BackendProvider.class).stream()
              .map(ServiceLoader.Provider::get)
              .filter(p -> p.device().equals("cpu"))
              .findFirst()
              .orElseThrow();
      backend =
          cpu.open(
              ModelDirectory.open(Deployment.MODEL),
              new BackendOptions(
                  512,
                  64,
                  8,
                  gpu == 0 ? 16 : 8,
                  Optional.empty(),
                  LoadFormat.AUTO,
                  0,
                  0.9,
                  OptionalLong.empty(),
                  OptionalInt.of(128),
                  OptionalInt.of(1)),
              share -> {});
      engine = Engine.start(backend, new EngineOptions(512, 64, 8, false));
      byte[] name = new byte[16];
      name[0] = (byte) gpu;
      KvPort port = backend.kvPort();
      NcclPlane plane =
          new NcclPlane(nccl, () -> new HostStaging(port, backend.kvLayout(), nccl), HOST, name);
      connector =
          KvConnectors.create(
              KvTransferConfig.parse(
                  """
                  {"kv_connector":"P2pNcclConnector","kv_role":"%s","kv_port":0,
                  "kv_connector_extra_config":{"nccl_num_channels":"16"%s}}
                  """
                      .formatted(role, extra)),
              engine,
              new KvPort() {
                @Override
                public void read(int layer, int block, int from, int count, MemorySegment to) {
                  port.read(layer, block, from, count, to);
                }

                @Override
                public void write(
                    int layer, int block, int from, int count, ElementType t, MemorySegment s) {
                  port.write(layer, block, from, count, t, s);
                }

                @Override
                public List<KvPlane> planes() {
                  return List.of(plane);
                }
              },
              backend.kvLayout(),
              KvConnectors.fingerprint(backend.model()),
              "127.0.0.1");
    }

    String plane() {
      var planes = connector.stats().planes();
      return planes.isEmpty() ? "none" : planes.getFirst().plane();
    }

    void awaitWhole() throws InterruptedException {
      for (int i = 0; i < 5000; i++) {
        if (engine.poolWhole()
            && connector.stats().active() == 0
            && engine.stats().freeBlocks() == engine.stats().totalBlocks()) {
          return;
        }
        Thread.sleep(2);
      }
      throw new AssertionError(engine.stats() + " " + connector.stats());
    }

    @Override
    public void close() {
      connector.close();
      engine.close();
      backend.close();
    }
  }

  private static final class Answer implements RequestListener {
    private final List<Integer> tokens = new ArrayList<>();
    private final CompletableFuture<List<Integer>> done = new CompletableFuture<>();

    @Override
    public void onToken(int token, @Nullable TokenLogprobs logprobs, long nanos) {
      tokens.add(token);
    }

    @Override
    public void onFinished(FinishReason reason, RequestTimes times) {
      done.complete(reason == FinishReason.LENGTH ? tokens : List.of());
    }

    List<Integer> get() throws Exception {
      return done.get(60, TimeUnit.SECONDS);
    }
  }

  private static EngineRequest request(String id, int length) {
    int[] ids = new Random(length).ints(length, 5, 400).toArray();
    return new EngineRequest(id, ids, TOKENS, 0, true, Set.of(), SamplingParams.GREEDY);
  }

  private static List<Integer> alone(Worker worker, int length) throws Exception {
    Answer answer = new Answer();
    worker.engine.submit(request("alone", length), answer);
    return answer.get();
  }

  private static TransferParams params(String id, boolean decode, HostPort peer) {
    return new TransferParams(
        id, decode, !decode, peer, Optional.empty(), Optional.empty(), List.of());
  }

  private static PrefillCall prefill(Worker p, Worker d, String id, int length) {
    return p.connector.prefill(
        params(id, false, d.connector.address()), request(id, length), System.nanoTime());
  }

  private static Answer decode(Worker d, String id, int length) {
    Answer answer = new Answer();
    d.connector.decode(
        params(id, true, new HostPort("127.0.0.1", 9)),
        request(id, length),
        answer,
        new DecodeTimings(System.nanoTime()));
    return answer;
  }

  private static void handOver(Worker p, Worker d, String id, int length) throws Exception {
    Answer answer = decode(d, id, length);
    assertThat(prefill(p, d, id, length).await()).isInstanceOf(PrefillOutcome.HandedOver.class);
    assertThat(answer.get()).as(id).isEqualTo(alone(d, length));
  }

  private void awaitLive(int communicators) throws InterruptedException {
    for (int i = 0; i < 5000 && nccl.live() != communicators; i++) {
      Thread.sleep(2);
    }
    assertThat(nccl.live()).isEqualTo(communicators);
  }

  private static void awaitPlane(Worker worker, String plane) throws InterruptedException {
    for (int i = 0; i < 5000 && !worker.plane().equals(plane); i++) {
      Thread.sleep(2);
    }
    assertThat(worker.plane()).isEqualTo(plane);
  }

  @Test
  void theAnswersAreThoseOfOneWorkerForEverySendType() throws Exception {
    for (String send : List.of("PUT_ASYNC", "PUT", "GET")) {
      String extra = ",\"send_type\":\"" + send + "\"";
      nccl.moved.set(0);
      try (Worker p = new Worker("kv_producer", 0, extra);
          Worker d = new Worker("kv_consumer", 1, extra)) {
        long kv = 0;
        for (int length : new int[] {2, 17, 64, 65, 200}) {
          handOver(p, d, send + length, length);
          kv += length * d.backend.kvLayout().bytesPerToken();
        }
        awaitPlane(p, "p2p-nccl");
        awaitPlane(d, "p2p-nccl");
        assertThat(nccl.channels).isEqualTo(16);
        assertThat(nccl.moved.get()).as("KV and the measurement").isGreaterThan(kv + (64 << 20));
        p.awaitWhole();
        d.awaitWhole();
      }
      awaitLive(0);
    }
    assertThat(nccl.made.get()).as("one communicator of two ranks for each pair").isEqualTo(6);
  }

  @Test
  void whileTheCommunicatorIsMadeTheConnectionServes() throws Exception {
    nccl.connectMillis = 5000;
    try (Worker p = new Worker("kv_producer", 0, "");
        Worker d = new Worker("kv_consumer", 1, "")) {
      Answer answer = decode(d, "first", 100);
      assertThat(prefill(p, d, "first", 100).await()).isInstanceOf(PrefillOutcome.HandedOver.class);
      assertThat(answer.get()).hasSize(TOKENS);
      assertThat(nccl.made.get()).as("ends that were connected by then").isZero();
      assertThat(nccl.moved.get()).isZero();
      awaitPlane(p, "p2p-nccl");
      awaitPlane(d, "p2p-nccl");
      handOver(p, d, "second", 100);
      assertThat(nccl.moved.get()).isGreaterThan(64 << 20);
    }
  }

  @Test
  void aRestartOfEitherSideMakesAFreshCommunicatorAndEndsTheOldOne() throws Exception {
    try (Worker d = new Worker("kv_consumer", 1, "")) {
      for (int i = 0; i < 3; i++) {
        try (Worker p = new Worker("kv_producer", 0, "")) {
          handOver(p, d, "p" + i, 50);
          awaitPlane(p, "p2p-nccl");
          awaitLive(2);
        }
        awaitLive(0);
      }
      d.awaitWhole();
    }
    try (Worker p = new Worker("kv_producer", 0, "")) {
      for (int i = 0; i < 3; i++) {
        try (Worker d = new Worker("kv_consumer", 1, "")) {
          handOver(p, d, "d" + i, 50);
          awaitPlane(p, "p2p-nccl");
        }
        awaitLive(0);
        awaitPlane(p, "none");
      }
      p.awaitWhole();
    }
    assertThat(nccl.made.get()).isEqualTo(12);
  }

  @Test
  void aWorkerThatDiesInTheMiddleOfSendingLeavesNothing() throws Exception {
    try (Worker d = new Worker("kv_consumer", 1, "");
        Worker other = new Worker("kv_producer", 2, "")) {
      try (Worker p = new Worker("kv_producer", 0, "")) {
        handOver(p, d, "warm", 50);
        awaitPlane(p, "p2p-nccl");
        awaitPlane(d, "p2p-nccl");
        nccl.stuck = true;
        Answer answer = decode(d, "stuck", 100);
        PrefillCall call = prefill(p, d, "stuck", 100);
        Thread.sleep(300);
        p.connector.close();
        assertThat(call.await()).isInstanceOf(PrefillOutcome.Failed.class);
        nccl.stuck = false;
        assertThat(prefill(other, d, "stuck", 100).await())
            .isInstanceOf(PrefillOutcome.HandedOver.class);
        assertThat(answer.get()).isEqualTo(alone(d, 100));
        p.awaitWhole();
      }
      d.awaitWhole();
      other.awaitWhole();
      awaitLive(2);
    }
    awaitLive(0);
  }

  @Test
  void twoWorkersOnOneGpuUseTheConnection() throws Exception {
    try (Worker p = new Worker("kv_producer", 3, "");
        Worker d = new Worker("kv_consumer", 3, "")) {
      handOver(p, d, "same", 50);
      assertThat(p.plane()).isEqualTo("tcp");
      assertThat(nccl.made.get()).isZero();
      assertThat(p.connector.describe()).contains("P2pNcclConnector");
    }
  }
}
