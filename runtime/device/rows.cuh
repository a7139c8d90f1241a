// Rows over lanes: what generated CUDA builds from the prelude. This text stands in the generated source behind the
// prelude; it uses nothing of CUDA itself, so an emulator runs it as it is.

//===-- Numbers -------------------------------------------------------------------------------------------------------===//

// max and min hand a NaN on; those of f32 are in the prelude.
MOE_DEVICE double moe_max(double a, double b) { return a > b || a != a ? a : b; }
MOE_DEVICE int moe_max(int a, int b) { return a > b ? a : b; }
MOE_DEVICE unsigned moe_max(unsigned a, unsigned b) { return a > b ? a : b; }
MOE_DEVICE unsigned long long moe_max(unsigned long long a, unsigned long long b) { return a > b ? a : b; }
MOE_DEVICE double moe_min(double a, double b) { return a < b || a != a ? a : b; }
MOE_DEVICE int moe_min(int a, int b) { return a < b ? a : b; }
MOE_DEVICE unsigned moe_min(unsigned a, unsigned b) { return a < b ? a : b; }
MOE_DEVICE unsigned long long moe_min(unsigned long long a, unsigned long long b) { return a < b ? a : b; }
MOE_DEVICE int moe_maxnum(int a, int b) { return a > b ? a : b; }

// e^x: 2^(x log2(e)) with the rounding of the product put right by one step of Taylor's series. Relative error below
// 5e-7 where the result is normal; below -150 it is 0, above 150 inf, and NaN stays.
MOE_DEVICE float moe_exp(float x) {
  const float near = moe_min(moe_max(x, -150.0f), 150.0f);
  const float t = near * 1.44269502f;
  const float rest = moe_fma(t, 1.90465421e-9f, moe_fma(t, -0.693147182f, near)); // near - t ln 2
  return moe_exp2_fast(t) * (1.0f + rest);
}

// Element `half` (0 or 1) of a word that holds two bf16 numbers, and bf16 of x, rounded to nearest even.
MOE_DEVICE float moe_bf16(unsigned word, int half) { return moe_float(half ? word & 0xffff0000u : word << 16); }
MOE_DEVICE unsigned short moe_to_bf16(float x) {
  const unsigned bits = moe_bits(x);
  return static_cast<unsigned short>(x != x ? 0x7fffu : (bits + 0x7fffu + (bits >> 16 & 1)) >> 16);
}

// Keys in the order of selection: 0 taken, 1 not selectable, 2 NaN, then -inf (0x00800002) up to inf (0xff800003); +0 and
// -0 are equal. The sum with 3 turns the NaN that max hands on, 0x7fffffff, into 2.
MOE_DEVICE unsigned moe_key(float x) {
  const int bits = static_cast<int>(moe_bits(moe_max(x + 0.0f, -MOE_INFINITY)));
  return ((static_cast<unsigned>(bits >> 31) | 0x80000000u) ^ static_cast<unsigned>(bits)) + 3u;
}
MOE_DEVICE unsigned long long moe_key(double x) {
  const unsigned long long bits = moe_bits(x + 0.0), sign = 1ull << 63;
  return x != x ? 2ull : bits & sign ? ~bits : bits | sign;
}
MOE_DEVICE float moe_unkey(unsigned key) {
  const unsigned bits = key - 3u;
  return moe_float(bits & 0x80000000u ? bits & 0x7fffffffu : ~bits);
}
MOE_DEVICE double moe_unkey(unsigned long long key) {
  const unsigned long long sign = 1ull << 63;
  return key == 2 ? MOE_NAN : moe_double(key & sign ? key & ~sign : ~key);
}

//===-- Reductions over lanes: every lane has the result, with the same bits ------------------------------------------===//

