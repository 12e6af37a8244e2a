package dev.baton.engine.blocks;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import org.junit.jupiter.api.Test;

final class BlockPoolTests {

  @Test
  void randomUseAgreesWithAPlainModel() {
    long seed = new Random().nextLong();
    System.out.println("BlockPoolTests seed " + seed);
    Random random = new Random(seed);
    for (int round = 0; round < 30; round++) {
      int blocks = 1 + random.nextInt(40);
      BlockPool pool = new BlockPool(blocks);
      List<Integer> held = new ArrayList<>();
      Map<Long, Integer> content = new HashMap<>(); // hash -> block
      for (int i = 0; i < 4000; i++) {
        switch (random.nextInt(4)) {
          case 0 -> {
            if (pool.free() > 0) {
              int block = pool.allocate();
              assertThat(held).doesNotContain(block);
              content.values().remove(block);
              held.add(block);
            }
          }
          case 1 -> {
            if (!held.isEmpty()) {
              pool.release(held.remove(/* index */ random.nextInt(held.size())));
            }
          }
          case 2 -> {
            if (!held.isEmpty()) {
              int block = held.get(random.nextInt(held.size()));
              // Few low bits, so that probe chains collide.
              long hash = (long) random.nextInt(60) << 33 | random.nextInt(3);
              boolean known = content.containsValue(block) || content.containsKey(hash);
              pool.index(block, hash, ~hash);
              if (!known) {
                content.put(hash, block);
              }
            }
          }
          default -> {
            for (Map.Entry<Long, Integer> entry : content.entrySet()) {
              assertThat(pool.find(entry.getKey(), ~entry.getKey())).isEqualTo(entry.getValue());
            }
            if (!content.isEmpty()) {
              int block = content.values().iterator().next();
              pool.retain(block);
              held.add(block);
            }
          }
        }
        Set<Integer> distinct = new HashSet<>(held);
        assertThat(pool.free()).isEqualTo(blocks - distinct.size());
      }
      while (!held.isEmpty()) {
        pool.release(held.removeLast());
      }
      assertThat(pool.whole()).isTrue();
    }
  }

  @Test
  void freedContentIsForgottenLastAndInOrderOfFreeing() {
    BlockPool pool = new BlockPool(4);
    int[] table = {pool.allocate(), pool.allocate(), pool.allocate()};
    for (int i = 0; i < 2; i++) {
      pool.index(table[i], i, i);
    }
    pool.release(table, 3);
    // The block never used, and the one without known content, go first.
    pool.allocate();
    pool.allocate();
    assertThat(pool.find(0, 0)).isEqualTo(table[0]);
    assertThat(pool.find(1, 1)).isEqualTo(table[1]);
    // Of a sequence's blocks the last was freed first.
    assertThat(pool.allocate()).isEqualTo(table[1]);
    assertThat(pool.find(1, 1)).isEqualTo(-1);
    assertThat(pool.find(0, 0)).isEqualTo(table[0]);
  }

  @Test
  void misuseIsNoticed() {
    BlockPool pool = new BlockPool(1);
    int block = pool.allocate();
    assertThatThrownBy(pool::allocate).isInstanceOf(IllegalStateException.class);
    pool.release(block);
    assertThatThrownBy(() -> pool.release(block))
        .isInstanceOf(IllegalStateException.class)
        .hasMessageContaining("freed twice");
    assertThatThrownBy(() -> new BlockPool(0)).isInstanceOf(IllegalArgumentException.class);
  }

  @Test
  void namesDependOnEveryTokenBefore() {
    BlockHasher hasher = new BlockHasher(4);
    Random random = new Random(5);
    int[] tokens = random.ints(40, 0, 128_000).toArray();
    long[] names = names(hasher, tokens);
    assertThat(names(hasher, tokens.clone())).isEqualTo(names);
    for (int i = 0; i < tokens.length; i++) {
      int[] other = tokens.clone();
      other[i]++;
      long[] otherNames = names(hasher, other);
      for (int block = 0; block < 10; block++) {
        boolean same =
            names[2 * block] == otherNames[2 * block]
                && names[2 * block + 1] == otherNames[2 * block + 1];
        assertThat(same).isEqualTo(block < i / 4);
      }
    }
    assertThat(names(new BlockHasher(4), tokens)).as("keyed").isNotEqualTo(names);
  }

  @Test
  void namesOfManyPrefixesAreDistinct() {
    BlockHasher hasher = new BlockHasher(2);
    Set<Long> first = new HashSet<>();
    Set<Long> second = new HashSet<>();
    for (int a = 0; a < 300; a++) {
      for (int b = 0; b < 300; b++) {
        long[] name = new long[2];
        hasher.hash(new int[] {a, b}, 0, name);
        first.add(name[0]);
        second.add(name[1]);
      }
    }
    assertThat(first).hasSize(90_000);
    assertThat(second).hasSize(90_000);
  }

  private static long[] names(BlockHasher hasher, int[] tokens) {
    long[] names = new long[20];
    for (int block = 0; block < 10; block++) {
      hasher.hash(tokens, block, names);
    }
    return names;
  }
}
