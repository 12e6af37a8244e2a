package dev.baton.model.template;

import java.time.Clock;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * A compiled chat template: the Jinja of Hugging Face's {@code apply_chat_template}, with its
 * environment (blocks trimmed, sandbox, {@code tojson} as Python's {@code json.dumps}, {@code
 * raise_exception}, {@code strftime_now}, loop controls, {@code generation}). Immutable and safe
 * for use by any number of threads.
 */
public final class ChatTemplate {
  private ChatTemplate() {}

  /**
   * Compiles a template whose {@code strftime_now} reads the system's clock.
   *
   * @throws TemplateException if the source is not a valid template
   */
  public static ChatTemplate compile(String source) {
    return compile(source, Clock.systemDefaultZone(), TemplateLimits.DEFAULT);
  }

  /**
   * Compiles a template.
   *
   * @param clock what {@code strftime_now} reads, in the clock's zone
   * @throws TemplateException if the source is not a valid template
   */
  public static ChatTemplate compile(String source, Clock clock, TemplateLimits limits) {
    throw new UnsupportedOperationException("compile");
  }

  /**
   * Renders the template.
   *
   * @param context the variables: String, Boolean, Integer, Long, BigInteger, Float, Double, List
   *     and Map (in its own order), nested freely; {@code null} is Jinja's none, what is missing is
   *     undefined
   * @return the text
   * @throws TemplateException if rendering fails, or a limit is reached
   * @throws IllegalArgumentException if the context holds a value of another class
   */
  public String render(Map<String, ? extends @Nullable Object> context) {
    throw new UnsupportedOperationException("render");
  }
}
