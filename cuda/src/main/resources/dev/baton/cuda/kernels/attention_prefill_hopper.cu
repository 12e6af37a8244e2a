// Attention for sequences with several new tokens, over their block tables, on compute capability 9.0 (the scheme of
// FlashAttention-3, Shah et al. 2024). A block walks over pieces of work of 128 rows: the query heads of one KV head times
// consecutive tokens, so that keys and values are fetched once for all of them. One warp fetches tiles of 128 keys and values
// with tensor copies; two warp groups of 64 rows each multiply. A warp group computes the weights of one tile while the
// products of the other warp group, and its own of the tile before, are under way. HEAD_SIZE (64 or 128) is fixed when
// compiled.
#include "hopper.cuh"

#define D HEAD_SIZE
#define ROWS 128
#define KEYS 128
#define HALVES (D / 64)  // a row in shared memory has 64 elements
#define STAGES 2
#define HALF_BYTES (128 * 128)
#define TILE_BYTES (HALVES * HALF_BYTES)
#define GROUP 128  // threads of a warp group

// Shared memory, bytes from its first multiple of 1024; Kernels knows the sum.
#define AT_K TILE_BYTES
#define AT_V (AT_K + STAGES * TILE_BYTES)
#define AT_BARRIERS (AT_V + STAGES * TILE_BYTES)
#define Q_FULL AT_BARRIERS
#define Q_EMPTY (Q_FULL + 8)
#define K_FULL (Q_EMPTY + 8)
#define K_EMPTY (K_FULL + 8 * STAGES)
#define V_FULL (K_EMPTY + 8 * STAGES)
#define V_EMPTY (V_FULL + 8 * STAGES)
#define AT_ANCHOR ((V_EMPTY + 8 * STAGES + 15) / 16 * 16)  // a word for each thread

// Numbers of bar.sync.
#define TURN 1    // and 2: which warp group's products come next
#define CLEARED 3  // and 4: the warp group has cleared values

// A piece of work.
struct Piece {
  int seq;
  int length;    // keys of the sequence
  int position;  // of its first token
  int tokens;    // from there to the end of the chunk
  int key0;      // first key of the first tile
  int tiles;
  int token;     // of the step
  int kv_head;
};

struct Arguments {
  elem* out;
  const int *pieces, *q_start, *q_len, *seq_len, *tables, *table_stride;
  int count, heads, kv_heads, first_block, block_shift;
  float scale;
  int window;
};

// Pieces are dealt out forth and back: they come longest first, so every block gets about the same amount.
__device__ __forceinline__ int piece_of_round(int round) {
  int turn = round & 1 ? gridDim.x - 1 - blockIdx.x : blockIdx.x;
  return round * gridDim.x + turn;
}

// Every thread finds this out for itself: words in shared memory would have to be handed over and back.
__device__ __forceinline__ Piece piece_of_work(const Arguments& args, int at) {
  int piece_tokens = ROWS / (args.heads / args.kv_heads);
  int shift = min(args.block_shift, 7);  // a box has at most 128 keys
  Piece p;
  p.kv_head = at % args.kv_heads;
  p.seq = args.pieces[at / args.kv_heads * 2];
  int first = args.pieces[at / args.kv_heads * 2 + 1];
  p.length = args.seq_len[p.seq];
  int new_tokens = args.q_len[p.seq];
  p.token = args.q_start[p.seq] + first;
  p.position = p.length - new_tokens + first;
  p.tokens = new_tokens - first;
  p.key0 = args.window < 0 ? 0 : max(0, p.position - args.window + 1) >> shift << shift;
  p.tiles = (p.position + min(piece_tokens, p.tokens) - 1 - p.key0) / KEYS + 1;
  return p;
}

