package dev.baton.model.template;

import dev.baton.model.template.Arguments.Bound;
import dev.baton.model.template.CallableValue.Builtin;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.function.IntPredicate;
import java.util.function.Predicate;
import java.util.function.UnaryOperator;
import org.jspecify.annotations.Nullable;

/**
 * The methods of strings. Those of text marked as HTML keep the mark and escape what is put in, as
 * MarkupSafe does.
 */
final class StringMethods {
  @FunctionalInterface
  private interface Method {
    Value call(Rendering rendering, Value.Str self, Arguments arguments);
  }

  private static final Map<String, Method> METHODS =
      Map.ofEntries(
          cased("upper", Text::upper),
          cased("lower", Text::lower),
          cased("capitalize", Text::capitalize),
          cased("title", Text::title),
          cased("swapcase", Text::swapCase),
          cased("casefold", s -> Text.lower(Text.upper(Text.lower(s)))),
          Map.entry("strip", (r, s, a) -> strip(r, s, a, "strip", true, true)),
          Map.entry("lstrip", (r, s, a) -> strip(r, s, a, "lstrip", true, false)),
          Map.entry("rstrip", (r, s, a) -> strip(r, s, a, "rstrip", false, true)),
          Map.entry("startswith", (r, s, a) -> affix(s, a, "startswith", true)),
          Map.entry("endswith", (r, s, a) -> affix(s, a, "endswith", false)),
          Map.entry("removeprefix", StringMethods::removePrefix),
          Map.entry("removesuffix", StringMethods::removeSuffix),
          Map.entry("find", (r, s, a) -> find(r, s, a, "find", false, false)),
          Map.entry("rfind", (r, s, a) -> find(r, s, a, "rfind", true, false)),
          Map.entry("index", (r, s, a) -> find(r, s, a, "index", false, true)),
          Map.entry("rindex", (r, s, a) -> find(r, s, a, "rindex", true, true)),
          Map.entry("count", StringMethods::count),
          Map.entry("replace", StringMethods::replace),
          Map.entry("split", Splitting::split),
          Map.entry("rsplit", Splitting::rsplit),
          Map.entry("splitlines", Splitting::splitLines),
          Map.entry("partition", (r, s, a) -> Splitting.partition(r, s, a, false)),
          Map.entry("rpartition", (r, s, a) -> Splitting.partition(r, s, a, true)),
          Map.entry("join", StringMethods::join),
          Map.entry("center", (r, s, a) -> pad(r, s, a, "center")),
          Map.entry("ljust", (r, s, a) -> pad(r, s, a, "ljust")),
          Map.entry("rjust", (r, s, a) -> pad(r, s, a, "rjust")),
          Map.entry("zfill", StringMethods::zeroFill),
          Map.entry("expandtabs", StringMethods::expandTabs),
          Map.entry("format", BraceFormat::format),
          Map.entry("format_map", BraceFormat::formatMap),
          all("isalpha", Character::isLetter),
          all("isalnum", Text::isAlphanumeric),
          all("isdecimal", Character::isDigit),
          all("isdigit", c -> Character.isDigit(c) || (Text.isNumeric(c) && isSuperscript(c))),
          all("isnumeric", Text::isNumeric),
          all("isspace", Text::isSpace),
          whole("isascii", s -> s.codePoints().allMatch(c -> c < 128)),
          whole("isprintable", s -> s.codePoints().allMatch(Text::isPrintable)),
          whole("isidentifier", Text::isIdentifier),
          whole("islower", s -> isCase(s, Character::isLowerCase)),
          whole("isupper", s -> isCase(s, Character::isUpperCase)),
          whole("istitle", StringMethods::isTitle));

  private StringMethods() {}

  /** The bound method, or null if strings have none of that name. */
  static @Nullable Value get(Value.Str self, String name) {
    Method method = METHODS.get(name);
    if (method == null) {
      return name.equals("encode") || name.equals("translate") || name.equals("maketrans")
          ? new Builtin(
              name,
              (r, a) -> {
                throw TemplateException.of("str." + name + " is not supported in chat templates");
              })
          : null;
    }
    return new Builtin(name, (rendering, arguments) -> method.call(rendering, self, arguments));
  }

  private static Map.Entry<String, Method> cased(String name, UnaryOperator<String> function) {
    return Map.entry(
        name,
        (rendering, self, arguments) -> {
          arguments.bind(name);
          rendering.budget().make(self.text().length());
          return self.with(function.apply(self.text()));
        });
  }

  private static Map.Entry<String, Method> all(String name, IntPredicate test) {
    return whole(name, s -> !s.isEmpty() && s.codePoints().allMatch(test));
  }

  private static Map.Entry<String, Method> whole(String name, Predicate<String> test) {
    return Map.entry(
        name,
        (rendering, self, arguments) -> {
          arguments.bind(name);
          rendering.budget().scan(self.text().length());
          return Value.Bool.of(test.test(self.text()));
        });
  }

  private static boolean isSuperscript(int c) {
    return c == 0xb2 || c == 0xb3 || c == 0xb9 || (c >= 0x2070 && c <= 0x2089);
  }

