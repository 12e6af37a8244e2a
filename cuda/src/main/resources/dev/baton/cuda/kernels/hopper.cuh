// What compute capability 9.0 alone has (compiled for sm_90a): products of a warp group, and registers that move from one
// warp group to another; and tensor copies.
#pragma once
#include "barriers.cuh"

// A box of a tensor to shared memory. Coordinates are innermost first; what lies outside of the tensor becomes zeros.
__device__ __forceinline__ void copy_box(u32 shared, const TensorMap& map, u32 barrier, int c0, int c1, int c2) {
  asm volatile(
      "cp.async.bulk.tensor.3d.shared::cluster.global.mbarrier::complete_tx::bytes [%0], [%1, {%3, %4, %5}], [%2];" ::"r"(
          shared),
      "l"(&map), "r"(barrier), "r"(c0), "r"(c1), "r"(c2)
      : "memory");
}

__device__ __forceinline__ void copy_box(u32 shared, const TensorMap& map, u32 barrier, int c0, int c1, int c2, int c3) {
  asm volatile(
      "cp.async.bulk.tensor.4d.shared::cluster.global.mbarrier::complete_tx::bytes [%0], [%1, {%3, %4, %5, %6}], [%2];" ::"r"(
          shared),
      "l"(&map), "r"(barrier), "r"(c0), "r"(c1), "r"(c2), "r"(c3)
      : "memory");
}

// The hardware's numbered barriers; number 0 is __syncthreads.
__device__ __forceinline__ void sync_threads(int number, int threads) {
  asm volatile("bar.sync %0, %1;" ::"r"(number), "r"(threads) : "memory");
}

__device__ __forceinline__ void arrive_threads(int number, int threads) {
  asm volatile("bar.arrive %0, %1;" ::"r"(number), "r"(threads) : "memory");
}

template <int N>
__device__ __forceinline__ void fewer_registers() {
  asm volatile("setmaxnreg.dec.sync.aligned.u32 %0;" ::"n"(N));
}

template <int N>
__device__ __forceinline__ void more_registers() {
  asm volatile("setmaxnreg.inc.sync.aligned.u32 %0;" ::"n"(N));
}

// Describes an operand of a product in shared memory: rows of 128 bytes, swizzled as tensor copies do, groups of 8 rows
// 1024 bytes apart. `chunk` is the distance in bytes between blocks of 64 columns of an operand whose rows are k; an operand
// whose columns are k has no use for it.
__device__ __forceinline__ u64 product_operand(u32 shared, int chunk) {
  return (u64)((shared & 0x3ffff) >> 4) | ((u64)(chunk >> 4) << 16) | ((u64)(1024 >> 4) << 32) | ((u64)1 << 62);
}

// Before the first product after registers of products were written.
__device__ __forceinline__ void products_begin() { asm volatile("wgmma.fence.sync.aligned;" ::: "memory"); }

// Ends a group of products.
__device__ __forceinline__ void products_commit() { asm volatile("wgmma.commit_group.sync.aligned;" ::: "memory"); }

// Waits until at most N groups are under way.
template <int N>
__device__ __forceinline__ void products_wait() {
  asm volatile("wgmma.wait_group.sync.aligned %0;" ::"n"(N) : "memory");
}

// Keeps the compiler from moving uses of these registers across this point: it does not know that products write them later.
template <int N>
__device__ __forceinline__ void hold(float (&r)[N]) {
#pragma unroll
  for (int i = 0; i < N; i++) asm volatile("" : "+f"(r[i])::"memory");
}

template <int N>
__device__ __forceinline__ void hold(u32 (&r)[N]) {
#pragma unroll
  for (int i = 0; i < N; i++) asm volatile("" : "+r"(r[i])::"memory");
}

