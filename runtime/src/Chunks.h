// How a call's tokens are cut into chunks on the CPU. A function of the token count alone: with it, and with partial
// blocks merged in chunk order, results do not depend on the number of threads.
#pragma once
#include <algorithm>
#include <cstdint>

namespace moe::rt {

/// Chunks per call at most; this bounds the workspace.
constexpr uint32_t maxChunks = 256;
/// Tokens per chunk at least: below this the cost of a thread is not worth it.
constexpr int64_t minChunkTokens = 1024;
/// Chunks start at a multiple of the token tile of generated code.
constexpr int64_t tileTokens = 16;

/// Tokens per chunk; the last chunk may have fewer.
constexpr int64_t chunkTokens(int64_t tokens) {
  int64_t even = (tokens + maxChunks - 1) / maxChunks;
  return std::max(minChunkTokens, (even + tileTokens - 1) / tileTokens * tileTokens);
}

/// Number of chunks; 0 without tokens.
constexpr uint32_t chunkCount(int64_t tokens) {
  int64_t size = chunkTokens(tokens);
  return static_cast<uint32_t>((tokens + size - 1) / size);
}

/// The most chunks that a call of up to `tokens` tokens has. (chunkCount itself can fall as tokens grow.)
constexpr uint32_t maxChunksUpTo(int64_t tokens) {
  return static_cast<uint32_t>(std::min<int64_t>(maxChunks, (tokens + minChunkTokens - 1) / minChunkTokens));
}

} // namespace moe::rt