struct moe_Sum {
  template <typename T> static MOE_DEVICE T apply(T a, T b) { return a + b; }
};
struct moe_Max {
  template <typename T> static MOE_DEVICE T apply(T a, T b) { return moe_max(a, b); }
};
struct moe_Min {
  template <typename T> static MOE_DEVICE T apply(T a, T b) { return moe_min(a, b); }
};
struct moe_MaxNum {
  template <typename T> static MOE_DEVICE T apply(T a, T b) { return moe_maxnum(a, b); }
};
template <typename Combine, int From, int To, typename T> MOE_DEVICE T moe_butterfly(T x) {
#pragma unroll
  for (int offset = From; offset < To; offset *= 2)
    x = Combine::apply(x, moe_shuffle_xor(x, offset));
  return x;
}
// Over the Lanes lanes that hold a row; sums are below.
template <int Lanes, typename T> MOE_DEVICE T moe_max_lanes(T x) { return moe_butterfly<moe_Max, 1, Lanes>(x); }
template <int Lanes, typename T> MOE_DEVICE T moe_min_lanes(T x) { return moe_butterfly<moe_Min, 1, Lanes>(x); }
template <int Lanes, typename T> MOE_DEVICE T moe_maxnum_lanes(T x) { return moe_butterfly<moe_MaxNum, 1, Lanes>(x); }
// Where a row takes the whole warp, there is one instruction for two of them.
template <> MOE_DEVICE unsigned moe_max_lanes<32, unsigned>(unsigned x) { return moe_warp_max(x); }
template <> MOE_DEVICE int moe_min_lanes<32, int>(int x) { return moe_warp_min(x); }
// Over the rows of a warp, element by element, where a row takes Lanes lanes.
template <int Lanes, typename T> MOE_DEVICE T moe_sum_rows(T x) { return moe_butterfly<moe_Sum, Lanes, 32>(x); }
template <int Lanes, typename T> MOE_DEVICE T moe_max_rows(T x) { return moe_butterfly<moe_Max, Lanes, 32>(x); }
template <int Lanes, typename T> MOE_DEVICE T moe_min_rows(T x) { return moe_butterfly<moe_Min, Lanes, 32>(x); }
template <int Lanes, typename T> MOE_DEVICE T moe_maxnum_rows(T x) { return moe_butterfly<moe_MaxNum, Lanes, 32>(x); }

//===-- Sums along a row: in one order, however many lanes hold it ----------------------------------------------------===//
// Four neighbours make a leaf, (x0 + x1) + (x2 + x3); leaves whose numbers are equal modulo 32 are added one after the other,
// and these 32 partial sums are halved by distance: 16, 8, 4, 2, 1. Padding is -0, which changes no sum.

