// Copies KV between pools and buffers, and computes its checksum on the way: the device's twin of the Java class
// dev.baton.engine.backend.KvChecksum. Knows no element type, only bytes.

typedef unsigned long long u64;

// One run of bytes that is contiguous on both sides.
struct Run {
    u64 source;
    u64 target;  // 0: nothing is copied, only summed
    u64 salt;    // of the first word
    u64 vectors; // of 16 bytes
};

constexpr u64 WORD = 0x9E3779B97F4A7C15ull;
constexpr int THREADS = 256;
constexpr int AHEAD = 4; // loads in flight per thread

__device__ __forceinline__ u64 mix(u64 word)
{
    u64 x = word * 0xBF58476D1CE4E5B9ull;
    x = (x ^ (x >> 32)) * 0x94D049BB133111EBull;
    return x ^ (x >> 29);
}

__device__ __forceinline__ u64 mix(uint4 v, u64 salt)
{
    u64 low = v.x | ((u64)v.y << 32);
    u64 high = v.z | ((u64)v.w << 32);
    return mix(low ^ salt) + mix(high ^ (salt + WORD));
}

// One block for each run. sum[0] grows by the checksum of all runs.
extern "C" __global__ __launch_bounds__(THREADS) void kv_copy(const Run* __restrict__ runs, u64* sum)
{
    const Run run = runs[blockIdx.x];
    const uint4* source = (const uint4*)run.source;
    uint4* target = (uint4*)run.target;
    u64 mine = 0;
    u64 at = threadIdx.x;
    for (; at + (AHEAD - 1) * THREADS < run.vectors; at += AHEAD * THREADS) {
        uint4 v[AHEAD];
#pragma unroll
        for (int i = 0; i < AHEAD; i++)
            v[i] = __ldcs(source + at + i * THREADS);
        if (run.target)
#pragma unroll
            for (int i = 0; i < AHEAD; i++)
                __stcs(target + at + i * THREADS, v[i]);
#pragma unroll
        for (int i = 0; i < AHEAD; i++)
            mine += mix(v[i], run.salt + 2 * WORD * (at + i * THREADS));
    }
    for (; at < run.vectors; at += THREADS) {
        uint4 v = __ldcs(source + at);
        if (run.target)
            __stcs(target + at, v);
        mine += mix(v, run.salt + 2 * WORD * at);
    }
#pragma unroll
    for (int lane = 16; lane > 0; lane /= 2)
        mine += __shfl_xor_sync(~0u, mine, lane);
    __shared__ u64 parts[THREADS / 32];
    if (threadIdx.x % 32 == 0)
        parts[threadIdx.x / 32] = mine;
    __syncthreads();
    if (threadIdx.x == 0) {
        u64 all = 0;
        for (int i = 0; i < THREADS / 32; i++)
            all += parts[i];
        atomicAdd(sum, all);
    }
}
