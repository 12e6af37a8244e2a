package dev.baton.serving.discovery;

import java.nio.BufferUnderflowException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * The part of MessagePack (github.com/msgpack/msgpack, spec.md) that discovery needs: writes a map
 * of strings; reads any value within bounds.
 */
final class MessagePack {
  /** Largest message that is read, bytes. */
  static final int MAX_BYTES = 8 * 1024;

  private static final int MAX_DEPTH = 4;

  private MessagePack() {}

  /** A map of at most 15 entries whose strings have at most 65535 bytes each. */
  static byte[] encode(Map<String, String> map) {
    ByteBuffer out = ByteBuffer.allocate(MAX_BYTES);
    out.put((byte) (0x80 | map.size()));
    for (Map.Entry<String, String> entry : map.entrySet()) {
      string(out, entry.getKey());
      string(out, entry.getValue());
    }
    byte[] bytes = new byte[out.position()];
    out.flip().get(bytes);
    return bytes;
  }

  private static void string(ByteBuffer out, String text) {
    byte[] bytes = text.getBytes(StandardCharsets.UTF_8);
    if (bytes.length < 32) {
      out.put((byte) (0xa0 | bytes.length));
    } else if (bytes.length < 256) {
      out.put((byte) 0xd9).put((byte) bytes.length);
    } else {
      out.put((byte) 0xda).putShort((short) bytes.length);
    }
    out.put(bytes);
  }

  /**
   * Reads a map. Values are String (also for binary), Long, Double, Boolean, List, Map, or empty
   * {@link Optional} for nil and extensions.
   *
   * @throws IllegalArgumentException if the bytes are no map, are malformed, too many, or followed
   *     by others
   */
  static Map<String, Object> decodeMap(byte[] bytes) {
    if (bytes.length > MAX_BYTES) {
      throw new IllegalArgumentException("a message of " + bytes.length + " bytes");
    }
    ByteBuffer in = ByteBuffer.wrap(bytes);
    Object value;
    try {
      value = read(in, 0);
    } catch (BufferUnderflowException e) {
      throw new IllegalArgumentException("the message is cut short", e);
    }
    if (in.hasRemaining()) {
      throw new IllegalArgumentException(in.remaining() + " bytes too many");
    }
    if (!(value instanceof Map<?, ?> map)) {
      throw new IllegalArgumentException("the message is no map");
    }
    Map<String, Object> result = new LinkedHashMap<>();
    map.forEach((k, v) -> result.put(String.valueOf(k), v));
    return result;
  }

  private static Object read(ByteBuffer in, int depth) {
    if (depth > MAX_DEPTH) {
      throw new IllegalArgumentException("nested too deeply");
    }
    int tag = in.get() & 0xff;
    if (tag < 0x80) {
      return (long) tag;
    }
    if (tag >= 0xe0) {
      return (long) (byte) tag;
    }
    if (tag < 0x90) {
      return map(in, tag & 0xf, depth);
    }
    if (tag < 0xa0) {
      return list(in, tag & 0xf, depth);
    }
    if (tag < 0xc0) {
      return text(in, tag & 0x1f);
    }
    return switch (tag) {
      case 0xc0 -> Optional.empty();
      case 0xc2 -> false;
      case 0xc3 -> true;
      case 0xc4, 0xd9 -> text(in, in.get() & 0xff);
      case 0xc5, 0xda -> text(in, in.getShort() & 0xffff);
      case 0xc6, 0xdb -> text(in, in.getInt());
      case 0xca -> (double) in.getFloat();
      case 0xcb -> in.getDouble();
      case 0xcc -> (long) (in.get() & 0xff);
      case 0xcd -> (long) (in.getShort() & 0xffff);
      case 0xce -> in.getInt() & 0xffffffffL;
      case 0xcf, 0xd3 -> in.getLong();
      case 0xd0 -> (long) in.get();
      case 0xd1 -> (long) in.getShort();
      case 0xd2 -> (long) in.getInt();
      case 0xd4, 0xd5, 0xd6, 0xd7, 0xd8 -> extension(in, 1 << (tag - 0xd4));
      case 0xc7 -> extension(in, in.get() & 0xff);
      case 0xc8 -> extension(in, in.getShort() & 0xffff);
      case 0xc9 -> extension(in, in.getInt());
      case 0xdc -> list(in, in.getShort() & 0xffff, depth);
      case 0xdd -> list(in, in.getInt(), depth);
      case 0xde -> map(in, in.getShort() & 0xffff, depth);
      case 0xdf -> map(in, in.getInt(), depth);
      default -> throw new IllegalArgumentException("byte 0x" + Integer.toHexString(tag));
    };
  }

  private static Object extension(ByteBuffer in, int length) {
    in.get(); // its type
    bytes(in, length);
    return Optional.empty();
  }

  private static String text(ByteBuffer in, int length) {
    return new String(bytes(in, length), StandardCharsets.UTF_8);
  }

  private static byte[] bytes(ByteBuffer in, int length) {
    if (length < 0 || length > in.remaining()) {
      throw new BufferUnderflowException();
    }
    byte[] bytes = new byte[length];
    in.get(bytes);
    return bytes;
  }

  private static List<Object> list(ByteBuffer in, int size, int depth) {
    if (size < 0 || size > in.remaining()) {
      throw new BufferUnderflowException();
    }
    List<Object> list = new ArrayList<>(size);
    for (int i = 0; i < size; i++) {
      list.add(read(in, depth + 1));
    }
    return list;
  }

  private static Map<Object, Object> map(ByteBuffer in, int size, int depth) {
    if (size < 0 || size > in.remaining() / 2) {
      throw new BufferUnderflowException();
    }
    Map<Object, Object> map = new LinkedHashMap<>();
    for (int i = 0; i < size; i++) {
      Object key = read(in, depth + 1);
      map.put(key, read(in, depth + 1));
    }
    return map;
  }
}