// Width neighbours (1, 2 or 4) of one leaf.
template <int Width, typename T> MOE_DEVICE T moe_sum_vector(const T *x) {
  T sum = x[0];
  if constexpr (Width > 1)
    sum += x[1];
  if constexpr (Width > 2)
    sum += x[2] + x[3];
  return sum;
}
// The Partials first of Rounds partial sums of a lane, halved by distance.
template <int Rounds, int Partials, typename T> MOE_DEVICE T moe_sum_partials(T *sum) {
#pragma unroll
  for (int distance = Rounds / 2; distance >= 1; distance /= 2)
#pragma unroll
    for (int n = 0; n < distance; ++n)
      if (n + distance < Partials)
        sum[n] += sum[n + distance];
  return sum[0];
}
// A row in vectors of eight, two leaves: `Lanes` is at most 16, or there is one vector in each of 32 lanes. Between the lanes,
// the lower half adds up the even leaves and the upper half the odd ones.
template <int Lanes, int Values, typename T> MOE_DEVICE T moe_sum_eights(const T *x) {
  static_assert(Lanes < 32 || Values == 8);
  constexpr int vectors = Values / 8, rounds = Lanes < 32 ? 16 / Lanes : 1, partials = vectors < rounds ? vectors : rounds;
  T even[partials], odd[partials];
#pragma unroll
  for (int n = 0; n < vectors; ++n) {
    const T low = moe_sum_vector<4>(x + n * 8), high = moe_sum_vector<4>(x + n * 8 + 4);
    even[n % rounds] = n < rounds ? low : even[n % rounds] + low;
    odd[n % rounds] = n < rounds ? high : odd[n % rounds] + high;
  }
  const T low = moe_sum_partials<rounds, partials>(even), high = moe_sum_partials<rounds, partials>(odd);
  if constexpr (Lanes == 1) {
    return low + high;
  } else {
    constexpr int half = Lanes / 2;
    const bool upper = threadIdx.x % Lanes >= half;
    T sum = (upper ? high : low) + moe_shuffle_xor(upper ? low : high, half);
#pragma unroll
    for (int offset = half / 2; offset >= 1; offset /= 2)
      sum += moe_shuffle_xor(sum, offset);
    return sum + moe_shuffle_xor(sum, half);
  }
}
// A row in vectors of a leaf or a part of one (1, 2 or 4 neighbours).
template <int Lanes, int Width, int Values, typename T> MOE_DEVICE T moe_sum_leaves(const T *x) {
  constexpr int vectors = Values / Width, run = Lanes * Width < 4 ? 4 / (Lanes * Width) : 1; // vectors of a leaf
  constexpr int leaves = (vectors + run - 1) / run, across = Lanes * Width < 4 ? 1 : Lanes * Width / 4;
  constexpr int rounds = 32 / across, partials = leaves < rounds ? leaves : rounds;
  T sum[partials];
#pragma unroll(leaves <= 32 ? leaves : 1)
  for (int leaf = 0; leaf < leaves; ++leaf) {
    T part[run];
#pragma unroll
    for (int n = 0; n < run; ++n) {
      const int first = (leaf * run + n) * Width;
      if (first < Values)
        part[n] = moe_sum_vector<Width>(x + first);
      else
        part[n] = static_cast<T>(-0.0f);
#pragma unroll
      for (int offset = 1; offset * Width < 4 && offset < Lanes; offset *= 2)
        part[n] += moe_shuffle_xor(part[n], offset);
    }
    if constexpr (run > 1)
      part[0] += part[1];
    if constexpr (run > 2)
      part[0] += part[2] + part[3];
    sum[leaf % rounds] = leaf < rounds ? part[0] : sum[leaf % rounds] + part[0];
  }
  T whole = moe_sum_partials<rounds, partials>(sum);
#pragma unroll
  for (int offset = Lanes / 2; offset * Width >= 4; offset /= 2)
    whole += moe_shuffle_xor(whole, offset);
  return whole;
}
// A row over Lanes lanes, Values in each, in vectors of Width neighbours (1, 2, 4 or 8).
template <int Lanes, int Width, int Values, typename T> MOE_DEVICE T moe_sum_row(const T *x) {
  if constexpr (Width == 8)
    return moe_sum_eights<Lanes, Values>(x);
  else
    return moe_sum_leaves<Lanes, Width, Values>(x);
}
// One value in each of Lanes lanes.
template <int Lanes, typename T> MOE_DEVICE T moe_sum_lanes(T x) { return moe_sum_row<Lanes, 1, 1>(&x); }
template <int Lanes> MOE_DEVICE int moe_sum_lanes(bool x) { return moe_sum_lanes<Lanes>((int)x); } // counts
// `count` elements of one lane, at most Most, as get(n) gives them.
template <typename T, int Most, int Distance = 1, int First = 0, typename Get>
MOE_DEVICE T moe_sum_members(int count, const Get &get) {
  if constexpr (Distance < 32) {
    const T sum = moe_sum_members<T, Most, 2 * Distance, First>(count, get);
    if constexpr (4 * (First + Distance) < Most)
      return sum + moe_sum_members<T, Most, 2 * Distance, First + Distance>(count, get);
    return sum;
  } else {
    constexpr T absent = static_cast<T>(-0.0f);
    T sum = absent;
#pragma unroll 1
    for (int n = 4 * First; n < count; n += 128)
      sum += (get(n) + (n + 1 < count ? get(n + 1) : absent)) +
             ((n + 2 < count ? get(n + 2) : absent) + (n + 3 < count ? get(n + 3) : absent));
    return sum;
  }
}

//===-- The N greatest of a stream of keys, greatest first ------------------------------------------------------------===//

template <int N, typename Key> MOE_DEVICE void moe_top_insert(Key *top, Key key) {
#pragma unroll
  for (int n = 0; n < N; ++n) {
    const bool above = key > top[n];
    const Key rest = above ? top[n] : key;
    top[n] = above ? key : top[n];
    key = rest;
  }
}
// Joins the lists of groups of Lanes neighbouring lanes.
template <int N, int Lanes, typename Key> MOE_DEVICE void moe_top_lanes(Key *top) {
#pragma unroll
  for (int offset = 1; offset < Lanes; offset *= 2) {
    Key other[N];
#pragma unroll
    for (int n = 0; n < N; ++n)
      other[n] = moe_shuffle_xor(top[n], offset);
#pragma unroll
    for (int n = 0; n < N; ++n)
      moe_top_insert<N>(top, other[n]);
  }
}
// Their sum, from the greatest down.
template <int N, typename Key> MOE_DEVICE auto moe_top_sum(const Key *top) {
  auto sum = moe_unkey(top[0]);
#pragma unroll
  for (int n = 1; n < N; ++n)
    sum += moe_unkey(top[n]);
  return sum;
}

