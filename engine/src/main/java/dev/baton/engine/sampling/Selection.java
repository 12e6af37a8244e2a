package dev.baton.engine.sampling;

import java.util.Arrays;

/**
 * Finds where to cut off the greatest values of an array without sorting it: quickselect, by number
 * for top-k and by mass for top-p. Keeps its work space.
 */
final class Selection {
  private float[] floats = {};
  private double[] doubles = {};
  private int above;
  private int tiesKept;

  /**
   * The k-th largest of the first {@code n} values; NaN counts as negative infinity. {@link #above}
   * then tells how many are greater.
   */
  float kthLargest(float[] values, int n, int k) {
    float cut = k <= 256 ? byHeap(values, n, k) : byPartition(values, n, k);
    int greater = 0;
    for (int i = 0; i < n; i++) {
      greater += values[i] > cut ? 1 : 0;
    }
    above = greater;
    return cut;
  }

  /** How many values are above the cut found last. */
  int above() {
    return above;
  }

  /** A heap of the k greatest so far, least on top: most values fail one comparison. */
  private float byHeap(float[] values, int n, int k) {
    float[] heap = room(k);
    Arrays.fill(heap, 0, k, Float.NEGATIVE_INFINITY);
    for (int i = 0; i < n; i++) {
      float value = values[i];
      if (value > heap[0]) {
        int at = 0;
        for (int child = 1; child < k; child = 2 * at + 1) {
          if (child + 1 < k && heap[child + 1] < heap[child]) {
            child++;
          }
          if (heap[child] >= value) {
            break;
          }
          heap[at] = heap[child];
          at = child;
        }
        heap[at] = value;
      }
    }
    return heap[0];
  }

  private float byPartition(float[] values, int n, int k) {
    float[] work = room(n);
    for (int i = 0; i < n; i++) {
      work[i] = Float.isNaN(values[i]) ? Float.NEGATIVE_INFINITY : values[i];
    }
    int low = 0;
    int high = n - 1;
    int wanted = k - 1;
    while (low < high) {
      float pivot = median(work[low], work[(low + high) >>> 1], work[high]);
      int i = low;
      int j = high;
      while (i <= j) {
        while (work[i] > pivot) {
          i++;
        }
        while (work[j] < pivot) {
          j--;
        }
        if (i <= j) {
          float swap = work[i];
          work[i++] = work[j];
          work[j--] = swap;
        }
      }
      if (wanted <= j) {
        high = j;
      } else if (wanted >= i) {
        low = i;
      } else {
        break;
      }
    }
    return work[wanted];
  }

  private static float median(float a, float b, float c) {
    return Math.max(Math.min(a, b), Math.min(Math.max(a, b), c));
  }

  private static double median(double a, double b, double c) {
    return Math.max(Math.min(a, b), Math.min(Math.max(a, b), c));
  }

  /**
   * The value of the last member of the smallest set of greatest values whose sum reaches {@code
   * mass}. {@link #tiesKept} then tells how many of the values equal to it are members.
   *
   * @param values not negative
   */
  double cutOfMass(double[] values, int n, double mass) {
    if (doubles.length < n) {
      doubles = new double[values.length];
    }
    double[] work = doubles;
    System.arraycopy(values, 0, work, 0, n);
    int low = 0;
    int high = n; // the cut is in work[low, high); all greater values are before, their sum taken
    double missing = mass;
    while (true) {
      double pivot = median(work[low], work[(low + high) >>> 1], work[high - 1]);
      // Three parts: greater, equal, less.
      int greater = low;
      int i = low;
      int less = high;
      double sum = 0;
      while (i < less) {
        double value = work[i];
        if (value > pivot) {
          sum += value;
          work[i++] = work[greater];
          work[greater++] = value;
        } else if (value < pivot) {
          work[i] = work[--less];
          work[less] = value;
        } else {
          i++;
        }
      }
      if (sum >= missing && greater > low) {
        high = greater;
        continue;
      }
      int equal = less - greater;
      double needed = Math.ceil((missing - sum) / pivot);
      if (needed <= equal || less == high) {
        // Rounding can leave the sum of all a hair below the mass: then all are members.
        tiesKept = (int) Math.max(1, Math.min(equal, needed));
        return pivot;
      }
      missing -= sum + equal * pivot;
      if (missing <= 0) {
        tiesKept = equal;
        return pivot;
      }
      low = less;
    }
  }

  /** How many values equal to the cut found last belong to the set. */
  int tiesKept() {
    return tiesKept;
  }

  private float[] room(int n) {
    if (floats.length < n) {
      floats = new float[n];
    }
    return floats;
  }
}
