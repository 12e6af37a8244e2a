// Choosing the next token. `argmax` serves greedy rows; `sample` does all the rest by the same definition as the engine's
// reference sampler: bias, penalties, temperature, top-k, top-p, min-p, then a draw that runs through the tokens by id.
// Ties go to the lower id. All sums are added in a fixed order, so that a row's answer does not depend on the batch.
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

struct Row {
  const float* logits;
  const u16* counts;  // null: no penalties
  float repetition, presence, frequency;

  __device__ __forceinline__ float operator[](int i) const {
    float v = logits[i];
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
};

// Largest key such that what is at or above it reaches `target`: tokens, or weight where MASS. Three bits a pass over the row.
template <bool MASS>
__device__ u32 find_cut(const Row& row, int vocab, double target, float max, float inverse_temperature, u32 floor,
                        float floor_weight, double* shared) {
  u32 found = 0;
  for (int shift = 30; shift >= 0; shift -= 3) {
    int pivots = shift == 30 ? 3 : 7;
    float sums[7] = {0, 0, 0, 0, 0, 0, 0};
    for (int i = threadIdx.x; i < vocab; i += THREADS) {
      float v = row[i];
      u32 key = key_of(v);
      if (key <= KEY_OF_MINUS_INFINITY || key < floor) continue;
      float w = 1;
      if (MASS) {
        w = expf((v - max) * inverse_temperature);
        if (key == floor) w *= floor_weight;
      }
      // A key below `found` is in no set, one past the last pivot in all of them.
      u32 above = key >= found ? (key - found) >> shift : 0;
#pragma unroll
      for (int p = 0; p < 7; p++) sums[p] += above >= p + 1 ? w : 0.f;
    }
    int best = 0;
    for (int p = 0; p < pivots; p++) {
      double total = block_sum((double)sums[p], shared);
      if (total >= target) best = p + 1;
    }
    found += (u32)best << shift;
  }
  return found;
}

// Overwrites sampled[row] and last[slot] of the rows that are not plainly greedy. One block of 1024 threads a row.
extern "C" __global__ void __launch_bounds__(THREADS)
    sample(float* __restrict__ logits, int vocab, const Params* __restrict__ all, const int* __restrict__ bias_ids,
           float* __restrict__ bias_values, const u32* __restrict__ counts, int words, int* __restrict__ sampled,
           int* __restrict__ last, float* __restrict__ reports) {
  __shared__ Best best_of_warp[WARPS];
  __shared__ double sum_of_warp[WARPS];
  __shared__ int ties_of_warp[WARPS];
  __shared__ int last_of_warp[WARPS];
  __shared__ int chosen;
  wait_for_previous();
  Params p = all[blockIdx.x];
  float* raw = logits + (size_t)p.row * vocab;
  float* report = reports + (size_t)p.row * REPORT;
  int warp = threadIdx.x >> 5, lane = threadIdx.x & 31;

  double normaliser = 0;
  if (p.logprobs >= 0) {
    Best best = {-INF, -1};
    for (int i = threadIdx.x; i < vocab; i += THREADS) {
      if (raw[i] > best.value) best = {raw[i], i};
    }
    best = block_best(best, best_of_warp);
    double sum = 0;
    for (int i = threadIdx.x; i < vocab; i += THREADS) {
      float v = raw[i];
      if (v == v) sum += exp((double)v - (double)best.value);
    }
    normaliser = (double)best.value + log(block_sum(sum, sum_of_warp));
    int found = 0;
    Best previous = {INF, -1};
    for (; found < min(p.logprobs, vocab); found++) {
      // The best of what comes after the previous one in the order (value falling, id rising).
      Best next = {-INF, -1};
      for (int i = threadIdx.x; i < vocab; i += THREADS) {
        float v = raw[i];
        if (v == v && (v < previous.value || (v == previous.value && i > previous.id))) next = better(next, {v, i});
      }
      next = block_best(next, best_of_warp);
      if (next.id < 0) break;
      previous = next;
      if (threadIdx.x == 0) {
        report[2 + found] = __int_as_float(next.id);
        report[2 + MAX_LOGPROBS + found] = (float)((double)next.value - normaliser);
      }
    }
    if (threadIdx.x == 0) report[1] = __int_as_float(found);
    __syncthreads();
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
  for (int i = threadIdx.x; i < vocab; i += THREADS) {
    float v = row[i];
    if (v > best.value) best = {v, i};
  }
  best = block_best(best, best_of_warp);
  int token = best.id;
  if (token >= 0 && p.temperature > 0 && best.value < INF) {
    float inverse = 1.f / p.temperature;
    u32 cut = 0;          // keys above it are in, and of those equal to it the first `ties` by id
    int ties = vocab;
    float cut_weight = 1;
    if (p.top_k > 0 && p.top_k < vocab) {
      cut = find_cut<false>(row, vocab, p.top_k, best.value, inverse, 0, 1, sum_of_warp);
      double above = 0, equal = 0;
      for (int i = threadIdx.x; i < vocab; i += THREADS) {
        u32 key = key_of(row[i]);
        above += key > cut;
        equal += key == cut;
      }
      above = block_sum(above, sum_of_warp);
      equal = block_sum(equal, sum_of_warp);
      ties = (int)(p.top_k - above);
      cut_weight = equal > 0 ? fminf(1.f, (float)(ties / equal)) : 1.f;
    }
    if (p.top_p < 1) {
      double total = 0;
      for (int i = threadIdx.x; i < vocab; i += THREADS) {
        float v = row[i];
        u32 key = key_of(v);
        if (key > KEY_OF_MINUS_INFINITY && key >= cut) total += expf((v - best.value) * inverse) * (key == cut ? cut_weight : 1.f);
      }
      total = block_sum(total, sum_of_warp);
      double target = p.top_p * total;
      u32 nucleus = find_cut<true>(row, vocab, target, best.value, inverse, cut, cut_weight, sum_of_warp);
      if (nucleus > KEY_OF_MINUS_INFINITY) {
        double above = 0, equal = 0, weight = 0;
        for (int i = threadIdx.x; i < vocab; i += THREADS) {
          float v = row[i];
          u32 key = key_of(v);
          if (key > nucleus) above += expf((v - best.value) * inverse);
          if (key == nucleus) {
            equal += 1;
            weight = expf((v - best.value) * inverse);
          }
        }
        above = block_sum(above, sum_of_warp);
        double sum_equal = block_sum(equal * weight, sum_of_warp);
        equal = block_sum(equal, sum_of_warp);
        double one = equal > 0 ? sum_equal / equal : 1;
        if (nucleus == cut && ties < equal) equal = ties;
        cut = nucleus;
        ties = (int)fmin(fmax(ceil((target - above) / one), 1.0), equal);
      }
    }

    // Each warp has a stretch of ids. First the ties before it, then its weight, then the stretch with the draw is walked.
    int stretch = ((vocab + WARPS - 1) / WARPS + 31) / 32 * 32;
    int from = warp * stretch, to = min(vocab, from + stretch);
    int mine = 0;
    for (int i = from + lane; i < to; i += 32) mine += key_of(row[i]) == cut;
    for (int d = 16; d > 0; d >>= 1) mine += __shfl_xor_sync(FULL, mine, d);
    if (lane == 0) ties_of_warp[warp] = mine;
    __syncthreads();
    int before = 0;
    for (int w = 0; w < warp; w++) before += ties_of_warp[w];

    auto weight_of = [&](int i, int& rank) {
      float v = i < to ? row[i] : -INF;
      u32 key = key_of(v);
      bool tie = i < to && key == cut;
      u32 tied = __ballot_sync(FULL, tie);
      int own = rank + __popc(tied & ((1u << lane) - 1));
      rank += __popc(tied);
      bool in = key > KEY_OF_MINUS_INFINITY && (key > cut || (tie && own < ties));
      float w = in ? expf((v - best.value) * inverse) : 0.f;
      return w >= p.min_p ? w : 0.f;
    };
    int rank = before;
    double weight = 0;
    int last_kept = -1;
    for (int base = from; base < to; base += 32) {
      float w = weight_of(base + lane, rank);
      weight += w;
      if (w > 0) last_kept = base + lane;
    }
    weight = warp_sum(weight);
    for (int d = 16; d > 0; d >>= 1) last_kept = max(last_kept, __shfl_xor_sync(FULL, last_kept, d));
    if (lane == 0) {
      sum_of_warp[warp] = weight;
      last_of_warp[warp] = last_kept;
    }
    if (threadIdx.x == 0) chosen = -1;
    __syncthreads();
    double total = 0;
    for (int w = 0; w < WARPS; w++) total += sum_of_warp[w];
    // SplitMix64 at output_index of the stream that the mixed seed starts.
    auto mix = [](u64 z) {
      z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9ull;
      z = (z ^ (z >> 27)) * 0x94D049BB133111EBull;
      return z ^ (z >> 31);
    };
    const u64 golden = 0x9E3779B97F4A7C15ull;
    u64 bits = mix(mix(p.seed + golden) + ((u64)(long long)p.output_index + 1) * golden);
    double rest = (bits >> 11) * 0x1.0p-53 * total;
    int where = -1;
    for (int w = 0; w < WARPS; w++) {
      if (sum_of_warp[w] <= 0) continue;
      if (where >= 0) rest -= sum_of_warp[where];
      where = w;
      if (rest < sum_of_warp[w]) break;
    }
    if (warp == where) {
      rank = before;
      int answer = -1;
      for (int base = from; base < to && answer < 0; base += 32) {
        double w = weight_of(base + lane, rank);
        double sum = w;
        for (int d = 1; d < 32; d <<= 1) {
          double up = __shfl_up_sync(FULL, sum, d);
          if (lane >= d) sum += up;
        }
        u32 past = __ballot_sync(FULL, w > 0 && rest < sum);
        if (past) answer = base + __ffs(past) - 1;
        rest -= __shfl_sync(FULL, sum, 31);
      }
      if (lane == 0) chosen = answer >= 0 ? answer : last_of_warp[warp];
    }
    __syncthreads();
    token = chosen;
  }
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
