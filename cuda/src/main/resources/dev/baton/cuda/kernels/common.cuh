// What every kernel shares: the 16-bit element type (BATON_BF16 picks bf16, otherwise fp16), warp reductions,
// tensor-core products, and the two halves of a programmatic dependent launch. No header of the CUDA toolkit
// is needed, so that the runtime compiler is the only thing that has to be installed.
#pragma once

typedef unsigned char u8;
typedef unsigned short u16;
typedef unsigned int u32;
typedef unsigned long long u64;
typedef u16 elem;

#define WARP 32
#define FULL 0xffffffffu
#define INF __int_as_float(0x7f800000)
#define LOG2E 1.4426950408889634f

// Waits until the kernels before have finished and their writes can be seen. A kernel that is launched without
// the attribute passes at once.
__device__ __forceinline__ void wait_for_previous() {
#if __CUDA_ARCH__ >= 900
  asm volatile("griddepcontrol.wait;" ::: "memory");
#endif
}

// Lets the next kernel's blocks be placed as soon as there is room; they wait in wait_for_previous.
__device__ __forceinline__ void let_next_start() {
#if __CUDA_ARCH__ >= 900
  asm volatile("griddepcontrol.launch_dependents;");
#endif
}

__device__ __forceinline__ float f16_to_float(u16 v) {
  float f;
  asm("cvt.f32.f16 %0, %1;" : "=f"(f) : "h"(v));
  return f;
}

__device__ __forceinline__ float bf16_to_float(u16 v) { return __uint_as_float((u32)v << 16); }

__device__ __forceinline__ u16 float_to_f16(float f) {
  u16 v;
  asm("cvt.rn.f16.f32 %0, %1;" : "=h"(v) : "f"(f));
  return v;
}

__device__ __forceinline__ u16 float_to_bf16(float f) {
  u16 v;
  asm("cvt.rn.bf16.f32 %0, %1;" : "=h"(v) : "f"(f));
  return v;
}

#if BATON_BF16
__device__ __forceinline__ float to_float(elem v) { return bf16_to_float(v); }
__device__ __forceinline__ elem from_float(float f) { return float_to_bf16(f); }
__device__ __forceinline__ u32 pack(float low, float high) {
  u32 v;
  asm("cvt.rn.bf16x2.f32 %0, %1, %2;" : "=r"(v) : "f"(high), "f"(low));
  return v;
}
__device__ __forceinline__ float low(u32 v) { return __uint_as_float(v << 16); }
__device__ __forceinline__ float high(u32 v) { return __uint_as_float(v & 0xffff0000u); }
#define MMA_TYPE "bf16.bf16"
#else
__device__ __forceinline__ float to_float(elem v) { return f16_to_float(v); }
__device__ __forceinline__ elem from_float(float f) { return float_to_f16(f); }
__device__ __forceinline__ u32 pack(float low, float high) {
  u32 v;
  asm("cvt.rn.f16x2.f32 %0, %1, %2;" : "=r"(v) : "f"(high), "f"(low));
  return v;
}
__device__ __forceinline__ float low(u32 v) { return f16_to_float((u16)v); }
__device__ __forceinline__ float high(u32 v) { return f16_to_float((u16)(v >> 16)); }
#define MMA_TYPE "f16.f16"
#endif

// c[16x8] += a[16x16] b[16x8], sums in float. Thread (g = lane / 4, t = lane % 4) holds
// a: (g, 2t), (g + 8, 2t), (g, 2t + 8), (g + 8, 2t + 8), two neighbouring k each; b: (2t, g), (2t + 8, g), likewise;
// c: (g, 2t), (g, 2t + 1), (g + 8, 2t), (g + 8, 2t + 1).
__device__ __forceinline__ void mma(float (&c)[4], u32 a0, u32 a1, u32 a2, u32 a3, u32 b0, u32 b1) {
  asm volatile("mma.sync.aligned.m16n8k16.row.col.f32." MMA_TYPE ".f32 {%0,%1,%2,%3}, {%4,%5,%6,%7}, {%8,%9}, {%0,%1,%2,%3};"
               : "+f"(c[0]), "+f"(c[1]), "+f"(c[2]), "+f"(c[3])
               : "r"(a0), "r"(a1), "r"(a2), "r"(a3), "r"(b0), "r"(b1));
}

__device__ __forceinline__ u32 shared_address(const void* p) { return (u32)__cvta_generic_to_shared(p); }

__device__ __forceinline__ void ldmatrix(u32 (&r)[4], u32 address) {
  asm volatile("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0,%1,%2,%3}, [%4];"
               : "=r"(r[0]), "=r"(r[1]), "=r"(r[2]), "=r"(r[3])
               : "r"(address));
}

__device__ __forceinline__ void ldmatrix_transposed(u32 (&r)[4], u32 address) {
  asm volatile("ldmatrix.sync.aligned.m8n8.x4.trans.shared.b16 {%0,%1,%2,%3}, [%4];"
               : "=r"(r[0]), "=r"(r[1]), "=r"(r[2]), "=r"(r[3])
               : "r"(address));
}

// 16 bytes from device to shared memory in the background; zeros where `valid` is false.
__device__ __forceinline__ void copy_async(u32 shared, const void* global, bool valid) {
  int bytes = valid ? 16 : 0;
  asm volatile("cp.async.cg.shared.global [%0], [%1], 16, %2;" ::"r"(shared), "l"(global), "r"(bytes));
}

__device__ __forceinline__ void commit_copies() { asm volatile("cp.async.commit_group;"); }

template <int N>
__device__ __forceinline__ void wait_copies() {
  asm volatile("cp.async.wait_group %0;" ::"n"(N) : "memory");
}

// A weight is read once: it must not push other data out of the first-level cache.
__device__ __forceinline__ uint4 load_once(const void* p) {
  uint4 v;
  asm volatile("ld.global.nc.L1::no_allocate.v4.u32 {%0,%1,%2,%3}, [%4];"
               : "=r"(v.x), "=r"(v.y), "=r"(v.z), "=r"(v.w)
               : "l"(p));
  return v;
}

__device__ __forceinline__ float warp_sum(float v) {
#pragma unroll
  for (int d = 16; d > 0; d >>= 1) v += __shfl_xor_sync(FULL, v, d);
  return v;
}

__device__ __forceinline__ double warp_sum(double v) {
#pragma unroll
  for (int d = 16; d > 0; d >>= 1) v += __shfl_xor_sync(FULL, v, d);
  return v;
}

__device__ __forceinline__ float warp_max(float v) {
#pragma unroll
  for (int d = 16; d > 0; d >>= 1) v = fmaxf(v, __shfl_xor_sync(FULL, v, d));
  return v;
}

// Rows of headSize elements in shared memory, in pieces of 16 bytes, placed so that eight rows' same piece lie in
// different banks. Gives the piece's index.
template <int D>
__device__ __forceinline__ int place(int row, int piece) {
  constexpr int PIECES = D / 8;
  if constexpr (PIECES >= 8) {
    return row * PIECES + (piece ^ (row & 7));
  } else {
    return row * PIECES + (piece ^ ((row >> 1) & (PIECES - 1)));
  }
}
