// Products with up to 8 rows of activations for compute capability 9.0: out[m][n] = sum over k of x[m][k] * w[n][k]. Bound by
// reading w once. One block a multiprocessor goes through its share of the rows of w. A unit is 16 rows of w by 128 k; every
// warp has its own ring of units in shared memory, takes every 8th unit along k, and asks the copy engine for the next one when
// it has used one up, so no warp waits for another until the sums meet. The rings take less than half of the shared memory, so
// that the next kernel's block fits beside them and fills its own while this kernel ends: weights never change, so they are
// fetched before the input is ready.
//
// 16-byte pieces of w serve tensor-core products as they are, since the order of k inside an operand is free as long as both
// sides agree.
//
// A tile's 16 rows are 8 gates and their 8 ups for SILU_MUL. N and K are multiples of 8.
#include "products.cuh"

#define WARPS 8
#define CHUNK 128
#define PIECES (CHUNK / 32)
#define DEPTH 3  // units of a warp's ring
#define UNIT_BYTES (16 * CHUNK * 2)
#define LAYER_BYTES (WARPS * UNIT_BYTES)  // one unit of every warp
#define RING_BYTES (DEPTH * LAYER_BYTES)
#define RESIDENT_CHUNKS 4
#define NORMED_ROWS 4  // rows that are normalised together

#if __CUDA_ARCH__ >= 900
// Which unit of its share a warp is at: tiles are worked on TILES at a time, side by side.
template <int TILES>
struct Cursor {
  int chunks, tiles;  // of the block's share
  int group, chunk, side;

  __device__ __forceinline__ bool more() const { return group * TILES < tiles; }
  __device__ __forceinline__ void next(int warp) {
    if (TILES > 1 && ++side < min(TILES, tiles - group * TILES)) return;
    side = 0;
    chunk += WARPS;
    if (chunk < chunks) return;
    chunk = warp;
    group++;
  }
};

// Asks for 16 rows of w by 128 k. What lies beyond w arrives as zeros.
template <int EPILOGUE>
__device__ __forceinline__ void fetch(const TensorMap* w, int tile, int chunk, u32 to, u32 barrier, u64 policy) {
  barrier_arrive_expect(barrier, UNIT_BYTES);
#pragma unroll
  for (int h = 0; h < 2; h++) {
    int k = chunk * CHUNK + h * 64;
    if constexpr (EPILOGUE == SILU_MUL) {
      copy_box(to + h * (UNIT_BYTES / 2), w, k, 0, 0, tile, barrier, policy);
    } else {
      copy_box(to + h * (UNIT_BYTES / 2), w, k, tile * 16, barrier, policy);
    }
  }
}

// Adds one unit's products. b holds the activations of lane (g, t): row g, k = 32 p + 8 t ... + 7 of the chunk.
__device__ __forceinline__ void multiply(float (&c)[2][4], const u8* unit, const uint4 (&b)[PIECES]) {
  int lane = threadIdx.x & 31, g = lane >> 2, t = lane & 3, odd = g & 1;
  // Rows of 128 bytes lie in the same banks, their pieces swizzled: lanes of odd rows take the second half first.
  const u8* near = unit + g * 128 + ((t + 4 * odd) ^ g) * 16;
  const u8* far = unit + g * 128 + ((t + 4 * (odd ^ 1)) ^ g) * 16;
#pragma unroll
  for (int q = 0; q < CHUNK / 64; q++) {
    uint4 n0 = *(const uint4*)(near + q * 2048), f0 = *(const uint4*)(far + q * 2048);
    uint4 n1 = *(const uint4*)(near + q * 2048 + 1024), f1 = *(const uint4*)(far + q * 2048 + 1024);
#pragma unroll
    for (int h = 0; h < 2; h++) {
      uint4 a0 = odd == h ? n0 : f0, a1 = odd == h ? n1 : f1, x = b[2 * q + h];
      mma(c[h], a0.x, a1.x, a0.y, a1.y, x.x, x.y);
      mma(c[h], a0.z, a1.z, a0.w, a1.w, x.z, x.w);
    }
  }
}

