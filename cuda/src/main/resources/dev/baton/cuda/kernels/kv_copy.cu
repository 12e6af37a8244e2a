// Copies KV between pools and buffers, and computes its checksum on the way: the device's twin of the Java class
// dev.baton.engine.backend.KvChecksum. Knows no element type, only bytes.

typedef unsigned long long u64;

// Rows of successive tokens that lie contiguous on both sides, in each layer at the same place.
struct Piece {
    u64 source;     // of K in layer 0
    u64 target;
    u64 sourceHalf; // from K to V
    u64 targetHalf;
    u64 salt;       // of the first word of K in layer 0
    u64 vectors;    // of 16 bytes
};

constexpr u64 LAYER = 0xC2B2AE3D27D4EB4Full;
constexpr u64 HALF = 0x165667B19E3779F9ull;
constexpr u64 WORD = 0x9E3779B97F4A7C15ull;
constexpr int THREADS = 256;
constexpr int AHEAD = 8; // loads in flight per thread

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

// Block (x, y, z): piece x, layer firstLayer + y, K (z = 0) or V. The addresses of layers lie sourceLayer and targetLayer
// bytes apart, counted from firstLayer. Where something is copied sum[0] grows by the checksum of what was read, otherwise
// sum[1] by that of what is in the target.
extern "C" __global__ __launch_bounds__(THREADS) void kv_copy(const Piece* __restrict__ pieces, u64* sum, int copy,
    int firstLayer, u64 sourceLayer, u64 targetLayer)
{
    const Piece piece = pieces[blockIdx.x];
    uint4* target = (uint4*)(piece.target + blockIdx.y * targetLayer + blockIdx.z * piece.targetHalf) + threadIdx.x;
    const uint4* source = target;
    if (copy)
        source = (const uint4*)(piece.source + blockIdx.y * sourceLayer + blockIdx.z * piece.sourceHalf) + threadIdx.x;
    u64 salt = piece.salt + LAYER * (firstLayer + blockIdx.y) + HALF * blockIdx.z + 2 * WORD * threadIdx.x;
    u64 mine = 0;
    long left = (long)piece.vectors - threadIdx.x;
    for (; left > (AHEAD - 1) * THREADS; left -= AHEAD * THREADS) {
        uint4 v[AHEAD];
#pragma unroll
        for (int i = 0; i < AHEAD; i++)
            v[i] = __ldcs(source + i * THREADS);
        if (copy)
#pragma unroll
            for (int i = 0; i < AHEAD; i++)
                __stcs(target + i * THREADS, v[i]);
#pragma unroll
        for (int i = 0; i < AHEAD; i++)
            mine += mix(v[i], salt + 2 * WORD * i * THREADS);
        source += AHEAD * THREADS;
        target += AHEAD * THREADS;
        salt += 2 * WORD * AHEAD * THREADS;
    }
    for (; left > 0; left -= THREADS) {
        uint4 v = __ldcs(source);
        if (copy)
            __stcs(target, v);
        mine += mix(v, salt);
        source += THREADS;
        target += THREADS;
        salt += 2 * WORD * THREADS;
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
        atomicAdd(sum + (copy ? 0 : 1), all);
    }
}
