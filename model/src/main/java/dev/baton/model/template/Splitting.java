package dev.baton.model.template;

import dev.baton.model.template.Arguments.Bound;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;

/** The string methods that cut text into parts. */
final class Splitting {
  private Splitting() {}

  static Value split(Rendering rendering, Value.Str self, Arguments arguments) {
    return split(rendering, self, arguments.bind("split", "sep?", "maxsplit?"), false);
  }

  static Value rsplit(Rendering rendering, Value.Str self, Arguments arguments) {
    return split(rendering, self, arguments.bind("rsplit", "sep?", "maxsplit?"), true);
  }

  private static Value split(Rendering rendering, Value.Str self, Bound bound, boolean fromRight) {
    int most = bound.integer("maxsplit", -1);
    most = most < 0 ? Integer.MAX_VALUE : most;
    rendering.budget().make(self.text().length());
    if (bound.isNone("sep")) {
      return list(self, fromRight ? wordsFromRight(self.text(), most) : words(self.text(), most));
    }
    String separator = bound.string("sep");
    if (separator.isEmpty()) {
      throw TemplateException.of("empty separator");
    }
    return list(
        self,
        fromRight
            ? partsFromRight(rendering.budget(), self.text(), separator, most)
            : parts(rendering.budget(), self.text(), separator, most));
  }

  private static List<String> parts(Budget budget, String text, String separator, int most) {
    List<String> out = new ArrayList<>();
    int from = 0;
    while (out.size() < most) {
      int at = Search.indexOf(budget, text, separator, from);
      if (at < 0) {
        break;
      }
      out.add(text.substring(from, at));
      from = at + separator.length();
    }
    out.add(text.substring(from));
    return out;
  }

  private static List<String> partsFromRight(
      Budget budget, String text, String separator, int most) {
    List<String> out = new ArrayList<>();
    int to = text.length();
    while (out.size() < most) {
      int at = Search.lastIndexOf(budget, text, separator, to - separator.length(), 0);
      if (at < 0) {
        break;
      }
      out.add(text.substring(at + separator.length(), to));
      to = at;
    }
    out.add(text.substring(0, to));
    Collections.reverse(out);
    return out;
  }

  private static List<String> words(String text, int most) {
    List<String> out = new ArrayList<>();
    int at = 0;
    while (true) {
      while (at < text.length() && Text.isSpace(text.charAt(at))) {
        at++;
      }
      if (at == text.length()) {
        return out;
      }
      if (out.size() == most) {
        out.add(text.substring(at));
        return out;
      }
      int from = at;
      while (at < text.length() && !Text.isSpace(text.charAt(at))) {
        at++;
      }
      out.add(text.substring(from, at));
    }
  }

  private static List<String> wordsFromRight(String text, int most) {
    List<String> out = new ArrayList<>();
    int at = text.length();
    while (true) {
      while (at > 0 && Text.isSpace(text.charAt(at - 1))) {
        at--;
      }
      if (at == 0) {
        break;
      }
      if (out.size() == most) {
        out.add(text.substring(0, at));
        break;
      }
      int to = at;
      while (at > 0 && !Text.isSpace(text.charAt(at - 1))) {
        at--;
      }
      out.add(text.substring(at, to));
    }
    Collections.reverse(out);
    return out;
  }

  static Value splitLines(Rendering rendering, Value.Str self, Arguments arguments) {
    boolean keepEnds = arguments.bind("splitlines", "keepends?").flag("keepends");
    rendering.budget().make(self.text().length());
    return list(self, Text.lines(self.text(), keepEnds));
  }

  static Value partition(
      Rendering rendering, Value.Str self, Arguments arguments, boolean fromRight) {
    String name = fromRight ? "rpartition" : "partition";
    String separator = arguments.bind(name, "sep").string("sep");
    String text = self.text();
    if (separator.isEmpty()) {
      throw TemplateException.of("empty separator");
    }
    rendering.budget().make(text.length());
    int at =
        fromRight
            ? Search.lastIndexOf(rendering.budget(), text, separator, text.length(), 0)
            : Search.indexOf(rendering.budget(), text, separator, 0);
    if (at < 0) {
      Value empty = self.with("");
      return fromRight ? TupleValue.of(empty, empty, self) : TupleValue.of(self, empty, empty);
    }
    return TupleValue.of(
        self.with(text.substring(0, at)),
        self.with(separator),
        self.with(text.substring(at + separator.length())));
  }

  private static Value list(Value.Str self, List<String> parts) {
    List<Value> out = new ArrayList<>(parts.size());
    for (String part : parts) {
      out.add(self.with(part));
    }
    return new ListValue(out);
  }
}
