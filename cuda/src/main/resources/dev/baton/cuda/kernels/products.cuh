// What the products of compute capability 9.0 share: copies of weights in the background, and what becomes of sums.
#pragma once
#include "barriers.cuh"

enum Epilogue { STORE, ADD_RESIDUAL, SILU_MUL, STORE_FLOAT };

#if __CUDA_ARCH__ >= 900
// How long the second-level cache should keep what a copy reads: weights are read once a step.
__device__ __forceinline__ u64 read_once() {
  u64 policy;
  asm volatile("createpolicy.fractional.L2::evict_first.b64 %0, 1.0;" : "=l"(policy));
  return policy;
}

// A box of a described array to shared memory; the barrier counts its bytes, also those beyond the array, which are zeros.
__device__ __forceinline__ void copy_box(u32 shared, const TensorMap* map, int i0, int i1, u32 barrier, u64 policy) {
  asm volatile(
      "cp.async.bulk.tensor.2d.shared::cluster.global.mbarrier::complete_tx::bytes.L2::cache_hint [%0], [%1, {%2, %3}], [%4], "
      "%5;" ::"r"(shared),
      "l"(map), "r"(i0), "r"(i1), "r"(barrier), "l"(policy)
      : "memory");
}

__device__ __forceinline__ void copy_box(u32 shared, const TensorMap* map, int i0, int i1, int i2, int i3, u32 barrier,
                                         u64 policy) {
  asm volatile(
      "cp.async.bulk.tensor.4d.shared::cluster.global.mbarrier::complete_tx::bytes.L2::cache_hint [%0], [%1, {%2, %3, %4, "
      "%5}], [%6], %7;" ::"r"(shared),
      "l"(map), "r"(i0), "r"(i1), "r"(i2), "r"(i3), "r"(barrier), "l"(policy)
      : "memory");
}
#endif

__device__ __forceinline__ float silu(float v) { return v / (1.f + __expf(-v)); }
