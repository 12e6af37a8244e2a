// The small kernels between the products: embedding, RMSNorm, what follows the q/k/v product, SiLU x up, biases, and
// what is needed once at load.
#include "common.cuh"

// The input row of every token: residual[t] = table[id]. A negative id stands for the token that the sequence's slot
// sampled last. One block a token. Rows of padding (position < 0) are set to 0.
extern "C" __global__ void embed(const int* __restrict__ tokens, const int* __restrict__ positions,
                                 const int* __restrict__ token_seq, const int* __restrict__ slots,
                                 const int* __restrict__ last, const elem* __restrict__ table, float* __restrict__ residual,
                                 int hidden, int vocab) {
  let_next_start();
  wait_for_previous();
  int t = blockIdx.x;
  int id = tokens[t];
  bool padding = positions[t] < 0;
  if (id < 0 && !padding) id = last[slots[token_seq[t]]];
  // An id outside the table can come only from a sampler that found no number; its sequence has ended.
  id = min(max(id, 0), vocab - 1);
  const uint2* row = (const uint2*)(table + (size_t)id * hidden);
  float4* out = (float4*)(residual + (size_t)t * hidden);
#pragma unroll 4
  for (int i = threadIdx.x; i < hidden / 4; i += blockDim.x) {
    uint2 v = padding ? make_uint2(0, 0) : __ldg(row + i);
    out[i] = make_float4(low(v.x), high(v.x), low(v.y), high(v.y));
  }
}

// out[r] = x[row] / rms(x[row]) * weight, with row = rows[r], or r where rows is null. One block a row; blockDim.x is a
// multiple of 32 and at most 1024. A thread keeps up to four pieces of 16 bytes; what is beyond is read twice.
extern "C" __global__ void rms_norm(const float* __restrict__ x, const elem* __restrict__ weight, elem* __restrict__ out,
                                    const int* __restrict__ rows, int hidden, float eps) {
  __shared__ float partial[32];
  let_next_start();
  const uint2* w = (const uint2*)weight;
  int pieces = hidden / 4;
  uint2 weights[4];
#pragma unroll
  for (int j = 0; j < 4; j++) {
    int i = threadIdx.x + j * blockDim.x;
    weights[j] = i < pieces ? __ldg(w + i) : make_uint2(0, 0);
  }
  wait_for_previous();
  int r = blockIdx.x;
  int row = rows ? rows[r] : r;
  const float4* in = (const float4*)(x + (size_t)row * hidden);
  float4 kept[4];
#pragma unroll
  for (int j = 0; j < 4; j++) {
    int i = threadIdx.x + j * blockDim.x;
    kept[j] = i < pieces ? in[i] : make_float4(0, 0, 0, 0);
  }
  float sum = 0;
#pragma unroll
  for (int j = 0; j < 4; j++)
    sum += kept[j].x * kept[j].x + kept[j].y * kept[j].y + kept[j].z * kept[j].z + kept[j].w * kept[j].w;
  for (int i = threadIdx.x + 4 * blockDim.x; i < pieces; i += blockDim.x) {
    float4 v = in[i];
    sum += v.x * v.x + v.y * v.y + v.z * v.z + v.w * v.w;
  }
  sum = warp_sum(sum);
  if ((threadIdx.x & 31) == 0) partial[threadIdx.x >> 5] = sum;
  __syncthreads();
  float total = 0;
  for (int w = 0; w < blockDim.x / 32; w++) total += partial[w];
  float scale = rsqrtf(total / hidden + eps);
  uint2* o = (uint2*)(out + (size_t)r * hidden);
  auto put = [&](int i, float4 v, uint2 g) {
    o[i] = make_uint2(pack(v.x * scale * low(g.x), v.y * scale * high(g.x)),
                      pack(v.z * scale * low(g.y), v.w * scale * high(g.y)));
  };
#pragma unroll
  for (int j = 0; j < 4; j++) {
    int i = threadIdx.x + j * blockDim.x;
    if (i < pieces) put(i, kept[j], weights[j]);
  }
  for (int i = threadIdx.x + 4 * blockDim.x; i < pieces; i += blockDim.x) put(i, in[i], w[i]);
}

