package dev.baton.bench.report;

import java.util.List;

/** A piece of the report; text may hold {@code **bold**} and {@code `code`}. */
sealed interface Block {

  /** A heading; level 1 is the title. */
  record Heading(int level, String text) implements Block {}

  /** A paragraph. */
  record Paragraph(String text) implements Block {}

  /** A list. */
  record Bullets(List<Item> items) implements Block {
    public Bullets {
      items = List.copyOf(items);
    }

    static Bullets of(List<String> lines) {
      return new Bullets(lines.stream().map(l -> new Item(l, List.of())).toList());
    }
  }

  /** A line of a list with the lines below it. */
  record Item(String text, List<Item> children) {
    public Item {
      children = List.copyOf(children);
    }
  }

  /** A table; every row has as many cells as the header. */
  record Table(List<String> header, List<List<String>> rows) implements Block {
    public Table {
      header = List.copyOf(header);
      rows = rows.stream().map(List::copyOf).toList();
      for (List<String> row : rows) {
        if (row.size() != header.size()) {
          throw new IllegalArgumentException("a row of " + row.size() + " cells: " + row);
        }
      }
    }
  }

  /**
   * A plot.
   *
   * @param alt what it shows
   * @param name of its files, without ending
   */
  record Figure(String alt, String name) implements Block {}
}