//===-- Slots into rows, through a row's part of shared memory -----------------------------------------------------------===//
// A row of Size elements has the words from `start` (a multiple of 4) on. Slot k is in lane k % Lanes of the row's Lanes
// lanes, as at[k / Lanes]. Who reads the elements ends with moe_sync_warp.

MOE_DEVICE void moe_get4(const unsigned *shared, int word, float *into) {
  const moe_quad quad = moe_get<moe_quad>(shared, word);
#pragma unroll
  for (int n = 0; n < 4; ++n)
    into[n] = moe_float(quad.word[n]);
}

template <int Size, int Lanes, typename T> MOE_DEVICE void moe_clear(unsigned *shared, int start, int lane) {
  constexpr int words = Size * static_cast<int>(sizeof(T) / 4), rounds = (words + 4 * Lanes - 1) / (4 * Lanes);
#pragma unroll(rounds <= 16 ? rounds : 1)
  for (int n = 0; n < rounds; ++n)
    if (const int word = 4 * (n * Lanes + lane); word < words)
      moe_put_quad(shared, start + word, moe_quad{});
}

// Whether slot `n` of this lane is one, and names an element.
template <int Size, int Lanes, int Slots> MOE_DEVICE bool moe_names(int n, int lane, int at) {
  return ((n + 1) * Lanes <= Slots || n * Lanes + lane < Slots) && static_cast<unsigned>(at) < Size;
}

// Each element becomes the sum of the values of the slots that name it, one slot after the other: Width neighbouring values of
// one lane, then those of the next.
template <int Size, int Lanes, int Slots, int Width = 1, typename T>
MOE_DEVICE void moe_scatter_in_order(unsigned *shared, int start, int lane, const T *value, const int *at) {
  constexpr int scale = sizeof(T) / 4, values = (Slots + Lanes - 1) / Lanes;
  moe_clear<Size, Lanes, T>(shared, start, lane);
#pragma unroll(values <= 32 ? values / Width : 1)
  for (int vector = 0; vector < values / Width; ++vector)
#pragma unroll 1
    for (int turn = 0; turn < Lanes; ++turn) {
      if (Lanes > 1)
        moe_sync_warp();
#pragma unroll
      for (int n = vector * Width; n < (vector + 1) * Width; ++n)
        if (turn == lane && moe_names<Size, Lanes, Slots>(n, lane, at[n])) {
          const int word = start + scale * at[n];
          moe_put(shared, word, moe_get<T>(shared, word) + value[n]);
        }
    }
  if (Lanes > 1)
    moe_sync_warp();
}

// The same, all slots of a row at a time; in order where two slots name one element, which shows in what stands there.
template <int Size, int Lanes, int Slots, int Width = 1, typename T>
MOE_DEVICE void moe_scatter(unsigned *shared, int start, int lane, const T *value, const int *at) {
  constexpr int scale = sizeof(T) / 4, values = (Slots + Lanes - 1) / Lanes;
  bool twice = false;
  moe_clear<Size, Lanes, T>(shared, start, lane);
  moe_sync_warp();
#pragma unroll(values <= 32 ? values : 1)
  for (int n = 0; n < values; ++n)
    if (moe_names<Size, Lanes, Slots>(n, lane, at[n]) &&
        moe_swap(shared, start + scale * at[n], value[n] + static_cast<T>(0)) != static_cast<T>(0))
      twice = true;
  const bool again = moe_any(twice);
  moe_sync_warp();
  if (again)
    moe_scatter_in_order<Size, Lanes, Slots, Width>(shared, start, lane, value, at);
}

// The same where no two slots name one element.
template <int Size, int Lanes, int Slots, typename T>
MOE_DEVICE void moe_scatter_distinct(unsigned *shared, int start, int lane, const T *value, const int *at) {
  constexpr int scale = sizeof(T) / 4, values = (Slots + Lanes - 1) / Lanes;
  moe_clear<Size, Lanes, T>(shared, start, lane);
  moe_sync_warp();
#pragma unroll(values <= 32 ? values : 1)
  for (int n = 0; n < values; ++n)
    if (moe_names<Size, Lanes, Slots>(n, lane, at[n]))
      moe_put(shared, start + scale * at[n], value[n] + static_cast<T>(0));
  moe_sync_warp();
}

