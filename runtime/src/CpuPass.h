// One pass over the tokens on the CPU: chunks over OpenMP threads, pieces within chunks, ranks from chunk to chunk.
// What comes out has the same bits at any thread count, since chunks depend on the number of tokens alone and
// everything is merged in their order.
//
// A piece that lies in one chunk is finished there. One that a boundary of chunks cuts leaves a block of accumulators
// in each of its chunks: `tail` where it begins, `head` in those that it goes on in. They are merged after all chunks.
#pragma once
#include "Pieces.h"

namespace moe::rt {

/// Where the blocks of a call are.
struct CpuMemory {
  char *chunks, *threads;
  uint64_t blockStride;    ///< of one accumulator block
  uint64_t threadStride;   ///< scratch of a thread, then a block
  uint32_t blocksPerChunk; ///< see blocksPerChunk()
  uint64_t scratchBytes;   ///< aligned
  enum Block : uint32_t { Partial, Before, Head, Tail };

  void *partial(uint32_t chunk) const { return block(chunk, Partial); }
  /// Counters of all tokens before the chunk, and of the tokens of its first piece before it.
  void *before(uint32_t chunk) const { return block(chunk, Before); }
  void *head(uint32_t chunk) const { return block(chunk, Head); }
  void *tail(uint32_t chunk) const { return block(chunk, Tail); }
  void *scratch(uint32_t thread) const { return threads + thread * threadStride; }
  void *piece(uint32_t thread) const { return threads + thread * threadStride + scratchBytes; }

private:
  void *block(uint32_t chunk, Block which) const { return chunks + (chunk * blocksPerChunk + which) * blockStride; }
};

/// Whether a call's rows come in parts that generated code gets one by one: pieces or layers.
inline bool isDivided(const moe_gate &gate) { return gate.layers || pieceAxis(gate); }

/// Accumulator blocks that each chunk of a program needs: partial; before; head and tail.
uint32_t blocksPerChunk(const moe_gate &gate);

/// The most chunks that a pass of a call of up to that extent has: those of its rows, or one for its empty pieces.
uint32_t maxCpuChunks(const Extent &extent);

/// A pass of a program, in one call. Its rows are those of one level, its pieces those of the next one; without such
/// pieces, a pass over the tokens of several layers takes each layer as one.
class CpuPass {
public:
  /// `call` has the numbers of rows and pieces; `pieces` is null where the rows come in none.
  CpuPass(const moe_gate &gate, uint32_t index, const moe_cpu_pass &code, const moe_cpu_call &call,
          const Pieces *pieces, const CpuMemory &memory);

  /// Runs rows and pieces, and adds what they collect to `accumulators` (null: to nothing).
  void run(uint32_t threads, void *accumulators) const;

private:
  void runChunk(uint32_t chunk, uint32_t thread) const;
  void runPieces(uint32_t chunk, uint32_t thread) const;
  void runRange(int64_t piece, int64_t begin, int64_t end, void *block, uint32_t chunk, uint32_t thread) const;
  void finishPiece(int64_t piece, const void *collected, uint32_t chunk, uint32_t thread) const;
  void finishCutPieces() const;
  void mergeChunks(void *accumulators) const;
  moe_cpu_call callOf(int64_t piece) const;
  int64_t chunkBegin(uint32_t chunk) const { return chunk * chunkSize; }
  int64_t chunkEnd(uint32_t chunk) const;

  const moe_gate &gate;
  const uint32_t index;
  const moe_cpu_pass &code;
  const moe_cpu_call &call;
  const Pieces pieces;
  const CpuMemory &memory;
  const bool hasPieces;
  const int64_t layerRows; ///< rows of a layer, in a pass over the tokens of several layers; else 0
  const uint32_t chunks;
  const int64_t chunkSize;
  bool isRanking = false, isCounting = false; ///< counts on from counters; collects some for a later pass
};

} // namespace moe::rt
