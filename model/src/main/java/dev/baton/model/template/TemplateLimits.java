package dev.baton.model.template;

/**
 * What one rendering may use before it is stopped with a {@link TemplateException}.
 *
 * @param maxDepth how deep evaluation may nest: expressions, blocks and macro calls together
 * @param maxSteps how many expressions, loop turns and values may be evaluated
 * @param maxOutput the longest text that may be made at any point, in UTF-16 units
 * @param maxWork how many characters and elements may be made in all
 */
public record TemplateLimits(int maxDepth, long maxSteps, int maxOutput, long maxWork) {
  /**
   * Far above what chat templates need (a prompt of a million tokens is some 4 million characters).
   */
  public static final TemplateLimits DEFAULT =
      new TemplateLimits(1_000, 10_000_000L, 32 << 20, 256L << 20);

  public TemplateLimits {
    if (maxDepth < 1 || maxSteps < 1 || maxOutput < 1 || maxWork < 1) {
      throw new IllegalArgumentException(
          "template limits must be positive, got depth %d, steps %d, output %d, work %d"
              .formatted(maxDepth, maxSteps, maxOutput, maxWork));
    }
  }
}
