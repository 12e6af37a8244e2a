package dev.baton.bench.report.chart;

import java.util.List;
import java.util.Locale;

/**
 * Writes a scene as SVG. Text stays text (to be searched, copied and read aloud) and names fonts
 * that are no wider than the DejaVu Sans that the layout was measured with.
 */
public final class SvgWriter {
  private SvgWriter() {}

  /**
   * The scene as one {@code <svg>} element, without an XML declaration, so that HTML can hold it.
   */
  public static String write(Scene scene) {
    StringBuilder out = new StringBuilder();
    out.append("<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 ")
        .append(scene.width())
        .append(' ')
        .append(scene.height())
        .append("\" width=\"")
        .append(scene.width())
        .append("\" height=\"")
        .append(scene.height())
        .append("\" role=\"img\" font-family=\"'DejaVu Sans',Verdana,Arial,sans-serif\">\n<title>")
        .append(escape(scene.title()))
        .append("</title>\n<rect width=\"100%\" height=\"100%\" fill=\"#ffffff\"/>\n");
    for (Element element : scene.elements()) {
      write(out, element);
    }
    return out.append("</svg>\n").toString();
  }

  private static void write(StringBuilder out, Element element) {
    switch (element) {
      case Element.Box b ->
          out.append("<rect x=\"")
              .append(number(b.x()))
              .append("\" y=\"")
              .append(number(b.y()))
              .append("\" width=\"")
              .append(number(b.width()))
              .append("\" height=\"")
              .append(number(b.height()))
              .append("\" fill=\"")
              .append(colour(b.fill()))
              .append("\"/>\n");
      case Element.Line l -> {
        out.append("<polyline fill=\"none\" stroke=\"")
            .append(colour(l.colour()))
            .append("\" stroke-width=\"")
            .append(number(l.width()))
            .append("\" stroke-linejoin=\"round\"");
        if (!l.dash().isEmpty()) {
          out.append(" stroke-dasharray=\"");
          for (double d : l.dash()) {
            out.append(number(d)).append(' ');
          }
          out.setCharAt(out.length() - 1, '"');
        }
        points(out, l.points());
      }
      case Element.Polygon p -> {
        out.append("<polygon stroke=\"#ffffff\" stroke-width=\"0.8\" fill=\"")
            .append(colour(p.fill()))
            .append('"');
        points(out, p.points());
      }
      case Element.Label t -> label(out, t);
    }
  }

  private static void points(StringBuilder out, List<Element.Point> points) {
    out.append(" points=\"");
    for (Element.Point p : points) {
      out.append(number(p.x())).append(',').append(number(p.y())).append(' ');
    }
    out.setCharAt(out.length() - 1, '"');
    out.append("/>\n");
  }

  private static void label(StringBuilder out, Element.Label t) {
    String x = number(t.x());
    String y = number(t.y());
    out.append("<text x=\"").append(x).append("\" y=\"").append(y);
    out.append("\" font-size=\"").append(number(t.size()));
    out.append("\" fill=\"").append(colour(t.colour())).append('"');
    switch (t.anchor()) {
      case START -> {}
      case MIDDLE -> out.append(" text-anchor=\"middle\"");
      case END -> out.append(" text-anchor=\"end\"");
    }
    if (t.bold()) {
      out.append(" font-weight=\"bold\"");
    }
    if (t.quarterTurn()) {
      out.append(" transform=\"rotate(-90 ").append(x).append(' ').append(y).append(")\"");
    }
    out.append('>').append(escape(t.text())).append("</text>\n");
  }

  private static String colour(int rgb) {
    return String.format(Locale.ROOT, "#%06x", rgb);
  }

  private static String number(double value) {
    String text = String.format(Locale.ROOT, "%.2f", value);
    return text.endsWith(".00") ? text.substring(0, text.length() - 3) : text;
  }

  private static String escape(String text) {
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;");
  }
}
