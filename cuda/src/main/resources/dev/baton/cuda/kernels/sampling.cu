// Choosing the next token. `argmax` serves greedy rows; `sample` does all the rest by the same definition as the engine's
// reference sampler: bias, penalties, temperature, top-k, top-p, min-p, then a draw that runs through the tokens by id.
// Ties go to the lower id. Weights are fixed-point integers, so that their sums do not depend on the order of adding.
//
// What is kept is found by digits of the logits' bits: a histogram of the first 11 bits names the bin where the filter ends,
// and where the tokens down to it are few, they are gathered and sorted, and the rest happens among them. Otherwise two more
// digits give the exact end, and the draw goes through the whole row.
#include "common.cuh"

#define THREADS 1024
#define WARPS 32

// Order-preserving bits of a logit; NaN counts as negative infinity.
__device__ __forceinline__ u32 key_of(float v) {
  if (v != v) v = -INF;
  u32 b = __float_as_uint(v == 0.f ? 0.f : v);  // both zeros are equal
  return b & 0x80000000u ? ~b : b | 0x80000000u;
}

#define KEY_OF_MINUS_INFINITY 0x007fffffu

struct Best {
  float value;
  int id;
};

__device__ __forceinline__ Best better(Best a, Best b) {
  return b.id >= 0 && (a.id < 0 || b.value > a.value || (b.value == a.value && b.id < a.id)) ? b : a;
}

__device__ __forceinline__ Best block_best(Best mine, Best* shared) {
#pragma unroll
  for (int d = 16; d > 0; d >>= 1) {
    Best other;
    other.value = __shfl_xor_sync(FULL, mine.value, d);
    other.id = __shfl_xor_sync(FULL, mine.id, d);
    mine = better(mine, other);
  }
  __syncthreads();
  if ((threadIdx.x & 31) == 0) shared[threadIdx.x >> 5] = mine;
  __syncthreads();
  mine = shared[0];
  for (int w = 1; w < WARPS; w++) mine = better(mine, shared[w]);
  return mine;
}

__device__ __forceinline__ double block_sum(double mine, double* shared) {
  mine = warp_sum(mine);
  __syncthreads();
  if ((threadIdx.x & 31) == 0) shared[threadIdx.x >> 5] = mine;
  __syncthreads();
  mine = 0;
  for (int w = 0; w < WARPS; w++) mine += shared[w];
  return mine;
}

// The first of the greatest logits of each row, -1 if there is none; also kept as the last token of the row's slot.
// slots[r] < 0: padding. One block of 1024 threads a row.
extern "C" __global__ void __launch_bounds__(THREADS) argmax(const float* __restrict__ logits, int vocab,
                                                             const int* __restrict__ slots, int* __restrict__ sampled,
                                                             int* __restrict__ last) {
  __shared__ Best shared[WARPS];
  let_next_start();
  wait_for_previous();
  int r = blockIdx.x;
  if (slots[r] < 0) return;
  const float* row = logits + (size_t)r * vocab;
  Best best = {-INF, -1};
  int i = threadIdx.x;
  if ((vocab & 3) == 0) {
    const float4* row4 = (const float4*)row;
#pragma unroll 4
    for (; i < vocab / 4; i += THREADS) {
      float4 v = row4[i];
      if (v.x > best.value) best = {v.x, 4 * i};
      if (v.y > best.value) best = {v.y, 4 * i + 1};
      if (v.z > best.value) best = {v.z, 4 * i + 2};
      if (v.w > best.value) best = {v.w, 4 * i + 3};
    }
  } else {
    for (; i < vocab; i += THREADS) {
      if (row[i] > best.value) best = {row[i], i};
    }
  }
  best = block_best(best, shared);
  if (threadIdx.x == 0) {
    sampled[r] = best.id;
    last[slots[r]] = best.id;
  }
}

