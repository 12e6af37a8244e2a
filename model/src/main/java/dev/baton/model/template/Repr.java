package dev.baton.model.template;

import java.math.BigInteger;
import java.util.Iterator;
import java.util.List;

/** How Python prints values: {@code str} and {@code repr}. */
final class Repr {
  private Repr() {}

  /** {@code str(value)}, what a template prints. */
  static String str(Budget budget, Value value) {
    return switch (value) {
      case Value.Str s -> s.text();
      case Undefined u -> "";
      default -> repr(budget, value);
    };
  }

  static String repr(Budget budget, Value value) {
    StringBuilder out = new StringBuilder();
    write(budget, value, out);
    return out.toString();
  }

  private static void write(Budget budget, Value value, StringBuilder out) {
    budget.step();
    switch (value) {
      case Value.Str s -> {
        budget.make(s.text().length());
        if (s.safe()) {
          out.append("Markup(").append(quote(s.text())).append(')');
        } else {
          quote(s.text(), out);
        }
      }
      case Value.None n -> out.append("None");
      case Value.Bool b -> out.append(b.truth() ? "True" : "False");
      case Value.Int i -> out.append(Numbers.decimal(i.value()));
      case Value.Real f -> out.append(FloatText.of(f.value()));
      case Undefined u -> out.append("Undefined");
      case ListValue l -> items(budget, l.items(), "[", "]", out);
      case TupleValue t -> items(budget, t.items(), "(", t.items().size() == 1 ? ",)" : ")", out);
      case DictValue d -> dict(budget, d, out);
      case DictView v -> {
        out.append(v.typeName()).append('(');
        List<Value> elements = v.source().stream().map(v::element).toList();
        items(budget, elements, "[", "]", out);
        out.append(')');
      }
      case RangeValue r -> {
        out.append("range(").append(r.start()).append(", ").append(r.stop());
        if (!r.step().equals(BigInteger.ONE)) {
          out.append(", ").append(r.step());
        }
        out.append(')');
      }
      case NamespaceValue n -> {
        out.append("<Namespace ");
        dict(budget, n.fields(), out);
        out.append('>');
      }
      case MacroValue m ->
          out.append("<Macro ")
              .append(m.name().isEmpty() ? "anonymous" : quote(m.name()))
              .append('>');
      case CallableValue.Builtin b -> out.append("<function ").append(b.name()).append('>');
      case LoopValue l -> out.append(l.describe());
      case LazyValue l -> out.append('<').append(l.typeName()).append(" object>");
      default -> out.append('<').append(value.typeName()).append('>');
    }
    if (!(value instanceof Value.Str)) {
      budget.make(8);
    }
    budget.check(out.length());
  }

  private static void items(
      Budget budget, List<Value> items, String open, String close, StringBuilder out) {
    budget.enter();
    out.append(open);
    Iterator<Value> iterator = items.iterator();
    while (iterator.hasNext()) {
      write(budget, iterator.next(), out);
      if (iterator.hasNext()) {
        out.append(", ");
      }
    }
    out.append(close);
    budget.exit();
  }

  private static void dict(Budget budget, DictValue dict, StringBuilder out) {
    budget.enter();
    out.append('{');
    boolean first = true;
    for (DictValue.Item item : dict.items()) {
      if (!first) {
        out.append(", ");
      }
      first = false;
      write(budget, item.key(), out);
      out.append(": ");
      write(budget, item.value(), out);
    }
    out.append('}');
    budget.exit();
  }

  /** {@code repr} of a string. */
  static String quote(String s) {
    StringBuilder out = new StringBuilder(s.length() + 2);
    quote(s, out);
    return out.toString();
  }

  private static void quote(String s, StringBuilder out) {
    char quote = s.indexOf('\'') >= 0 && s.indexOf('"') < 0 ? '"' : '\'';
    out.append(quote);
    for (int i = 0; i < s.length(); ) {
      int c = s.codePointAt(i);
      i += Character.charCount(c);
      switch (c) {
        case '\n' -> out.append("\\n");
        case '\r' -> out.append("\\r");
        case '\t' -> out.append("\\t");
        case '\\' -> out.append("\\\\");
        default -> {
          if (c == quote) {
            out.append('\\').append(quote);
          } else if (Text.isPrintable(c)) {
            out.appendCodePoint(c);
          } else if (c < 0x100) {
            out.append("\\x%02x".formatted(c));
          } else if (c < 0x10000) {
            out.append("\\u%04x".formatted(c));
          } else {
            out.append("\\U%08x".formatted(c));
          }
        }
      }
    }
    out.append(quote);
  }

  /** {@code ascii(value)}: {@code repr} with everything beyond ASCII escaped. */
  static String ascii(Budget budget, Value value) {
    String repr = repr(budget, value);
    StringBuilder out = new StringBuilder(repr.length());
    repr.codePoints()
        .forEach(
            c -> {
              if (c < 128) {
                out.append((char) c);
              } else {
                out.append(
                    (c < 0x100 ? "\\x%02x" : c < 0x10000 ? "\\u%04x" : "\\U%08x").formatted(c));
              }
            });
    return out.toString();
  }
}