__device__ __forceinline__ void fetch(const TensorMap& queries, const TensorMap& pool, const Arguments& args, u32 memory) {
  int lane = threadIdx.x & 31;
  int group = args.heads / args.kv_heads, piece_tokens = ROWS / group;
  int stride = *args.table_stride;
  int shift = min(args.block_shift, 7);  // a box has at most 128 keys
  int box = lane / HALVES, half = lane % HALVES;
  bool has_box = lane < (KEYS >> shift) * HALVES;
  u32 to = half * HALF_BYTES + (box << shift) * 128;
  int keys = 0, values = 0, count = 0;  // tiles and pieces fetched
  for (int round = 0; round * gridDim.x < args.count; round++) {
    int at = piece_of_round(round);
    if (at >= args.count) continue;
    const Piece piece = piece_of_work(args, at);
    const int* table = args.tables + (size_t)piece.seq * stride;

    auto block_of = [&](int tile) {
      int key = piece.key0 + tile * KEYS + (box << shift);
      return has_box && key < piece.length ? args.first_block + table[key >> args.block_shift] : -1;
    };
    auto load = [&](u32 ring, u32 full, u32 empty, int index, int tile, int block, int which) {
      int stage = index % STAGES;
      barrier_wait(empty + 8 * stage, (index / STAGES & 1) ^ 1);
      if (lane == 0) barrier_arrive_expect(full + 8 * stage, TILE_BYTES);
      __syncwarp();
      if (has_box) {
        // A block of -1 lies outside of the pool: zeros.
        int slot = piece.key0 + tile * KEYS + (box << shift) & (1 << args.block_shift) - 1;
        copy_box(ring + stage * TILE_BYTES + to, pool, full + 8 * stage, half * 64, piece.kv_head, slot,
                 block < 0 ? -1 : 2 * block + which);
      }
    };

    int block = block_of(piece.tiles - 1);
    barrier_wait(memory + Q_EMPTY, (count & 1) ^ 1);
    if (lane == 0) barrier_arrive_expect(memory + Q_FULL, HALVES * group * piece_tokens * 128);
    __syncwarp();
    if (lane < HALVES)
      copy_box(memory + lane * HALF_BYTES, queries, memory + Q_FULL, lane * 64, piece.kv_head * group, piece.token);
    count++;
    // From the last tile to the first: those on the diagonal, which need a mask, come first.
    load(memory + AT_K, memory + K_FULL, memory + K_EMPTY, keys++, piece.tiles - 1, block, 0);
    for (int tile = piece.tiles - 1; tile >= 0; tile--) {
      int next = 0;
      if (tile > 0) {
        next = block_of(tile - 1);
        load(memory + AT_K, memory + K_FULL, memory + K_EMPTY, keys++, tile - 1, next, 0);
      }
      load(memory + AT_V, memory + V_FULL, memory + V_EMPTY, values++, tile, block, 1);
      block = next;
    }
  }
}

__device__ __forceinline__ float exp2_fast(float x) {
  float y;
  asm("ex2.approx.ftz.f32 %0, %1;" : "=f"(y) : "f"(x));
  return y;
}

// The rows of one thread: r and r + 8 of a warp's 16.
struct Rows {
  int position[2];
  float top[2], sum[2];
};

// Turns scores into weights, relative to the rows' greatest score so far; `shrink` is what earlier weights have to be
// multiplied with.
__device__ __forceinline__ void weigh(float (&s)[KEYS / 2], Rows& rows, float (&shrink)[2], bool masked, int key0, int window,
                                      float scale) {
  if (masked) {
    int t = threadIdx.x & 3;
#pragma unroll
    for (int i = 0; i < KEYS / 2; i++) {
      int key = key0 + i / 4 * 8 + 2 * t + (i & 1);
      int own = rows.position[i >> 1 & 1];
      if (key > own || (window >= 0 && key <= own - window)) s[i] = -INF;
    }
  }
#pragma unroll
  for (int h = 0; h < 2; h++) {
    float best = rows.top[h];
#pragma unroll
    for (int i = 0; i < KEYS / 8; i++) best = fmaxf(best, fmaxf(s[4 * i + 2 * h], s[4 * i + 2 * h + 1]));
    best = fmaxf(best, __shfl_xor_sync(FULL, best, 1));
    best = fmaxf(best, __shfl_xor_sync(FULL, best, 2));
    // A row that has seen no key yet must not give NaN.
    float offset = best == -INF ? 0.f : best * scale;
    shrink[h] = exp2_fast(fmaf(rows.top[h], scale, -offset));
    rows.top[h] = best;
    float sum = 0;
#pragma unroll
    for (int i = 0; i < KEYS / 8; i++) {
      float a = exp2_fast(fmaf(s[4 * i + 2 * h], scale, -offset));
      float b = exp2_fast(fmaf(s[4 * i + 2 * h + 1], scale, -offset));
      s[4 * i + 2 * h] = a;
      s[4 * i + 2 * h + 1] = b;
      sum += a + b;
    }
    rows.sum[h] = fmaf(rows.sum[h], shrink[h], sum);
  }
}

__device__ __forceinline__ void pack_weights(u32 (&p)[KEYS / 4], const float (&s)[KEYS / 2]) {
#pragma unroll
  for (int i = 0; i < KEYS / 4; i++) p[i] = pack(s[2 * i], s[2 * i + 1]);
}

__device__ __forceinline__ void scores(float (&s)[KEYS / 2], u32 q, u32 k) {
  u64 a = product_operand(q, 0), b = product_operand(k, 0);
#pragma unroll
  for (int i = 0; i < D / 16; i++) {
    int at = (i / 4 * HALF_BYTES + i % 4 * 32) >> 4;
    product(s, a + at, b + at, i > 0);
  }
}

