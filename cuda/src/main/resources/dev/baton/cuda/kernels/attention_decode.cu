// Attention for sequences with one new token, and what has to happen to that token between the q/k/v product and attention:
// biases, norms of heads, rotation, and writing its k and v into the pool. The context before it is split over blocks, and
// inside a block over warps that stream 16 keys at a time; the query heads that share a KV head are the rows of one
// tensor-core operand. The new token's own key and value never pass through the pool: they are where one warp's running
// sums start.
//
// What lies before the new token was written by earlier steps. It is fetched before wait_for_previous, so that a short
// context is in shared memory when the product that makes q ends. That is safe because
//   - a step's first operation on the stream is the copy of its numbers, and a kernel after a copy (or a graph after
//     anything) starts when all before it is done. So when any kernel of a step runs, earlier steps are over, their writes
//     can be seen, and the step's numbers (lengths, block tables) are there;
//   - within the step only this kernel and qkv_post write into the pool, and only at positions that the step computes. A
//     sequence reads positions before its own; a block that another sequence computes in the same step is in no table but
//     that sequence's, since blocks are shared only after their step was awaited; and what comes from outside is written
//     before the step that uses it is enqueued.
//
// A part of the context goes to the blocks of one cluster, which add up their results through distributed shared memory.
// Where there is more than one part (long contexts, or no clusters), the block that finishes last adds up the parts.
#include "common.cuh"

#define D HEAD_SIZE
#define WARPS 4
#define KEYS 16
#define PIECES (D / 8)
#define HALF_PIECES (D / 16)
#define ROWS 16
// Floats between rows of a warp's sums: rows lie in different banks.
#define MEET_ROW (D + 8)

struct Arguments {
  const elem* qkv;
  elem* out;
  elem* pool;
  const elem *bias, *q_norm, *k_norm;
  float eps;
  const float2* __restrict__ angles;
  const int *__restrict__ seqs, *__restrict__ q_start, *__restrict__ seq_len, *__restrict__ tables, *__restrict__ table_stride;
  float* parts;
  u32* counters;
  int heads, kv_heads, block_shift;
  float scale;
  int window, min_keys;
};

__device__ __forceinline__ void cluster_arrive() {
#if __CUDA_ARCH__ >= 900
  asm volatile("barrier.cluster.arrive.release.aligned;" ::: "memory");
#endif
}

__device__ __forceinline__ void cluster_wait() {
#if __CUDA_ARCH__ >= 900
  asm volatile("barrier.cluster.wait.acquire.aligned;" ::: "memory");
#endif
}

// Writes into another block's shared memory, at the place that `own` has here.
__device__ __forceinline__ void store_remote(const float2* own, u32 rank, float2 v) {
#if __CUDA_ARCH__ >= 900
  u32 there;
  asm volatile("mapa.shared::cluster.u32 %0, %1, %2;" : "=r"(there) : "r"(shared_address(own)), "r"(rank));
  asm volatile("st.shared::cluster.v2.f32 [%0], {%1, %2};" ::"r"(there), "f"(v.x), "f"(v.y) : "memory");
#endif
}

__device__ __forceinline__ uint4 load_l2(const elem* from) { return __ldcg((const uint4*)from); }

__device__ __forceinline__ void unpack(float (&f)[8], uint4 v) {
  f[0] = low(v.x), f[1] = high(v.x), f[2] = low(v.y), f[3] = high(v.y);
  f[4] = low(v.z), f[5] = high(v.z), f[6] = low(v.w), f[7] = high(v.w);
}

__device__ __forceinline__ uint4 packed(const float (&f)[8]) {
  return make_uint4(pack(f[0], f[1]), pack(f[2], f[3]), pack(f[4], f[5]), pack(f[6], f[7]));
}

