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
  const uint4* row = (const uint4*)(table + (size_t)id * hidden);
  float4* out = (float4*)(residual + (size_t)t * hidden);
  for (int i = threadIdx.x; i < hidden / 8; i += blockDim.x) {
    uint4 v = padding ? make_uint4(0, 0, 0, 0) : row[i];
    out[2 * i] = make_float4(low(v.x), high(v.x), low(v.y), high(v.y));
    out[2 * i + 1] = make_float4(low(v.z), high(v.z), low(v.w), high(v.w));
  }
}

// out[r] = x[row] / rms(x[row]) * weight, with row = rows[r], or r where rows is null. One block a row; blockDim.x is a
// multiple of 32 and at most 1024.
extern "C" __global__ void rms_norm(const float* __restrict__ x, const elem* __restrict__ weight, elem* __restrict__ out,
                                    const int* __restrict__ rows, int hidden, float eps) {
  __shared__ float partial[32];
  let_next_start();
  wait_for_previous();
  int r = blockIdx.x;
  int row = rows ? rows[r] : r;
  const float4* in = (const float4*)(x + (size_t)row * hidden);
  int pieces = hidden / 4;
  float4 kept[4];
  float sum = 0;
#pragma unroll
  for (int j = 0; j < 4; j++) {
    int i = threadIdx.x + j * blockDim.x;
    if (i < pieces) {
      float4 v = in[i];
      kept[j] = v;
      sum += v.x * v.x + v.y * v.y + v.z * v.z + v.w * v.w;
    }
  }
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
  const uint2* w = (const uint2*)weight;
  uint2* o = (uint2*)(out + (size_t)r * hidden);
#pragma unroll
  for (int j = 0; j < 4; j++) {
    int i = threadIdx.x + j * blockDim.x;
    if (i < pieces) {
      float4 v = kept[j];
      uint2 g = w[i];
      o[i] = make_uint2(pack(v.x * scale * low(g.x), v.y * scale * high(g.x)),
                        pack(v.z * scale * low(g.y), v.w * scale * high(g.y)));
    }
  }
  for (int i = threadIdx.x + 4 * blockDim.x; i < pieces; i += blockDim.x) {
    float4 v = in[i];
    uint2 g = w[i];
    o[i] = make_uint2(pack(v.x * scale * low(g.x), v.y * scale * high(g.x)),
                      pack(v.z * scale * low(g.y), v.w * scale * high(g.y)));
  }
}

// After the q/k/v product: adds biases, normalises heads of q and k (both optional), rotates q and k, leaves q in place
// and writes k and v into the sequence's blocks. qkv is [tokens, (heads + 2 kvHeads) * headSize]; angles is
// [positions, headSize / 2] of (cos, sin). The pool of a layer is [block, 2, slot, kvHead, headSize].
// One warp a head; grid (tokens, ceil((heads + 2 kvHeads) / 8)), 256 threads.
extern "C" __global__ void qkv_post(elem* __restrict__ qkv, const elem* __restrict__ bias, const elem* __restrict__ q_norm,
                                    const elem* __restrict__ k_norm, float eps, const float2* __restrict__ angles,
                                    const int* __restrict__ positions, const int* __restrict__ token_seq,
                                    const int* __restrict__ tables, const int* __restrict__ table_stride,
                                    elem* __restrict__ pool, int heads, int kv_heads, int block_shift, int head_size) {
  let_next_start();
  wait_for_previous();
  int t = blockIdx.x;
  int head = blockIdx.y * 8 + (threadIdx.x >> 5);
  int lane = threadIdx.x & 31;
  int all = heads + 2 * kv_heads;
  int position = positions[t];
  if (head >= all || position < 0) return;
  int half = head_size / 2;
  elem* in = qkv + ((size_t)t * all + head) * head_size;
  const elem* b = bias ? bias + head * head_size : nullptr;
  // Up to two pairs a lane: elements i and i + headSize / 2.
  float x[2], y[2];
  float squares = 0;
#pragma unroll
  for (int j = 0; j < 2; j++) {
    int i = lane + 32 * j;
    x[j] = 0;
    y[j] = 0;
    if (i < half) {
      x[j] = to_float(in[i]) + (b ? to_float(b[i]) : 0.f);
      y[j] = to_float(in[i + half]) + (b ? to_float(b[i + half]) : 0.f);
      squares += x[j] * x[j] + y[j] * y[j];
    }
  }
  bool is_v = head >= heads + kv_heads;
  bool is_k = !is_v && head >= heads;
  const elem* norm = is_v ? nullptr : is_k ? k_norm : q_norm;
  if (norm) {
    float scale = rsqrtf(warp_sum(squares) / head_size + eps);
#pragma unroll
    for (int j = 0; j < 2; j++) {
      int i = lane + 32 * j;
      if (i < half) {
        x[j] *= scale * to_float(norm[i]);
        y[j] *= scale * to_float(norm[i + half]);
      }
    }
  }
  elem* out = in;
  if (is_k || is_v) {
    int block = tables[(size_t)token_seq[t] * *table_stride + (position >> block_shift)];
    int slot = position & ((1 << block_shift) - 1);
    int kv_head = head - heads - (is_v ? kv_heads : 0);
    out = pool + ((((size_t)block * 2 + (is_v ? 1 : 0)) << block_shift) + slot) * kv_heads * head_size + kv_head * head_size;
  }
#pragma unroll
  for (int j = 0; j < 2; j++) {
    int i = lane + 32 * j;
    if (i < half) {
      float2 a = is_v ? make_float2(1, 0) : angles[(size_t)position * half + i];
      out[i] = from_float(x[j] * a.x - y[j] * a.y);
      out[i + half] = from_float(y[j] * a.x + x[j] * a.y);
    }
  }
}

// out[t][i] = silu(gate) * up, gate_up is [tokens, 2 * width] with the gates first. Grid (ceil(width / 8 / blockDim), tokens).
extern "C" __global__ void silu_mul(const elem* __restrict__ gate_up, const elem* __restrict__ bias, elem* __restrict__ out,
                                    int width) {
  let_next_start();
  wait_for_previous();
  int i = blockIdx.x * blockDim.x + threadIdx.x;
  if (i >= width / 8) return;
  size_t t = blockIdx.y;
  union {
    uint4 v;
    u32 w[4];
  } g, u, bg, bu, o;
  g.v = ((const uint4*)(gate_up + t * 2 * width))[i];
  u.v = ((const uint4*)(gate_up + t * 2 * width + width))[i];
  bg.v = bu.v = make_uint4(0, 0, 0, 0);
  if (bias) {
    bg.v = ((const uint4*)bias)[i];
    bu.v = ((const uint4*)(bias + width))[i];
  }
#pragma unroll
  for (int j = 0; j < 4; j++) {
    float g0 = low(g.w[j]) + low(bg.w[j]), g1 = high(g.w[j]) + high(bg.w[j]);
    float u0 = low(u.w[j]) + low(bu.w[j]), u1 = high(u.w[j]) + high(bu.w[j]);
    o.w[j] = pack(g0 / (1.f + __expf(-g0)) * u0, g1 / (1.f + __expf(-g1)) * u1);
  }
  ((uint4*)(out + t * width))[i] = o.v;
}

// residual[t] += bias. One block a token.
extern "C" __global__ void add_bias(float* __restrict__ residual, const elem* __restrict__ bias, int hidden) {
  let_next_start();
  wait_for_previous();
  float* row = residual + (size_t)blockIdx.x * hidden;
  for (int i = threadIdx.x; i < hidden; i += blockDim.x) row[i] += to_float(bias[i]);
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
