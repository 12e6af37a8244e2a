package dev.baton.model.template;

import java.util.Collection;

/** What {@code dict.keys()}, {@code dict.values()} and {@code dict.items()} give. */
record DictView(DictValue dict, Kind kind) implements Value {
  enum Kind {
    KEYS("dict_keys"),
    VALUES("dict_values"),
    ITEMS("dict_items");

    private final String typeName;

    Kind(String typeName) {
      this.typeName = typeName;
    }
  }

  Collection<DictValue.Item> source() {
    return dict.items();
  }

  Value element(DictValue.Item item) {
    return switch (kind) {
      case KEYS -> item.key();
      case VALUES -> item.value();
      case ITEMS -> TupleValue.of(item.key(), item.value());
    };
  }

  @Override
  public String typeName() {
    return kind.typeName;
  }

  @Override
  public boolean truth() {
    return dict.truth();
  }
}