// C blocks of a cluster share a part of the context. A warp keeps STAGES times 16 keys on their way.
template <int C, int STAGES>
__device__ __forceinline__ void attend(const Arguments& a) {
  extern __shared__ __align__(128) u8 memory[];
  __shared__ __align__(128) elem fresh[(ROWS + 2) * D];  // rotated q, then the new token's k and v
  __shared__ float tops[WARPS][ROWS], totals[WARPS][ROWS];
  __shared__ float2 received[C > 1 ? ROWS * D / 2 : 1], received_sums[C > 1 ? C * ROWS : 1];
  __shared__ bool last;
  let_next_start();
  int seq = a.seqs[blockIdx.y];
  int length = a.seq_len[seq];
  if (length == 0) return;  // padding
  int old = length - 1;     // keys in the pool; also the new token's position
  int first_key = a.window < 0 ? 0 : max(0, length - a.window);
  int base = first_key / KEYS * KEYS;  // tiles are aligned in the sequence, so that one lies in one KV block
  int tiles = (old - base + KEYS - 1) / KEYS;
  int most_parts = gridDim.z / C;
  int parts = min(most_parts, max(1, (tiles * KEYS + C * a.min_keys - 1) / (C * a.min_keys)));
  int part = blockIdx.z / C, rank = blockIdx.z % C;
  if (part >= parts) return;
  if (C > 1) cluster_arrive();  // others write into this block's memory once it runs
  int splits = parts * C, split = blockIdx.z;
  int share = (tiles + splits - 1) / splits;
  int end_tile = min(tiles, (split + 1) * share);
  bool has_new = split == splits - 1;

  int warp = threadIdx.x >> 5, lane = threadIdx.x & 31, g = lane >> 2, t = lane & 3;
  int group = a.heads / a.kv_heads;
  int group_tiles = (group + ROWS - 1) / ROWS;
  int kv_head = blockIdx.x / group_tiles;
  int group_row = blockIdx.x % group_tiles * ROWS;
  int group_rows = min(ROWS, group - group_row);
  int head0 = kv_head * group + group_row;
  const int* table = a.tables + (size_t)seq * *a.table_stride;
  int block_mask = (1 << a.block_shift) - 1;
  size_t kv_row = (size_t)a.kv_heads * D;
  elem* kv = a.pool + kv_head * D;

  const u32 stage_bytes = 2 * KEYS * D * 2;
  u32 own = shared_address(memory) + warp * STAGES * stage_bytes;
  int first_tile = split * share + warp;
  int mine = max(0, (end_tile - first_tile + WARPS - 1) / WARPS);
  int entry = 0;  // lane l has the block of tile l of the next 32
  auto load = [&](int i, int stage) {
    if (i < mine) {
      if ((i & 31) == 0) {
        int key = base + (first_tile + (i + lane) * WARPS) * KEYS;
        entry = key < old ? table[key >> a.block_shift] : 0;
      }
      int key0 = base + (first_tile + i * WARPS) * KEYS;
      size_t block = __shfl_sync(FULL, entry, i & 31);
      int slot = key0 & block_mask;
#pragma unroll
      for (int which = 0; which < 2; which++) {
        const elem* from = kv + (((block * 2 + which) << a.block_shift) + slot) * kv_row;
        u32 to = own + stage * stage_bytes + which * KEYS * D * 2;
#pragma unroll
        for (int j = 0; j < KEYS * PIECES / 32; j++) {
          int at = j * 32 + lane;
          int r = at / PIECES, p = at % PIECES;
          copy_async(to + place<D>(r, p) * 16, from + r * kv_row + p * 8, key0 + r < old);
        }
      }
    }
    commit_copies();
  };
#pragma unroll
  for (int s = 0; s < STAGES; s++) load(s, s);

  // A thread rotates 8 elements and the 8 that are D / 2 further, of one or two rows.
  int piece = threadIdx.x % HALF_PIECES;
  float cosines[8], sines[8];
  const float4* angles = (const float4*)(a.angles + (size_t)old * (D / 2) + piece * 8);
#pragma unroll
  for (int j = 0; j < 4; j++) {
    float4 v = __ldg(angles + j);
    cosines[2 * j] = v.x, sines[2 * j] = v.y, cosines[2 * j + 1] = v.z, sines[2 * j + 1] = v.w;
  }
  for (int i = threadIdx.x; i < (ROWS - group_rows) * PIECES; i += WARPS * 32)
    ((uint4*)fresh)[group_rows * PIECES + i] = make_uint4(0, 0, 0, 0);
  size_t token = a.q_start[seq];
  size_t new_slot = 0;
  if (has_new) new_slot = ((size_t)table[old >> a.block_shift] * 2 << a.block_shift) + (old & block_mask);

  wait_for_previous();
  int tasks = (group_rows + (has_new ? 2 : 0)) * HALF_PIECES;
  for (int task0 = 0; task0 < tasks; task0 += WARPS * 32) {
    int task = task0 + threadIdx.x;
    bool valid = task < tasks;
    int row = valid ? task / HALF_PIECES : 0;
    bool is_k = row == group_rows, is_v = row > group_rows;
    int head = is_v ? a.heads + a.kv_heads + kv_head : is_k ? a.heads + kv_head : head0 + row;
    const elem* in = a.qkv + (token * (a.heads + 2 * a.kv_heads) + head) * D + piece * 8;
    float x[8], y[8];
    unpack(x, load_l2(in));
    unpack(y, load_l2(in + D / 2));
    if (a.bias) {
      float bx[8], by[8];
      unpack(bx, __ldg((const uint4*)(a.bias + head * D + piece * 8)));
      unpack(by, __ldg((const uint4*)(a.bias + head * D + piece * 8 + D / 2)));
#pragma unroll
      for (int j = 0; j < 8; j++) x[j] += bx[j], y[j] += by[j];
    }
    const elem* norm = is_v ? nullptr : is_k ? a.k_norm : a.q_norm;
    if (a.q_norm || a.k_norm) {
      float squares = 0;
#pragma unroll
      for (int j = 0; j < 8; j++) squares += x[j] * x[j] + y[j] * y[j];
#pragma unroll
      for (int d = HALF_PIECES / 2; d > 0; d >>= 1) squares += __shfl_xor_sync(FULL, squares, d);
      if (norm) {
        float factor = rsqrtf(squares / D + a.eps);
        float nx[8], ny[8];
        unpack(nx, __ldg((const uint4*)(norm + piece * 8)));
        unpack(ny, __ldg((const uint4*)(norm + piece * 8 + D / 2)));
#pragma unroll
        for (int j = 0; j < 8; j++) x[j] *= factor * nx[j], y[j] *= factor * ny[j];
      }
    }
    if (!is_v) {
#pragma unroll
      for (int j = 0; j < 8; j++) {
        float turned = x[j] * cosines[j] - y[j] * sines[j];
        y[j] = y[j] * cosines[j] + x[j] * sines[j];
        x[j] = turned;
      }
    }
    if (!valid) continue;
    uint4 px = packed(x), py = packed(y);
    int r = is_v ? ROWS + 1 : is_k ? ROWS : row;
    ((uint4*)fresh)[place<D>(r, piece)] = px;
    ((uint4*)fresh)[place<D>(r, piece + HALF_PIECES)] = py;
    if ((is_k || is_v) && group_row == 0) {
      uint4* to = (uint4*)(kv + (new_slot + (is_v ? 1 << a.block_shift : 0)) * kv_row);
      to[piece] = px;
      to[piece + HALF_PIECES] = py;
    }
  }
  __syncthreads();

  u32 q[D / 16][4];
#pragma unroll
  for (int k = 0; k < D / 16; k++) ldmatrix(q[k], shared_address(fresh) + place<D>(lane & 15, 2 * k + (lane >> 4)) * 16);
  float o[D / 8][4];
#pragma unroll
  for (int n = 0; n < D / 8; n++)
#pragma unroll
    for (int e = 0; e < 4; e++) o[n][e] = 0;
  float top[2] = {-INF, -INF}, sum[2] = {0, 0};
  if (has_new && warp == WARPS - 1) {
    float s[2][4] = {{0, 0, 0, 0}, {0, 0, 0, 0}};
    auto two = [&](int row, int p) { return *(const u32*)(fresh + place<D>(row, p) * 8 + 2 * t); };
#pragma unroll
    for (int k = 0; k < D / 16; k++) {
      u32 b0 = g == 0 ? two(ROWS, 2 * k) : 0, b1 = g == 0 ? two(ROWS, 2 * k + 1) : 0;
      mma(s[k & 1], q[k][0], q[k][1], q[k][2], q[k][3], b0, b1);
    }
#pragma unroll
    for (int h = 0; h < 2; h++) {
      top[h] = __shfl_sync(FULL, s[0][2 * h] + s[1][2 * h], lane & ~3);
      sum[h] = t == 0 ? 1.f : 0.f;
    }
#pragma unroll
    for (int n = 0; n < D / 8; n++) {
      u32 v = two(ROWS + 1, n);
      o[n][0] = o[n][2] = low(v);
      o[n][1] = o[n][3] = high(v);
    }
  }

  int stage = 0;
  for (int i = 0; i < mine; i++) {
    int key0 = base + (first_tile + i * WARPS) * KEYS;
    wait_copies<STAGES - 1>();
    __syncwarp();
    u32 sk = own + stage * stage_bytes, sv = sk + KEYS * D * 2;
    float s[2][4] = {{0, 0, 0, 0}, {0, 0, 0, 0}}, odd[2][4] = {{0, 0, 0, 0}, {0, 0, 0, 0}};
#pragma unroll
    for (int k = 0; k < D / 16; k++) {
      u32 b[4];
      int r = (lane & 7) + ((lane >> 4) << 3);
      ldmatrix(b, sk + place<D>(r, 2 * k + ((lane >> 3) & 1)) * 16);
      mma(k & 1 ? odd[0] : s[0], q[k][0], q[k][1], q[k][2], q[k][3], b[0], b[1]);
      mma(k & 1 ? odd[1] : s[1], q[k][0], q[k][1], q[k][2], q[k][3], b[2], b[3]);
    }
#pragma unroll
    for (int n = 0; n < 2; n++)
#pragma unroll
      for (int e = 0; e < 4; e++) s[n][e] += odd[n][e];
    if (key0 + KEYS > old || key0 < first_key) {
#pragma unroll
      for (int n = 0; n < 2; n++)
#pragma unroll
        for (int e = 0; e < 4; e++) {
          int key = key0 + n * 8 + 2 * t + (e & 1);
          if (key >= old || key < first_key) s[n][e] = -INF;
        }
    }
#pragma unroll
    for (int h = 0; h < 2; h++) {
      float best = fmaxf(fmaxf(s[0][2 * h], s[0][2 * h + 1]), fmaxf(s[1][2 * h], s[1][2 * h + 1]));
      best = fmaxf(best, __shfl_xor_sync(FULL, best, 1));
      best = fmaxf(best, __shfl_xor_sync(FULL, best, 2));
      best = fmaxf(best, top[h]);
      float offset = best == -INF ? 0.f : best * a.scale;
      float shrink = exp2f(top[h] * a.scale - offset);
      top[h] = best;
      sum[h] *= shrink;
      if (!__all_sync(FULL, shrink == 1.f)) {
#pragma unroll
        for (int n = 0; n < D / 8; n++) {
          o[n][2 * h] *= shrink;
          o[n][2 * h + 1] *= shrink;
        }
      }
#pragma unroll
      for (int n = 0; n < 2; n++) {
        s[n][2 * h] = exp2f(fmaf(s[n][2 * h], a.scale, -offset));
        s[n][2 * h + 1] = exp2f(fmaf(s[n][2 * h + 1], a.scale, -offset));
        sum[h] += s[n][2 * h] + s[n][2 * h + 1];
      }
    }
    u32 p0 = pack(s[0][0], s[0][1]), p1 = pack(s[0][2], s[0][3]), p2 = pack(s[1][0], s[1][1]), p3 = pack(s[1][2], s[1][3]);
#pragma unroll
    for (int n = 0; n < D / 16; n++) {
      u32 b[4];
      ldmatrix_transposed(b, sv + place<D>(lane & 15, 2 * n + (lane >> 4)) * 16);
      mma(o[2 * n], p0, p1, p2, p3, b[0], b[1]);
      mma(o[2 * n + 1], p0, p1, p2, p3, b[2], b[3]);
    }
    __syncwarp();  // the stage is read before it is filled again
    load(i + STAGES, stage);
    stage = stage + 1 == STAGES ? 0 : stage + 1;
  }
  wait_copies<0>();
  __syncthreads();

  // The warps' sums meet in the memory of the stages: [WARPS][ROWS][MEET_ROW].
  float* meet = (float*)memory;
#pragma unroll
  for (int h = 0; h < 2; h++) {
    sum[h] += __shfl_xor_sync(FULL, sum[h], 1);
    sum[h] += __shfl_xor_sync(FULL, sum[h], 2);
    int r = g + 8 * h;
    if (r < group_rows) {
      if (t == 0) {
        tops[warp][r] = top[h];
        totals[warp][r] = sum[h];
      }
#pragma unroll
      for (int n = 0; n < D / 8; n++)
        *(float2*)(meet + (warp * ROWS + r) * MEET_ROW + n * 8 + 2 * t) = make_float2(o[n][2 * h], o[n][2 * h + 1]);
    }
  }
  __syncthreads();

  // Results are handled in pairs; pair i is elements 2 i and 2 i + 1 of the block's rows. From here on a result is a pair of
  // sums that belongs to a top and a total.
  const int pairs = group_rows * (D / 2);
  const int per_rank = pairs / C;
  int first_pair = C > 1 ? rank * per_rank : 0;
  auto weight_of = [&](float of, float best) { return best == -INF ? 0.f : exp2f((of - best) * a.scale); };
  auto store = [&](int r, int d, float2 value, float total) {
    float factor = total > 0 ? 1.f / total : 0.f;
    *(u32*)(a.out + (token * a.heads + head0 + r) * D + d) = pack(value.x * factor, value.y * factor);
  };
  auto part_of = [&](int r, int p) {
    return a.parts + (((size_t)blockIdx.y * a.heads + head0 + r) * most_parts + p) * (D + 2);
  };
  auto finish = [&](int i, float2 value, float best, float total) {
    int r = i / (D / 2), d = i % (D / 2) * 2;
    if (parts == 1) {
      store(r, d, value, total);
    } else {
      float* to = part_of(r, part);
      *(float2*)(to + d) = value;
      // Each rank writes them for itself, since it waits for the same rank of other parts alone.
      if (d == 0 || i == first_pair) *(float2*)(to + D) = make_float2(best, total);
    }
  };
  if (C > 1) cluster_wait();
  for (int i = threadIdx.x; i < pairs; i += WARPS * 32) {
    int r = i / (D / 2), d = i % (D / 2) * 2;
    float best = -INF;
#pragma unroll
    for (int w = 0; w < WARPS; w++) best = fmaxf(best, tops[w][r]);
    float total = 0;
    float2 value = make_float2(0, 0);
#pragma unroll
    for (int w = 0; w < WARPS; w++) {
      float weight = weight_of(tops[w][r], best);
      float2 v = *(const float2*)(meet + (w * ROWS + r) * MEET_ROW + d);
      total += weight * totals[w][r];
      value.x += weight * v.x;
      value.y += weight * v.y;
    }
    if constexpr (C == 1) {
      finish(i, value, best, total);
    } else {
      store_remote(received + rank * per_rank + i % per_rank, i / per_rank, value);
      if (d < 2 * C) store_remote(received_sums + rank * ROWS + r, d / 2, make_float2(best, total));
    }
  }
  if constexpr (C > 1) {
    cluster_arrive();
    cluster_wait();
    for (int j = threadIdx.x; j < per_rank; j += WARPS * 32) {
      int i = first_pair + j, r = i / (D / 2);
      float best = -INF;
#pragma unroll
      for (int c = 0; c < C; c++) best = fmaxf(best, received_sums[c * ROWS + r].x);
      float total = 0;
      float2 value = make_float2(0, 0);
#pragma unroll
      for (int c = 0; c < C; c++) {
        float2 sums = received_sums[c * ROWS + r], v = received[c * per_rank + j];
        float weight = weight_of(sums.x, best);
        total += weight * sums.y;
        value.x += weight * v.x;
        value.y += weight * v.y;
      }
      finish(i, value, best, total);
    }
  }
  if (parts == 1) return;
  __threadfence();
  __syncthreads();
  if (threadIdx.x == 0) {
    u32* counter = a.counters + (blockIdx.y * gridDim.x + blockIdx.x) * C + rank;
    last = atomicInc(counter, parts - 1) == parts - 1;
  }
  __syncthreads();
  if (!last) return;
  __threadfence();
  for (int j = threadIdx.x; j < per_rank; j += WARPS * 32) {
    int i = first_pair + j, r = i / (D / 2), d = i % (D / 2) * 2;
    float best = -INF;
    for (int p = 0; p < parts; p++) best = fmaxf(best, __ldcg(part_of(r, p) + D));
    float total = 0;
    float2 value = make_float2(0, 0);
    for (int p = 0; p < parts; p++) {
      const float* from = part_of(r, p);
      float2 sums = __ldcg((const float2*)(from + D)), v = __ldcg((const float2*)(from + d));
      float weight = weight_of(sums.x, best);
      total += weight * sums.y;
      value.x += weight * v.x;
      value.y += weight * v.y;
    }
    store(r, d, value, total);
  }
}