__device__ __forceinline__ void add_values(float (&o)[D / 2], const u32 (&p)[KEYS / 4], u32 v) {
  u64 b = product_operand(v, HALF_BYTES);
#pragma unroll
  for (int i = 0; i < KEYS / 16; i++)
    product(o, p[4 * i], p[4 * i + 1], p[4 * i + 2], p[4 * i + 3], b + (i * 16 * 128 >> 4));
}

// The four threads of a row hold two neighbouring elements of each 8; afterwards each holds all of every fourth 8.
__device__ __forceinline__ void transpose(u32& a, u32& b, u32& c, u32& d, int t) {
  u32 x = __shfl_xor_sync(FULL, t & 1 ? a : b, 1), y = __shfl_xor_sync(FULL, t & 1 ? c : d, 1);
  (t & 1 ? a : b) = x;
  (t & 1 ? c : d) = y;
  x = __shfl_xor_sync(FULL, t & 2 ? a : c, 2), y = __shfl_xor_sync(FULL, t & 2 ? b : d, 2);
  (t & 2 ? a : c) = x;
  (t & 2 ? b : d) = y;
}

__device__ __forceinline__ void store(const Arguments& args, const Piece& piece, const float (&o)[D / 2], const Rows& rows,
                                      int row) {
  int t = threadIdx.x & 3, group = args.heads / args.kv_heads, most = min(piece.tokens, ROWS / group);
#pragma unroll
  for (int h = 0; h < 2; h++) {
    float total = rows.sum[h];
    total += __shfl_xor_sync(FULL, total, 1);
    total += __shfl_xor_sync(FULL, total, 2);
    float inverse = total > 0 ? 1.f / total : 0.f;
    int r = row + 8 * h, token = r / group;
    uint4* to = (uint4*)(args.out + ((size_t)(piece.token + token) * args.heads + piece.kv_head * group + r % group) * D);
#pragma unroll
    for (int i = 0; i < D / 32; i++) {
      u32 v[4];
#pragma unroll
      for (int j = 0; j < 4; j++)
        v[j] = pack(o[16 * i + 4 * j + 2 * h] * inverse, o[16 * i + 4 * j + 2 * h + 1] * inverse);
      transpose(v[0], v[1], v[2], v[3], t);
      if (token < most) to[4 * i + t] = make_uint4(v[0], v[1], v[2], v[3]);
    }
  }
}

