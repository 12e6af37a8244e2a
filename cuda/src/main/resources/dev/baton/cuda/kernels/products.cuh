// What the products of compute capability 9.0 share: barriers in shared memory that count bytes, copies that the copy engine
// makes in the background, and what becomes of sums.
#pragma once
#include "common.cuh"

enum Epilogue { STORE, ADD_RESIDUAL, SILU_MUL, STORE_FLOAT };

// What the driver describes of an array: see Driver.tensorMap in the host.
struct __align__(64) TensorMap {
  u8 bytes[128];
};

#if __CUDA_ARCH__ >= 900
__device__ __forceinline__ void barrier_init(u32 barrier, u32 arrivals) {
  asm volatile("mbarrier.init.shared::cta.b64 [%0], %1;" ::"r"(barrier), "r"(arrivals));
}

// After barrier_init, before a copy uses the barriers.
__device__ __forceinline__ void barriers_ready() { asm volatile("fence.mbarrier_init.release.cluster;" ::: "memory"); }

// Arrives, and lets the barrier wait for that many bytes too.
__device__ __forceinline__ void barrier_expect(u32 barrier, u32 bytes) {
  asm volatile("mbarrier.arrive.expect_tx.shared::cta.b64 _, [%0], %1;" ::"r"(barrier), "r"(bytes) : "memory");
}

// Waits for the end of a phase: 0 for the first, then 1, 0, ...
__device__ __forceinline__ void barrier_wait(u32 barrier, u32 parity) {
  asm volatile(
      "{\n"
      ".reg .pred done;\n"
      "again:\n"
      "mbarrier.try_wait.parity.shared::cta.b64 done, [%0], %1;\n"
      "@done bra finished;\n"
      "bra again;\n"
      "finished:\n"
      "}\n" ::"r"(barrier),
      "r"(parity)
      : "memory");
}

// Between own writes to shared memory and a copy to the same place.
__device__ __forceinline__ void fence_before_copies() { asm volatile("fence.proxy.async.shared::cta;" ::: "memory"); }

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

// Brings a box into the second-level cache.
__device__ __forceinline__ void prefetch_box(const TensorMap* map, int i0, int i1) {
  asm volatile("cp.async.bulk.prefetch.tensor.2d.L2.global [%0, {%1, %2}];" ::"l"(map), "r"(i0), "r"(i1));
}

__device__ __forceinline__ void prefetch_box(const TensorMap* map, int i0, int i1, int i2, int i3) {
  asm volatile("cp.async.bulk.prefetch.tensor.4d.L2.global [%0, {%1, %2, %3, %4}];" ::"l"(map), "r"(i0), "r"(i1), "r"(i2),
               "r"(i3));
}
#endif

__device__ __forceinline__ float silu(float v) { return v / (1.f + __expf(-v)); }
