// Attention for sequences with one new token. The context is split over blocks, and inside a block over four warps that
// stream 16 keys at a time; the query heads that share a KV head are the rows of one tensor-core operand. The block that
// finishes last for its heads adds up the parts.
#include "common.cuh"

#define D HEAD_SIZE
#define WARPS 4
#define KEYS 16
#define STAGES 3
#define PIECES (D / 8)

// Grid (kvHeads * ceil(group / 16), sequences, splits). seqs lists the step's sequences that decode; q, out and pool as in
// attention_prefill. parts is [sequences * heads, splits, D + 2] floats and counters [sequences * gridDim.x] zeros; both are
// unused where gridDim.z is 1. A part has at least min_keys keys. blockDim.x is 128.
extern "C" __global__ void __launch_bounds__(WARPS * 32)
    attention_decode(const elem* __restrict__ q, int q_stride, elem* __restrict__ out, const elem* __restrict__ pool,
                     const int* __restrict__ seqs, const int* __restrict__ q_start, const int* __restrict__ seq_len,
                     const int* __restrict__ tables, const int* __restrict__ table_stride, float* __restrict__ parts,
                     u32* __restrict__ counters, int heads, int kv_heads, int block_shift, float scale, int window,
                     int min_keys) {
  extern __shared__ __align__(128) u8 memory[];
  __shared__ float tops[WARPS][16], totals[WARPS][16];
  __shared__ bool last;
  let_next_start();
  wait_for_previous();
  int seq = seqs[blockIdx.y];
  int length = seq_len[seq];
  if (length == 0) return;  // padding
  int first_key = window < 0 ? 0 : max(0, length - window);
  int keys = length - first_key;
  int splits = min((int)gridDim.z, (keys + min_keys - 1) / min_keys);
  int split = blockIdx.z;
  if (split >= splits) return;
  int share = ((keys + splits - 1) / splits + KEYS * WARPS - 1) / (KEYS * WARPS) * (KEYS * WARPS);
  // Tiles are aligned in the sequence, so that one lies in one KV block.
  int base = first_key / KEYS * KEYS;
  int begin = base + split * share;
  int end = min(length, begin + share);
  if (split == splits - 1) end = length;

  int group = heads / kv_heads;
  int group_tiles = (group + 15) / 16;
  int kv_head = blockIdx.x / group_tiles;
  int group_row = blockIdx.x % group_tiles * 16;
  int group_rows = min(16, group - group_row);
  int head0 = kv_head * group + group_row;
  int warp = threadIdx.x >> 5, lane = threadIdx.x & 31, g = lane >> 2, t = lane & 3;
  size_t token = q_start[seq];
  const int* table = tables + (size_t)seq * *table_stride;
  int block_mask = (1 << block_shift) - 1;
  size_t kv_row = (size_t)kv_heads * D;
  const elem* kv = pool + kv_head * D;

  const u32 stage_bytes = 2 * KEYS * D * 2;
  u32 own = shared_address(memory) + warp * STAGES * stage_bytes;
  auto load = [&](int key0, int stage) {
    if (key0 < end) {
      size_t block = table[key0 >> block_shift];
      int slot = key0 & block_mask;
#pragma unroll
      for (int which = 0; which < 2; which++) {
        const elem* from = kv + (((block * 2 + which) << block_shift) + slot) * kv_row;
        u32 to = own + stage * stage_bytes + which * KEYS * D * 2;
#pragma unroll
        for (int i = 0; i < KEYS * PIECES / 32; i++) {
          int at = i * 32 + lane;
          int r = at / PIECES, p = at % PIECES;
          copy_async(to + place<D>(r, p) * 16, from + r * kv_row + p * 8, key0 + r < end);
        }
      }
    }
    commit_copies();
  };
  int key0 = begin + warp * KEYS;
#pragma unroll
  for (int s = 0; s < STAGES - 1; s++) load(key0 + s * KEYS * WARPS, s);

  u32 a[D / 16][4];
#pragma unroll
  for (int k = 0; k < D / 16; k++)
#pragma unroll
    for (int e = 0; e < 4; e++) {
      int r = g + (e & 1) * 8;
      const elem* from = q + token * q_stride + (head0 + min(r, group_rows - 1)) * D + k * 16 + 2 * t + (e >> 1) * 8;
      a[k][e] = r < group_rows ? *(const u32*)from : 0;
    }
  float o[D / 8][4];
#pragma unroll
  for (int n = 0; n < D / 8; n++)
#pragma unroll
    for (int e = 0; e < 4; e++) o[n][e] = 0;
  float top[2] = {-INF, -INF}, sum[2] = {0, 0};

  int stage = 0;
  for (; key0 < end; key0 += KEYS * WARPS) {
    int ahead = stage + STAGES - 1;
    load(key0 + (STAGES - 1) * KEYS * WARPS, ahead >= STAGES ? ahead - STAGES : ahead);
    wait_copies<STAGES - 1>();
    __syncwarp();
    u32 sk = own + stage * stage_bytes, sv = sk + KEYS * D * 2;
    float s[2][4] = {{0, 0, 0, 0}, {0, 0, 0, 0}};
#pragma unroll
    for (int k = 0; k < D / 16; k++) {
      u32 b[4];
      int r = (lane & 7) + ((lane >> 4) << 3);
      ldmatrix(b, sk + place<D>(r, 2 * k + ((lane >> 3) & 1)) * 16);
      mma(s[0], a[k][0], a[k][1], a[k][2], a[k][3], b[0], b[1]);
      mma(s[1], a[k][0], a[k][1], a[k][2], a[k][3], b[2], b[3]);
    }
    if (key0 + KEYS > end || key0 < first_key) {
#pragma unroll
      for (int n = 0; n < 2; n++)
#pragma unroll
        for (int e = 0; e < 4; e++) {
          int key = key0 + n * 8 + 2 * t + (e & 1);
          if (key >= end || key < first_key) s[n][e] = -INF;
        }
    }
#pragma unroll
    for (int h = 0; h < 2; h++) {
      float best = fmaxf(fmaxf(s[0][2 * h], s[0][2 * h + 1]), fmaxf(s[1][2 * h], s[1][2 * h + 1]));
      best = fmaxf(best, __shfl_xor_sync(FULL, best, 1));
      best = fmaxf(best, __shfl_xor_sync(FULL, best, 2));
      best = fmaxf(best, top[h]);
      float offset = best == -INF ? 0.f : best * scale;
      float shrink = exp2f(top[h] * scale - offset);
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
        s[n][2 * h] = exp2f(fmaf(s[n][2 * h], scale, -offset));
        s[n][2 * h + 1] = exp2f(fmaf(s[n][2 * h + 1], scale, -offset));
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
    stage = stage + 1 == STAGES ? 0 : stage + 1;
  }
  wait_copies<0>();
  __syncthreads();

  // The warps' parts meet in the memory of the stages: [WARPS][16][D].
  float* meet = (float*)memory;
#pragma unroll
  for (int h = 0; h < 2; h++) {
    sum[h] += __shfl_xor_sync(FULL, sum[h], 1);
    sum[h] += __shfl_xor_sync(FULL, sum[h], 2);
    int r = g + 8 * h;
    if (t == 0) {
      tops[warp][r] = top[h];
      totals[warp][r] = sum[h];
    }
#pragma unroll
    for (int n = 0; n < D / 8; n++)
      *(float2*)(meet + (warp * 16 + r) * D + n * 8 + 2 * t) = make_float2(o[n][2 * h], o[n][2 * h + 1]);
  }
  __syncthreads();
  for (int i = threadIdx.x; i < group_rows * D; i += WARPS * 32) {
    int r = i / D, d = i % D;
    float best = -INF;
#pragma unroll
    for (int w = 0; w < WARPS; w++) best = fmaxf(best, tops[w][r]);
    float total = 0, value = 0;
#pragma unroll
    for (int w = 0; w < WARPS; w++) {
      float weight = best == -INF ? 0.f : exp2f((tops[w][r] - best) * scale);
      total += weight * totals[w][r];
      value += weight * meet[(w * 16 + r) * D + d];
    }
    if (splits == 1) {
      out[(token * heads + head0 + r) * D + d] = from_float(total > 0 ? value / total : 0.f);
    } else {
      float* part = parts + (((size_t)blockIdx.y * heads + head0 + r) * gridDim.z + split) * (D + 2);
      part[d] = value;
      if (d == 0) {
        part[D] = best;
        part[D + 1] = total;
      }
    }
  }
  if (splits == 1) return;
  __threadfence();
  __syncthreads();
  if (threadIdx.x == 0) last = atomicInc(&counters[blockIdx.y * gridDim.x + blockIdx.x], splits - 1) == splits - 1;
  __syncthreads();
  if (!last) return;
  __threadfence();
  for (int i = threadIdx.x; i < group_rows * D; i += WARPS * 32) {
    int r = i / D, d = i % D;
    const float* part = parts + ((size_t)blockIdx.y * heads + head0 + r) * gridDim.z * (D + 2);
    float best = -INF;
    for (int s = 0; s < splits; s++) best = fmaxf(best, __ldcg(part + s * (D + 2) + D));
    float total = 0, value = 0;
    for (int s = 0; s < splits; s++) {
      float weight = best == -INF ? 0.f : exp2f((__ldcg(part + s * (D + 2) + D) - best) * scale);
      total += weight * __ldcg(part + s * (D + 2) + D + 1);
      value += weight * __ldcg(part + s * (D + 2) + d);
    }
    out[(token * heads + head0 + r) * D + d] = from_float(total > 0 ? value / total : 0.f);
  }
}
