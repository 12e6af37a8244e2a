// Products with few rows of activations: out[m][n] = sum over k of x[m][k] * w[n][k], m < M <= 8 * TILES. Bound by reading
// w once: every thread streams 16 bytes of two rows of w at a time straight into tensor-core operands. The order of k
// inside an operand is free as long as both sides agree, so a thread's 8 neighbouring elements serve two products.
//
// A block owns 16 rows of w (or 16 gate and 16 up rows); its 8 warps share out k and add up in shared memory.
// N and K are multiples of 8.
#include "common.cuh"

#define WARPS 8
#define ROW_PIECES 4  // pieces of 32 k that a warp has in flight, over all its rows

enum Epilogue { STORE, ADD_RESIDUAL, SILU_MUL, STORE_FLOAT };

template <int ROW_TILES>
struct Weights {
  static constexpr int DEPTH = ROW_PIECES / ROW_TILES;
  uint4 top[ROW_TILES][DEPTH], bottom[ROW_TILES][DEPTH];
};

template <int EPILOGUE, int TILES>
__device__ __forceinline__ void product(const elem* __restrict__ x, const elem* __restrict__ w, void* __restrict__ out,
                                        const elem* __restrict__ bias, int M, int N, int K) {
  constexpr int ROW_TILES = EPILOGUE == SILU_MUL ? 2 : 1;
  constexpr int DEPTH = Weights<ROW_TILES>::DEPTH;
  __shared__ float sums[WARPS][ROW_TILES][TILES][16][8 + 1];
  let_next_start();
  int warp = threadIdx.x >> 5, lane = threadIdx.x & 31, g = lane >> 2, t = lane & 3;
  int row = blockIdx.x * 16;
  // In SILU_MUL N counts gates; the up rows follow them.
  const elem* top[ROW_TILES];
  const elem* bottom[ROW_TILES];
  bool has_top = row + g < N, has_bottom = row + g + 8 < N;
#pragma unroll
  for (int i = 0; i < ROW_TILES; i++) {
    top[i] = w + ((size_t)i * N + row + g) * K;
    bottom[i] = top[i] + (size_t)8 * K;
  }
  float c[ROW_TILES][TILES][4];
#pragma unroll
  for (int i = 0; i < ROW_TILES; i++)
#pragma unroll
    for (int j = 0; j < TILES; j++)
#pragma unroll
      for (int e = 0; e < 4; e++) c[i][j][e] = 0;

  const uint4 zero = make_uint4(0, 0, 0, 0);
  const int step = WARPS * DEPTH * 32;
  auto load = [&](Weights<ROW_TILES>& v, int k0) {
#pragma unroll
    for (int d = 0; d < DEPTH; d++) {
      int k = k0 + d * 32 + 8 * t;
#pragma unroll
      for (int i = 0; i < ROW_TILES; i++) {
        v.top[i][d] = k < K && has_top ? load_once(top[i] + k) : zero;
        v.bottom[i][d] = k < K && has_bottom ? load_once(bottom[i] + k) : zero;
      }
    }
  };
  int k0 = warp * DEPTH * 32;
  Weights<ROW_TILES> now, next;
  load(now, k0);  // weights never change: their first pieces are fetched before the input is ready
  wait_for_previous();
  for (; k0 < K; k0 += step) {
    if (k0 + step < K) load(next, k0 + step);
#pragma unroll
    for (int d = 0; d < DEPTH; d++) {
      int k = k0 + d * 32 + 8 * t;
#pragma unroll
      for (int j = 0; j < TILES; j++) {
        int m = j * 8 + g;
        uint4 b = k < K && m < M ? __ldg((const uint4*)(x + (size_t)m * K + k)) : zero;
#pragma unroll
        for (int i = 0; i < ROW_TILES; i++) {
          uint4 p = now.top[i][d], q = now.bottom[i][d];
          mma(c[i][j], p.x, q.x, p.y, q.y, b.x, b.y);
          mma(c[i][j], p.z, q.z, p.w, q.w, b.z, b.w);
        }
      }
    }
    now = next;
  }
#pragma unroll
  for (int i = 0; i < ROW_TILES; i++)
#pragma unroll
    for (int j = 0; j < TILES; j++) {
      sums[warp][i][j][g][2 * t] = c[i][j][0];
      sums[warp][i][j][g][2 * t + 1] = c[i][j][1];
      sums[warp][i][j][g + 8][2 * t] = c[i][j][2];
      sums[warp][i][j][g + 8][2 * t + 1] = c[i][j][3];
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
      for (int s = 0; s < WARPS; s++) v[i] += sums[s][i][m >> 3][r][m & 7];
    }
    size_t at = (size_t)m * N + n;
    if constexpr (EPILOGUE == STORE) ((elem*)out)[at] = from_float(v[0]);
    if constexpr (EPILOGUE == ADD_RESIDUAL) ((float*)out)[at] += v[0];
    if constexpr (EPILOGUE == SILU_MUL) ((elem*)out)[at] = from_float(v[0] / (1.f + __expf(-v[0])) * v[ROW_TILES - 1]);
    if constexpr (EPILOGUE == STORE_FLOAT) ((float*)out)[at] = v[0];
  }
}

#define GEMV(NAME, EPILOGUE, TILES)                                                                                      \
  extern "C" __global__ void __launch_bounds__(256) NAME##_##TILES(const elem* x, const elem* w, void* out,              \
                                                                   const elem* bias, int M, int N, int K) {              \
    product<EPILOGUE, TILES>(x, w, out, bias, M, N, K);                                                                  \
  }
#define ALL(NAME, EPILOGUE) GEMV(NAME, EPILOGUE, 1) GEMV(NAME, EPILOGUE, 2) GEMV(NAME, EPILOGUE, 4)
ALL(gemv_store, STORE)
ALL(gemv_add, ADD_RESIDUAL)
ALL(gemv_silu, SILU_MUL)
ALL(gemv_float, STORE_FLOAT)