// The rows that are sampled from: to_x[r] = x[rows[r]] and to_residual[r] = residual[rows[r]], of x_size elements and hidden
// floats (multiples of 8 and 4). One block a row.
extern "C" __global__ void gather_rows(const elem* __restrict__ x, const float* __restrict__ residual,
                                       const int* __restrict__ rows, elem* __restrict__ to_x,
                                       float* __restrict__ to_residual, int x_size, int hidden) {
  let_next_start();
  wait_for_previous();
  size_t r = blockIdx.x, row = rows[r];
  const uint4* from = (const uint4*)(x + row * x_size);
  uint4* to = (uint4*)(to_x + r * x_size);
  for (int i = threadIdx.x; i < x_size / 8; i += blockDim.x) to[i] = from[i];
  const float4* in = (const float4*)(residual + row * hidden);
  float4* out = (float4*)(to_residual + r * hidden);
  for (int i = threadIdx.x; i < hidden / 4; i += blockDim.x) out[i] = in[i];
}

__device__ __forceinline__ void unpack(float (&f)[8], uint4 v) {
  f[0] = low(v.x), f[1] = high(v.x), f[2] = low(v.y), f[3] = high(v.y);
  f[4] = low(v.z), f[5] = high(v.z), f[6] = low(v.w), f[7] = high(v.w);
}

__device__ __forceinline__ uint4 packed(const float (&f)[8]) {
  return make_uint4(pack(f[0], f[1]), pack(f[2], f[3]), pack(f[4], f[5]), pack(f[6], f[7]));
}

// Heads of qkv_post that a thread works on.
#define HEADS 4

