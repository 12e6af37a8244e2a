package dev.baton.model.tokenizer;

import dev.baton.model.Checkout;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.StreamSupport;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** A recorded case of goldens/tiny-tokenizer.json. */
record Golden(String text, int[] ids, String decoded) {

  static List<Golden> read() {
    JsonNode all =
        JsonMapper.shared().readTree(Checkout.GOLDENS.resolve("tiny-tokenizer.json").toFile());
    List<Golden> out = new ArrayList<>();
    for (JsonNode g : all) {
      int[] ids =
          StreamSupport.stream(g.get("ids").spliterator(), false)
              .mapToInt(JsonNode::intValue)
              .toArray();
      out.add(new Golden(g.get("text").stringValue(), ids, g.get("decoded").stringValue()));
    }
    return out;
  }
}
