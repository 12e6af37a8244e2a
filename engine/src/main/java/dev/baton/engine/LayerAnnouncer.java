package dev.baton.engine;

import dev.baton.engine.backend.StepListener;
import dev.baton.engine.backend.StepSequence;
import java.util.ArrayList;
import java.util.List;
import java.util.function.BiConsumer;

/**
 * Tells the prefills of a step that layers of their KV are in the pool. Runs on the backend's
 * threads; what a listener throws is passed to {@code onFailure} and goes no further.
 */
final class LayerAnnouncer implements StepListener {
  private record Target(Sequence sequence, PrefillListener listener, int from, int to) {}

  private final List<Target> targets;
  private final BiConsumer<Sequence, Throwable> onFailure;

  private LayerAnnouncer(List<Target> targets, BiConsumer<Sequence, Throwable> onFailure) {
    this.targets = targets;
    this.onFailure = onFailure;
  }

  /** The listener for a step; {@link StepListener#NONE} if no hand-off is part of it. */
  static StepListener of(ScheduledStep step, BiConsumer<Sequence, Throwable> onFailure) {
    List<Target> targets = null;
    for (int i = 0; i < step.sequences().length; i++) {
      Sequence sequence = step.sequences()[i];
      if (sequence.audience instanceof Audience.Prefill(PrefillListener listener)) {
        StepSequence share = step.shares().get(i);
        targets = targets == null ? new ArrayList<>() : targets;
        targets.add(
            new Target(
                sequence,
                listener,
                share.computedTokens(),
                share.computedTokens() + share.newTokens()));
      }
    }
    return targets == null ? NONE : new LayerAnnouncer(targets, onFailure);
  }

  @Override
  public void layersWritten(long stepId, int fromLayer, int toLayer) {
    for (Target target : targets) {
      if (target.sequence.ended || target.sequence.layersUnwanted) {
        continue;
      }
      try {
        target.listener.onLayers(fromLayer, toLayer, target.from, target.to);
      } catch (Throwable e) {
        target.sequence.layersUnwanted = true;
        onFailure.accept(target.sequence, e);
      }
    }
  }
}
