package dev.baton.model.config;

/**
 * Rotary position embedding, "rotate half" form: element i of a head is paired with element i +
 * headSize/2.
 *
 * @param theta base of the wavelengths (config key rope_theta)
 * @param scaling how the frequencies are changed for long contexts
 */
public record RopeConfig(double theta, Scaling scaling) {

  /** How the inverse frequencies are changed. */
  public sealed interface Scaling {}

  /** Frequencies as they are. */
  public record Unscaled() implements Scaling {}

  /** Every inverse frequency divided by {@code factor}. */
  public record Linear(double factor) implements Scaling {}

  /** Llama 3.1's piecewise scaling: low frequencies divided by factor, high ones kept. */
  public record Llama3(
      double factor, double lowFreqFactor, double highFreqFactor, int originalMaxPositions)
      implements Scaling {}

  /**
   * Inverse frequencies after scaling, length headSize/2: the angle of pair i at position p is p *
   * inverseFrequencies[i].
   *
   * @param headSize elements of a head, even
   */
  public double[] inverseFrequencies(int headSize) {
    double[] inverse = new double[headSize / 2];
    for (int i = 0; i < inverse.length; i++) {
      double plain = Math.pow(theta, -2.0 * i / headSize);
      inverse[i] =
          switch (scaling) {
            case Unscaled() -> plain;
            case Linear(double factor) -> plain / factor;
            case Llama3 llama3 -> scaled(plain, llama3);
          };
    }
    return inverse;
  }

  private static double scaled(double inverse, Llama3 s) {
    double wavelength = 2 * Math.PI / inverse;
    double longest = s.originalMaxPositions() / s.lowFreqFactor();
    double shortest = s.originalMaxPositions() / s.highFreqFactor();
    if (wavelength < shortest) {
      return inverse;
    }
    if (wavelength > longest) {
      return inverse / s.factor();
    }
    double smooth =
        (s.originalMaxPositions() / wavelength - s.lowFreqFactor())
            / (s.highFreqFactor() - s.lowFreqFactor());
    return (1 - smooth) * inverse / s.factor() + smooth * inverse;
  }
}
