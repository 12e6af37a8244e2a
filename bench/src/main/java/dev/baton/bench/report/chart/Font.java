package dev.baton.bench.report.chart;

import java.awt.geom.AffineTransform;
import java.awt.geom.GeneralPath;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.util.HashMap;
import java.util.Map;
import org.apache.fontbox.ttf.CmapLookup;
import org.apache.fontbox.ttf.TTFParser;
import org.apache.fontbox.ttf.TrueTypeFont;
import org.apache.pdfbox.io.RandomAccessReadBuffer;

/**
 * Glyph outlines and widths of the bundled DejaVu Sans. {@code java.awt.Font} is avoided on
 * purpose: it needs fontconfig and an installed font, which a server image often lacks.
 */
final class Font {
  /** The plain weight. */
  static final Font REGULAR = load("DejaVuSans.ttf");

  /** The bold weight. */
  static final Font BOLD = load("DejaVuSans-Bold.ttf");

  private final TrueTypeFont font;
  private final CmapLookup characters;
  private final double unitsPerEm;
  private final Map<Integer, GeneralPath> outlines = new HashMap<>();

  private Font(TrueTypeFont font) throws IOException {
    this.font = font;
    this.characters = font.getUnicodeCmapLookup();
    this.unitsPerEm = font.getUnitsPerEm();
  }

  private static Font load(String resource) {
    try (InputStream in = Font.class.getResourceAsStream(resource)) {
      if (in == null) {
        throw new IllegalStateException("the font " + resource + " is missing from this build");
      }
      return new Font(new TTFParser().parse(new RandomAccessReadBuffer(in.readAllBytes())));
    } catch (IOException e) {
      throw new UncheckedIOException("the bundled font " + resource + " cannot be read", e);
    }
  }

  static Font of(boolean bold) {
    return bold ? BOLD : REGULAR;
  }

  /** Width of the text at that size, in logical pixels. */
  double width(String text, double size) {
    double units = 0;
    for (int c : text.codePoints().toArray()) {
      units += advance(characters.getGlyphId(c));
    }
    return units * size / unitsPerEm;
  }

  /** The text's outline with its baseline's start at (0, 0), y downwards. */
  synchronized GeneralPath outline(String text, double size) {
    GeneralPath whole = new GeneralPath();
    double scale = size / unitsPerEm;
    double pen = 0;
    for (int c : text.codePoints().toArray()) {
      int glyph = characters.getGlyphId(c);
      AffineTransform place = new AffineTransform(scale, 0, 0, -scale, pen * scale, 0);
      whole.append(place.createTransformedShape(glyph(glyph)), false);
      pen += advance(glyph);
    }
    return whole;
  }

  private GeneralPath glyph(int id) {
    return outlines.computeIfAbsent(
        id,
        i -> {
          try {
            var glyph = font.getGlyph() == null ? null : font.getGlyph().getGlyph(i);
            return glyph == null ? new GeneralPath() : glyph.getPath();
          } catch (IOException e) {
            throw new UncheckedIOException("the bundled font has a damaged glyph " + i, e);
          }
        });
  }

  private double advance(int glyph) {
    try {
      return font.getAdvanceWidth(glyph);
    } catch (IOException e) {
      throw new UncheckedIOException("the bundled font has no widths", e);
    }
  }
}
