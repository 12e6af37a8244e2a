package dev.baton.serving.discovery;

import dev.baton.serving.handoff.HostPort;
import java.util.LinkedHashMap;
import java.util.Map;

/**
 * What a worker says of itself every 3 s: a MessagePack map with {@code type} "P" or "D", {@code
 * http_address} and {@code zmq_address}, both "host:port".
 *
 * @param type prefill or decode
 * @param http where it serves requests
 * @param control its hand-off address
 */
public record Announcement(Announcer.Type type, HostPort http, HostPort control) {

  byte[] toBytes() {
    Map<String, String> map = new LinkedHashMap<>();
    map.put("type", type.name());
    map.put("http_address", http.toString());
    map.put("zmq_address", control.toString());
    return MessagePack.encode(map);
  }

  /**
   * Reads a message.
   *
   * @throws IllegalArgumentException if it is none
   */
  static Announcement parse(byte[] bytes) {
    Map<String, Object> map = MessagePack.decodeMap(bytes);
    String type = text(map, "type");
    if (!type.equals("P") && !type.equals("D")) {
      throw new IllegalArgumentException("type is neither P nor D");
    }
    return new Announcement(
        Announcer.Type.valueOf(type),
        address(text(map, "http_address")),
        address(text(map, "zmq_address")));
  }

  private static HostPort address(String text) {
    HostPort address = HostPort.parse(text);
    if (address.port() == 0) {
      throw new IllegalArgumentException("port 0");
    }
    return address;
  }

  private static String text(Map<String, Object> map, String name) {
    if (map.get(name) instanceof String text) {
      return text;
    }
    throw new IllegalArgumentException(name + " is missing");
  }
}
