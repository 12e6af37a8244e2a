package dev.baton.model.template;

import dev.baton.model.template.Arguments.Bound;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.function.UnaryOperator;

/** The filters that make text. */
final class TextFilters {
  /** How much longer than asked a text may be before {@code truncate} cuts it. */
  private static final int TRUNCATE_LEEWAY = 5;

  private TextFilters() {}

  static void addTo(Map<String, Filters.Filter> filters) {
    filters.put("upper", cased("upper", Text::upper));
    filters.put("lower", cased("lower", Text::lower));
    filters.put("capitalize", cased("capitalize", Text::capitalize));
    filters.put("title", TextFilters::title);
    filters.put("trim", TextFilters::trim);
    filters.put("replace", TextFilters::replace);
    filters.put("indent", TextFilters::indent);
    filters.put("center", TextFilters::center);
    filters.put("truncate", TextFilters::truncate);
    filters.put("wordcount", TextFilters::wordCount);
    filters.put("format", TextFilters::format);
    filters.put("string", (r, v, a) -> r.softStr(v));
    filters.put("safe", (r, v, a) -> Value.Str.html(r.str(v)));
    filters.put("e", TextFilters::escape);
    filters.put("escape", TextFilters::escape);
    filters.put("forceescape", (r, v, a) -> escaped(r, r.str(v)));
    filters.put("urlencode", TextFilters::urlEncode);
    filters.put("xmlattr", TextFilters::xmlAttributes);
  }

  private static Filters.Filter cased(String name, UnaryOperator<String> function) {
    return (rendering, input, arguments) -> {
      arguments.bind(name);
      Value.Str text = rendering.softStr(input);
      rendering.budget().make(text.text().length());
      return text.with(function.apply(text.text()));
    };
  }

  private static Value title(Rendering rendering, Value input, Arguments arguments) {
    arguments.bind("title");
    String text = rendering.str(input);
    rendering.budget().make(text.length());
    StringBuilder out = new StringBuilder(text.length());
    int i = 0;
    while (i < text.length()) {
      int end = i;
      boolean separators = isWordBreak(text.charAt(i));
      while (end < text.length() && isWordBreak(text.charAt(end)) == separators) {
        end++;
      }
      int first = text.offsetByCodePoints(i, 1);
      out.append(Text.upper(text.substring(i, first)));
      out.append(Text.lower(text.substring(first, end)));
      i = end;
    }
    return Value.Str.of(out.toString());
  }

  private static boolean isWordBreak(char c) {
    return "-({[<".indexOf(c) >= 0 || Text.isSpace(c);
  }

  private static Value trim(Rendering rendering, Value input, Arguments arguments) {
    return StringMethods.strip(rendering, rendering.softStr(input), arguments, "trim", true, true);
  }

  private static Value replace(Rendering rendering, Value input, Arguments arguments) {
    Bound bound = arguments.bind("replace", "old", "new", "count?");
    int count = bound.isNone("count") ? -1 : bound.integer("count", -1);
    return Value.Str.of(
        StringMethods.replace(
            rendering.budget(),
            rendering.str(input),
            rendering.str(bound.get("old")),
            rendering.str(bound.get("new")),
            count));
  }

  private static Value indent(Rendering rendering, Value input, Arguments arguments) {
    Bound bound = arguments.bind("indent", "width?", "first?", "blank?");
    if (input instanceof Undefined u) {
      throw u.error();
    }
    if (!(input instanceof Value.Str s)) {
      throw TemplateException.of("indent needs a string, not " + input.typeName());
    }
    Budget budget = rendering.budget();
    String margin;
    if (bound.has("width") && bound.get("width") instanceof Value.Str w) {
      margin = w.text();
    } else {
      int width = Math.max(0, bound.integer("width", 4));
      budget.make(width);
      margin = " ".repeat(width);
    }
    List<String> lines = Text.lines(s.text() + "\n", false);
    budget.make(s.text().length() + (long) margin.length() * lines.size());
    StringBuilder out = new StringBuilder();
    for (int i = 0; i < lines.size(); i++) {
      String line = lines.get(i);
      if (i > 0) {
        out.append('\n');
      }
      if (i == 0 ? bound.flag("first") : bound.flag("blank") || !line.isEmpty()) {
        out.append(margin);
      }
      out.append(line);
    }
    return s.with(out.toString());
  }

  private static Value center(Rendering rendering, Value input, Arguments arguments) {
    int width = arguments.bind("center", "width?").integer("width", 80);
    Value.Str text = rendering.softStr(input);
    return text.with(StringMethods.center(rendering.budget(), text.text(), width, " "));
  }

