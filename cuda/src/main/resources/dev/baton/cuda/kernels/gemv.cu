// Products with few rows of activations: out[m][n] = sum over k of x[m][k] * w[n][k], m < M <= 8 * TILES. Bound by reading
// w once, so the one thing that counts is how many bytes are on their way. Every thread copies 16 bytes of two rows of w at
// a time into its own places of shared memory, several stages ahead, and reads back only what it copied itself: no thread
// waits for another. Its 8 neighbouring elements serve two tensor-core products, since the order of k inside an operand is
// free as long as both sides agree; activations go the same way.
//
// A block owns 16 rows of w (or 16 gate and 16 up rows); its warps share out k and add up in shared memory.
//
// With NORM (M <= 4) the input is the residual stream: each block normalises it for itself while its first weights are on
// their way. N and K are multiples of 8. Dynamic shared memory: see gemv_shared in the host's Kernels.
#include "common.cuh"

#define WARPS 8
#define PIECES 2  // of 32 k that a warp takes in one stage, over all its rows of tiles

enum Epilogue { STORE, ADD_RESIDUAL, SILU_MUL, STORE_FLOAT };

// The activations: x is [rows, K] elements, or, where they are to be normalised, floats. Row m is row_of[m], or m where
// row_of is null.
struct Input {
  const void* x;
  const elem* norm;
  const int* row_of;
  float eps;
};

// Bytes between rows of normalised activations in shared memory: rows lie in different banks.
__device__ __forceinline__ int normed_stride(int K) { return K * 2 + 64; }

// Normalises the M rows into shared memory.
__device__ __forceinline__ void normalise(const Input& input, u8* to, int M, int K, float* partial) {
  int warp = threadIdx.x >> 5, lane = threadIdx.x & 31;
  for (int m = 0; m < M; m++) {
    const float4* x = (const float4*)((const float*)input.x + (size_t)(input.row_of ? input.row_of[m] : m) * K);
    float sum = 0;
    float4 kept[4];
#pragma unroll
    for (int j = 0; j < 4; j++) {
      int i = threadIdx.x + j * WARPS * 32;
      if (i < K / 4) {
        kept[j] = x[i];
        sum += kept[j].x * kept[j].x + kept[j].y * kept[j].y + kept[j].z * kept[j].z + kept[j].w * kept[j].w;
      }
    }
    for (int i = threadIdx.x + 4 * WARPS * 32; i < K / 4; i += WARPS * 32) {
      float4 v = x[i];
      sum += v.x * v.x + v.y * v.y + v.z * v.z + v.w * v.w;
    }
    sum = warp_sum(sum);
    if (lane == 0) partial[(m & 1) * WARPS + warp] = sum;
    __syncthreads();
    float total = 0;
#pragma unroll
    for (int w = 0; w < WARPS; w++) total += partial[(m & 1) * WARPS + w];
    float scale = rsqrtf(total / K + input.eps);
    uint2* out = (uint2*)(to + m * normed_stride(K));
    const uint2* norm = (const uint2*)input.norm;
    auto put = [&](int i, float4 v) {
      uint2 g = __ldg(norm + i);
      out[i] = make_uint2(pack(v.x * scale * low(g.x), v.y * scale * high(g.x)),
                          pack(v.z * scale * low(g.y), v.w * scale * high(g.y)));
    };
#pragma unroll
    for (int j = 0; j < 4; j++) {
      int i = threadIdx.x + j * WARPS * 32;
      if (i < K / 4) put(i, kept[j]);
    }
    for (int i = threadIdx.x + 4 * WARPS * 32; i < K / 4; i += WARPS * 32) put(i, x[i]);
  }
  __syncthreads();
}

