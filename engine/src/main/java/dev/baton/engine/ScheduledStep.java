package dev.baton.engine;

import dev.baton.engine.backend.StepSequence;
import java.util.List;

/**
 * What the scheduler decided to run.
 *
 * @param id of the step
 * @param sequences whose turn it is
 * @param shares what each computes, in the same order
 */
record ScheduledStep(long id, Sequence[] sequences, List<StepSequence> shares) {}
