package dev.baton.engine;

import dev.baton.engine.Sequence.State;
import dev.baton.engine.backend.StepSequence;
import dev.baton.engine.blocks.BlockHasher;
import dev.baton.engine.blocks.BlockPool;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.BitSet;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Decides what runs in the next step and whose blocks are whose. Pure policy: no device, no
 * threads, no listeners.
 *
 * <p>Order of a step: decodes, then chunks of prompts under way, then requests from the queue,
 * first come first served, while the token budget lasts. Where something decodes, the budget is
 * that of mixed steps, which is another while a long queue waits; prompts always have a quarter. A
 * request from the queue gets blocks for all its known tokens at once, so only decodes ever run out
 * of blocks. Then the youngest running sequence is preempted. Because the oldest never is (unless
 * alone) and {@link #canEverFit} was asked first, somebody always gets on.
 *
 * <p>Reservations stand in the same order by arrival but need no seat: one waits only for older
 * requests that lack blocks, not for those that lack a seat. They never preempt and are never
 * preempted. They cannot block the engine for good: each has all blocks it needs to run once
 * adopted, and whoever made it adopts or cancels it within a deadline.
 */
final class Scheduler {
  /** Steps' worth of waiting tokens that make a queue long. */
  private static final int LONG_QUEUE = 32;

  private final BlockPool pool;
  private final BlockHasher hasher;
  private final EngineOptions options;
  private final int blockSize;

  /** Sequences with a seat, oldest arrival first. */
  private final ArrayList<Sequence> running = new ArrayList<>();

  private final ArrayDeque<Sequence> ready = new ArrayDeque<>();

  /** Oldest arrival first, both. */
  private final ArrayDeque<Sequence> waiting = new ArrayDeque<>();

  private final ArrayDeque<Sequence> reservations = new ArrayDeque<>();

  private final BitSet seats = new BitSet();
  private int seatsTaken;
  private int draining;
  private int reserved;
  private int held;

  private Sequence[] planned;
  private StepSequence[] plan;
  private int plannedCount;
  private int budget;
  private boolean preemptedNow;
  private final ArrayList<Sequence> started = new ArrayList<>();

  private long prefixQueryTokens;
  private long prefixHitTokens;
  private long preemptions;

  Scheduler(BlockPool pool, int blockSize, EngineOptions options) {
    this.pool = pool;
    this.blockSize = blockSize;
    this.options = options;
    hasher = new BlockHasher(blockSize);
    planned = new Sequence[Math.min(options.maxNumSeqs(), 64)];
    plan = new StepSequence[planned.length];
  }

  int blocksFor(int tokens) {
    return (tokens + blockSize - 1) / blockSize;
  }

  /** Queues a new sequence. */
  void add(Sequence sequence) {
    if (sequence.audience instanceof Audience.Decode) {
      reservations.addLast(sequence);
    } else {
      waiting.addLast(sequence);
    }
  }

  /**
   * Sequences that {@link #schedule} gave their first blocks: newly started ones and reservations.
   * Valid until the next call.
   */
  List<Sequence> started() {
    return started;
  }

  /** Plans the next step; null if nothing can run now. */
  @Nullable ScheduledStep schedule(long step, long nanos) {
    started.clear();
    do {
      planStep(step, nanos);
      // If all that happened is that somebody lost his blocks, somebody else can have them now.
    } while (plannedCount == 0 && preemptedNow && draining == 0);

    if (plannedCount == 0) {
      return null;
    }
    ScheduledStep scheduled =
        new ScheduledStep(
            step,
            Arrays.copyOf(planned, plannedCount),
            Arrays.asList(Arrays.copyOf(plan, plannedCount)));
    Arrays.fill(planned, 0, plannedCount, null);
    Arrays.fill(plan, 0, plannedCount, null);
    return scheduled;
  }

  private void planStep(long step, long nanos) {
    budget = options.maxNumBatchedTokens();
    plannedCount = 0;
    preemptedNow = false;
    seatReadyOnes();
    for (int i = 0; i < running.size() && budget > 0; i++) {
      Sequence sequence = running.get(i);
      if (sequence.remaining() == 1
          && !sequence.lastTokenInFlight()
          && growTo(sequence, sequence.computed + 1, i)) {
        plan(step, sequence, 1, nanos);
      }
    }
    if (plannedCount > 0) {
      int most = longQueue() ? options.crowdedMixedTokens() : options.maxNumMixedTokens();
      budget = Math.min(budget, Math.max(most - plannedCount, (most + 3) / 4));
    }
    for (int i = 0; i < running.size() && budget > 0; i++) {
      Sequence sequence = running.get(i);
      if (sequence.remaining() > 1 && growTo(sequence, sequence.history.length(), i)) {
        plan(step, sequence, Math.min(sequence.remaining(), budget), nanos);
      }
    }
    admit(step, nanos);
  }

  /** Whether the next requests of the queue, as many as there are seats, fill many mixed steps. */
  private boolean longQueue() {
    if (options.crowdedMixedTokens() == options.maxNumMixedTokens()) {
      return false;
    }
    long missing = (long) LONG_QUEUE * options.maxNumMixedTokens();
    int seen = 0;
    for (Sequence sequence : waiting) {
      missing -= sequence.history.length();
      if (missing <= 0) {
        return true;
      }
      if (++seen == options.maxNumSeqs()) {
        return false;
      }
    }
    return false;
  }

  private void seatReadyOnes() {
    while (!ready.isEmpty() && seatsTaken + (anOlderOneCanStart() ? 1 : 0) < options.maxNumSeqs()) {
      seat(ready.removeFirst());
    }
  }

  /**
   * Whether the head of the queue came before the next adopted reservation and there are blocks for
   * it: the last seat is then left to it, or hand-offs that keep coming would keep it out for good.
   */
  private boolean anOlderOneCanStart() {
    Sequence head = waiting.peekFirst();
    return head != null
        && head.arrival < ready.getFirst().arrival
        && blocksFor(head.history.length()) + kept() <= pool.free();
  }

  private void seat(Sequence sequence) {
    sequence.slot = seats.nextClearBit(0);
    sequence.fresh = true;
    seats.set(sequence.slot);
    seatsTaken++;
    sequence.state = State.RUNNING;
    int at = running.size();
    while (at > 0 && running.get(at - 1).arrival > sequence.arrival) {
      at--;
    }
    running.add(at, sequence);
  }

  private void plan(long step, Sequence sequence, int tokens, long nanos) {
    int length = sequence.history.length();
    boolean sample = sequence.computed + tokens == length + sequence.pending;
    int[] view = sequence.history.view(step, sequence.pending);
    int replayed = sequence.request.replayedTokens();
    if (plannedCount == plan.length) {
      plan = Arrays.copyOf(plan, 2 * plannedCount);
      planned = Arrays.copyOf(planned, 2 * plannedCount);
    }
    plan[plannedCount] =
        new StepSequence(
            sequence.slot,
            sequence.fresh,
            sequence.computed,
            tokens,
            view,
            sequence.promptLength - replayed,
            sequence.blockTable,
            sample,
            sequence.samplingOfNext(),
            replayed + sequence.outputs() + sequence.pending);
    planned[plannedCount++] = sequence;
    budget -= tokens;
    sequence.computed += tokens;
    sequence.fresh = false;
    sequence.inFlight++;
    if (!sequence.begun) {
      sequence.begun = true;
      sequence.firstScheduledNanos = nanos;
    }
    if (sequence.firstDecodeStep < 0 && (sequence.prefillDone || sequence.pending > 0)) {
      sequence.firstDecodeStep = step;
      sequence.firstDecodeBeginNanos = nanos;
    }
    if (sample) {
      sequence.pending++;
    }
  }

  /**
   * Gives a running sequence the blocks for its first {@code tokens} tokens, preempting younger
   * ones if need be.
   *
   * @param index of the sequence in {@code running}: those before it are planned already
   * @return whether it has them; if not, it sits this step out (or was preempted itself)
   */
  private boolean growTo(Sequence sequence, int tokens, int index) {
    int needed = blocksFor(tokens);
    while (sequence.blockCount < needed) {
      if (pool.free() > 0) {
        sequence.blockTable[sequence.blockCount++] = pool.allocate();
        continue;
      }
      if (draining > 0) {
        return false; // blocks are on their way
      }
      preempt(victimAfter(index));
      if (sequence.state != State.RUNNING) {
        return false;
      }
    }
    return true;
  }

  /**
   * The youngest preemptable sequence that is not planned yet; the asking one if none is younger.
   */
  private Sequence victimAfter(int index) {
    Sequence victim = running.get(index);
    for (int i = running.size() - 1; i > index; i--) {
      if (running.get(i).preemptable()) {
        victim = running.get(i);
        break;
      }
    }
    for (Sequence candidate : ready) {
      if (candidate.arrival > victim.arrival) {
        victim = candidate;
      }
    }
    return victim;
  }

  private void preempt(Sequence sequence) {
    preemptions++;
    preemptedNow = true;
    sequence.preemptions++;
    if (sequence.state == State.READY) {
      ready.remove(sequence);
    } else {
      running.remove(sequence);
    }
    if (sequence.inFlight > 0) {
      sequence.state = State.DRAINING;
      draining++;
    } else {
      requeue(sequence);
    }
  }

  private void requeue(Sequence sequence) {
    giveUpResources(sequence);
    sequence.startFrom(0, blockSize);
    sequence.state = State.WAITING;
    insertByArrival(sequence);
  }

  private void insertByArrival(Sequence sequence) {
    ArrayDeque<Sequence> younger = new ArrayDeque<>();
    while (!waiting.isEmpty() && waiting.getLast().arrival > sequence.arrival) {
      younger.addFirst(waiting.removeLast());
    }
    if (waiting.isEmpty()) {
      waiting.addAll(younger);
      waiting.addFirst(sequence);
    } else {
      waiting.addLast(sequence);
      waiting.addAll(younger);
    }
  }

  private void admit(long step, long nanos) {
    boolean noSeat = false;
    while (!preemptedNow && draining == 0) {
      Sequence ordinary = noSeat ? null : waiting.peekFirst();
      Sequence reservation = reservations.peekFirst();
      boolean reserve =
          reservation != null && (ordinary == null || reservation.arrival < ordinary.arrival);
      Sequence sequence = reserve ? reservation : ordinary;
      if (sequence == null) {
        return;
      }
      if (!reserve && (budget == 0 || seatsTaken == options.maxNumSeqs())) {
        noSeat = true;
        continue;
      }
      if (!giveBlocks(sequence, reserve)) {
        return; // whoever is older gets blocks first
      }
      if (reserve) {
        reservations.removeFirst();
        sequence.state = State.RESERVED;
        sequence.writtenFromOutside = true;
        sequence.begun = true;
        sequence.firstScheduledNanos = nanos;
        reserved++;
        started.add(sequence);
      } else {
        waiting.removeFirst();
        seat(sequence);
        if (!sequence.begun) {
          started.add(sequence);
        }
        plan(step, sequence, Math.min(sequence.remaining(), budget), nanos);
      }
    }
  }

  /**
   * Gives a waiting sequence blocks for all its tokens: those that the prefix cache has, and free
   * ones. At least the last token is left to compute, so that there is something to sample from.
   */
  private boolean giveBlocks(Sequence sequence, boolean reservation) {
    int length = sequence.history.length();
    // A reservation is given the block of its first decode too, so that it can run once adopted.
    int tokens = reservation ? reservedTokens(sequence) : length;
    int total = blocksFor(tokens);
    int mostHits = ((reservation ? sequence.promptLength : length) - 1) / blockSize;
    int hits = 0;
    int freeHits = 0;
    if (options.prefixCaching()) {
      long[] names = sequence.hashes(hasher, mostHits);
      sequence.roomForBlocks(blocksFor(sequence.promptLength + sequence.outputLimit));
      while (hits < mostHits) {
        int block = pool.find(names[2 * hits], names[2 * hits + 1]);
        if (block < 0) {
          break;
        }
        freeHits += pool.isFree(block) ? 1 : 0;
        sequence.blockTable[hits++] = block;
      }
    }
    if (total - hits + kept() > pool.free() - freeHits) {
      return false;
    }
    sequence.roomForBlocks(blocksFor(sequence.promptLength + sequence.outputLimit));
    for (int i = 0; i < hits; i++) {
      pool.retain(sequence.blockTable[i]);
    }
    for (int i = hits; i < total; i++) {
      sequence.blockTable[i] = pool.allocate();
    }
    sequence.blockCount = total;
    sequence.startFrom(hits, blockSize);
    if (sequence.preemptions == 0) {
      sequence.cachedTokens = hits * blockSize;
      if (options.prefixCaching()) {
        prefixQueryTokens += sequence.promptLength;
        prefixHitTokens += sequence.cachedTokens;
      }
    }
    return true;
  }

  /** Free blocks kept for those that run, or they would be preempting at once. */
  private int kept() {
    return running.isEmpty() && ready.isEmpty() ? 0 : Math.max(1, pool.blocks() / 100);
  }

  private static int reservedTokens(Sequence sequence) {
    return sequence.promptLength + (sequence.outputLimit > 1 ? 1 : 0);
  }

  /** Most tokens whose KV the sequence can come to hold. */
  static int mostTokens(int promptTokens, int outputLimit) {
    // The last token is never fed back, so its KV is never written.
    return promptTokens + outputLimit - 1;
  }

  boolean canEverFit(int promptTokens, int outputLimit) {
    return blocksFor(mostTokens(promptTokens, outputLimit)) <= pool.blocks();
  }

  /**
   * A step is done with a sequence.
   *
   * @param written whether the step ran, so that its KV is in the pool
   */
  void stepDone(Sequence sequence, StepSequence share, boolean written) {
    sequence.inFlight--;
    if (sequence.state == State.ENDED) {
      giveUpResourcesIfUnused(sequence);
      return;
    }
    if (share.sample()) {
      sequence.pending--;
    }
    if (written && options.prefixCaching()) {
      sequence.indexBlocks(pool, hasher, (share.computedTokens() + share.newTokens()) / blockSize);
    }
  }

  /** Called after the results of a step went to a sequence that goes on. */
  void settle(Sequence sequence) {
    if (sequence.state == State.DRAINING && sequence.inFlight == 0) {
      draining--;
      requeue(sequence);
    }
  }

  /** The prompt is computed: gives up the seat and keeps the blocks. */
  void hold(Sequence sequence) {
    running.remove(sequence);
    giveUpSeat(sequence);
    sequence.history.dropViews();
    sequence.state = State.HELD;
    held++;
  }

  /** KV of the first {@code tokens} tokens of a reservation is in its blocks. */
  void received(Sequence sequence, int tokens) {
    sequence.computed = tokens;
    if (options.prefixCaching()) {
      sequence.indexBlocks(pool, hasher, tokens / blockSize);
    }
  }

  /** Makes a reservation runnable. */
  void adopt(Sequence sequence) {
    reserved--;
    sequence.state = State.READY;
    ready.addLast(sequence);
  }

  /** A reservation that has no blocks yet becomes an ordinary request at its place in the queue. */
  void waitAsOrdinary(Sequence sequence) {
    reservations.remove(sequence);
    insertByArrival(sequence);
  }

  /** Ends a sequence; its blocks go when no step in flight and nobody outside writes them. */
  void end(Sequence sequence) {
    switch (sequence.state) {
      case WAITING -> {
        if (!waiting.remove(sequence)) {
          reservations.remove(sequence);
        }
      }
      case RUNNING -> running.remove(sequence);
      case READY -> ready.remove(sequence);
      case DRAINING -> draining--;
      case RESERVED -> reserved--;
      case HELD -> held--;
      case ENDED -> throw new IllegalStateException("Sequence ended twice.");
    }
    sequence.state = State.ENDED;
    giveUpResourcesIfUnused(sequence);
  }

  /** Nobody outside writes the blocks any more. */
  void sealed(Sequence sequence) {
    if (sequence.writtenFromOutside) {
      sequence.writtenFromOutside = false;
      if (sequence.state == State.ENDED) {
        giveUpResourcesIfUnused(sequence);
      }
    }
  }

  private void giveUpResourcesIfUnused(Sequence sequence) {
    if (sequence.inFlight == 0 && !sequence.writtenFromOutside) {
      giveUpResources(sequence);
    }
  }

  private void giveUpResources(Sequence sequence) {
    pool.release(sequence.blockTable, sequence.blockCount);
    sequence.blockCount = 0;
    sequence.history.dropViews();
    giveUpSeat(sequence);
  }

  private void giveUpSeat(Sequence sequence) {
    if (sequence.slot >= 0) {
      seats.clear(sequence.slot);
      seatsTaken--;
      sequence.slot = -1;
    }
  }

  int running() {
    return running.size() + draining;
  }

  int waiting() {
    return waiting.size() + reservations.size() + ready.size();
  }

  int reserved() {
    return reserved;
  }

  int held() {
    return held;
  }

  long prefixQueryTokens() {
    return prefixQueryTokens;
  }

  long prefixHitTokens() {
    return prefixHitTokens;
  }

  long preemptions() {
    return preemptions;
  }
}
