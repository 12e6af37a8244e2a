package dev.baton.model.template;

/**
 * Counts what one rendering uses and stops it at its limits, so that no template and no input can
 * hang or kill the process. Whatever loops, recurses or makes text goes through here.
 */
final class Budget {
  private static final int ITEM_WEIGHT = 8;

  private final TemplateLimits limits;
  private long steps;
  private long work;
  private int depth;

  Budget(TemplateLimits limits) {
    this.limits = limits;
  }

  /** One evaluation, loop turn or visited value. */
  void step() {
    steps(1);
  }

  void steps(long count) {
    steps += count;
    if (steps > limits.maxSteps()) {
      throw TemplateException.of(
          "the template was stopped after " + limits.maxSteps() + " steps (limit of steps)");
    }
  }

  /**
   * Going one level deeper; {@link #exit} goes back, but for an error, which ends the rendering.
   */
  void enter() {
    if (++depth > limits.maxDepth()) {
      throw TemplateException.of(
          "the template or its input is nested more than " + limits.maxDepth() + " levels deep");
    }
  }

  void exit() {
    depth--;
  }

  int depth() {
    return depth;
  }

  /** Before characters or elements are made: how many at once. */
  void make(long count) {
    check(count);
    work += count;
    if (work > limits.maxWork()) {
      throw TemplateException.of(
          "the template makes more than " + limits.maxWork() + " characters in all");
    }
  }

  /** Before list elements are made: each weighs as much as eight characters. */
  void makeItems(long count) {
    make(Math.min(count, Long.MAX_VALUE / ITEM_WEIGHT) * ITEM_WEIGHT);
  }

  /** How long one text or list is to become. */
  void check(long length) {
    if (length > limits.maxOutput()) {
      throw TemplateException.of(
          "the template makes a text or list of more than " + limits.maxOutput() + " characters");
    }
  }

  /** Before characters are read over: a sixteenth of a step for each. */
  void scan(long count) {
    steps(1 + (count >> 4));
  }
}
