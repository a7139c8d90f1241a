// Tokens in pieces (sequences): where the pieces of a block's tokens are, and how what belongs to one piece meets. In a pass
// over pieces, these are what is called tokens here, and their pieces those of the next level. This text stands in generated
// sources that use it, behind the rows; it uses nothing of CUDA itself.
//
// A block walks over the pieces in its range of tokens. A piece that lies wholly inside is finished there. Of one that goes
// on in other blocks (the range's first or last, at most two) it leaves its part in the workspace: `ends` has for each block
// a quad that says which piece begins here and ends elsewhere (moe_cut), then the Quads quads of a piece that
// began earlier, then those of the one that ends later. The last block to arrive merges them, in the order of blocks.

MOE_DEVICE long long moe_later(long long a, long long b) { return a > b ? a : b; }
MOE_DEVICE long long moe_earlier(long long a, long long b) { return a < b ? a : b; }

// A walk begins with the first piece that ends behind its first token or begins no earlier, and asks each piece for its end.

// Pieces of Length tokens, which divides the number of tokens.
template <long long Length> struct moe_even_pieces {
  MOE_DEVICE long long first(long long token) const { return token / Length; }
  MOE_DEVICE long long begin(long long piece) const { return piece * Length; } // of the first of a walk
  MOE_DEVICE long long end(long long, long long begin) const { return begin + Length; }
};

// Equal pieces, as many as the call says; of no tokens, where there are none.
struct moe_equal_pieces {
  long long length;
  MOE_DEVICE long long first(long long token) const { return length > 0 ? token / length : 0; }
  MOE_DEVICE long long begin(long long piece) const { return piece * length; }
  MOE_DEVICE long long end(long long, long long begin) const { return begin + length; }
};

// Piece i has the tokens offsets[i] up to offsets[i + 1]. Offsets that are not in order from 0 to the number of tokens are
// bad: each counts as the nearest that is in place, which is no less than the one before and no more than the number.
struct moe_offset_pieces {
  const int *offsets;
  long long piece_count, token_count;
  long long first_piece, first_begin; // of this block
  bool bad;
  MOE_DEVICE long long first(long long) const { return first_piece; }
  MOE_DEVICE long long begin(long long) const { return first_begin; }
  MOE_DEVICE long long end(long long piece, long long begin) const {
    return piece + 1 < piece_count ? moe_later(begin, moe_earlier(moe_load1(offsets, piece + 1), token_count))
                                   : token_count;
  }
};

// The greatest of the offsets of pieces 1 to `piece`, with all threads of a warp.
MOE_DEVICE int moe_greatest_offset(const int *offsets, int piece) {
  int greatest = 0;
  for (int n = 1 + threadIdx.x % 32; n <= piece; n += 32) {
    const int here = moe_load1(offsets, n);
    greatest = here > greatest ? here : greatest;
  }
  return moe_max_lanes<32>(greatest);
}

// Reads all offsets, with all threads of a block whose first token is `token`.
template <int Threads>
MOE_DEVICE moe_offset_pieces moe_read_offsets(const int *offsets, long long piece_count, long long token_count,
                                              long long token, unsigned *shared) {
  bool wrong = false;
  int first = static_cast<int>(piece_count); // of the pieces that begin at `token` or behind it
#pragma unroll 4
  for (long long n = threadIdx.x; n <= piece_count && offsets != nullptr; n += Threads) {
    const int here = moe_load1(offsets, n), last = n > 0 ? moe_load1(offsets, n - 1) : 0;
    wrong |= n == 0 ? here != 0 : here < last;
    wrong |= n == piece_count && here != token_count;
    if (n < first && (n == 0 ? 0 : here) >= token)
      first = static_cast<int>(n);
  }
  const int least = moe_min_lanes<32>(first);
  const bool any = moe_any(wrong);
  if (threadIdx.x % 32 == 0) {
    moe_put(shared, threadIdx.x / 32 * 2, any);
    moe_put(shared, threadIdx.x / 32 * 2 + 1, least);
  }
  moe_sync_block();
  bool bad = false;
  first = static_cast<int>(piece_count);
#pragma unroll
  for (int warp = 0; warp < Threads / 32; ++warp) {
    bad |= moe_get<bool>(shared, 2 * warp);
    const int other = moe_get<int>(shared, 2 * warp + 1);
    first = other < first ? other : first;
  }
  moe_sync_block();
  long long begin = token_count;
  if (first < piece_count)
    begin = first > 0 ? moe_earlier(moe_load1(offsets, first), token_count) : 0;
  if (first > 0 && begin > token) { // the token is inside of the piece before, whose offset is no more than the token
    --first;
    begin = bad ? moe_greatest_offset(offsets, first) : moe_load1(offsets, first);
  }
  return {offsets, piece_count, token_count, first, begin, bad};
}