  private static Value truncate(Rendering rendering, Value input, Arguments arguments) {
    Bound bound = arguments.bind("truncate", "length?", "killwords?", "end?", "leeway?");
    int length = bound.integer("length", 255);
    String end = bound.has("end") ? bound.string("end") : "...";
    int leeway = bound.isNone("leeway") ? TRUNCATE_LEEWAY : bound.integer("leeway", 0);
    int endLength = Text.length(end);
    if (length < endLength || leeway < 0) {
      throw TemplateException.of("expected length >= %d, got %d".formatted(endLength, length));
    }
    if (Iteration.length(rendering, input) <= (long) length + leeway) {
      return input;
    }
    if (!(input instanceof Value.Str s)) {
      throw TemplateException.of("truncate needs a string, not " + input.typeName());
    }
    rendering.budget().make(s.text().length());
    String cut = s.text().substring(0, s.text().offsetByCodePoints(0, length - endLength));
    if (!bound.flag("killwords")) {
      int blank = cut.lastIndexOf(' ');
      cut = blank < 0 ? cut : cut.substring(0, blank);
    }
    return s.with(cut + end);
  }

  private static Value wordCount(Rendering rendering, Value input, Arguments arguments) {
    arguments.bind("wordcount");
    String text = rendering.str(input);
    rendering.budget().scan(text.length());
    int count = 0;
    boolean inWord = false;
    for (int c : text.codePoints().toArray()) {
      boolean wordPart = c == '_' || Text.isAlphanumeric(c);
      count += wordPart && !inWord ? 1 : 0;
      inWord = wordPart;
    }
    return Value.Int.of(count);
  }

  private static Value format(Rendering rendering, Value input, Arguments arguments) {
    Value values = TupleValue.of(arguments.positional());
    if (!arguments.keywords().isEmpty()) {
      if (!arguments.positional().isEmpty()) {
        throw TemplateException.of(
            "can't handle positional and keyword arguments at the same time");
      }
      DictValue named = new DictValue();
      arguments.keywords().forEach(named::put);
      values = named;
    }
    return PercentFormat.format(rendering, rendering.softStr(input), values);
  }

  private static Value escape(Rendering rendering, Value input, Arguments arguments) {
    arguments.bind("escape");
    if (input instanceof Value.Str s && s.safe()) {
      return s;
    }
    return escaped(rendering, rendering.str(input));
  }

  private static Value escaped(Rendering rendering, String text) {
    rendering.budget().make(text.length() * 5L);
    return Value.Str.html(Text.escapeHtml(text));
  }

  private static Value urlEncode(Rendering rendering, Value input, Arguments arguments) {
    arguments.bind("urlencode");
    if (input instanceof Value.Str || !Iteration.isIterable(input)) {
      return Value.Str.of(quote(rendering, input, false));
    }
    Iterator<Value> pairs =
        Iteration.of(
            rendering, input instanceof DictValue d ? new DictView(d, DictView.Kind.ITEMS) : input);
    List<String> parts = new ArrayList<>();
    while (pairs.hasNext()) {
      rendering.budget().step();
      List<Value> pair = Iteration.list(rendering, pairs.next());
      if (pair.size() != 2) {
        throw TemplateException.of("urlencode needs pairs of a name and a value");
      }
      parts.add(quote(rendering, pair.get(0), true) + "=" + quote(rendering, pair.get(1), true));
    }
    return Value.Str.of(StringMethods.join(rendering.budget(), "&", parts));
  }

  private static String quote(Rendering rendering, Value value, boolean inQuery) {
    byte[] bytes = rendering.str(value).getBytes(StandardCharsets.UTF_8);
    rendering.budget().make(bytes.length * 3L);
    StringBuilder out = new StringBuilder(bytes.length);
    for (byte b : bytes) {
      int c = b & 0xff;
      boolean plain = c < 128 && (Character.isLetterOrDigit(c) || "_.-~".indexOf(c) >= 0);
      if (plain || (c == '/' && !inQuery)) {
        out.append((char) c);
      } else if (c == ' ' && inQuery) {
        out.append('+');
      } else {
        out.append("%%%02X".formatted(c));
      }
    }
    return out.toString();
  }

  private static Value xmlAttributes(Rendering rendering, Value input, Arguments arguments) {
    boolean space =
        arguments.bind("xmlattr", "autospace?").get("autospace", Value.Bool.TRUE).truth();
    if (!(input instanceof DictValue dict)) {
      throw TemplateException.of("xmlattr needs a dict, not " + input.typeName());
    }
    List<String> parts = new ArrayList<>();
    for (DictValue.Item item : dict.items()) {
      rendering.budget().step();
      if (item.value() == Value.None.NONE || item.value() instanceof Undefined) {
        continue;
      }
      String key = rendering.str(item.key());
      if (key.chars().anyMatch(c -> "/>=".indexOf(c) >= 0 || (c < 128 && Text.isSpace(c)))) {
        throw TemplateException.of("Invalid character in attribute name: " + Repr.quote(key));
      }
      parts.add(
          rendering.str(escape(rendering, item.key(), Arguments.NONE))
              + "=\""
              + rendering.str(escape(rendering, item.value(), Arguments.NONE))
              + '"');
    }
    String joined = StringMethods.join(rendering.budget(), " ", parts);
    return Value.Str.of(space && !joined.isEmpty() ? " " + joined : joined);
  }
}
