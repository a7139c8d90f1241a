// The walk over chunks and pieces. Serial parts are the merges, in chunk order.
#include "CpuPass.h"
#include "Accumulators.h"
#include "Chunks.h"

#include <algorithm>
#if defined(_OPENMP)
#include <omp.h>
#endif

namespace moe::rt {

uint32_t blocksPerChunk(const moe_gate &gate) {
  bool isRanked = std::any_of(gate.accumulators, gate.accumulators + gate.accumulator_count,
                              [](const moe_accumulator &it) { return it.flags & MOE_RANKED; });
  if (isDivided(gate))
    return CpuMemory::Tail + 1;
  return isRanked ? CpuMemory::Before + 1 : CpuMemory::Partial + 1;
}

uint32_t maxCpuChunks(const Extent &extent) {
  uint32_t most = 0;
  for (int64_t count : extent.counts)
    most = std::max(most, maxChunksUpTo(count));
  return most; // a pass over nothing but empty pieces has one, and these are rows of the next level
}

static int64_t rowsOfLayer(const moe_gate &gate, const moe_cpu_pass &code, const moe_cpu_call &call) {
  return gate.layers && code.level == 0 ? call.token_count / static_cast<int64_t>(gate.layers) : 0;
}

/// Without pieces of their own, the rows of each layer are one.
static Pieces partsOf(const Pieces *pieces, const moe_gate &gate, int64_t layerRows) {
  if (pieces)
    return *pieces;
  return layerRows ? Pieces{static_cast<int64_t>(gate.layers), layerRows, nullptr} : Pieces();
}

CpuPass::CpuPass(const moe_gate &gate, uint32_t index, const moe_cpu_pass &code, const moe_cpu_call &call,
                 const Pieces *given, const CpuMemory &memory)
    : gate(gate), index(index), code(code), call(call), pieces(partsOf(given, gate, rowsOfLayer(gate, code, call))),
      memory(memory), hasPieces(given || rowsOfLayer(gate, code, call)), layerRows(rowsOfLayer(gate, code, call)),
      chunks(std::max(chunkCount(call.token_count), pieces.count ? 1u : 0u)), chunkSize(chunkTokens(call.token_count)) {
  for (uint32_t i = 0; i < gate.accumulator_count; ++i)
    if (const moe_accumulator &accumulator = gate.accumulators[i]; accumulator.flags & MOE_RANKED) {
      isRanking |= accumulator.rank_pass == index;
      isCounting |= accumulator.pass == index;
    }
}

int64_t CpuPass::chunkEnd(uint32_t chunk) const { return std::min(chunkBegin(chunk) + chunkSize, call.token_count); }

void CpuPass::run(uint32_t threads, void *accumulators) const {
  [[maybe_unused]] uint32_t team = std::min(threads, chunks);
#if defined(_OPENMP)
  if (team > 1) {
#pragma omp parallel for num_threads(team) schedule(dynamic, 1)
    for (uint32_t chunk = 0; chunk < chunks; ++chunk)
      runChunk(chunk, static_cast<uint32_t>(omp_get_thread_num()));
  } else
#endif
    for (uint32_t chunk = 0; chunk < chunks; ++chunk)
      runChunk(chunk, 0);
  if (chunks == 0)
    return;
  if (hasPieces)
    finishCutPieces();
  mergeChunks(accumulators);
}

void CpuPass::runChunk(uint32_t chunk, uint32_t thread) const {
  void *partial = memory.partial(chunk);
  fillNeutral(gate, partial);
  if (hasPieces)
    return runPieces(chunk, thread);
  if (isRanking)
    loadCounters(gate, index, /*perPiece=*/false, partial, memory.before(chunk));
  code.rows(&call, chunkBegin(chunk), chunkEnd(chunk), partial, memory.scratch(thread));
}

/// The piece that goes on from the chunk before, then those that begin in this one. Empty ones at the end of all tokens
/// belong to the last chunk.
void CpuPass::runPieces(uint32_t chunk, uint32_t thread) const {
  int64_t begin = chunkBegin(chunk), end = chunkEnd(chunk), piece = pieces.firstFrom(begin);
  if (piece > 0 && pieces.end(piece - 1) > begin)
    runRange(piece - 1, begin, std::min(end, pieces.end(piece - 1)), memory.head(chunk), chunk, thread);
  bool isLast = chunk + 1 == chunks;
  for (; piece < pieces.count && (isLast || pieces.begin(piece) < end); ++piece) {
    if (pieces.end(piece) > end) {
      runRange(piece, pieces.begin(piece), end, memory.tail(chunk), chunk, thread);
      continue;
    }
    void *collected = memory.piece(thread);
    runRange(piece, pieces.begin(piece), pieces.end(piece), collected, chunk, thread);
    finishPiece(piece, collected, chunk, thread);
  }
}

moe_cpu_call CpuPass::callOf(int64_t piece) const {
  moe_cpu_call made = call;
  made.piece = piece;
  made.piece_begin = pieces.begin(piece);
  made.piece_size = pieces.size(piece);
  if (layerRows) {
    made.layer = std::min(made.piece_begin / layerRows, static_cast<int64_t>(gate.layers) - 1);
    made.layer_begin = made.layer * layerRows;
  }
  return made;
}

/// Tokens of one piece in one chunk. What is for all tokens goes on into the partial of the chunk.
void CpuPass::runRange(int64_t piece, int64_t begin, int64_t end, void *block, uint32_t chunk, uint32_t thread) const {
  fillNeutral(gate, block);
  if (begin == end)
    return;
  if (isRanking) {
    loadCounters(gate, index, /*perPiece=*/false, block, memory.before(chunk));
    loadCounters(gate, index, /*perPiece=*/true, block, begin == pieces.begin(piece) ? nullptr : memory.before(chunk));
  }
  moe_cpu_call made = callOf(piece);
  code.rows(&made, begin, end, block, memory.scratch(thread));
  if (isRanking) // the next piece of the chunk counts on from here
    loadCounters(gate, index, /*perPiece=*/false, memory.before(chunk), block);
  combine(gate, index, /*perPiece=*/false, memory.partial(chunk), block);
}

void CpuPass::finishPiece(int64_t piece, const void *collected, uint32_t chunk, uint32_t thread) const {
  if (!code.pieces)
    return;
  moe_cpu_call made = callOf(piece);
  code.pieces(&made, collected, memory.partial(chunk), memory.scratch(thread));
}

void CpuPass::finishCutPieces() const {
  void *open = nullptr; // the block of the piece that goes on
  for (uint32_t chunk = 0; chunk < chunks; ++chunk) {
    int64_t begin = chunkBegin(chunk), end = chunkEnd(chunk), piece = pieces.firstFrom(begin) - 1;
    if (piece >= 0 && pieces.end(piece) > begin) {
      if (isCounting)
        keepCounters(gate, index, /*perPiece=*/true, memory.before(chunk), open);
      combine(gate, index, /*perPiece=*/true, open, memory.head(chunk));
      if (pieces.end(piece) <= end)
        finishPiece(piece, open, chunk, 0);
    }
    int64_t last = pieces.firstFrom(end) - 1;
    if (last >= 0 && pieces.begin(last) >= begin && pieces.end(last) > end)
      open = memory.tail(chunk);
  }
}

void CpuPass::mergeChunks(void *accumulators) const {
  void *total = memory.partial(0);
  if (isCounting)
    keepCounters(gate, index, /*perPiece=*/false, memory.before(0), nullptr);
  for (uint32_t chunk = 1; chunk < chunks; ++chunk) {
    if (isCounting)
      keepCounters(gate, index, /*perPiece=*/false, memory.before(chunk), total);
    combine(gate, index, /*perPiece=*/false, total, memory.partial(chunk));
  }
  if (accumulators)
    combine(gate, index, /*perPiece=*/false, accumulators, total);
}

} // namespace moe::rt