// Adds up what the warps have put into shared memory for one piece (from `word` on, warp after warp, Quads quads each) and
// leaves it at `word`, or in the workspace where the piece goes on in another block.
template <typename Layout, int Quads, int Warps>
MOE_DEVICE void moe_meet(unsigned *shared, int word, bool goes_on, moe_quad *end) {
  moe_sync_block();
  for (int quad = threadIdx.x; quad < Quads; quad += 32 * Warps) {
    moe_quad sum = moe_get<moe_quad>(shared, word + 4 * quad);
#pragma unroll
    for (int warp = 1; warp < Warps; ++warp)
      Layout::combine(quad, sum, moe_get<moe_quad>(shared, word + 4 * (warp * Quads + quad)));
    if (goes_on)
      moe_store_quad(end, quad, sum);
    else
      moe_put_quad(shared, word + 4 * quad, sum);
  }
  moe_sync_block();
}

// A piece that begins in one block and ends in another, and its tokens; -1: none.
struct moe_cut {
  long long piece, begin, end;
};
template <int Quads> MOE_DEVICE void moe_say_cut(moe_quad *ends, moe_cut cut) {
  if (threadIdx.x == 0)
    moe_store_quad(ends, static_cast<long long>(blockIdx.x) * (2 * Quads + 1),
                   {{moe_bits(static_cast<int>(cut.piece)), moe_bits(static_cast<int>(cut.begin)),
                     moe_bits(static_cast<int>(cut.end))}});
}
template <int Quads> MOE_DEVICE moe_cut moe_cut_piece(const moe_quad *ends, int block) {
  const moe_quad said = moe_load_quad(ends, static_cast<long long>(block) * (2 * Quads + 1));
  return {static_cast<int>(said.word[0]), static_cast<int>(said.word[1]), static_cast<int>(said.word[2])};
}

// Merges the parts of the piece that begins in `block` and ends before token `end`; one warp, into shared memory at `word`.
// `before` gets, for each block in which the piece goes on, what the blocks before have counted in the first Ranked quads
// (each block's at a distance of Stride).
template <typename Layout, int Quads, int Ranked, int Stride>
MOE_DEVICE void moe_merge_ends(unsigned *shared, int word, const moe_quad *ends, int block, long long end,
                               long long token_count, moe_quad *before) {
  const int blocks = gridDim.x, last = static_cast<int>((end * blocks + token_count - 1) / token_count) - 1;
  for (int quad = threadIdx.x % 32; quad < Quads; quad += 32) {
    moe_quad sum = moe_load_quad(ends, static_cast<long long>(block) * (2 * Quads + 1) + 1 + Quads + quad);
    for (int next = block + 1; next <= last; next += 8) {
      moe_quad batch[8];
#pragma unroll
      for (int n = 0; n < 8; ++n) {
        const long long other = next + n;
        // A block without tokens has no part in it.
        const bool part = other <= last && token_count * other / blocks < token_count * (other + 1) / blocks;
        batch[n] = part ? moe_load_quad(ends, other * (2 * Quads + 1) + 1 + quad) : Layout::neutral(quad);
      }
#pragma unroll
      for (int n = 0; n < 8; ++n) {
        if (quad < Ranked && next + n <= last)
          moe_store_quad(before, static_cast<long long>(next + n) * Stride + quad, sum);
        Layout::combine(quad, sum, batch[n]);
      }
    }
    moe_put_quad(shared, word + 4 * quad, sum);
  }
  moe_sync_warp();
}

// What the warps of the last block have put into shared memory for the pieces that it has finished, as one more part
// behind those of the blocks. Quads before First are of rows, of which it has none.
template <typename Layout, int Quads, int First, int Warps>
MOE_DEVICE void moe_publish_last(unsigned *shared, moe_quad *partials) {
  moe_sync_block();
  for (int quad = threadIdx.x; quad < Quads; quad += 32 * Warps) {
    moe_quad sum = Layout::neutral(quad);
    if (quad >= First) {
#pragma unroll
      for (int warp = 0; warp < Warps; ++warp)
        Layout::combine(quad, sum, moe_get<moe_quad>(shared, 4 * (warp * Quads + quad)));
    }
    moe_store_quad(partials, static_cast<long long>(gridDim.x) * Quads + quad, sum);
  }
  moe_sync_block();
}
