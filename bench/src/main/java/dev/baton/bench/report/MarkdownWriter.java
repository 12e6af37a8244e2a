package dev.baton.bench.report;

import java.util.List;

/** Blocks → Markdown. */
final class MarkdownWriter {
  private MarkdownWriter() {}

  static String write(List<Block> blocks) {
    StringBuilder out = new StringBuilder();
    for (Block block : blocks) {
      if (!out.isEmpty()) {
        out.append('\n');
      }
      switch (block) {
        case Block.Heading h -> out.append("#".repeat(h.level())).append(' ').append(h.text());
        case Block.Paragraph p -> out.append(p.text());
        case Block.Figure f ->
            out.append("![").append(f.alt()).append("](plots/").append(f.name()).append(".png)");
        case Block.Bullets b -> {
          items(out, b.items(), "");
          out.setLength(out.length() - 1);
        }
        case Block.Table t -> table(out, t);
      }
      out.append('\n');
    }
    return out.toString();
  }

  private static void items(StringBuilder out, List<Block.Item> items, String indent) {
    for (Block.Item item : items) {
      out.append(indent).append("- ").append(item.text()).append('\n');
      items(out, item.children(), indent + "  ");
    }
  }

  private static void table(StringBuilder out, Block.Table table) {
    row(out, table.header());
    out.append('|');
    table.header().forEach(cell -> out.append("-".repeat(Math.max(3, cell.length()))).append('|'));
    for (List<String> cells : table.rows()) {
      out.append('\n');
      row(out, cells);
      out.setLength(out.length() - 1);
    }
  }

  private static void row(StringBuilder out, List<String> cells) {
    out.append('|');
    cells.forEach(c -> out.append(' ').append(c.replace("|", "\\|")).append(" |"));
    out.append('\n');
  }
}
