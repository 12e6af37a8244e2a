package dev.baton.bench.report;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/**
 * Blocks → one HTML file: plots inside, no network, no script. Two radio buttons switch the
 * language.
 */
final class HtmlWriter {
  private static final String STYLE =
      """
      body{font:15px/1.55 system-ui,"DejaVu Sans","Noto Sans CJK SC","Microsoft YaHei",sans-serif;
      color:#222;background:#fff;max-width:70rem;margin:0 auto;padding:1.2rem}
      h1{font-size:1.7rem}h2{margin-top:2.2rem;border-bottom:1px solid #ddd;padding-bottom:.2rem}
      h3{margin-top:1.6rem}table{border-collapse:collapse;margin:1rem 0;font-size:.92em}
      .wide{overflow-x:auto}th,td{border:1px solid #d5d5d5;padding:.28rem .6rem;text-align:right}
      th:first-child,td:first-child{text-align:left}th{background:#f4f4f4}
      tbody tr:nth-child(even){background:#fafafa}code{background:#f2f2f2;padding:0 .25em}
      figure{margin:1rem 0}figure svg{max-width:100%;height:auto;border:1px solid #eee}
      .pick{position:absolute;opacity:0}.tabs{text-align:right}
      .tabs label{cursor:pointer;padding:.2rem .8rem;border:1px solid #bbb;margin-left:-1px}
      main{display:none}
      #en:checked~main[lang=en],#zh:checked~main[lang=zh]{display:block}
      #en:checked~.tabs label[for=en],#zh:checked~.tabs label[for=zh]{background:#0072b2;color:#fff}
      #en:focus-visible~.tabs label[for=en],#zh:focus-visible~.tabs label[for=zh]{outline:2px solid}
      @media print{.tabs{display:none}}
      """;

  private HtmlWriter() {}

  /**
   * The file.
   *
   * @param texts the report in each language; the first is shown
   * @param figures SVG by name
   */
  static String write(Map<Language, List<Block>> texts, Map<String, String> figures) {
    StringBuilder out = new StringBuilder();
    String first = texts.keySet().iterator().next().code();
    out.append("<!DOCTYPE html>\n<html lang=\"").append(first).append("\">\n<head>\n");
    out.append("<meta charset=\"utf-8\">\n");
    out.append("<meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">\n<title>");
    out.append(title(texts.values().iterator().next())).append("</title>\n<style>\n");
    out.append(STYLE).append("</style>\n</head>\n<body>\n");
    for (Language language : texts.keySet()) {
      out.append("<input class=\"pick\" type=\"radio\" name=\"lang\" id=\"")
          .append(language.code())
          .append(language.code().equals(first) ? "\" checked>\n" : "\">\n");
    }
    out.append("<div class=\"tabs\">");
    for (Language language : texts.keySet()) {
      out.append("<label for=\"")
          .append(language.code())
          .append("\">")
          .append(language.label())
          .append("</label>");
    }
    out.append("</div>\n");
    texts.forEach(
        (language, blocks) -> {
          out.append("<main lang=\"").append(language.code()).append("\">\n");
          blocks.forEach(block -> block(out, block, figures));
          out.append("</main>\n");
        });
    return out.append("</body>\n</html>\n").toString();
  }

  private static String title(List<Block> blocks) {
    return blocks.stream()
        .filter(b -> b instanceof Block.Heading)
        .map(b -> inline(((Block.Heading) b).text()))
        .findFirst()
        .orElse("Baton");
  }

  private static void block(StringBuilder out, Block block, Map<String, String> figures) {
    switch (block) {
      case Block.Heading h ->
          out.append("<h")
              .append(h.level())
              .append('>')
              .append(inline(h.text()))
              .append("</h")
              .append(h.level())
              .append(">\n");
      case Block.Paragraph p -> out.append("<p>").append(inline(p.text())).append("</p>\n");
      case Block.Figure f ->
          out.append("<figure>").append(figures.getOrDefault(f.name(), "")).append("</figure>\n");
      case Block.Bullets b -> items(out, b.items());
      case Block.Table t -> table(out, t);
    }
  }

  private static void items(StringBuilder out, List<Block.Item> items) {
    out.append("<ul>\n");
    for (Block.Item item : items) {
      out.append("<li>").append(inline(item.text()));
      if (!item.children().isEmpty()) {
        items(out, item.children());
      }
      out.append("</li>\n");
    }
    out.append("</ul>\n");
  }

  private static void table(StringBuilder out, Block.Table table) {
    out.append("<div class=\"wide\"><table>\n<thead><tr>");
    table.header().forEach(c -> out.append("<th>").append(inline(c)).append("</th>"));
    out.append("</tr></thead>\n<tbody>\n");
    for (List<String> row : table.rows()) {
      out.append("<tr>");
      row.forEach(c -> out.append("<td>").append(inline(c)).append("</td>"));
      out.append("</tr>\n");
    }
    out.append("</tbody></table></div>\n");
  }

  /** Escapes, then turns {@code **bold**} and {@code `code`} into tags. */
  private static String inline(String text) {
    String safe =
        text.replace("&", "&amp;")
            .replace("<", "&lt;")
            .replace(">", "&gt;")
            .replace("\"", "&quot;");
    return mark(mark(safe, "**", "strong"), "`", "code");
  }

  private static String mark(String text, String sign, String tag) {
    List<String> pieces = new ArrayList<>();
    int at = 0;
    for (int next = text.indexOf(sign); next >= 0; next = text.indexOf(sign, at)) {
      pieces.add(text.substring(at, next));
      at = next + sign.length();
    }
    pieces.add(text.substring(at));
    if (pieces.size() % 2 == 0) {
      return text; // an opening sign without a closing one is just text
    }
    StringBuilder out = new StringBuilder();
    for (int i = 0; i < pieces.size(); i++) {
      out.append(pieces.get(i));
      if (i + 1 < pieces.size()) {
        out.append(i % 2 == 0 ? "<" + tag + ">" : "</" + tag + ">");
      }
    }
    return out.toString();
  }
}