// How a row is sampled; written by the host.
struct Params {
  int row, slot;
  int top_k;
  float temperature, top_p, min_p;
  float repetition, presence, frequency;
  int penalised;
  int output_index;
  int bias_start, bias_count;
  int logprobs;  // alternatives to report; -1: nothing
  u64 seed;
};

#define MAX_LOGPROBS 20
// What is reported of a row: log probability of the chosen token, number of alternatives, their ids, their values.
#define REPORT (2 + 2 * MAX_LOGPROBS)

// Occurrences of a token in a slot's sequence: 15 bits of count among the outputs, and the top bit if it was in the prompt.
#define IN_PROMPT 0x8000u

// Adds tokens to the counts of slots. items is [n, 3]: slot, position of the token in `history` or, if negative, -1 - (its
// index in `tokens`, the step's input), and whether it is output. A token that the host does not know is the slot's last.
extern "C" __global__ void count_tokens(const int* __restrict__ items, int n, const int* __restrict__ history,
                                        const int* __restrict__ tokens, const int* __restrict__ input_last,
                                        u32* __restrict__ counts, int words, int vocab) {
  wait_for_previous();
  int i = blockIdx.x * blockDim.x + threadIdx.x;
  if (i >= n) return;
  int slot = items[3 * i], at = items[3 * i + 1];
  int token = at >= 0 ? history[at] : tokens[-1 - at];
  if (token < 0) token = input_last[slot];
  if (token < 0 || token >= vocab) return;
  u32* word = counts + (size_t)slot * words + token / 2;
  int shift = 16 * (token & 1);
  if (items[3 * i + 2]) {
    if (((*(volatile u32*)word >> shift) & 0x7fff) < 0x7ffe) atomicAdd(word, 1u << shift);
  } else {
    atomicOr(word, IN_PROMPT << shift);
  }
}

// A row's logits as they are to be sampled.
struct Row {
  const float* logits;
  const u16* counts;  // null: no penalties
  float repetition, presence, frequency;

  __device__ __forceinline__ float adjusted(int i, float v) const {
    if (counts) {
      u32 c = counts[i];
      if (c) {
        v = v > 0 ? v / repetition : v * repetition;
        int times = c & 0x7fff;
        if (times) v -= presence + times * frequency;
      }
    }
    return v;
  }

  __device__ __forceinline__ float operator[](int i) const { return adjusted(i, logits[i]); }

  // Calls f(id, value) for every token, each once.
  template <class F>
  __device__ __forceinline__ void each(int vocab, F f) const {
    if ((vocab & 3) == 0) {
      const float4* logits4 = (const float4*)logits;
      for (int i = threadIdx.x; i < vocab / 4; i += 2 * THREADS) {
        int j = i + THREADS;
        float4 a = logits4[i];
        float4 b = j < vocab / 4 ? logits4[j] : make_float4(0, 0, 0, 0);
        f(4 * i, adjusted(4 * i, a.x));
        f(4 * i + 1, adjusted(4 * i + 1, a.y));
        f(4 * i + 2, adjusted(4 * i + 2, a.z));
        f(4 * i + 3, adjusted(4 * i + 3, a.w));
        if (j < vocab / 4) {
          f(4 * j, adjusted(4 * j, b.x));
          f(4 * j + 1, adjusted(4 * j + 1, b.y));
          f(4 * j + 2, adjusted(4 * j + 2, b.z));
          f(4 * j + 3, adjusted(4 * j + 3, b.w));
        }
      }
    } else {
      for (int i = threadIdx.x; i < vocab; i += THREADS) f(i, (*this)[i]);
    }
  }
};

// Tokens that are gathered at most: one a thread.
#define CANDIDATES THREADS
#define BINS 2048

// Weights are in units of 2^-44; the greatest is 1, and 2^18 of it fit.
__device__ __forceinline__ u64 fixed(float weight) { return (u64)(weight * 0x1.0p44f); }