#define WGMMA_REGISTERS(d, i)                                                                                              \
  "+f"(d[i]), "+f"(d[i + 1]), "+f"(d[i + 2]), "+f"(d[i + 3]), "+f"(d[i + 4]), "+f"(d[i + 5]), "+f"(d[i + 6]),              \
      "+f"(d[i + 7]), "+f"(d[i + 8]), "+f"(d[i + 9]), "+f"(d[i + 10]), "+f"(d[i + 11]), "+f"(d[i + 12]), "+f"(d[i + 13]),  \
      "+f"(d[i + 14]), "+f"(d[i + 15])

// Products of a warp group, d[64 x N] (+)= a[64 x 16] b[16 x N], N = 2 * (elements of d). Warp w of the group has rows 16 w to
// 16 w + 15 of a and d, laid out over its threads as in mma: d[4 j ...] are columns 8 j to 8 j + 7.

// a and b in shared memory, k along their rows' 128 bytes. Starts at zero unless `add`.
__device__ __forceinline__ void product(float (&d)[64], u64 a, u64 b, int add) {
  asm volatile(
      "{\n"
      ".reg .pred add;\n"
      "setp.ne.b32 add, %66, 0;\n"
      "wgmma.mma_async.sync.aligned.m64n128k16.f32." MMA_TYPE " {"
      "%0, %1, %2, %3, %4, %5, %6, %7, %8, %9, %10, %11, %12, %13, %14, %15, "
      "%16, %17, %18, %19, %20, %21, %22, %23, %24, %25, %26, %27, %28, %29, %30, %31, "
      "%32, %33, %34, %35, %36, %37, %38, %39, %40, %41, %42, %43, %44, %45, %46, %47, "
      "%48, %49, %50, %51, %52, %53, %54, %55, %56, %57, %58, %59, %60, %61, %62, %63"
      "}, %64, %65, add, 1, 1, 0, 0;\n"
      "}"
      : WGMMA_REGISTERS(d, 0), WGMMA_REGISTERS(d, 16), WGMMA_REGISTERS(d, 32), WGMMA_REGISTERS(d, 48)
      : "l"(a), "l"(b), "r"(add));
}

// a in registers; b in shared memory, one k a row.
__device__ __forceinline__ void product(float (&d)[64], u32 a0, u32 a1, u32 a2, u32 a3, u64 b) {
  asm volatile(
      "wgmma.mma_async.sync.aligned.m64n128k16.f32." MMA_TYPE " {"
      "%0, %1, %2, %3, %4, %5, %6, %7, %8, %9, %10, %11, %12, %13, %14, %15, "
      "%16, %17, %18, %19, %20, %21, %22, %23, %24, %25, %26, %27, %28, %29, %30, %31, "
      "%32, %33, %34, %35, %36, %37, %38, %39, %40, %41, %42, %43, %44, %45, %46, %47, "
      "%48, %49, %50, %51, %52, %53, %54, %55, %56, %57, %58, %59, %60, %61, %62, %63"
      "}, {%64, %65, %66, %67}, %68, 1, 1, 1, 1;"
      : WGMMA_REGISTERS(d, 0), WGMMA_REGISTERS(d, 16), WGMMA_REGISTERS(d, 32), WGMMA_REGISTERS(d, 48)
      : "r"(a0), "r"(a1), "r"(a2), "r"(a3), "l"(b));
}

// a in registers; b in shared memory, one k a row.
__device__ __forceinline__ void product(float (&d)[32], u32 a0, u32 a1, u32 a2, u32 a3, u64 b) {
  asm volatile(
      "wgmma.mma_async.sync.aligned.m64n64k16.f32." MMA_TYPE " {"
      "%0, %1, %2, %3, %4, %5, %6, %7, %8, %9, %10, %11, %12, %13, %14, %15, "
      "%16, %17, %18, %19, %20, %21, %22, %23, %24, %25, %26, %27, %28, %29, %30, %31"
      "}, {%32, %33, %34, %35}, %36, 1, 1, 1, 1;"
      : WGMMA_REGISTERS(d, 0), WGMMA_REGISTERS(d, 16)
      : "r"(a0), "r"(a1), "r"(a2), "r"(a3), "l"(b));
}
