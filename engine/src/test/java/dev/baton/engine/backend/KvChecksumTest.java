package dev.baton.engine.backend;

import static org.assertj.core.api.Assertions.assertThat;

import java.lang.foreign.MemorySegment;
import java.math.BigInteger;
import java.util.Random;
import org.junit.jupiter.api.Test;

class KvChecksumTest {
  private static final int ROWS = 9;

  /** The definition, word by word, in arithmetic that does not overflow. */
  private static long twin(byte[] data, int layer, int half, int token, int rows, int rowBytes) {
    BigInteger modulus = BigInteger.ONE.shiftLeft(64);
    BigInteger sum = BigInteger.ZERO;
    int words = (rowBytes + 7) / 8;
    for (int row = 0; row < rows; row++) {
      for (int i = 0; i < words; i++) {
        BigInteger word = BigInteger.ZERO;
        for (int b = 0; b < 8 && 8 * i + b < rowBytes; b++) {
          long octet = data[row * rowBytes + 8 * i + b] & 0xff;
          word = word.or(BigInteger.valueOf(octet).shiftLeft(8 * b));
        }
        BigInteger salt =
            unsigned(0xC2B2AE3D27D4EB4FL)
                .multiply(BigInteger.valueOf(layer))
                .add(unsigned(0x165667B19E3779F9L).multiply(BigInteger.valueOf(half)))
                .add(
                    unsigned(0x9E3779B97F4A7C15L)
                        .multiply(BigInteger.valueOf((long) (token + row) * words + i)))
                .mod(modulus);
        BigInteger x = word.xor(salt).multiply(unsigned(0xBF58476D1CE4E5B9L)).mod(modulus);
        x = x.xor(x.shiftRight(32)).multiply(unsigned(0x94D049BB133111EBL)).mod(modulus);
        sum = sum.add(x.xor(x.shiftRight(29)));
      }
    }
    return sum.longValue();
  }

  private static BigInteger unsigned(long value) {
    return new BigInteger(Long.toUnsignedString(value));
  }

  private static long sum(byte[] data, int layer, int half, int token, int rows, int rowBytes) {
    return KvChecksum.of(MemorySegment.ofArray(data), 0, layer, half, token, rows, rowBytes);
  }

  @Test
  void itIsWhatItsDefinitionSaysForRowsOfAnyLength() {
    Random random = new Random(3);
    for (int rowBytes : new int[] {2, 4, 8, 12, 16, 24, 30, 256, 258}) {
      byte[] data = new byte[ROWS * rowBytes];
      random.nextBytes(data);
      assertThat(sum(data, 5, 1, 77, ROWS, rowBytes))
          .as("%d bytes", rowBytes)
          .isEqualTo(twin(data, 5, 1, 77, ROWS, rowBytes));
    }
  }

  @Test
  void partsAddUpToTheWhole() {
    byte[] data = new byte[ROWS * 48];
    new Random(4).nextBytes(data);
    long parts = 0;
    for (int row = 0; row < ROWS; row++) {
      parts += KvChecksum.of(MemorySegment.ofArray(data), 48L * row, 2, 0, 10 + row, 1, 48);
    }
    assertThat(parts).isEqualTo(sum(data, 2, 0, 10, ROWS, 48));
  }

  @Test
  void everyBitAndEveryPlaceCount() {
    byte[] data = new byte[ROWS * 32];
    new Random(5).nextBytes(data);
    long right = sum(data, 1, 0, 0, ROWS, 32);
    for (int bit = 0; bit < 8 * data.length; bit++) {
      data[bit / 8] ^= (byte) (1 << bit % 8);
      assertThat(sum(data, 1, 0, 0, ROWS, 32)).as("bit %d", bit).isNotEqualTo(right);
      data[bit / 8] ^= (byte) (1 << bit % 8);
    }
    assertThat(sum(data, 2, 0, 0, ROWS, 32)).as("another layer").isNotEqualTo(right);
    assertThat(sum(data, 1, 1, 0, ROWS, 32)).as("V for K").isNotEqualTo(right);
    assertThat(sum(data, 1, 0, 16, ROWS, 32)).as("another block").isNotEqualTo(right);
  }
}