// Shared memory of a block.
struct Work {
  union {
    struct {
      u32 counts[BINS];
      u32 low[BINS], high[BINS];  // of the weight
    } bins;
    struct {
      u64 gathered[CANDIDATES];
      u64 sorting[CANDIDATES];
      u64 weights[CANDIDATES];
    } few;
  };
  Best best_of_warp[WARPS];
  double sum_of_warp[WARPS];
  u64 weight_of_warp[WARPS];
  u32 count_of_warp[WARPS];
  int rank_of_warp[WARPS];
  u64 weight_above;
  u32 count_above, count_of_bin;
  int bin;
  u32 found;
  int chosen;
};

// Sum of this thread's value and those of the threads before it; `total` becomes the sum of all.
template <class T>
__device__ __forceinline__ T block_scan(T mine, T* of_warp, T& total) {
  int warp = threadIdx.x >> 5, lane = threadIdx.x & 31;
#pragma unroll
  for (int d = 1; d < 32; d <<= 1) {
    T up = __shfl_up_sync(FULL, mine, d);
    if (lane >= d) mine += up;
  }
  __syncthreads();
  if (lane == 31) of_warp[warp] = mine;
  __syncthreads();
  total = 0;
  for (int w = 0; w < WARPS; w++) {
    T sum = of_warp[w];
    if (w < warp) mine += sum;
    total += sum;
  }
  return mine;
}

// Sorts the values of the first `size` threads, a power of two from 32: rising with the thread.
__device__ __forceinline__ u64 block_sort(u64 mine, int size, u64* shared) {
  int me = threadIdx.x;
  for (int run = 2; run <= size; run <<= 1) {
    for (int d = run >> 1; d > 0; d >>= 1) {
      u64 other;
      if (d >= 32) {
        __syncthreads();
        shared[me] = mine;
        __syncthreads();
        other = shared[me ^ d];
      } else {
        other = __shfl_xor_sync(FULL, mine, d);
      }
      bool smaller = ((me & d) == 0) == ((me & run) == 0);
      mine = (mine < other) == smaller ? mine : other;
    }
  }
  return mine;
}

// Where a filter ends: what is kept has a key of `floor` or more.
struct End {
  u32 floor;
  bool exact;          // floor is the key of the last that is kept; otherwise something at or below it
  u32 above, equal;    // tokens past the last digit looked at, and of that digit
  u64 weight_above, target;
};

// What narrow looks at. A weight is exp((value - max) * inverse_temperature), times floor_weight where the key is `floor`.
struct Filter {
  u32 floor;  // keys below do not take part
  float max, inverse_temperature, floor_weight;
};

