package dev.baton.model.weights;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;

/** Writes safetensors files, right and wrong ones. */
final class SafetensorsFile {
  private SafetensorsFile() {}

  /** A file of that header and so many bytes of data, which count up from 0. */
  static Path write(Path file, String header, int dataBytes) throws IOException {
    byte[] json = header.getBytes(StandardCharsets.UTF_8);
    return write(file, json.length, json, dataBytes);
  }

  static Path write(Path file, long claimedLength, byte[] header, int dataBytes)
      throws IOException {
    ByteBuffer out =
        ByteBuffer.allocate(8 + header.length + dataBytes).order(ByteOrder.LITTLE_ENDIAN);
    out.putLong(claimedLength).put(header);
    for (int i = 0; i < dataBytes; i++) {
      out.put((byte) i);
    }
    return Files.write(file, out.array());
  }

  /** A right file with these F32 tensors. */
  static Path write(Path file, Map<String, List<Long>> shapes) throws IOException {
    StringBuilder header = new StringBuilder("{\"__metadata__\":{\"format\":\"pt\"}");
    int at = 0;
    for (Map.Entry<String, List<Long>> e : shapes.entrySet()) {
      int bytes = 4 * e.getValue().stream().mapToInt(Long::intValue).reduce(1, Math::multiplyExact);
      header.append(
          ",\"%s\":{\"dtype\":\"F32\",\"shape\":%s,\"data_offsets\":[%d,%d]}"
              .formatted(e.getKey(), e.getValue(), at, at + bytes));
      at += bytes;
    }
    return write(file, header.append('}').toString(), at);
  }
}
