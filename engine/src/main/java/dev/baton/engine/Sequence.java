package dev.baton.engine;

import dev.baton.engine.blocks.BlockHasher;
import dev.baton.engine.blocks.BlockPool;
import dev.baton.engine.sampling.SamplingParams;
import java.util.Arrays;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * The running state of a request. A sequence holds a block table, never memory. Fields belong to
 * the engine's thread.
 */
final class Sequence {

  enum State {
    /** In a queue, without blocks. */
    WAITING,
    /** Has blocks, waits for KV (or the first token) from elsewhere. */
    RESERVED,
    /** Has blocks and could run, waits for a seat. */
    READY,
    /** Has blocks and a seat. */
    RUNNING,
    /** To be preempted as soon as the steps in flight are done with it. */
    DRAINING,
    /** Prefill done, blocks kept for the hand-off. */
    HELD,
    /** Ended; blocks and seat go once nobody writes the blocks any more. */
    ENDED
  }

  /** Place in the order of arrival, given when the engine's thread first sees it. */
  long arrival;

  final EngineRequest request;
  final Audience audience;
  final TokenHistory history;
  final int promptLength;
  final int outputLimit;
  private final SamplingParams samplingBeforeMin;

  /** Tokens that end the generation, sorted. */
  private final int[] endings;

  State state = State.WAITING;

  /** Read by backend threads, to stop announcing layers. */
  volatile boolean ended;

  /** Its listener failed on hearing of layers; set and read by backend threads. */
  volatile boolean layersUnwanted;

  /** Tokens whose KV the steps submitted so far write. */
  int computed;

  /** Tokens that in-flight steps sample. */
  int pending;

  /** In-flight steps that this sequence is part of. */
  int inFlight;

  int slot = -1;
  boolean fresh;

  /** Somebody outside may write the blocks; see {@link Reservation}. */
  boolean writtenFromOutside;

  /** A reservation that waits for nothing but its first token. */
  boolean kvComplete;

  /** A reservation that computes its prompt here after all. */
  boolean local;

  int[] blockTable = {};
  int blockCount;
  private int indexedBlocks;
  private long[] hashes = {};
  private int hashedBlocks;

  final long queuedNanos;

  /** It has had blocks. */
  boolean begun;

  /** The first token is known, or the prompt's KV came from elsewhere. */
  boolean prefillDone;

  long firstScheduledNanos;
  long prefillEndNanos;
  long firstDecodeBeginNanos;
  long firstDecodeEndNanos;

  /** The step that the first decode is part of; -1 before. */
  long firstDecodeStep = -1;

  int cachedTokens;
  int preemptions;

  Sequence(
      EngineRequest request,
      Audience audience,
      List<Integer> eosTokenIds,
      int vocabSize,
      int stepsInFlight,
      long queuedNanos) {
    this.request = request;
    this.audience = audience;
    this.queuedNanos = queuedNanos;
    promptLength = request.promptTokens().length;
    outputLimit = audience instanceof Audience.Prefill ? 1 : request.maxTokens();
    history =
        new TokenHistory(request.promptTokens(), Math.min(outputLimit + 1, 64), stepsInFlight);
    endings = endings(request, eosTokenIds);
    samplingBeforeMin = withoutEndings(request, endings, vocabSize);
  }

  private static int[] endings(EngineRequest request, List<Integer> eosTokenIds) {
    Set<Integer> ids = new HashSet<>(request.stopTokenIds());
    if (!request.ignoreEos()) {
      ids.addAll(eosTokenIds);
    }
    return ids.stream().mapToInt(Integer::intValue).sorted().toArray();
  }

  /** While fewer than minTokens are out, ending tokens are barred, so that none is in the text. */
  private static SamplingParams withoutEndings(
      EngineRequest request, int[] endings, int vocabSize) {
    SamplingParams given = request.sampling();
    if (request.minTokens() == 0 || endings.length == 0) {
      return given;
    }
    Map<Integer, Float> bias = new HashMap<>(given.logitBias());
    for (int id : endings) {
      if (id >= 0 && id < vocabSize) {
        bias.put(id, Float.NEGATIVE_INFINITY);
      }
    }
    return new SamplingParams(
        given.temperature(),
        given.topK(),
        given.topP(),
        given.minP(),
        given.repetitionPenalty(),
        given.presencePenalty(),
        given.frequencyPenalty(),
        given.seed(),
        given.logprobs(),
        Map.copyOf(bias));
  }

  int outputs() {
    return history.length() - promptLength;
  }

  /** Tokens, known or pending, whose KV no submitted step writes. */
  int remaining() {
    return history.length() + pending - computed;
  }

  /** Whether the tokens in flight are the last ones wanted. */
  boolean lastTokenInFlight() {
    return pending > 0 && outputs() + pending >= outputLimit;
  }

  boolean preemptable() {
    return !(audience instanceof Audience.Prefill);
  }

  SamplingParams samplingOfNext() {
    return outputs() + pending < request.minTokens() ? samplingBeforeMin : request.sampling();
  }

  /** Why the sequence ends with the output token just appended; null if it goes on. */
  @Nullable FinishReason endedBy(int token) {
    int outputs = outputs();
    // Outputs up to minTokens were sampled with the endings barred; one may come from a prefill
    // worker all the same, and is then a token like any other.
    if (outputs > request.minTokens() && Arrays.binarySearch(endings, token) >= 0) {
      return FinishReason.STOP;
    }
    return outputs >= request.maxTokens() ? FinishReason.LENGTH : null;
  }

  /** Makes room for a table of {@code blocks} entries. No step may be in flight. */
  void roomForBlocks(int blocks) {
    if (blockTable.length < blocks) {
      blockTable = Arrays.copyOf(blockTable, blocks);
    }
  }

  /** Makes sure that the names of the first {@code blocks} blocks are known. */
  long[] hashes(BlockHasher hasher, int blocks) {
    if (hashes.length < 2 * blocks) {
      hashes = Arrays.copyOf(hashes, Math.max(2 * blocks, hashes.length + hashes.length / 2));
    }
    while (hashedBlocks < blocks) {
      hasher.hash(history.known(), hashedBlocks++, hashes);
    }
    return hashes;
  }

  /** Makes the first {@code full} blocks findable; their KV is in the pool. */
  void indexBlocks(BlockPool pool, BlockHasher hasher, int full) {
    if (indexedBlocks >= full) {
      return;
    }
    long[] names = hashes(hasher, full);
    for (; indexedBlocks < full; indexedBlocks++) {
      pool.index(blockTable[indexedBlocks], names[2 * indexedBlocks], names[2 * indexedBlocks + 1]);
    }
  }

  /** The first {@code blocks} blocks were found in the prefix cache. */
  void startFrom(int blocks, int blockSize) {
    indexedBlocks = blocks;
    computed = blocks * blockSize;
  }

  RequestTimes times(long finishedNanos, @Nullable String error) {
    return new RequestTimes(
        queuedNanos,
        firstScheduledNanos,
        prefillEndNanos,
        firstDecodeBeginNanos,
        firstDecodeEndNanos,
        finishedNanos,
        cachedTokens,
        preemptions,
        error);
  }
}
