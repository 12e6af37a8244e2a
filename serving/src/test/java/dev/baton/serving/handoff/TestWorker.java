package dev.baton.serving.handoff;

import dev.baton.engine.Engine;
import dev.baton.engine.EngineOptions;
import dev.baton.engine.EngineRequest;
import dev.baton.engine.sampling.SamplingParams;
import dev.baton.model.config.ElementType;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.function.Consumer;

/** An engine on a fake backend with its connector, on the loopback interface. */
final class TestWorker implements AutoCloseable {
  final KvFakeBackend backend;
  final Engine engine;
  final KvConnector connector;

  private TestWorker(KvFakeBackend backend, Engine engine, KvConnector connector) {
    this.backend = backend;
    this.engine = engine;
    this.connector = connector;
  }

  static TestWorker start(KvTransferConfig config, Shape shape) throws Exception {
    return start(config, shape, backend -> {});
  }

  static TestWorker start(KvTransferConfig config, Shape shape, Consumer<KvFakeBackend> setUp)
      throws Exception {
    KvFakeBackend backend = new KvFakeBackend(shape.blocks(), shape.blockSize(), shape.type());
    setUp.accept(backend);
    Engine engine =
        Engine.start(backend, new EngineOptions(1024, shape.budget(), 16, shape.caching()));
    KvConnector connector =
        KvConnectors.create(
            config,
            engine,
            backend.kvPort(),
            backend.kvLayout(),
            KvConnectors.fingerprint(backend.model()),
            "127.0.0.1");
    return new TestWorker(backend, engine, connector);
  }

  /** How a worker is sized. */
  record Shape(int blocks, int blockSize, ElementType type, int budget, boolean caching) {
    static final Shape USUAL = new Shape(64, 4, ElementType.F32, 16, false);

    Shape blockSize(int size) {
      return new Shape(blocks * blockSize / size, size, type, budget, caching);
    }

    Shape type(ElementType other) {
      return new Shape(blocks, blockSize, other, budget, caching);
    }

    Shape blocks(int number) {
      return new Shape(number, blockSize, type, budget, caching);
    }

    Shape caching(boolean on) {
      return new Shape(blocks, blockSize, type, budget, on);
    }
  }

  PrefillCall prefill(String id, HostPort decode, int[] prompt) {
    return connector.prefill(
        new TransferParams(id, false, true, decode, Optional.of("p"), Optional.of("d"), List.of()),
        request(prompt, 1),
        System.nanoTime());
  }

  Decoding decode(String id, int[] prompt, int tokens) {
    Recording recording = new Recording();
    DecodeTimings timings = new DecodeTimings(System.nanoTime());
    var handle =
        connector.decode(
            new TransferParams(
                id,
                true,
                false,
                new HostPort("127.0.0.1", 9),
                Optional.of("p"),
                Optional.of("d"),
                List.of()),
            request(prompt, tokens),
            recording,
            timings);
    return new Decoding(handle, recording, timings);
  }

  /** A decode half under way. */
  record Decoding(
      dev.baton.engine.RequestHandle handle, Recording recording, DecodeTimings timings) {}

  /** The answer without any hand-off. */
  List<Integer> alone(int[] prompt, int tokens) throws Exception {
    Recording recording = new Recording();
    engine.submit(request(prompt, tokens), recording);
    return recording.tokens();
  }

  static EngineRequest request(int[] prompt, int tokens) {
    return new EngineRequest(
        "r", prompt.clone(), tokens, 0, false, Set.of(), SamplingParams.GREEDY);
  }

  static int[] prompt(int length, int salt) {
    int[] prompt = new int[length];
    for (int i = 0; i < length; i++) {
      prompt[i] = Math.floorMod(i * 37 + salt * 101 + 5, KvFakeBackend.VOCAB - 1);
    }
    return prompt;
  }

  /** Waits until nothing is left of any request. */
  void awaitWhole() throws InterruptedException {
    long deadline = System.nanoTime() + 10_000_000_000L;
    while (!(engine.poolWhole() && idle())) {
      if (System.nanoTime() > deadline) {
        throw new AssertionError("not whole: " + engine.stats() + " " + connector.stats());
      }
      Thread.sleep(2);
    }
  }

  private boolean idle() {
    var s = engine.stats();
    return s.running() + s.waiting() + s.reserved() + s.held() == 0
        && s.freeBlocks() == s.totalBlocks()
        && connector.stats().active() == 0
        && connector.stats().promisedBytes() == 0;
  }

  @Override
  public void close() {
    connector.close();
    engine.close();
    backend.close();
  }
}
