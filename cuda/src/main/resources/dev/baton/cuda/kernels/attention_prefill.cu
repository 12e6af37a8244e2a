// Attention for sequences with several new tokens, over their block tables, on tensor cores (the online softmax of
// FlashAttention-2, Dao 2023). A block takes 128 or 64 queries of one head and walks the keys in tiles of 64; HEAD_SIZE is
// fixed when compiled.
#include "common.cuh"

#define D HEAD_SIZE
#define BN 64
#define WARPS 4
#define PIECES (D / 8)

// tiles is [gridDim.y, 2]: sequence of the step, first query of the tile among its new tokens. q is [tokens, q_stride], of which
// the first heads * D are the queries; out is [tokens, heads * D]. scale is 1 / sqrt(D) * log2(e). window < 0: none.
struct Arguments {
  const elem* q;
  int q_stride;
  elem* out;
  const elem* pool;
  const int *tiles, *q_start, *q_len, *seq_len, *tables, *table_stride;
  int heads, kv_heads, block_shift;
  float scale;
  int window;
};

// ROW_TILES of 16 queries a warp.
template <int ROW_TILES>
__device__ __forceinline__ void attend(const Arguments& args) {
  constexpr int BM = 16 * WARPS * ROW_TILES;
  const elem* __restrict__ q = args.q;
  const elem* __restrict__ pool = args.pool;
  elem* __restrict__ out = args.out;
  const int q_stride = args.q_stride, heads = args.heads, kv_heads = args.kv_heads, block_shift = args.block_shift;
  const int window = args.window;
  const float scale = args.scale;
  extern __shared__ __align__(128) u8 memory[];
  u32 sq = shared_address(memory);
  u32 sk = sq + BM * D * 2;
  u32 sv = sk + BN * D * 2;
  let_next_start();
  wait_for_previous();
  int seq = args.tiles[2 * blockIdx.y], first = args.tiles[2 * blockIdx.y + 1];
  int head = blockIdx.x;
  int kv_head = head / (heads / kv_heads);
  int new_tokens = args.q_len[seq], length = args.seq_len[seq];
  int computed = length - new_tokens;
  int rows = min(BM, new_tokens - first);
  const int* table = args.tables + (size_t)seq * *args.table_stride;
  int block_mask = (1 << block_shift) - 1;
  size_t kv_row = (size_t)kv_heads * D;
  const elem* kv = pool + kv_head * D;
  int warp = threadIdx.x >> 5, lane = threadIdx.x & 31, g = lane >> 2, t = lane & 3;

  size_t token = (size_t)args.q_start[seq] + first;
  for (int i = threadIdx.x; i < BM * PIECES; i += WARPS * 32) {
    int r = i / PIECES, p = i % PIECES;
    copy_async(sq + place<D>(r, p) * 16, q + (token + min(r, rows - 1)) * q_stride + head * D + p * 8, r < rows);
  }
  int last_key = computed + first + rows - 1;  // of the last query
  int begin = window < 0 ? 0 : max(0, computed + first - window + 1) / BN * BN;

  auto load = [&](u32 shared, int key0, int which) {
    for (int i = threadIdx.x; i < BN * PIECES; i += WARPS * 32) {
      int r = i / PIECES, p = i % PIECES;
      int key = key0 + r;
      bool valid = key <= last_key;
      key = valid ? key : last_key;
      size_t block = table[key >> block_shift];
      size_t at = ((block * 2 + which) << block_shift) + (key & block_mask);
      copy_async(shared + place<D>(r, p) * 16, kv + at * kv_row + p * 8, valid);
    }
  };

  float o[ROW_TILES][D / 8][4];
  float top[ROW_TILES][2], sum[ROW_TILES][2];
#pragma unroll
  for (int m = 0; m < ROW_TILES; m++) {
    top[m][0] = top[m][1] = -INF;
    sum[m][0] = sum[m][1] = 0;
#pragma unroll
    for (int n = 0; n < D / 8; n++)
#pragma unroll
      for (int e = 0; e < 4; e++) o[m][n][e] = 0;
  }

  load(sk, begin, 0);
  commit_copies();
  for (int key0 = begin; key0 <= last_key; key0 += BN) {
    wait_copies<0>();  // K is here; also: every warp is done with the last V
    __syncthreads();
    load(sv, key0, 1);
    commit_copies();

    float s[ROW_TILES][BN / 8][4];
#pragma unroll
    for (int m = 0; m < ROW_TILES; m++)
#pragma unroll
      for (int n = 0; n < BN / 8; n++)
#pragma unroll
        for (int e = 0; e < 4; e++) s[m][n][e] = 0;
#pragma unroll
    for (int k = 0; k < D / 16; k++) {
      u32 a[ROW_TILES][4];
#pragma unroll
      for (int m = 0; m < ROW_TILES; m++) {
        int r = (warp * ROW_TILES + m) * 16 + (lane & 15);
        ldmatrix(a[m], sq + place<D>(r, 2 * k + (lane >> 4)) * 16);
      }
#pragma unroll
      for (int n = 0; n < BN / 16; n++) {
        u32 b[4];
        int r = n * 16 + (lane & 7) + ((lane >> 4) << 3);
        ldmatrix(b, sk + place<D>(r, 2 * k + ((lane >> 3) & 1)) * 16);
#pragma unroll
        for (int m = 0; m < ROW_TILES; m++) {
          mma(s[m][2 * n], a[m][0], a[m][1], a[m][2], a[m][3], b[0], b[1]);
          mma(s[m][2 * n + 1], a[m][0], a[m][1], a[m][2], a[m][3], b[2], b[3]);
        }
      }
    }

    int first_query = computed + first + warp * ROW_TILES * 16;
    bool masked = key0 + BN - 1 > first_query || (window >= 0 && key0 <= first_query + ROW_TILES * 16 - 1 - window);
#pragma unroll
    for (int m = 0; m < ROW_TILES; m++) {
      int query = first_query + m * 16 + g;
      if (masked) {
#pragma unroll
        for (int n = 0; n < BN / 8; n++)
#pragma unroll
          for (int e = 0; e < 4; e++) {
            int key = key0 + n * 8 + 2 * t + (e & 1);
            int own = query + (e >> 1) * 8;
            if (key > own || (window >= 0 && key <= own - window)) s[m][n][e] = -INF;
          }
      }
      float best[2] = {top[m][0], top[m][1]};
#pragma unroll
      for (int n = 0; n < BN / 8; n++) {
        best[0] = fmaxf(best[0], fmaxf(s[m][n][0], s[m][n][1]));
        best[1] = fmaxf(best[1], fmaxf(s[m][n][2], s[m][n][3]));
      }
#pragma unroll
      for (int h = 0; h < 2; h++) {
        best[h] = fmaxf(best[h], __shfl_xor_sync(FULL, best[h], 1));
        best[h] = fmaxf(best[h], __shfl_xor_sync(FULL, best[h], 2));
        // A row that has seen no key yet must not give NaN.
        float offset = best[h] == -INF ? 0.f : best[h] * scale;
        float shrink = exp2f(top[m][h] * scale - offset);
        top[m][h] = best[h];
        sum[m][h] *= shrink;
#pragma unroll
        for (int n = 0; n < D / 8; n++) {
          o[m][n][2 * h] *= shrink;
          o[m][n][2 * h + 1] *= shrink;
        }
#pragma unroll
        for (int n = 0; n < BN / 8; n++) {
          float p0 = exp2f(fmaf(s[m][n][2 * h], scale, -offset));
          float p1 = exp2f(fmaf(s[m][n][2 * h + 1], scale, -offset));
          s[m][n][2 * h] = p0;
          s[m][n][2 * h + 1] = p1;
          sum[m][h] += p0 + p1;
        }
      }
    }
    wait_copies<0>();  // V is here
    __syncthreads();   // and every warp is done with K
    if (key0 + BN <= last_key) {
      load(sk, key0 + BN, 0);
    }
    commit_copies();
#pragma unroll
    for (int k = 0; k < BN / 16; k++) {
      u32 a[ROW_TILES][4];
#pragma unroll
      for (int m = 0; m < ROW_TILES; m++) {
        a[m][0] = pack(s[m][2 * k][0], s[m][2 * k][1]);
        a[m][1] = pack(s[m][2 * k][2], s[m][2 * k][3]);
        a[m][2] = pack(s[m][2 * k + 1][0], s[m][2 * k + 1][1]);
        a[m][3] = pack(s[m][2 * k + 1][2], s[m][2 * k + 1][3]);
      }
#pragma unroll
      for (int n = 0; n < D / 16; n++) {
        u32 b[4];
        int r = k * 16 + (lane & 15);
        ldmatrix_transposed(b, sv + place<D>(r, 2 * n + (lane >> 4)) * 16);
#pragma unroll
        for (int m = 0; m < ROW_TILES; m++) {
          mma(o[m][2 * n], a[m][0], a[m][1], a[m][2], a[m][3], b[0], b[1]);
          mma(o[m][2 * n + 1], a[m][0], a[m][1], a[m][2], a[m][3], b[2], b[3]);
        }
      }
    }
  }

#pragma unroll
  for (int m = 0; m < ROW_TILES; m++)
#pragma unroll
    for (int h = 0; h < 2; h++) {
      float total = sum[m][h];
      total += __shfl_xor_sync(FULL, total, 1);
      total += __shfl_xor_sync(FULL, total, 2);
      float inverse = total > 0 ? 1.f / total : 0.f;
      int r = (warp * ROW_TILES + m) * 16 + g + 8 * h;
      if (r < rows) {
        u32* to = (u32*)(out + ((token + r) * heads + head) * D);
#pragma unroll
        for (int n = 0; n < D / 8; n++) to[n * 4 + t] = pack(o[m][n][2 * h] * inverse, o[m][n][2 * h + 1] * inverse);
      }
    }
}

#define PREFILL(NAME, ROW_TILES)                                                                                          \
  extern "C" __global__ void __launch_bounds__(WARPS * 32)                                                                \
      NAME(const elem* q, int q_stride, elem* out, const elem* pool, const int* tiles, const int* q_start,                \
           const int* q_len, const int* seq_len, const int* tables, const int* table_stride, int heads, int kv_heads,     \
           int block_shift, float scale, int window) {                                                                    \
    attend<ROW_TILES>(Arguments{q, q_stride, out, pool, tiles, q_start, q_len, seq_len, tables, table_stride, heads,      \
                                kv_heads, block_shift, scale, window});                                                   \
  }
PREFILL(attention_prefill_128, 2)
PREFILL(attention_prefill_64, 1)