// Goes down from the greatest key until what was passed reaches `count` tokens or, where MASS, `share` of all the weight.
// Stops early where at most `enough` tokens are left. NAN_LAST: NaN is less than negative infinity.
template <bool MASS, bool NAN_LAST>
__device__ __forceinline__ End narrow(const Row& row, int vocab, const Filter& filter, u32 count, double share, int enough, Work& work) {
  End end = {0, false, 0, 0, 0, 0};
  for (int level = 0; level < 3; level++) {
    const int shift = level == 0 ? 21 : level == 1 ? 10 : 0;
    const u32 mask = level == 2 ? 1023 : 2047;
    __syncthreads();
    for (int i = threadIdx.x; i < BINS; i += THREADS) {
      work.bins.counts[i] = 0;
      if (MASS) work.bins.low[i] = work.bins.high[i] = 0;
    }
    __syncthreads();
    row.each(vocab, [&](int i, float v) {
      u32 key = NAN_LAST && v != v ? 0 : key_of(v);
      if (key < filter.floor) return;
      if (level > 0 && ((key ^ end.floor) >> shift) > mask) return;
      u32 bin = (key >> shift) & mask;
      atomicAdd(&work.bins.counts[bin], 1);
      if (MASS) {
        float w = expf((v - filter.max) * filter.inverse_temperature);
        if (key == filter.floor) w *= filter.floor_weight;
        u64 weight = fixed(w);
        u32 add = (u32)weight, more = (u32)(weight >> 32);
        if (add) more += atomicAdd(&work.bins.low[bin], add) + add < add;
        if (more) atomicAdd(&work.bins.high[bin], more);
      }
    });
    __syncthreads();
    // Bins from the top, two a thread.
    int first = BINS - 1 - 2 * threadIdx.x;
    u32 counts[2];
    u64 weights[2] = {0, 0};
#pragma unroll
    for (int j = 0; j < 2; j++) {
      counts[j] = work.bins.counts[first - j];
      if (MASS) weights[j] = work.bins.low[first - j] | (u64)work.bins.high[first - j] << 32;
    }
    u32 total_count;
    u64 total_weight = 0, weight = 0;
    u32 passed = end.above + block_scan(counts[0] + counts[1], work.count_of_warp, total_count) - counts[0] - counts[1];
    if (MASS) weight = end.weight_above + block_scan(weights[0] + weights[1], work.weight_of_warp, total_weight) - weights[0] - weights[1];
    if (level == 0) {
      if (total_count == 0) return {~0u, true, 0, 0, 0, 0};
      count = min(count, total_count);
      if (MASS) end.target = min(total_weight, max((u64)1, (u64)ceil(share * (double)total_weight)));
    }
#pragma unroll
    for (int j = 0; j < 2; j++) {
      bool here = MASS ? weight < end.target && weight + weights[j] >= end.target : passed < count && passed + counts[j] >= count;
      if (here) {
        work.bin = first - j;
        work.count_above = passed;
        work.count_of_bin = counts[j];
        work.weight_above = weight;
      }
      passed += counts[j];
      weight += weights[j];
    }
    __syncthreads();
    end.floor |= (u32)work.bin << shift;
    end.above = work.count_above;
    end.equal = work.count_of_bin;
    end.weight_above = work.weight_above;
    end.exact = level == 2;
    if (end.above + end.equal <= enough) break;
  }
  end.floor = max(end.floor, filter.floor);
  return end;
}

__device__ __forceinline__ float value_of(u32 key) { return __uint_as_float(key & 0x80000000u ? key & 0x7fffffffu : ~key); }

// Tokens with a key of at least `floor`, at most CANDIDATES: thread r gets the one of rank r in the order (value falling, id
// rising), as ~key << 32 | id, and ~0 where there is none. `found` becomes their number; more than CANDIDATES: nothing is
// sorted.
template <bool NAN_LAST>
__device__ __forceinline__ u64 gather(const Row& row, int vocab, u32 floor, Work& work, int& found) {
  __syncthreads();
  if (threadIdx.x == 0) work.found = 0;
  __syncthreads();
  row.each(vocab, [&](int i, float v) {
    u32 key = NAN_LAST && v != v ? 0 : key_of(v);
    if (key < floor) return;
    u32 at = atomicAdd(&work.found, 1);
    if (at < CANDIDATES) work.few.gathered[at] = (u64)~key << 32 | (u32)i;
  });
  __syncthreads();
  found = work.found;
  if (found > CANDIDATES) return ~0ull;
  int size = 32;
  while (size < found) size <<= 1;
  return block_sort(threadIdx.x < found ? work.few.gathered[threadIdx.x] : ~0ull, size, work.few.sorting);
}