  static boolean isCase(String s, IntPredicate wanted) {
    return s.codePoints().anyMatch(Text::isCased)
        && s.codePoints().allMatch(c -> !Text.isCased(c) || wanted.test(c));
  }

  private static boolean isTitle(String s) {
    boolean inWord = false;
    boolean any = false;
    for (int c : s.codePoints().toArray()) {
      if (Text.isCased(c)) {
        if (inWord != Character.isLowerCase(c)) {
          return false;
        }
        any = true;
        inWord = true;
      } else {
        inWord = false;
      }
    }
    return any;
  }

  /** The text of an argument, escaped where it goes into text marked as HTML. */
  static String argument(Value.Str self, Bound bound, String name) {
    if (bound.get(name) instanceof Value.Str s) {
      return self.safe() && !s.safe() ? Text.escapeHtml(s.text()) : s.text();
    }
    return bound.string(name);
  }

  static Value strip(
      Rendering rendering,
      Value.Str self,
      Arguments arguments,
      String name,
      boolean left,
      boolean right) {
    Bound bound = arguments.bind(name, "chars?");
    rendering.budget().scan(self.text().length());
    if (bound.isNone("chars")) {
      return self.with(Text.strip(self.text(), left, right));
    }
    String chars = bound.string("chars");
    rendering.budget().scan(chars.length());
    return self.with(Text.strip(self.text(), chars, left, right));
  }

  private static Value affix(Value.Str self, Arguments arguments, String name, boolean atStart) {
    Bound bound = arguments.bind(name, "affix", "start?", "end?");
    Window window = Window.of(self.text(), bound);
    List<Value> choices =
        bound.get("affix") instanceof TupleValue t ? t.items() : List.of(bound.get("affix"));
    for (Value choice : choices) {
      if (!(choice instanceof Value.Str s)) {
        throw TemplateException.of(
            name + " first arg must be str or a tuple of str, not " + choice.typeName());
      }
      boolean fits = window.valid() && s.text().length() <= window.to() - window.from();
      int at = atStart ? window.from() : window.to() - s.text().length();
      if (fits && self.text().startsWith(s.text(), at)) {
        return Value.Bool.TRUE;
      }
    }
    return Value.Bool.FALSE;
  }

  private static Value removePrefix(Rendering rendering, Value.Str self, Arguments arguments) {
    String prefix = arguments.bind("removeprefix", "prefix").string("prefix");
    return self.text().startsWith(prefix)
        ? self.with(self.text().substring(prefix.length()))
        : self;
  }

  private static Value removeSuffix(Rendering rendering, Value.Str self, Arguments arguments) {
    String suffix = arguments.bind("removesuffix", "suffix").string("suffix");
    return self.text().endsWith(suffix)
        ? self.with(self.text().substring(0, self.text().length() - suffix.length()))
        : self;
  }

  /** A part of a text, in UTF-16 units, named by optional start and end in code points. */
  private record Window(int from, int to, boolean valid) {
    static Window of(String text, Bound bound) {
      if (bound.isNone("start") && bound.isNone("end")) {
        return new Window(0, text.length(), true);
      }
      int length = Text.length(text);
      int from = bound.isNone("start") ? 0 : bound.integer("start", 0);
      int to = bound.isNone("end") ? length : bound.integer("end", length);
      from = from < 0 ? Math.max(0, from + length) : from;
      to = Math.min(length, to < 0 ? Math.max(0, to + length) : to);
      if (from > length || from > to) {
        return new Window(0, 0, false);
      }
      return new Window(text.offsetByCodePoints(0, from), text.offsetByCodePoints(0, to), true);
    }
  }

  private static Value find(
      Rendering rendering,
      Value.Str self,
      Arguments arguments,
      String name,
      boolean last,
      boolean required) {
    Bound bound = arguments.bind(name, "sub", "start?", "end?");
    String part = bound.string("sub");
    Window window = Window.of(self.text(), bound);
    int found = -1;
    if (window.valid()) {
      String within = self.text().substring(0, window.to());
      Budget budget = rendering.budget();
      found =
          last
              ? Search.lastIndexOf(
                  budget, within, part, within.length() - part.length(), window.from())
              : Search.indexOf(budget, within, part, window.from());
    }
    if (found < 0 && required) {
      throw TemplateException.of("substring not found");
    }
    return Value.Int.of(found < 0 ? -1 : self.text().codePointCount(0, found));
  }

  private static Value count(Rendering rendering, Value.Str self, Arguments arguments) {
    Bound bound = arguments.bind("count", "sub", "start?", "end?");
    String part = bound.string("sub");
    Window window = Window.of(self.text(), bound);
    if (!window.valid()) {
      return Value.Int.ZERO;
    }
    String within = self.text().substring(window.from(), window.to());
    if (part.isEmpty()) {
      return Value.Int.of(Text.length(within) + 1L);
    }
    int count = 0;
    for (int at = Search.indexOf(rendering.budget(), within, part, 0);
        at >= 0;
        at = Search.indexOf(rendering.budget(), within, part, at + part.length())) {
      count++;
    }
    return Value.Int.of(count);
  }

