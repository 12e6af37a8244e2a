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

// Copies 16-byte vectors if copy is set, and sums them: those read, or without copying those in the target. salt is that of the
// first word. Every thread of the block calls, and gets its share of the sum.
__device__ __forceinline__ u64 move(const uint4* source, uint4* target, long vectors, u64 salt, bool copy)
{
    source += threadIdx.x;
    target += threadIdx.x;
    salt += 2 * WORD * threadIdx.x;
    u64 mine = 0;
    long left = vectors - threadIdx.x;
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
    return mine;
}

// Adds the shares of all threads of the block to a sum.
__device__ __forceinline__ void add_to(u64* sum, u64 mine)
{
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

// Block (x, y, z): piece x, layer firstLayer + y, K (z = 0) or V. The addresses of layers lie sourceLayer and targetLayer
// bytes apart, counted from firstLayer. Where something is copied sum[0] grows by the checksum of what was read, otherwise
// sum[1] by that of what is in the target.
extern "C" __global__ __launch_bounds__(THREADS) void kv_copy(const Piece* __restrict__ pieces, u64* sum, int copy,
    int firstLayer, u64 sourceLayer, u64 targetLayer)
{
    const Piece piece = pieces[blockIdx.x];
    uint4* target = (uint4*)(piece.target + blockIdx.y * targetLayer + blockIdx.z * piece.targetHalf);
    const uint4* source = copy ? (const uint4*)(piece.source + blockIdx.y * sourceLayer + blockIdx.z * piece.sourceHalf) : target;
    u64 salt = piece.salt + LAYER * (firstLayer + blockIdx.y) + HALF * blockIdx.z;
    add_to(sum + (copy ? 0 : 1), move(source, target, piece.vectors, salt, copy));
}

constexpr int MOST_BLOCKS = 480; // a kernel's parameters may have 4 KiB

// Successive blocks of a sequence in two pools with blocks of one size, handed over as a parameter: so nothing has to be
// copied to the device before the kernel can start.
struct Blocks {
    u64 source;      // block 0 of the pool, in the first layer
    u64 target;
    u64 sourceLayer; // from a layer to the next
    u64 targetLayer;
    u64 half;        // from K to V, half of a block
    u64 salt;        // of the first word of slot 0 of the first block's K, in the first layer
    int rowVectors;  // of K of a token, 16 bytes each
    int slots;       // of a block
    int slotsOfPart; // a thread block's share
    int begin;       // first slot of the first block
    int end;         // behind the last slot of the last block, counted from slot 0 of the first one
    int padding;
    int sources[MOST_BLOCKS]; // numbers of the blocks
    int targets[MOST_BLOCKS];
};

// Block (x, y, z): block x, layer y of those that are copied, K (z even) or V of part z / 2. Sums as kv_copy does.
extern "C" __global__ __launch_bounds__(THREADS) void kv_copy_blocks(const __grid_constant__ Blocks blocks, u64* sum, int copy)
{
    const int part = blockIdx.z / 2;
    const int half = blockIdx.z % 2;
    const int first = max(blockIdx.x == 0 ? blocks.begin : 0, part * blocks.slotsOfPart);
    const int behind = min(min(blocks.slots, (part + 1) * blocks.slotsOfPart), blocks.end - (int)blockIdx.x * blocks.slots);
    if (first >= behind)
        return;
    const u64 offset = half * blocks.half + (u64)first * blocks.rowVectors * 16;
    uint4* target = (uint4*)(blocks.target + blockIdx.y * blocks.targetLayer
        + blocks.targets[blockIdx.x] * 2 * blocks.half + offset);
    const uint4* source = target;
    if (copy)
        source = (const uint4*)(blocks.source + blockIdx.y * blocks.sourceLayer
            + blocks.sources[blockIdx.x] * 2 * blocks.half + offset);
    const u64 row = blockIdx.x * (u64)blocks.slots + first;
    const u64 salt = blocks.salt + LAYER * blockIdx.y + HALF * half + 2 * WORD * row * blocks.rowVectors;
    add_to(sum + (copy ? 0 : 1), move(source, target, (long)(behind - first) * blocks.rowVectors, salt, copy));
}

// After the copies of a call: gives the host their sums, sets them to zero for the next, and then says that it is done. host is
// page-locked memory: both sums, and the number of the call that is done.
extern "C" __global__ void kv_finish(u64* sum, volatile u64* host, u64 call)
{
    host[0] = sum[0];
    host[1] = sum[1];
    sum[0] = 0;
    sum[1] = 0;
    __threadfence_system();
    host[2] = call;
}