// After the q/k/v product, for the sequences with several new tokens (decode attention does this itself for the others):
// adds biases, normalises heads of q and k (both optional), rotates q and k, leaves q in place and writes k and v into the
// sequence's blocks. qkv is [tokens, (heads + 2 kvHeads) * headSize]; angles is [positions, headSize / 2] of (cos, sin);
// lengths are the new tokens of each sequence. The pool of a layer is [block, 2, slot, kvHead, headSize].
// A thread has 8 elements, and the 8 that are headSize / 2 further, of HEADS heads that follow each other: the same angles
// serve all of them. 128 threads; ceil(tokens * ceil((heads + 2 kvHeads) / HEADS) * headSize / 16 / 128) blocks.
extern "C" __global__ void __launch_bounds__(128)
    qkv_post(elem* __restrict__ qkv, const elem* __restrict__ bias, const elem* __restrict__ q_norm,
             const elem* __restrict__ k_norm, float eps, const float2* __restrict__ angles,
             const int* __restrict__ positions, const int* __restrict__ token_seq, const int* __restrict__ lengths,
             const int* __restrict__ tables, const int* __restrict__ table_stride, elem* __restrict__ pool, int tokens,
             int heads, int kv_heads, int block_shift, int head_size) {
  let_next_start();
  int all = heads + 2 * kv_heads;
  int half = head_size / 2, pieces = head_size / 16;
  int per_token = (all + HEADS - 1) / HEADS * pieces;
  int id = blockIdx.x * blockDim.x + threadIdx.x;
  int t = id / per_token;
  int piece = id % pieces, head0 = id % per_token / pieces * HEADS;
  int position = t < tokens ? positions[t] : -1;
  int seq = position >= 0 ? token_seq[t] : 0;
  bool mine = position >= 0 && lengths[seq] > 1;
  float cosines[8], sines[8];
  int block = 0;
  if (mine) {
    const float4* angle = (const float4*)(angles + (size_t)position * half + piece * 8);
#pragma unroll
    for (int j = 0; j < 4; j++) {
      float4 v = __ldg(angle + j);
      cosines[2 * j] = v.x, sines[2 * j] = v.y, cosines[2 * j + 1] = v.z, sines[2 * j + 1] = v.w;
    }
    block = tables[(size_t)seq * *table_stride + (position >> block_shift)];
  }
  int slot = position & ((1 << block_shift) - 1);
  wait_for_previous();
  uint4 raw[HEADS][2];
#pragma unroll
  for (int h = 0; h < HEADS; h++) {
    const uint4* in = (const uint4*)(qkv + ((size_t)t * all + head0 + h) * head_size);
    bool valid = mine && head0 + h < all;
    raw[h][0] = valid ? in[piece] : make_uint4(0, 0, 0, 0);
    raw[h][1] = valid ? in[piece + pieces] : make_uint4(0, 0, 0, 0);
  }
#pragma unroll
  for (int h = 0; h < HEADS; h++) {
    int head = head0 + h;
    bool valid = mine && head < all;
    bool is_v = head >= heads + kv_heads, is_k = !is_v && head >= heads;
    float x[8], y[8];
    unpack(x, raw[h][0]);
    unpack(y, raw[h][1]);
    if (bias && valid) {
      float bx[8], by[8];
      const uint4* b = (const uint4*)(bias + head * head_size);
      unpack(bx, __ldg(b + piece));
      unpack(by, __ldg(b + piece + pieces));
#pragma unroll
      for (int j = 0; j < 8; j++) x[j] += bx[j], y[j] += by[j];
    }
    if (q_norm || k_norm) {
      float squares = 0;
#pragma unroll
      for (int j = 0; j < 8; j++) squares += x[j] * x[j] + y[j] * y[j];
      for (int d = pieces / 2; d > 0; d >>= 1) squares += __shfl_xor_sync(FULL, squares, d);
      const elem* norm = is_v ? nullptr : is_k ? k_norm : q_norm;
      if (norm) {
        float factor = rsqrtf(squares / head_size + eps);
        float nx[8], ny[8];
        unpack(nx, __ldg((const uint4*)norm + piece));
        unpack(ny, __ldg((const uint4*)norm + piece + pieces));
#pragma unroll
        for (int j = 0; j < 8; j++) x[j] *= factor * nx[j], y[j] *= factor * ny[j];
      }
    }
    if (!valid) continue;
    if (!is_v) {
#pragma unroll
      for (int j = 0; j < 8; j++) {
        float turned = x[j] * cosines[j] - y[j] * sines[j];
        y[j] = y[j] * cosines[j] + x[j] * sines[j];
        x[j] = turned;
      }
    }
    elem* to = qkv + ((size_t)t * all + head) * head_size;
    if (is_k || is_v) {
      int kv_head = head - heads - (is_v ? kv_heads : 0);
      to = pool + (((((size_t)block * 2 + is_v) << block_shift) + slot) * kv_heads + kv_head) * head_size;
    }
    ((uint4*)to)[piece] = packed(x);
    ((uint4*)to)[piece + pieces] = packed(y);
  }
}

// out[t][i] = silu(gate) * up, gate_up is [tokens, 2 * width] with the gates first; bias, of 2 * width, can be null. A
// thread has SILU_PIECES times 8 elements. 256 threads; ceil(tokens * width / 8 / 256 / SILU_PIECES) blocks.
#define SILU_PIECES 2
extern "C" __global__ void __launch_bounds__(256)
    silu_mul(const elem* __restrict__ gate_up, const elem* __restrict__ bias, elem* __restrict__ out, int tokens, int width) {
  let_next_start();
  u32 pieces = width / 8, total = tokens * pieces;
  u32 id = blockIdx.x * 256 * SILU_PIECES + threadIdx.x;
  wait_for_previous();
  uint4 gates[SILU_PIECES], ups[SILU_PIECES];
#pragma unroll
  for (int j = 0; j < SILU_PIECES; j++) {
    u32 p = id + j * 256;
    if (p < total) {
      // The up row of a token follows its gate row.
      const uint4* gate = (const uint4*)gate_up + (p + (size_t)(p / pieces) * pieces);
      gates[j] = __ldcs(gate);
      ups[j] = __ldcs(gate + pieces);
    }
  }
#pragma unroll
  for (int j = 0; j < SILU_PIECES; j++) {
    u32 p = id + j * 256;
    if (p >= total) break;
    float g[8], u[8];
    unpack(g, gates[j]);
    unpack(u, ups[j]);
    if (bias) {
      float bg[8], bu[8];
      unpack(bg, __ldg((const uint4*)bias + p % pieces));
      unpack(bu, __ldg((const uint4*)bias + p % pieces + pieces));
#pragma unroll
      for (int e = 0; e < 8; e++) g[e] += bg[e], u[e] += bu[e];
    }
#pragma unroll
    for (int e = 0; e < 8; e++) g[e] = __fdividef(g[e], 1.f + __expf(-g[e])) * u[e];
    ((uint4*)out)[p] = packed(g);
  }
}