// 1 for each element that a slot names, 0 for the others.
template <int Size, int Lanes, int Slots>
MOE_DEVICE void moe_mark(unsigned *shared, int start, int lane, const int *at) {
  constexpr int values = (Slots + Lanes - 1) / Lanes;
  moe_clear<Size, Lanes, int>(shared, start, lane);
  moe_sync_warp();
#pragma unroll(values <= 32 ? values : 1)
  for (int n = 0; n < values; ++n)
    if (moe_names<Size, Lanes, Slots>(n, lane, at[n]))
      moe_swap(shared, start + at[n], 1);
  moe_sync_warp();
}

//===-- The greatest keys of a lane first -------------------------------------------------------------------------------===//

template <typename Key> MOE_DEVICE void moe_order(Key &key, Key &other) {
  const Key less = moe_min(key, other);
  key = moe_max(key, other);
  other = less;
}
template <typename Key> MOE_DEVICE void moe_order(Key &key, Key &other, int &place, int &other_place) {
  const bool swapped = key < other;
  const int first = swapped ? other_place : place;
  other_place = swapped ? place : other_place;
  place = first;
  moe_order(key, other);
}
// Sorts keys, and with them their places if there are any, greatest first, by Batcher's odd-even merges; equal keys come in
// any order. This step compares at the distance Step while it merges runs of Run.
template <int Values, int Run, int Step, typename Key, typename... Place>
MOE_DEVICE void moe_merge(Key *key, Place *...place) {
  if constexpr (Run < Values) {
    constexpr int shift = Step % Run;
#pragma unroll
    for (int n = shift; n + Step < Values; ++n)
      if ((n - shift) % (2 * Step) < Step && n / (2 * Run) == (n + Step) / (2 * Run))
        moe_order(key[n], key[n + Step], place[n]..., place[n + Step]...);
    if constexpr (Step > 1)
      moe_merge<Values, Run, Step / 2>(key, place...);
    else
      moe_merge<Values, 2 * Run, 2 * Run>(key, place...);
  }
}
template <int Values, typename Key, typename... Place> MOE_DEVICE void moe_sort(Key *key, Place *...place) {
  moe_merge<Values, 1, 1>(key, place...);
}
// Drops the first of a list where `drops` is true; zeros follow its last.
template <int Values, typename T> MOE_DEVICE void moe_drop(T *list, bool drops) {
#pragma unroll
  for (int n = 0; n < Values; ++n)
    list[n] = drops ? n + 1 < Values ? list[n + 1] : 0 : list[n];
}

//===-- From lanes to blocks to the grid ------------------------------------------------------------------------------===//
// `Layout` is made with each kernel: neutral(quad) and combine(quad, into, from) for the accumulators of the pass in quads
// of 16 bytes, at(quad) for the place of a quad in the caller's accumulator block.

#define MOE_ACCUMULATE 1
#define MOE_FINISH 2
#define MOE_RESET 4
#define MOE_ADD 8

template <typename T> MOE_DEVICE T moe_from_words(const moe_quad &quad, int index);
template <> MOE_DEVICE float moe_from_words<float>(const moe_quad &quad, int index) {
  return moe_float(quad.word[index]);
}
template <> MOE_DEVICE int moe_from_words<int>(const moe_quad &quad, int index) {
  return static_cast<int>(quad.word[index]);
}
template <> MOE_DEVICE double moe_from_words<double>(const moe_quad &quad, int index) {
  return moe_double(static_cast<unsigned long long>(quad.word[2 * index + 1]) << 32 | quad.word[2 * index]);
}
MOE_DEVICE void moe_to_words(moe_quad &quad, int index, float value) { quad.word[index] = moe_bits(value); }
MOE_DEVICE void moe_to_words(moe_quad &quad, int index, int value) { quad.word[index] = moe_bits(value); }
MOE_DEVICE void moe_to_words(moe_quad &quad, int index, double value) {
  quad.word[2 * index] = static_cast<unsigned>(moe_bits(value));
  quad.word[2 * index + 1] = static_cast<unsigned>(moe_bits(value) >> 32);
}
template <typename T> MOE_DEVICE moe_quad moe_fill(T value) {
  moe_quad quad;
#pragma unroll
  for (int n = 0; n < 16 / static_cast<int>(sizeof(T)); ++n)
    moe_to_words(quad, n, value);
  return quad;
}
template <typename Combine, typename T> MOE_DEVICE void moe_combine(moe_quad &into, const moe_quad &from) {
#pragma unroll
  for (int n = 0; n < 16 / static_cast<int>(sizeof(T)); ++n)
    moe_to_words(into, n, Combine::apply(moe_from_words<T>(into, n), moe_from_words<T>(from, n)));
}