// Activations of a chunk as multiply takes them, from memory.
__device__ __forceinline__ void load(uint4 (&b)[PIECES], const elem* row, bool valid, int chunk, int K) {
  int k = chunk * CHUNK + 8 * (threadIdx.x & 3);
#pragma unroll
  for (int p = 0; p < PIECES; p++) {
    b[p] = make_uint4(0, 0, 0, 0);
    if (valid && k + 32 * p < K) b[p] = __ldcg((const uint4*)(row + k + 32 * p));
  }
}

// Normalises M rows of K floats, K <= 4096, into shared memory, 8 KiB apart: up to NORMED_ROWS at a time, so that their reads
// are under way together.
__device__ __forceinline__ void normalise(const float* x, const elem* norm, const int* row_of, float eps, u8* to, int M, int K) {
  constexpr int EACH = RESIDENT_CHUNKS * WARPS * CHUNK / 4 / (WARPS * 32);  // float4 of a row that a thread has
  __shared__ __align__(16) float partial[2][NORMED_ROWS][WARPS];
  int warp = threadIdx.x >> 5, lane = threadIdx.x & 31;
  uint2 gain[EACH];
#pragma unroll
  for (int i = 0; i < EACH; i++) {
    int at = threadIdx.x + i * WARPS * 32;
    gain[i] = at < K / 4 ? __ldg((const uint2*)norm + at) : make_uint2(0, 0);
  }
  wait_for_previous();
#pragma unroll 1
  for (int m0 = 0; m0 < M; m0 += NORMED_ROWS) {
    float4 v[NORMED_ROWS][EACH];
    float sum[NORMED_ROWS];
    float(&sums)[NORMED_ROWS][WARPS] = partial[m0 / NORMED_ROWS & 1];
#pragma unroll
    for (int r = 0; r < NORMED_ROWS; r++) {
      int m = m0 + r;
      if (m < M) {
        const float4* row = (const float4*)x + (size_t)(row_of ? row_of[m] : m) * (K / 4);
#pragma unroll
        for (int i = 0; i < EACH; i++) {
          int at = threadIdx.x + i * WARPS * 32;
          v[r][i] = at < K / 4 ? __ldcg(row + at) : make_float4(0, 0, 0, 0);
        }
      }
    }
#pragma unroll
    for (int r = 0; r < NORMED_ROWS; r++) {
      if (m0 + r < M) {
        sum[r] = 0;
#pragma unroll
        for (int i = 0; i < EACH; i++)
          sum[r] += v[r][i].x * v[r][i].x + v[r][i].y * v[r][i].y + v[r][i].z * v[r][i].z + v[r][i].w * v[r][i].w;
        sum[r] = warp_sum(sum[r]);
        if (lane == 0) sums[r][warp] = sum[r];
      }
    }
    __syncthreads();
#pragma unroll
    for (int r = 0; r < NORMED_ROWS; r++) {
      if (m0 + r < M) {
        float4 p = *(const float4*)&sums[r][0], q = *(const float4*)&sums[r][4];
        float scale = rsqrtf((p.x + p.y + p.z + p.w + q.x + q.y + q.z + q.w) / K + eps);
        uint2* out = (uint2*)(to + (m0 + r) * RESIDENT_CHUNKS * WARPS * CHUNK * 2);
#pragma unroll
        for (int i = 0; i < EACH; i++) {
          int at = threadIdx.x + i * WARPS * 32;
          if (at < K / 4)
            out[at] = make_uint2(pack(v[r][i].x * scale * low(gain[i].x), v[r][i].y * scale * high(gain[i].x)),
                                 pack(v[r][i].z * scale * low(gain[i].y), v[r][i].w * scale * high(gain[i].y)));
        }
      }
    }
  }
}