template <int EPILOGUE, int TILES, bool NORM>
__device__ __forceinline__ void product(const Input input, const elem* __restrict__ w, void* __restrict__ out,
                                        const elem* __restrict__ bias, int M, int N, int K) {
  constexpr int ROW_TILES = EPILOGUE == SILU_MUL ? 2 : 1;
  constexpr int DEPTH = PIECES / ROW_TILES;
  constexpr int STAGES = TILES == 1 ? 4 : 3;
  constexpr int X_TILES = NORM ? 0 : TILES;
  // 16-byte places of one thread in one stage: w, then x.
  constexpr int PLACES = DEPTH * (2 * ROW_TILES + X_TILES);
  extern __shared__ __align__(128) u8 memory[];
  __shared__ float partial[2 * WARPS];
  let_next_start();
  int warp = threadIdx.x >> 5, lane = threadIdx.x & 31, g = lane >> 2, t = lane & 3;
  int row = blockIdx.x * 16;
  u8* ring = memory + warp * STAGES * PLACES * 512 + lane * 16;
  u32 ring_address = shared_address(ring);
  u8* normed = memory + WARPS * STAGES * PLACES * 512;

  // In SILU_MUL N counts gates; the up rows follow them.
  bool has_top = row + g < N, has_bottom = row + g + 8 < N;
  const elem* rows[2 * ROW_TILES];
#pragma unroll
  for (int i = 0; i < ROW_TILES; i++) {
    rows[2 * i] = w + ((size_t)i * N + (has_top ? row + g : 0)) * K;
    rows[2 * i + 1] = w + ((size_t)i * N + (has_bottom ? row + g + 8 : 0)) * K;
  }
  const int step = WARPS * DEPTH * 32;
  const int k_first = warp * DEPTH * 32 + 8 * t;
  auto load_weights = [&](int k0, int stage) {
#pragma unroll
    for (int d = 0; d < DEPTH; d++) {
      int k = k0 + d * 32;
      bool inside = k < K;
      int at = inside ? k : 0;
#pragma unroll
      for (int i = 0; i < 2 * ROW_TILES; i++) {
        copy_async(ring_address + (stage * PLACES + d * 2 * ROW_TILES + i) * 512, rows[i] + at,
                   inside && (i & 1 ? has_bottom : has_top));
      }
    }
  };
  const elem* x_rows[X_TILES ? X_TILES : 1];
  auto load_input = [&](int k0, int stage) {
    if constexpr (!NORM) {
#pragma unroll
      for (int d = 0; d < DEPTH; d++) {
        int k = k0 + d * 32;
#pragma unroll
        for (int j = 0; j < TILES; j++) {
          bool valid = k < K && j * 8 + g < M;
          copy_async(ring_address + (stage * PLACES + DEPTH * 2 * ROW_TILES + d * TILES + j) * 512,
                     x_rows[j] + (valid ? k : 0), valid);
        }
      }
    }
  };

  // Weights never change: the first ones are fetched before the input is ready.
#pragma unroll
  for (int s = 0; s < STAGES - 1; s++) load_weights(k_first + s * step, s);
  wait_for_previous();
  if constexpr (NORM) {
    commit_copies();
#pragma unroll
    for (int s = 1; s < STAGES - 1; s++) commit_copies();
    normalise(input, normed, M, K, partial);
  } else {
#pragma unroll
    for (int j = 0; j < TILES; j++) {
      int m = j * 8 + g < M ? j * 8 + g : 0;
      x_rows[j] = (const elem*)input.x + (size_t)(input.row_of ? input.row_of[m] : m) * K;
    }
#pragma unroll
    for (int s = 0; s < STAGES - 1; s++) {
      load_input(k_first + s * step, s);
      commit_copies();
    }
  }

  float c[ROW_TILES][TILES][4];
#pragma unroll
  for (int i = 0; i < ROW_TILES; i++)
#pragma unroll
    for (int j = 0; j < TILES; j++)
#pragma unroll
      for (int e = 0; e < 4; e++) c[i][j][e] = 0;
  int stage = 0;
  for (int k0 = k_first; k0 - 8 * t < K; k0 += step) {
    int ahead = stage == 0 ? STAGES - 1 : stage - 1;
    load_weights(k0 + (STAGES - 1) * step, ahead);
    load_input(k0 + (STAGES - 1) * step, ahead);
    commit_copies();
    wait_copies<STAGES - 1>();
    const uint4* own = (const uint4*)(ring + stage * PLACES * 512);
#pragma unroll
    for (int d = 0; d < DEPTH; d++) {
      uint4 a[2 * ROW_TILES];
#pragma unroll
      for (int i = 0; i < 2 * ROW_TILES; i++) a[i] = own[(d * 2 * ROW_TILES + i) * 32];
#pragma unroll
      for (int j = 0; j < TILES; j++) {
        uint4 b;
        if constexpr (NORM) {
          int k = k0 + d * 32;
          b = k < K && g < M ? *(const uint4*)(normed + g * normed_stride(K) + k * 2) : make_uint4(0, 0, 0, 0);
        } else {
          b = own[(DEPTH * 2 * ROW_TILES + d * TILES + j) * 32];
        }
#pragma unroll
        for (int i = 0; i < ROW_TILES; i++) {
          mma(c[i][j], a[2 * i].x, a[2 * i + 1].x, a[2 * i].y, a[2 * i + 1].y, b.x, b.y);
          mma(c[i][j], a[2 * i].z, a[2 * i + 1].z, a[2 * i].w, a[2 * i + 1].w, b.z, b.w);
        }
      }
    }
    stage = stage + 1 == STAGES ? 0 : stage + 1;
  }
  wait_copies<0>();
  __syncthreads();  // the sums meet where the ring was

  float* sums = (float*)memory;  // [WARPS][ROW_TILES][TILES][16][9]
  auto at = [&](int s, int i, int j, int r, int m) { return (((s * ROW_TILES + i) * TILES + j) * 16 + r) * 9 + m; };
#pragma unroll
  for (int i = 0; i < ROW_TILES; i++)
#pragma unroll
    for (int j = 0; j < TILES; j++) {
      sums[at(warp, i, j, g, 2 * t)] = c[i][j][0];
      sums[at(warp, i, j, g, 2 * t + 1)] = c[i][j][1];
      sums[at(warp, i, j, g + 8, 2 * t)] = c[i][j][2];
      sums[at(warp, i, j, g + 8, 2 * t + 1)] = c[i][j][3];
    }
  __syncthreads();
  for (int e = threadIdx.x; e < 16 * 8 * TILES; e += WARPS * 32) {
    int r = e & 15, m = e >> 4, n = row + r;
    if (n >= N || m >= M) continue;
    float v[ROW_TILES];
#pragma unroll
    for (int i = 0; i < ROW_TILES; i++) {
      v[i] = bias ? to_float(bias[i * N + n]) : 0.f;
#pragma unroll
      for (int s = 0; s < WARPS; s++) v[i] += sums[at(s, i, m >> 3, r, m & 7)];
    }
    size_t to = (size_t)m * N + n;
    if constexpr (EPILOGUE == STORE) ((elem*)out)[to] = from_float(v[0]);
    if constexpr (EPILOGUE == ADD_RESIDUAL) ((float*)out)[to] += v[0];
    if constexpr (EPILOGUE == SILU_MUL) ((elem*)out)[to] = from_float(v[0] / (1.f + __expf(-v[0])) * v[ROW_TILES - 1]);
    if constexpr (EPILOGUE == STORE_FLOAT) ((float*)out)[to] = v[0];
  }
}

#define GEMV(NAME, EPILOGUE, TILES, NORM)                                                                                \
  extern "C" __global__ void __launch_bounds__(WARPS * 32)                                                               \
      NAME##_##TILES(const void* x, const elem* norm, const int* row_of, float eps, const elem* w, void* out,            \
                     const elem* bias, int M, int N, int K) {                                                            \
    product<EPILOGUE, TILES, NORM>(Input{x, norm, row_of, eps}, w, out, bias, M, N, K);                                  \
  }
#define ALL(NAME, EPILOGUE) GEMV(NAME, EPILOGUE, 1, false) GEMV(NAME, EPILOGUE, 2, false) GEMV(NAME, EPILOGUE, 4, false)
ALL(gemv_store, STORE)
ALL(gemv_add, ADD_RESIDUAL)
ALL(gemv_silu, SILU_MUL)
ALL(gemv_float, STORE_FLOAT)
GEMV(gemv_norm_store, STORE, 1, true)
GEMV(gemv_norm_silu, SILU_MUL, 1, true)
GEMV(gemv_norm_float, STORE_FLOAT, 1, true)