// residual[t] += bias. One block a token; hidden is a multiple of 4.
extern "C" __global__ void add_bias(float* __restrict__ residual, const elem* __restrict__ bias, int hidden) {
  let_next_start();
  wait_for_previous();
  float4* row = (float4*)(residual + (size_t)blockIdx.x * hidden);
#pragma unroll 4
  for (int i = threadIdx.x; i < hidden / 4; i += blockDim.x) {
    uint2 b = __ldg((const uint2*)bias + i);
    float4 v = row[i];
    row[i] = make_float4(v.x + low(b.x), v.y + high(b.x), v.z + low(b.y), v.w + high(b.y));
  }
}

// Converts stored elements (type 0: float32, 1: fp16, 2: bf16) to this module's type.
extern "C" __global__ void convert(const void* __restrict__ in, int type, elem* __restrict__ out, u64 count) {
  for (u64 i = blockIdx.x * (u64)blockDim.x + threadIdx.x; i < count; i += (u64)gridDim.x * blockDim.x) {
    float v = type == 0 ? ((const float*)in)[i]
                        : type == 1 ? f16_to_float(((const u16*)in)[i]) : bf16_to_float(((const u16*)in)[i]);
    out[i] = from_float(v);
  }
}

__device__ __forceinline__ u64 mix(u64 z) {
  z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9ull;
  z = (z ^ (z >> 27)) * 0x94D049BB133111EBull;
  return z ^ (z >> 31);
}

// Dummy weights: element i picks one of the 4096 values of `table` by 12 bits of a hash of (key, i / 4).
extern "C" __global__ void fill_random(elem* __restrict__ out, u64 count, u64 key, const elem* __restrict__ table) {
  u64 groups = (count + 3) / 4;
  for (u64 i = blockIdx.x * (u64)blockDim.x + threadIdx.x; i < groups; i += (u64)gridDim.x * blockDim.x) {
    u64 h = mix(key + i * 0x9E3779B97F4A7C15ull);
    u16 v[4];
    for (int j = 0; j < 4; j++) v[j] = table[(h >> (16 * j)) & 4095];
    if (4 * i + 4 <= count) {
      ((uint2*)out)[i] = make_uint2(v[0] | (u32)v[1] << 16, v[2] | (u32)v[3] << 16);
    } else {
      for (u64 j = 4 * i; j < count; j++) out[j] = v[j - 4 * i];
    }
  }
}

extern "C" __global__ void fill(elem* __restrict__ out, u64 count, float value) {
  for (u64 i = blockIdx.x * (u64)blockDim.x + threadIdx.x; i < count; i += (u64)gridDim.x * blockDim.x) {
    out[i] = from_float(value);
  }
}

// angles[p][i] = (cos, sin) of p * inverse[i]. Computed in double, since p can be large.
extern "C" __global__ void rope_angles(const double* __restrict__ inverse, float2* __restrict__ angles, int positions, int half) {
  int i = blockIdx.x * blockDim.x + threadIdx.x;
  if (i < positions * half) {
    double s, c;
    sincos((double)(i / half) * inverse[i % half], &s, &c);
    angles[i] = make_float2((float)c, (float)s);
  }
}