__device__ __forceinline__ void attend(const Arguments& args, u32 memory) {
  const int me = threadIdx.x / GROUP - 1, thread = threadIdx.x % GROUP, lane = threadIdx.x & 31;
  const int group = args.heads / args.kv_heads, window = args.window;
  const int shift = min(args.block_shift, 7);
  const int row = 64 * me + thread / 32 * 16 + lane / 4;
  const u32 q = memory + me * 64 * 128;
  const float scale = args.scale;
  int tiles_done = 0, count = 0;
  auto release = [&](u32 barrier) {
    __syncwarp();
    if (lane == 0) barrier_arrive(memory + barrier);
  };
  if (me == 1) arrive_threads(TURN, 2 * GROUP);

  for (int round = 0; round * gridDim.x < args.count; round++) {
    int at = piece_of_round(round);
    if (at >= args.count) continue;
    const Piece piece = piece_of_work(args, at);
    const int in_last = piece.length - piece.key0 - (piece.tiles - 1) * KEYS;  // keys of the last tile, or more
    Rows rows;
#pragma unroll
    for (int h = 0; h < 2; h++) {
      rows.position[h] = piece.position + (row + 8 * h) / group;
      rows.top[h] = -INF;
      rows.sum[h] = 0;
    }
    // The warp group's first and last row decide whether a tile needs a mask.
    const int first = piece.position + 64 * me / group, last = piece.position + (64 * me + 63) / group;
    float o[D / 2], s[KEYS / 2], shrink[2];
    u32 p[KEYS / 4];
#pragma unroll
    for (int i = 0; i < D / 2; i++) o[i] = 0;

    barrier_wait(memory + Q_FULL, count & 1);
    count++;
    int tile = piece.tiles - 1, stage = tiles_done % STAGES;
    barrier_wait(memory + K_FULL + 8 * stage, tiles_done / STAGES & 1);
    products_begin();
    scores(s, q, memory + AT_K + stage * TILE_BYTES);
    products_commit();
    products_wait<0>();
    hold(s);
    release(K_EMPTY + 8 * stage);
    if (tile == 0) release(Q_EMPTY);
    weigh(s, rows, shrink, true, piece.key0 + tile * KEYS, window, scale);
    pack_weights(p, s);
    if (in_last < KEYS) {
      // What lies in the last block behind the sequence may be anything; a weight of 0 would not make it harmless.
      barrier_wait(memory + V_FULL + 8 * stage, tiles_done / STAGES & 1);
      int end = min(KEYS, (in_last + (1 << shift) - 1) >> shift << shift);
      for (int i = thread; i < (end - in_last) * 8 * HALVES; i += GROUP) {
        u32 at = memory + AT_V + stage * TILE_BYTES + i % HALVES * HALF_BYTES + in_last * 128 + i / HALVES * 16;
        asm volatile("st.shared.v4.u32 [%0], {%1, %1, %1, %1};" ::"r"(at), "r"(0) : "memory");
      }
      fence_async();
      sync_threads(CLEARED + me, GROUP);
    }
    for (tile--; tile >= 0; tile--) {
      int stage = tiles_done % STAGES, next = (tiles_done + 1) % STAGES;
      barrier_wait(memory + K_FULL + 8 * next, (tiles_done + 1) / STAGES & 1);
      sync_threads(TURN + me, 2 * GROUP);
      hold(o);
      hold(p);
      products_begin();
      scores(s, q, memory + AT_K + next * TILE_BYTES);
      products_commit();
      barrier_wait(memory + V_FULL + 8 * stage, tiles_done / STAGES & 1);
      add_values(o, p, memory + AT_V + stage * TILE_BYTES);
      products_commit();
      arrive_threads(TURN + (me ^ 1), 2 * GROUP);
      products_wait<1>();
      hold(s);
      release(K_EMPTY + 8 * next);
      if (tile == 0) release(Q_EMPTY);
      int key0 = piece.key0 + tile * KEYS;
      weigh(s, rows, shrink, key0 + KEYS - 1 > first || (window >= 0 && key0 <= last - window), key0, window, scale);
      hold(s);
      hold(shrink);
      // A write that depends on all weights, which cannot move behind the wait: without it the assembler waits for the
      // products first and computes the weights afterwards.
      asm volatile("st.volatile.shared.f32 [%0], %1;" ::"r"(memory + AT_ANCHOR + threadIdx.x * 4), "f"(rows.sum[0] + rows.sum[1])
                   : "memory");
      products_wait<0>();
      hold(o);
      hold(p);
      release(V_EMPTY + 8 * stage);
#pragma unroll
      for (int i = 0; i < D / 2; i++) o[i] *= shrink[i >> 1 & 1];
      pack_weights(p, s);
      tiles_done++;
    }
    stage = tiles_done % STAGES;
    barrier_wait(memory + V_FULL + 8 * stage, tiles_done / STAGES & 1);
    hold(o);
    hold(p);
    products_begin();
    add_values(o, p, memory + AT_V + stage * TILE_BYTES);
    products_commit();
    products_wait<0>();
    hold(o);
    hold(p);
    release(V_EMPTY + 8 * stage);
    tiles_done++;
    store(args, piece, o, rows, row);
  }
  if (me == 0) sync_threads(TURN, 2 * GROUP);  // the last turn, which nobody takes
}

// queries maps q as [tokens, heads, D] in boxes of ROWS / group tokens, a group of heads, 64 elements; pool maps the pool as
// [2 * blocks, slots, kv_heads, D] in boxes of 1, at most 128 slots, 1, 64. pieces is [count / kv_heads, 2]: sequence of the
// step, first query among its new tokens; every KV head has all of them. The layer's first block of the pool is first_block.
// out is [tokens, heads * D]. scale is 1 / sqrt(D) * log2(e). window < 0: none. The grid has any number of blocks.
extern "C" __global__ void __launch_bounds__(3 * GROUP, 1)
    attention_prefill_hopper(const __grid_constant__ TensorMap queries, const __grid_constant__ TensorMap pool, elem* out,
                             const int* pieces, const int* q_start, const int* q_len, const int* seq_len, const int* tables,
                             const int* table_stride, int count, int heads, int kv_heads, int first_block, int block_shift,
                             float scale, int window) {
  extern __shared__ u8 dynamic[];
  u32 unaligned = shared_address(dynamic);
  u32 memory = (unaligned + 1023) / 1024 * 1024;
  if (threadIdx.x == 0) {
    barrier_init(memory + Q_FULL, 1);
    barrier_init(memory + Q_EMPTY, 8);  // warps
    for (int i = 0; i < STAGES; i++) {
      barrier_init(memory + K_FULL + 8 * i, 1);
      barrier_init(memory + V_FULL + 8 * i, 1);
      barrier_init(memory + K_EMPTY + 8 * i, 8);
      barrier_init(memory + V_EMPTY + 8 * i, 8);
    }
    barrier_init_visible();
  }
  __syncthreads();
  let_next_start();
  wait_for_previous();
  Arguments args{out, pieces, q_start, q_len, seq_len, tables, table_stride, count, heads, kv_heads, first_block, block_shift,
                 scale, window};
  if (threadIdx.x < GROUP) {
    fewer_registers<24>();
    if (threadIdx.x < 32) fetch(queries, pool, args, memory);
  } else {
    more_registers<240>();
    attend(args, memory);
  }
}