// Adds up what the warps of this block have put into shared memory (warp after warp, Quads quads each) and leaves it as
// this block's part in the workspace.
template <typename Layout, int Quads, int Warps> MOE_DEVICE void moe_publish(unsigned *shared, moe_quad *partials) {
  moe_sync_block();
  for (int quad = threadIdx.x; quad < Quads; quad += 32 * Warps) {
    moe_quad sum = moe_get<moe_quad>(shared, 4 * quad);
#pragma unroll
    for (int warp = 1; warp < Warps; ++warp)
      Layout::combine(quad, sum, moe_get<moe_quad>(shared, 4 * (warp * Quads + quad)));
    moe_store_quad(partials, static_cast<long long>(blockIdx.x) * Quads + quad, sum);
  }
}

// True in the last block to arrive, which then sees what all others have published; it re-arms the ticket.
MOE_DEVICE bool moe_arrive_last(unsigned *ticket, unsigned *shared) {
  moe_fence();
  moe_sync_block();
  if (threadIdx.x == 0) {
    const bool last = moe_atomic_add(ticket, 1u) == gridDim.x - 1;
    if (last)
      moe_store1(ticket, 0, 0u);
    moe_put(shared, 0, last);
  }
  moe_sync_block();
  const bool last = moe_get<bool>(shared, 0);
  moe_fence();
  moe_sync_block();
  return last;
}

// Quad `quad` of blocks [begin, end), in order; loads go out in batches, so that their latencies overlap.
template <typename Layout, int Quads>
MOE_DEVICE void moe_add_partials(moe_quad &sum, const moe_quad *partials, int quad, int begin, int end) {
  for (int block = begin; block < end; block += 8) {
    moe_quad batch[8];
#pragma unroll
    for (int n = 0; n < 8; ++n)
      batch[n] = block + n < end ? moe_load_quad(partials, static_cast<long long>(block + n) * Quads + quad)
                                 : Layout::neutral(quad);
#pragma unroll
    for (int n = 0; n < 8; ++n)
      Layout::combine(quad, sum, batch[n]);
  }
}

// Merges the parts of `blocks` blocks into the caller's accumulators (from neutral elements when `reset`). All threads of
// one block work: Parts threads share the blocks of one quad.
template <typename Layout, int Quads, int Parts, int Threads>
MOE_DEVICE void moe_collect(moe_quad *accumulators, const moe_quad *partials, int blocks, bool reset, unsigned *shared) {
  if (Parts > 1) {
    for (int n = threadIdx.x; n < Parts * Quads; n += Threads) {
      const int part = n / Quads, quad = n % Quads;
      moe_quad sum = Layout::neutral(quad);
      moe_add_partials<Layout, Quads>(sum, partials, quad, blocks * part / Parts, blocks * (part + 1) / Parts);
      moe_put_quad(shared, 4 * n, sum);
    }
    moe_sync_block();
  }
  for (int quad = threadIdx.x; quad < Quads; quad += Threads) {
    moe_quad sum = reset ? Layout::neutral(quad) : moe_load_quad(accumulators, Layout::at(quad));
    if (Parts > 1) {
#pragma unroll
      for (int part = 0; part < Parts; ++part)
        Layout::combine(quad, sum, moe_get<moe_quad>(shared, 4 * (part * Quads + quad)));
    } else {
      moe_add_partials<Layout, Quads>(sum, partials, quad, 0, blocks);
    }
    moe_store_quad(accumulators, Layout::at(quad), sum);
  }
  moe_sync_block();
}

// Merges what the kernels of earlier passes have collected in this call into the caller's accumulators.
template <typename Layout, int Quads, int Threads>
MOE_DEVICE void moe_take_over(moe_quad *accumulators, const moe_quad *collected, bool reset) {
  for (int quad = threadIdx.x; quad < Quads; quad += Threads) {
    moe_quad sum = reset ? Layout::neutral(quad) : moe_load_quad(accumulators, Layout::at(quad));
    Layout::combine(quad, sum, moe_load_quad(collected, Layout::at(quad)));
    moe_store_quad(accumulators, Layout::at(quad), sum);
  }
  moe_sync_block();
}