// Writes the greatest raw logits into a report, less the normaliser.
__device__ __forceinline__ void report_best(const Row& raw, int vocab, int wanted, double normaliser, float* report, Work& work) {
  auto put = [&](int at, int id, float value) {
    report[2 + at] = __int_as_float(id);
    report[2 + MAX_LOGPROBS + at] = (float)((double)value - normaliser);
  };
  int reported = 0;
  wanted = min(wanted, vocab);
  if (wanted > 0) {
    End end = narrow<false, true>(raw, vocab, Filter{1, 0, 0, 1}, wanted, 0, CANDIDATES, work);
    if (end.above + end.equal <= CANDIDATES) {
      u64 mine = gather<true>(raw, vocab, end.floor, work, reported);
      reported = min(reported, wanted);
      if (threadIdx.x < reported) put(threadIdx.x, (int)(u32)mine, value_of(~(u32)(mine >> 32)));
    } else {
      // Very many are equal: one after the other.
      Best previous = {INF, -1};
      for (; reported < wanted; reported++) {
        Best next = {-INF, -1};
        raw.each(vocab, [&](int i, float v) {
          if (v == v && (v < previous.value || (v == previous.value && i > previous.id))) next = better(next, {v, i});
        });
        next = block_best(next, work.best_of_warp);
        if (next.id < 0) break;
        previous = next;
        if (threadIdx.x == 0) put(reported, next.id, next.value);
      }
    }
  }
  if (threadIdx.x == 0) report[1] = __int_as_float(reported);
  __syncthreads();
}

// The draw's place in a weight of `total`. SplitMix64 at output_index of the stream that the mixed seed starts.
__device__ __forceinline__ u64 draw(const Params& p, u64 total) {
  auto mix = [](u64 z) {
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9ull;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBull;
    return z ^ (z >> 31);
  };
  const u64 golden = 0x9E3779B97F4A7C15ull;
  u64 bits = mix(mix(p.seed + golden) + ((u64)(long long)p.output_index + 1) * golden);
  return min(total - 1, (u64)((bits >> 11) * 0x1.0p-53 * (double)total));
}

// Draws among gathered tokens; `mine` is the one of this thread's rank. target: weight of the nucleus, or 0 where it is to
// be taken from the first top_k.
__device__ __forceinline__ int draw_of_few(u64 mine, int found, const Params& p, bool has_top_k, u64 target, float max, Work& work) {
  int me = threadIdx.x;
  int limit = has_top_k ? min(p.top_k, found) : found;
  float w = me < limit ? expf((value_of(~(u32)(mine >> 32)) - max) * (1.f / p.temperature)) : 0.f;
  u64 weight = fixed(w), total;
  if (p.top_p < 1) {
    u64 before = block_scan(weight, work.weight_of_warp, total) - weight;
    if (has_top_k) target = (u64)ceil(p.top_p * (double)total);
    if (before >= target && me > 0) weight = 0;
  }
  if (w < p.min_p) weight = 0;
  // By id.
  __syncthreads();
  work.few.weights[me] = weight;
  int size = 32;
  while (size < found) size <<= 1;
  u64 by_id = block_sort(weight > 0 ? mine << 32 | (u32)me : ~0ull, size, work.few.sorting);
  __syncthreads();
  weight = me < size && by_id != ~0ull ? work.few.weights[(u32)by_id] : 0;
  u64 after = block_scan(weight, work.weight_of_warp, total);
  u64 rest = draw(p, total);
  if (weight > 0 && rest < after && rest >= after - weight) work.chosen = (int)(by_id >> 32);
  __syncthreads();
  return work.chosen;
}