  private static Value replace(Rendering rendering, Value.Str self, Arguments arguments) {
    Bound bound = arguments.bind("replace", "old", "new", "count?");
    String old = bound.string("old");
    String replacement = argument(self, bound, "new");
    return self.with(
        replace(rendering.budget(), self.text(), old, replacement, bound.integer("count", -1)));
  }

  /** Replaces the first {@code count} places, all if it is negative. */
  static String replace(Budget budget, String text, String old, String replacement, int count) {
    StringBuilder out = new StringBuilder();
    int done = 0;
    int from = 0;
    int at = count == 0 ? -1 : Search.indexOf(budget, text, old, 0);
    while (at >= 0) {
      budget.make((long) at - from + replacement.length());
      out.append(text, from, at).append(replacement);
      from = at + old.length();
      done++;
      int next = from;
      if (old.isEmpty()) {
        // An empty text is found once before each character and once at the end.
        if (from >= text.length()) {
          break;
        }
        next = text.offsetByCodePoints(from, 1);
      }
      at = done == count ? -1 : Search.indexOf(budget, text, old, next);
      budget.check(out.length());
    }
    if (done == 0) {
      return text;
    }
    budget.make((long) text.length() - from);
    return out.append(text, from, text.length()).toString();
  }

  private static Value join(Rendering rendering, Value.Str self, Arguments arguments) {
    Value iterable = arguments.bind("join", "iterable").get("iterable");
    Iterator<Value> items = Iteration.of(rendering, iterable, "can only join an iterable");
    List<String> parts = new ArrayList<>();
    while (items.hasNext()) {
      rendering.budget().step();
      Value item = items.next();
      if (!(item instanceof Value.Str s)) {
        if (self.safe()) {
          parts.add(Text.escapeHtml(rendering.str(item)));
          continue;
        }
        throw TemplateException.of(
            "sequence item %d: expected str instance, %s found"
                .formatted(parts.size(), item.typeName()));
      }
      parts.add(self.safe() && !s.safe() ? Text.escapeHtml(s.text()) : s.text());
    }
    return self.with(join(rendering.budget(), self.text(), parts));
  }

  static String join(Budget budget, String separator, List<String> parts) {
    long length = (long) separator.length() * Math.max(0, parts.size() - 1);
    for (String part : parts) {
      length += part.length();
    }
    budget.make(length);
    return String.join(separator, parts);
  }

  private static Value pad(Rendering rendering, Value.Str self, Arguments arguments, String name) {
    Bound bound = arguments.bind(name, "width", "fillchar?");
    String fill = bound.has("fillchar") ? argument(self, bound, "fillchar") : " ";
    if (Text.length(fill) != 1) {
      throw TemplateException.of("The fill character must be exactly one character long");
    }
    int width = bound.integer("width", 0);
    return self.with(
        switch (name) {
          case "ljust" -> pad(rendering.budget(), self.text(), width, fill, 0);
          case "rjust" -> pad(rendering.budget(), self.text(), width, fill, 1);
          default -> center(rendering.budget(), self.text(), width, fill);
        });
  }

  /** Pads to a width, on the right if {@code side} is 0, on the left if it is 1. */
  static String pad(Budget budget, String text, int width, String fill, int side) {
    int missing = width - Text.length(text);
    if (missing <= 0) {
      return text;
    }
    budget.make((long) text.length() + (long) missing * fill.length());
    return side == 0 ? text + fill.repeat(missing) : fill.repeat(missing) + text;
  }

  static String center(Budget budget, String text, int width, String fill) {
    int missing = width - Text.length(text);
    if (missing <= 0) {
      return text;
    }
    budget.make((long) text.length() + (long) missing * fill.length());
    int left = missing / 2 + (missing & width & 1);
    return fill.repeat(left) + text + fill.repeat(missing - left);
  }

  private static Value zeroFill(Rendering rendering, Value.Str self, Arguments arguments) {
    int width = arguments.bind("zfill", "width").integer("width", 0);
    String text = self.text();
    boolean signed = text.startsWith("-") || text.startsWith("+");
    int head = signed ? 1 : 0;
    String filled =
        pad(rendering.budget(), text.substring(head), Math.max(0, width - head), "0", 1);
    return self.with(text.substring(0, head) + filled);
  }

  private static Value expandTabs(Rendering rendering, Value.Str self, Arguments arguments) {
    int size = arguments.bind("expandtabs", "tabsize?").integer("tabsize", 8);
    StringBuilder out = new StringBuilder();
    int column = 0;
    for (int c : self.text().codePoints().toArray()) {
      if (c == '\t') {
        int blanks = size > 0 ? size - column % size : 0;
        rendering.budget().make(blanks);
        rendering.budget().check(out.length() + (long) blanks);
        out.repeat(' ', blanks);
        column += blanks;
      } else {
        rendering.budget().make(1);
        out.appendCodePoint(c);
        column = c == '\n' || c == '\r' ? 0 : column + 1;
      }
    }
    return self.with(out.toString());
  }
}
