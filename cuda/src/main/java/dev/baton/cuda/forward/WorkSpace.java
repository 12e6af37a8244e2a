package dev.baton.cuda.forward;

import dev.baton.engine.backend.BackendOptions;
import dev.baton.model.config.ModelConfig;

/**
 * Device memory that steps use one after the other. Sizes follow from the largest step.
 *
 * @param step the step's numbers, {@link StepLayout}
 * @param residual [tokens, hidden] floats
 * @param sampledResidual [sequences, hidden] floats: of the sampled rows alone
 * @param normed [tokens, hidden]
 * @param qkv [tokens, querySize + 2 kvSize]
 * @param attended [tokens, querySize]
 * @param gateUp [tokens, 2 intermediate]
 * @param gated [tokens, intermediate]
 * @param logits [sequences, vocab] floats
 * @param sampled [sequences] ints
 * @param reports [sequences, 42] floats: log probabilities
 * @param lastTokens [slots] ints: what each slot sampled last
 * @param parts of split attention
 * @param counters of split attention, zeros
 * @param angles [positions, headSize / 2] of (cos, sin)
 */
record WorkSpace(
    long step,
    long residual,
    long sampledResidual,
    long normed,
    long qkv,
    long attended,
    long gateUp,
    long gated,
    long logits,
    long sampled,
    long reports,
    long lastTokens,
    long parts,
    long counters,
    long angles) {

  /** Floats of a row's report. */
  static final int REPORT = 42;

  static WorkSpace allocate(Device device, ModelConfig c, BackendOptions o) {
    long tokens = Math.max(o.maxNumBatchedTokens(), o.maxNumSeqs());
    long sequences = o.maxNumSeqs();
    int maxBlocks = (o.maxModelLen() + o.blockSize() - 1) / o.blockSize();
    boolean clusters = device.architecture() >= 90;
    long parts = DecodeAttention.partFloats(c, o.maxNumSeqs(), device.multiprocessors(), clusters);
    String what = "activations";
    WorkSpace space =
        new WorkSpace(
            device.allocate(
                4 * StepLayout.capacity((int) tokens, (int) sequences, maxBlocks), "step numbers"),
            device.allocate(4 * tokens * c.hiddenSize(), what),
            device.allocate(4 * sequences * c.hiddenSize(), what),
            device.allocate(2 * tokens * c.hiddenSize(), what),
            device.allocate(2 * tokens * (c.querySize() + 2L * c.kvSize()), what),
            device.allocate(2 * tokens * c.querySize(), what),
            device.allocate(4 * tokens * c.intermediateSize(), what),
            device.allocate(2 * tokens * c.intermediateSize(), what),
            device.allocate(4 * sequences * c.vocabSize(), "logits"),
            device.allocate(4 * sequences, "sampled tokens"),
            device.allocate(4 * sequences * REPORT, "log probabilities"),
            device.allocate(4 * sequences, "sampled tokens"),
            device.allocate(4 * parts, "split attention"),
            device.allocate(4 * DecodeAttention.counters(c, o.maxNumSeqs()), "split attention"),
            device.allocate(8L * o.maxModelLen() * (c.headSize() / 2), "rotary angles"));
    return space;
  }
}