// Draws from the whole row: of keys above `cut`, and of those equal to it the first `ties` by id. Each warp has a stretch of
// ids; the stretch where the draw falls is shared out again, and a warp walks through what is left.
__device__ __forceinline__ int draw_of_all(const Row& row, int vocab, const Params& p, u32 cut, int ties, float max, Work& work) {
  int warp = threadIdx.x >> 5, lane = threadIdx.x & 31;
  float inverse = 1.f / p.temperature;
  auto weight_of = [&](int i, int to, int& rank) {
    float v = i < to ? row[i] : -INF;
    u32 key = key_of(v);
    bool tie = i < to && key == cut;
    u32 tied = __ballot_sync(FULL, tie);
    int own = rank + __popc(tied & ((1u << lane) - 1));
    rank += __popc(tied);
    bool in = key > KEY_OF_MINUS_INFINITY && (key > cut || (tie && own < ties));
    float w = in ? expf((v - max) * inverse) : 0.f;
    return w >= p.min_p ? fixed(w) : 0;
  };
  int from = 0, to = vocab, rank0 = 0;
  u64 rest = 0;
  for (int level = 0; level < 2; level++) {
    int stretch = ((to - from + WARPS - 1) / WARPS + 31) / 32 * 32;
    int begin = min(to, from + warp * stretch), end = min(to, begin + stretch);
    int rank = 0;
    if (cut > 0) {
      int tied = 0;
#pragma unroll 4
      for (int i = begin + lane; i < end; i += 32) tied += key_of(row[i]) == cut;
      for (int d = 16; d > 0; d >>= 1) tied += __shfl_xor_sync(FULL, tied, d);
      __syncthreads();
      if (lane == 0) work.count_of_warp[warp] = tied;
      __syncthreads();
      rank = rank0;
      for (int w = 0; w < warp; w++) rank += work.count_of_warp[w];
    }
    __syncthreads();
    if (lane == 0) work.rank_of_warp[warp] = rank;
    u64 weight = 0;
#pragma unroll 4
    for (int base = begin; base < end; base += 32) weight += weight_of(base + lane, end, rank);
#pragma unroll
    for (int d = 16; d > 0; d >>= 1) weight += __shfl_xor_sync(FULL, weight, d);
    if (lane == 0) work.weight_of_warp[warp] = weight;
    __syncthreads();
    if (level == 0) {
      u64 total = 0;
      for (int w = 0; w < WARPS; w++) total += work.weight_of_warp[w];
      rest = draw(p, total);
    }
    int where = 0;
    for (; where < WARPS - 1 && rest >= work.weight_of_warp[where]; where++) rest -= work.weight_of_warp[where];
    from = from + where * stretch;
    to = min(to, from + stretch);
    rank0 = work.rank_of_warp[where];
  }
  __syncthreads();
  if (warp == 0) {
    int rank = rank0, answer = -1;
    for (int base = from; base < to && answer < 0; base += 32) {
      u64 w = weight_of(base + lane, to, rank), sum = w;
#pragma unroll
      for (int d = 1; d < 32; d <<= 1) {
        u64 up = __shfl_up_sync(FULL, sum, d);
        if (lane >= d) sum += up;
      }
      u32 past = __ballot_sync(FULL, w > 0 && rest < sum);
      if (past) answer = base + __ffs(past) - 1;
      rest -= __shfl_sync(FULL, sum, 31);
    }
    if (lane == 0) work.chosen = answer;
  }
  __syncthreads();
  return work.chosen;
}

