package dev.baton.bench.report.chart;

import java.awt.BasicStroke;
import java.awt.Color;
import java.awt.Graphics2D;
import java.awt.RenderingHints;
import java.awt.Shape;
import java.awt.geom.AffineTransform;
import java.awt.geom.Path2D;
import java.awt.geom.Rectangle2D;
import java.awt.image.BufferedImage;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.List;
import javax.imageio.ImageIO;

/**
 * Writes a scene as PNG at twice its logical size. Only fills and strokes shapes, text included, so
 * it works headless and on a machine without any font.
 */
public final class PngWriter {
  /** Pixels per logical pixel. */
  public static final int SCALE = 2;

  private PngWriter() {}

  /** The PNG file's bytes; the same scene gives the same bytes. */
  public static byte[] write(Scene scene) {
    // Set before any AWT class is touched; a display is never needed here.
    if (System.getProperty("java.awt.headless") == null) {
      System.setProperty("java.awt.headless", "true");
    }
    ImageIO.setUseCache(false);
    BufferedImage image =
        new BufferedImage(
            scene.width() * SCALE, scene.height() * SCALE, BufferedImage.TYPE_INT_RGB);
    Graphics2D g = image.createGraphics();
    try {
      g.setRenderingHint(RenderingHints.KEY_ANTIALIASING, RenderingHints.VALUE_ANTIALIAS_ON);
      g.setRenderingHint(RenderingHints.KEY_STROKE_CONTROL, RenderingHints.VALUE_STROKE_PURE);
      g.setColor(Color.WHITE);
      g.fillRect(0, 0, image.getWidth(), image.getHeight());
      g.scale(SCALE, SCALE);
      for (Element element : scene.elements()) {
        draw(g, element);
      }
    } finally {
      g.dispose();
    }
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    try {
      ImageIO.write(image, "png", out);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    return out.toByteArray();
  }

  private static void draw(Graphics2D g, Element element) {
    switch (element) {
      case Element.Box b -> {
        g.setColor(new Color(b.fill()));
        g.fill(new Rectangle2D.Double(b.x(), b.y(), b.width(), b.height()));
      }
      case Element.Line l -> {
        g.setColor(new Color(l.colour()));
        g.setStroke(stroke(l));
        g.draw(path(l.points(), false));
      }
      case Element.Polygon p -> {
        Path2D shape = path(p.points(), true);
        g.setColor(new Color(p.fill()));
        g.fill(shape);
        g.setColor(Color.WHITE);
        g.setStroke(new BasicStroke(0.8f));
        g.draw(shape);
      }
      case Element.Label t -> {
        g.setColor(new Color(t.colour()));
        g.fill(text(t));
      }
    }
  }

  private static BasicStroke stroke(Element.Line line) {
    float width = (float) line.width();
    if (line.dash().isEmpty()) {
      return new BasicStroke(width, BasicStroke.CAP_BUTT, BasicStroke.JOIN_ROUND);
    }
    float[] dash = new float[line.dash().size()];
    for (int i = 0; i < dash.length; i++) {
      dash[i] = line.dash().get(i).floatValue();
    }
    return new BasicStroke(width, BasicStroke.CAP_BUTT, BasicStroke.JOIN_ROUND, 10f, dash, 0f);
  }

  private static Path2D path(List<Element.Point> points, boolean closed) {
    Path2D path = new Path2D.Double();
    for (int i = 0; i < points.size(); i++) {
      Element.Point p = points.get(i);
      if (i == 0) {
        path.moveTo(p.x(), p.y());
      } else {
        path.lineTo(p.x(), p.y());
      }
    }
    if (closed) {
      path.closePath();
    }
    return path;
  }

  private static Shape text(Element.Label label) {
    Font font = Font.of(label.bold());
    double width = font.width(label.text(), label.size());
    double shift =
        switch (label.anchor()) {
          case START -> 0;
          case MIDDLE -> -width / 2;
          case END -> -width;
        };
    AffineTransform place = AffineTransform.getTranslateInstance(label.x(), label.y());
    if (label.quarterTurn()) {
      place.rotate(-Math.PI / 2);
    }
    place.translate(shift, 0);
    return place.createTransformedShape(font.outline(label.text(), label.size()));
  }
}