// RESIDENT (K <= 4096): the block keeps all activations in registers, and works on one tile after the other. Otherwise on two
// tiles side by side, and activations are read along with the weights.
template <int EPILOGUE, bool NORM, bool RESIDENT>
__device__ __forceinline__ void product(const TensorMap* w, const void* x, const elem* norm, const int* row_of, float eps,
                                        void* out, const elem* bias, int M, int N, int K) {
  constexpr int TILES = RESIDENT ? 1 : 2;
  constexpr int OUTPUTS = EPILOGUE == SILU_MUL ? 8 : 16;  // of a tile
  extern __shared__ __align__(1024) u8 memory[];
  __shared__ __align__(8) u64 barriers[WARPS * DEPTH];
  let_next_start();
  int warp = threadIdx.x >> 5, lane = threadIdx.x & 31, g = lane >> 2, t = lane & 3;
  u8* own = memory + warp * UNIT_BYTES;
  u32 ring = shared_address(own), full = shared_address(barriers + warp * DEPTH);
  float* sums = (float*)(memory + RING_BYTES);
  u64 policy = read_once();

  int all = (N + OUTPUTS - 1) / OUTPUTS;
  int first = (int)((u64)blockIdx.x * all / gridDim.x);
  int tiles = (int)((u64)(blockIdx.x + 1) * all / gridDim.x) - first;
  int chunks = (K + CHUNK - 1) / CHUNK;

  if (lane == 0) {
    for (int i = 0; i < DEPTH; i++) barrier_init(full + i * 8, 1);
    barrier_init_visible();
  }
  __syncwarp();
  // The next unit to ask for.
  Cursor<TILES> wanted = {chunks, warp < chunks ? tiles : 0, 0, warp, 0};
  auto fetch_next = [&](int stage) {
    if (!wanted.more()) return;
    if (lane == 0)
      fetch<EPILOGUE>(w, first + wanted.group * TILES + wanted.side, wanted.chunk, ring + stage * LAYER_BYTES, full + stage * 8,
                      policy);
    wanted.next(warp);
  };
  // Normalised rows need room for a while: one has its own, more take the rings' later units.
  int early = !NORM || M == 1 ? DEPTH : M <= 4 ? 2 : 1;
  for (int i = 0; i < early; i++) fetch_next(i);
  __syncwarp();

  uint4 b[RESIDENT ? RESIDENT_CHUNKS : 2][PIECES];
  const elem* row = nullptr;
  if constexpr (NORM) {
    u8* rows = memory + (M == 1 ? RING_BYTES + 1024 : early * LAYER_BYTES);
    normalise((const float*)x, norm, row_of, eps, rows, M, K);
    __syncthreads();
    const u8* normed = rows + g * RESIDENT_CHUNKS * WARPS * CHUNK * 2;
#pragma unroll
    for (int i = 0; i < RESIDENT_CHUNKS; i++)
#pragma unroll
      for (int p = 0; p < PIECES; p++) {
        int k = (warp + i * WARPS) * CHUNK + 32 * p + 8 * t;
        b[i][p] = g < M && k < K ? *(const uint4*)(normed + k * 2) : make_uint4(0, 0, 0, 0);
      }
    if (early < DEPTH) {
      fence_async();
      __syncthreads();
      for (int i = early; i < DEPTH; i++) fetch_next(i);
    }
  } else {
    wait_for_previous();
    row = (const elem*)x + (size_t)(g >= M ? 0 : row_of ? row_of[g] : g) * K;
#pragma unroll
    for (int i = 0; i < (RESIDENT ? RESIDENT_CHUNKS : 1); i++) load(b[i], row, g < M, warp + i * WARPS, K);
  }

  int stage = 0, phase = 0;
  for (int group = 0; group * TILES < tiles; group++) {
    int side = min(TILES, tiles - group * TILES);
    // One output a thread: what is added to its sums is fetched before they are ready.
    int r = threadIdx.x % OUTPUTS, m = threadIdx.x / OUTPUTS % M, s = threadIdx.x / (OUTPUTS * M);
    int n = (first + group * TILES + s) * OUTPUTS + r;
    bool mine = s < side && n < N;
    float plus = 0, plus_up = 0;
    if (mine && bias) {
      plus = to_float(bias[n]);
      if constexpr (EPILOGUE == SILU_MUL) plus_up = to_float(bias[N + n]);
    }
    if constexpr (EPILOGUE == ADD_RESIDUAL) {
      if (mine) plus += __ldcg((const float*)out + (size_t)m * N + n);
    }

    float c[TILES][2][4];
#pragma unroll
    for (int i = 0; i < TILES * 8; i++) c[i / 8][i / 4 % 2][i % 4] = 0;
    auto use = [&](const uint4(&x)[PIECES]) {
#pragma unroll
      for (int i = 0; i < TILES; i++) {
        if (i >= side) continue;
        barrier_wait(full + stage * 8, phase);
        multiply(c[i], own + stage * LAYER_BYTES, x);
        __syncwarp();
        fetch_next(stage);
        if (++stage == DEPTH) {
          stage = 0;
          phase ^= 1;
        }
      }
    };
    if constexpr (RESIDENT) {
#pragma unroll
      for (int i = 0; i < RESIDENT_CHUNKS; i++)
        if (warp + i * WARPS < chunks) use(b[i]);
    } else {
      if (group > 0) load(b[0], row, g < M, warp, K);
      for (int chunk = warp; chunk < chunks; chunk += 2 * WARPS) {
        load(b[1], row, g < M, chunk + WARPS, K);
        use(b[0]);
        if (chunk + WARPS < chunks) {
          load(b[0], row, g < M, chunk + 2 * WARPS, K);
          use(b[1]);
        }
      }
    }

    // Resident: two sets of sums take turns, so that one barrier a tile is enough.
    float* meet = sums + (RESIDENT ? (group & 1) * WARPS * 16 * M : 0);
    if (!RESIDENT && group > 0) __syncthreads();
#pragma unroll
    for (int i = 0; i < TILES; i++)
#pragma unroll
      for (int e = 0; e < 4; e++) {
        int column = 2 * t + (e & 1);
        if (column < M) meet[((warp * TILES + i) * M + column) * 16 + g + (e >> 1) * 8] = c[i][0][e] + c[i][1][e];
      }
    __syncthreads();
    if (mine) {
      float v = plus, up = plus_up;
#pragma unroll
      for (int i = 0; i < WARPS; i++) {
        const float* part = meet + ((i * TILES + s) * M + m) * 16 + r;
        v += part[0];
        if constexpr (EPILOGUE == SILU_MUL) up += part[8];
      }
      size_t to = (size_t)m * N + n;
      if constexpr (EPILOGUE == STORE) ((elem*)out)[to] = from_float(v);
      if constexpr (EPILOGUE == SILU_MUL) ((elem*)out)[to] = from_float(silu(v) * up);
      if constexpr (EPILOGUE == ADD_RESIDUAL || EPILOGUE == STORE_FLOAT) ((float*)out)[to] = v;
    }
  }
}
#define BODY(...) product<__VA_ARGS__>(&w, x, norm, row_of, eps, out, bias, M, N, K)