// The token of a row by temperature and filters; `best` is the greatest logit, a number.
__device__ __forceinline__ int choose(const Row& row, int vocab, const Params& p, Best best, Work& work) {
  float inverse = 1.f / p.temperature;
  bool has_top_k = p.top_k > 0 && p.top_k < vocab, has_top_p = p.top_p < 1;
  Filter all = {KEY_OF_MINUS_INFINITY + 1, best.value, inverse, 1};
  End end = {0, false, 0, 0, 0, 0};
  u32 floor = all.floor;
  bool few = false;
  if (has_top_k) {
    end = narrow<false, false>(row, vocab, all, p.top_k, 0, CANDIDATES, work);
  } else if (has_top_p) {
    end = narrow<true, false>(row, vocab, all, 0, p.top_p, CANDIDATES, work);
  }
  if (has_top_k || has_top_p) {
    floor = end.floor;
    few = end.above + end.equal <= CANDIDATES;
  } else if (p.min_p > 0) {
    // A token's share of the greatest is exp of the gap. The margin keeps those that rounding could wrong.
    floor = max(floor, key_of(best.value + p.temperature * (logf(p.min_p) - 1e-3f) - 1e-3f));
    few = true;
  }
  if (few) {
    int found;
    u64 mine = gather<false>(row, vocab, floor, work, found);
    if (found <= CANDIDATES) return draw_of_few(mine, found, p, has_top_k, end.target, best.value, work);
  }
  u32 cut = 0;
  int ties = vocab;
  float cut_weight = 1;
  if (has_top_k) {
    cut = end.floor;
    ties = min(p.top_k - (int)end.above, (int)end.equal);
    cut_weight = (float)ties / (float)end.equal;
  }
  if (has_top_p) {
    if (has_top_k) end = narrow<true, false>(row, vocab, Filter{cut, best.value, inverse, cut_weight}, 0, p.top_p, 0, work);
    u64 one = max((u64)1, fixed(expf((value_of(end.floor) - best.value) * inverse)));
    int needed = (int)min((u64)end.equal, (end.target - end.weight_above + one - 1) / one);
    ties = has_top_k && end.floor == cut ? min(ties, needed) : needed;
    cut = end.floor;
  }
  return draw_of_all(row, vocab, p, cut, ties, best.value, work);
}

// Overwrites sampled[row] and last[slot] of the rows that are not plainly greedy. One block of 1024 threads a row.
extern "C" __global__ void __launch_bounds__(THREADS)
    sample(float* __restrict__ logits, int vocab, const Params* __restrict__ all, const int* __restrict__ bias_ids,
           float* __restrict__ bias_values, const u32* __restrict__ counts, int words, int* __restrict__ sampled,
           int* __restrict__ last, float* __restrict__ reports) {
  __shared__ Work work;
  __shared__ Params p;
  wait_for_previous();
  if (threadIdx.x == 0) p = all[blockIdx.x];
  __syncthreads();
  float* raw = logits + (size_t)p.row * vocab;
  float* report = reports + (size_t)p.row * REPORT;

  double normaliser = 0;
  if (p.logprobs >= 0) {
    Row plain = {raw, nullptr, 1, 0, 0};
    Best best = {-INF, -1};
    plain.each(vocab, [&](int i, float v) {
      if (v > best.value) best = {v, i};
    });
    best = block_best(best, work.best_of_warp);
    double sum = 0;
    plain.each(vocab, [&](int i, float v) {
      if (v == v) sum += expf(v - best.value);
    });
    normaliser = (double)best.value + log(block_sum(sum, work.sum_of_warp));
    report_best(plain, vocab, p.logprobs, normaliser, report, work);
  }

  for (int i = threadIdx.x; i < p.bias_count; i += THREADS) {
    int id = bias_ids[p.bias_start + i];
    if (id >= 0 && id < vocab) {
      float original = raw[id];
      raw[id] = original + bias_values[p.bias_start + i];
      bias_values[p.bias_start + i] = original;
    }
  }
  __threadfence_block();
  __syncthreads();
  Row row = {raw, p.penalised ? (const u16*)(counts + (size_t)p.slot * words) : nullptr, p.repetition, p.presence, p.frequency};

  Best best = {-INF, -1};
  row.each(vocab, [&](int i, float v) {
    if (v > best.value) best = {v, i};
  });
  best = block_best(best, work.best_of_warp);
  int token = best.id;
  if (token >= 0 && p.temperature > 0 && best.value < INF) token = choose(row, vocab, p, best, work);
  if (threadIdx.x == 0) {
    sampled[p.row] = token;
    last[p.slot] = token;
    if (p.logprobs >= 0 && token >= 0) {
      float value = raw[token];
      for (int i = 0; i < p.bias_count; i++) {
        if (bias_ids[p.bias_start + i] == token) value = bias_values[p.bias_start + i];
      }
      report[0] = (float)((double)value - normaliser);
    }
  }
}
