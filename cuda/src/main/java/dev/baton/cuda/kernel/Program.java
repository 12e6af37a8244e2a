package dev.baton.cuda.kernel;

import dev.baton.engine.backend.BackendException;
import dev.baton.model.config.ElementType;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;

/**
 * One source file with what it is compiled for.
 *
 * @param file name of the source among the resources
 * @param type element type, where the source knows one
 * @param headSize elements of a head, where the source is made for one; else 0
 */
public record Program(String file, ElementType type, int headSize) {
  /** Sizes of a head that there is code for. */
  public static final List<Integer> HEAD_SIZES = List.of(32, 64, 128);

  /** Types that there is code for. */
  public static final List<ElementType> TYPES = List.of(ElementType.F16, ElementType.BF16);

  private static final List<String> HEADERS =
      List.of("common.cuh", "barriers.cuh", "products.cuh", "hopper.cuh");

  /** The first compute capability with the copy engine. */
  private static final int COPY_ENGINE = 90;

  /** Kernels between the products. */
  public static Program operations(ElementType type) {
    return new Program("ops.cu", type, 0);
  }

  /** Products with few rows. */
  public static Program gemv(ElementType type) {
    return new Program("gemv.cu", type, 0);
  }

  /** Products with few rows, for compute capability 9.0; elsewhere it has no code. */
  public static Program bulkGemv(ElementType type) {
    return new Program("gemv_bulk.cu", type, 0);
  }

  public static Program prefillAttention(ElementType type, int headSize) {
    return new Program("attention_prefill.cu", type, headSize);
  }

  /** Prefill attention of compute capability 9.0; see {@link #hasHopperPrefill}. */
  public static Program hopperPrefillAttention(ElementType type, int headSize) {
    return new Program("attention_prefill_hopper.cu", type, headSize);
  }

  /** Whether {@link #hopperPrefillAttention} is for that device and model. */
  public static boolean hasHopperPrefill(int architecture, int headSize) {
    return architecture == 90 && (headSize == 64 || headSize == 128);
  }

  public static Program decodeAttention(ElementType type, int headSize) {
    return new Program("attention_decode.cu", type, headSize);
  }

  /** Works on float logits, whatever the model's type. */
  public static Program sampling() {
    return new Program("sampling.cu", ElementType.F16, 0);
  }

  /** Copies of KV for the hand-off; bytes, whatever the type. */
  public static Program kvCopy() {
    return new Program("kv_copy.cu", ElementType.F16, 0);
  }

  /** Every program for a compute capability, in every variant. */
  public static List<Program> all(int architecture) {
    List<Program> programs = new ArrayList<>();
    programs.add(sampling());
    programs.add(kvCopy());
    for (ElementType type : TYPES) {
      programs.add(operations(type));
      programs.add(gemv(type));
      programs.add(bulkGemv(type));
      for (int headSize : HEAD_SIZES) {
        programs.add(prefillAttention(type, headSize));
        programs.add(decodeAttention(type, headSize));
        if (hasHopperPrefill(architecture, headSize)) {
          programs.add(hopperPrefillAttention(type, headSize));
        }
      }
    }
    return programs;
  }

  /** The programs that one model needs on a device of that compute capability, 90 for 9.0. */
  public static List<Program> of(ElementType type, int headSize, int architecture) {
    List<Program> programs =
        new ArrayList<>(
            List.of(
                operations(type),
                gemv(type),
                prefillAttention(type, headSize),
                decodeAttention(type, headSize),
                sampling()));
    if (architecture >= COPY_ENGINE) {
      programs.add(bulkGemv(type));
    }
    return programs;
  }

  /** The source text. */
  String source() {
    return resource(file);
  }

  /** What the source includes, by name. */
  static Map<String, String> headers() {
    return HEADERS.stream().collect(Collectors.toMap(h -> h, Program::resource));
  }

  /** Options of the compiler. {@code architecture} is a compute capability: 90 for 9.0. */
  List<String> options(int architecture) {
    return List.of(
        "-arch=" + architectureName(architecture),
        "--std=c++17",
        "-DBATON_BF16=" + (type == ElementType.BF16 ? 1 : 0),
        "-DHEAD_SIZE=" + headSize);
  }

  /** With what 9.0 alone has: products of whole warp groups, registers that move between them. */
  private static String architectureName(int architecture) {
    return "sm_" + architecture + (architecture == 90 ? "a" : "");
  }

  private static String resource(String name) {
    String path = "/dev/baton/cuda/kernels/" + name;
    try (InputStream in = Program.class.getResourceAsStream(path)) {
      if (in == null) {
        throw new BackendException(
            "The kernel source " + path + " is missing in this installation.");
      }
      return new String(in.readAllBytes(), StandardCharsets.UTF_8);
    } catch (IOException e) {
      throw new BackendException("The kernel source " + path + " cannot be read.", e);
    }
  }
}
