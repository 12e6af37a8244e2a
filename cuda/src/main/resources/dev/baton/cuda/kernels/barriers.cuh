// Barriers in shared memory that also count the bytes of tensor copies (compute capability 9.0 and later).
#pragma once
#include "common.cuh"

// A tensor map of the driver, passed by value as a __grid_constant__ argument.
struct alignas(64) TensorMap {
  u8 opaque[128];
};

#if __CUDA_ARCH__ >= 900
__device__ __forceinline__ void barrier_init(u32 barrier, int arrivals) {
  asm volatile("mbarrier.init.shared::cta.b64 [%0], %1;" ::"r"(barrier), "r"(arrivals) : "memory");
}

// After barrier_init, before other threads and the copy engine use the barriers.
__device__ __forceinline__ void barrier_init_visible() { asm volatile("fence.mbarrier_init.release.cluster;" ::: "memory"); }

__device__ __forceinline__ void barrier_arrive(u32 barrier) {
  asm volatile("mbarrier.arrive.shared::cta.b64 _, [%0];" ::"r"(barrier) : "memory");
}

// Arrives, and makes the phase also wait for that many bytes of tensor copies.
__device__ __forceinline__ void barrier_arrive_expect(u32 barrier, int bytes) {
  asm volatile("mbarrier.arrive.expect_tx.shared::cta.b64 _, [%0], %1;" ::"r"(barrier), "r"(bytes) : "memory");
}

// Waits for the end of a phase; phases have parity 0, 1, 0, ... A barrier on which nothing has happened lets parity 1 pass.
__device__ __forceinline__ void barrier_wait(u32 barrier, u32 parity) {
  asm volatile(
      "{\n"
      ".reg .pred done;\n"
      "again:\n"
      "mbarrier.try_wait.parity.shared::cta.b64 done, [%0], %1;\n"
      "@!done bra again;\n"
      "}" ::"r"(barrier),
      "r"(parity)
      : "memory");
}

// What the calling thread wrote to shared memory comes before later tensor copies to it, and can be read by products of warp
// groups after the next barrier.
__device__ __forceinline__ void fence_async() { asm volatile("fence.proxy.async.shared::cta;" ::: "memory"); }
#endif