// Grid (kvHeads * ceil(group / 16), sequences, C * parts at most), 128 threads. qkv is [tokens, (heads + 2 kvHeads) *
// headSize] as the product leaves it; bias (of all its columns), q_norm and k_norm (of a head's elements) can be null; angles
// is [positions, headSize / 2] of (cos, sin). The pool of a layer is [block, 2, slot, kvHead, headSize]. seqs lists the
// step's sequences that decode; out is [tokens, heads * headSize]. parts is [sequences * heads, gridDim.z / C, D + 2] floats
// and counters [sequences * gridDim.x * C] zeros; both are unused where gridDim.z is C. A part has at least C * min_keys
// keys. Scores are multiplied by `scale` and are exponents of 2. window < 0: no window.
#define ATTENTION(NAME, DIMENSIONS, C, STAGES)                                                                           \
  extern "C" __global__ void DIMENSIONS __launch_bounds__(WARPS * 32)                                                    \
      NAME(const elem* qkv, elem* out, elem* pool, const elem* bias, const elem* q_norm, const elem* k_norm, float eps,  \
           const float2* angles, const int* seqs, const int* q_start, const int* seq_len, const int* tables,             \
           const int* table_stride, float* parts, u32* counters, int heads, int kv_heads, int block_shift, float scale,  \
           int window, int min_keys) {                                                                                   \
    attend<C, STAGES>(Arguments{qkv, out, pool, bias, q_norm, k_norm, eps, angles, seqs, q_start, seq_len, tables,       \
                                table_stride, parts, counters, heads, kv_heads, block_shift, scale, window, min_keys});  \
  }
#define CLUSTER(C) __cluster_dims__(1, 1, C)
ATTENTION(attention_decode_1, , 1, 3)
ATTENTION(attention_decode_1_small, , 1, 2)  // where a block may have 99 KiB
#if __CUDA_ARCH__ >= 900
ATTENTION(attention_decode_2, CLUSTER(2), 2, 2)
ATTENTION(attention_decode_4, CLUSTER(4), 4, 2)
ATTENTION(attention_decode_8, CLUSTER(8), 8, 2)
#endif