// w describes [N, K] in boxes of [16, 64], for SILU_MUL [N / 8, 2, 8, K] in boxes of [1, 2, 8, 64], from an array whose N ups
// follow N gates. x is [rows, K] elements, or floats that are normalised with `norm` on the way; row m is row_of[m], or m where
// row_of is null. out is [M, N]; bias is [N] ([2 N] for SILU_MUL) or null. Grid: at most one block a tile; 256 threads. Dynamic shared memory: RING_BYTES + 1024 M,
// and 8 KiB more for M = 1 with NORM.
#define BULK(NAME, EPILOGUE, NORM, RESIDENT)                                                                               \
  extern "C" __global__ void __launch_bounds__(WARPS * 32, 2)                                                              \
      NAME(const __grid_constant__ TensorMap w, const void* x, const elem* norm, const int* row_of, float eps, void* out,  \
           const elem* bias, int M, int N, int K) {                                                             \
    BODY(EPILOGUE, NORM, RESIDENT);                                                                                        \
  }
BULK(bulk_store, STORE, false, true)
BULK(bulk_add, ADD_RESIDUAL, false, true)
BULK(bulk_silu, SILU_MUL, false, true)
BULK(bulk_float, STORE_FLOAT, false, true)
BULK(bulk_norm_store, STORE, true, true)
BULK(bulk_norm_silu, SILU_MUL, true, true)
BULK(bulk_norm_float, STORE_FLOAT, true, true)
BULK(bulk_long_store, STORE, false, false)
BULK(bulk_long_add, ADD_RESIDUAL, false, false)
BULK(bulk_long_silu, SILU_MUL, false, false)
BULK(bulk_long_float, STORE_FLOAT, false, false)
#endif
