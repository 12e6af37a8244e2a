package dev.baton.model.template;

import java.time.Clock;
import java.time.ZoneId;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * A compiled chat template: the Jinja of Hugging Face's {@code apply_chat_template}, with its
 * environment (blocks trimmed, sandbox, {@code tojson} as Python's {@code json.dumps}, {@code
 * raise_exception}, {@code strftime_now}, loop controls, {@code generation}). Immutable and safe
 * for use by any number of threads.
 */
public final class ChatTemplate {
  private static final int MAX_SOURCE = 4 << 20;

  private final Node.Body body;
  private final ScopeAnalysis analysis;
  private final Clock clock;
  private final TemplateLimits limits;

  private ChatTemplate(Node.Body body, ScopeAnalysis analysis, Clock clock, TemplateLimits limits) {
    this.body = body;
    this.analysis = analysis;
    this.clock = clock;
    this.limits = limits;
  }

  /**
   * Compiles a template whose {@code strftime_now} reads the system's clock.
   *
   * @throws TemplateException if the source is not a valid template
   */
  public static ChatTemplate compile(String source) {
    return compile(source, Clock.system(ZoneId.systemDefault()), TemplateLimits.DEFAULT);
  }

  /**
   * Compiles a template.
   *
   * @param clock what {@code strftime_now} reads, in the clock's zone
   * @throws TemplateException if the source is not a valid template
   */
  public static ChatTemplate compile(String source, Clock clock, TemplateLimits limits) {
    if (source.length() > MAX_SOURCE) {
      throw TemplateException.of("a chat template may have at most " + MAX_SOURCE + " characters");
    }
    try {
      Node.Body body = Parser.parse(source);
      Checks.check(body);
      return new ChatTemplate(body, ScopeAnalysis.of(body), clock, limits);
    } catch (StackOverflowError e) {
      // The parser bounds nesting and chains each; together they may still be too much for a stack.
      throw TemplateException.of("the template is nested too deeply");
    }
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
    try {
      Rendering rendering = new Rendering(new Budget(limits), clock);
      return new Interpreter(rendering, analysis, ContextReader.read(context)).run(body);
    } catch (StackOverflowError e) {
      // A caller's thread may have less stack than the depth limit needs; nothing is left half
      // done,
      // because a rendering shares no state.
      throw TemplateException.of("the template or its input is nested too deeply for this thread");
    }
  }
}
