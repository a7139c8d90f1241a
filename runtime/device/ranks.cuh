// Ranks: how many earlier slots name the same element. A pass that counts leaves in the workspace what the blocks before
// each block have counted; the pass that ranks goes on from there, round by round of rows. This text stands in generated
// sources that use it, behind the rows; it uses nothing of CUDA itself.

// Sums over the blocks before each one, of Count quads of i32 from `from` + First on (each block's at a distance of Quads)
// to `before` (at a distance of Stride). All threads of one block work: each has the blocks of one part, for one quad.
template <int Quads, int First, int Count, int Stride, int Threads>
MOE_DEVICE void moe_sum_before(moe_quad *before, const moe_quad *from, int blocks, unsigned *shared) {
  constexpr int parts = Count < Threads ? Threads / Count : 1;
  for (int start = 0; start < Count; start += Threads) {
    const int quad = start + threadIdx.x % (parts > 1 ? Count : Threads), part = parts > 1 ? threadIdx.x / Count : 0;
    const bool works = quad < Count && part < parts;
    const int begin = blocks * part / parts, end = blocks * (part + 1) / parts;
    moe_quad sum = {};
    if (parts > 1) {
      if (works) {
        for (int block = begin; block < end; ++block)
          moe_combine<moe_Sum, int>(sum, moe_load_quad(from, static_cast<long long>(block) * Quads + First + quad));
        moe_put_quad(shared, 4 * (part * Count + quad), sum);
      }
      moe_sync_block();
      sum = {};
      for (int other = 0; works && other < part; ++other)
        moe_combine<moe_Sum, int>(sum, moe_get<moe_quad>(shared, 4 * (other * Count + quad)));
    }
    for (int block = begin; works && block < end; ++block) {
      const moe_quad counted = moe_load_quad(from, static_cast<long long>(block) * Quads + First + quad);
      moe_store_quad(before, static_cast<long long>(block) * Stride + quad, sum);
      moe_combine<moe_Sum, int>(sum, counted);
    }
  }
  moe_sync_block();
}

// The counters of Size elements, in shared memory at `counts`, at what `before` says, or at 0.
template <int Size, int Threads>
MOE_DEVICE void moe_start_ranks(unsigned *shared, int counts, bool is_counted, const moe_quad *before) {
  moe_sync_block();
  for (int quad = threadIdx.x; quad < (Size + 3) / 4; quad += Threads)
    moe_put_quad(shared, counts + 4 * quad, is_counted ? moe_load_quad(before, quad) : moe_quad{});
}

// The ranks of this round's slots: of Rows rows of Slots slots each, which lie over Lanes lanes in vectors of Width. All
// threads of the block work; `live` tells whether this thread's row is one. The slots of the round stand in shared memory
// at `round`, the counters at `counts`; the last slot of the round that names an element moves its counter on.
template <int Size, int Lanes, int Slots, int Width, int Rows>
MOE_DEVICE void moe_rank(unsigned *shared, int counts, int round, int lane, bool live, const int *at, int *rank) {
  constexpr int values = (Slots + Lanes * Width - 1) / (Lanes * Width) * Width, all = (Rows * Slots + 3) / 4;
  const int row = threadIdx.x / Lanes * Slots;
  int mine[values], place[values], earlier[values];
  bool last[values];
#pragma unroll(values <= 32 ? values : 1)
  for (int j = 0; j < values; ++j) {
    const int slot = j / Width * Width * Lanes + lane * Width + j % Width;
    const bool names = live && slot < Slots && static_cast<unsigned>(at[j]) < Size;
    mine[j] = names ? at[j] : -1;
    place[j] = row + slot;
    earlier[j] = 0;
    last[j] = names;
    if (slot < Slots)
      moe_put(shared, round + place[j], mine[j]);
  }
  if constexpr (4 * all > Rows * Slots)
    if (threadIdx.x < 4 * all - Rows * Slots)
      moe_put(shared, round + Rows * Slots + threadIdx.x, -1);
  moe_sync_block();
#pragma unroll 1
  for (int n = 0; n < all; ++n) {
    const moe_quad others = moe_get<moe_quad>(shared, round + 4 * n);
#pragma unroll(values <= 32 ? values : 1)
    for (int j = 0; j < values; ++j)
#pragma unroll
      for (int m = 0; m < 4; ++m) {
        const bool same = static_cast<int>(others.word[m]) == mine[j];
        earlier[j] += same && 4 * n + m < place[j];
        last[j] &= !(same && 4 * n + m > place[j]);
      }
  }
#pragma unroll(values <= 32 ? values : 1)
  for (int j = 0; j < values; ++j)
    rank[j] = mine[j] < 0 ? 0 : moe_get<int>(shared, counts + mine[j]) + earlier[j];
  moe_sync_block();
#pragma unroll(values <= 32 ? values : 1)
  for (int j = 0; j < values; ++j)
    if (last[j])
      moe_put(shared, counts + mine[j], rank[j] + 1);
}
