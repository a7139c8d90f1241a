// Counter-based random numbers (Random.h).
#include "compiler/Reference/Random.h"
#include "compiler/Reference/Frame.h"
#include "compiler/Transforms/InverseNormal.h"

using namespace mlir;
using namespace moe;
using namespace moe::reference;

std::array<uint32_t, 4> reference::philox4x32(std::array<uint32_t, 4> counter, std::array<uint32_t, 2> key) {
  for (int round = 0; round < 10; ++round) {
    uint64_t a = 0xD2511F53ull * counter[0], b = 0xCD9E8D57ull * counter[2];
    counter = {static_cast<uint32_t>(b >> 32) ^ counter[1] ^ key[0], static_cast<uint32_t>(b),
               static_cast<uint32_t>(a >> 32) ^ counter[3] ^ key[1], static_cast<uint32_t>(a)};
    key = {key[0] + 0x9E3779B9u, key[1] + 0xBB67AE85u};
  }
  return counter;
}

double reference::inverseNormalCdf(double p) {
  if (p > 0.5)
    return -inverseNormalCdf(1 - p);
  // Abramowitz and Stegun 26.2.23, to 4.5e-4; each step of Halley's method cubes the error.
  double t = std::sqrt(-2 * std::log(p));
  double x = (2.515517 + t * (0.802853 + t * 0.010328)) / (1 + t * (1.432788 + t * (0.189269 + t * 0.001308))) - t;
  for (int step = 0; step < 3; ++step) {
    double error = std::erfc(-x / M_SQRT2) / 2 - p;
    double newton = error * std::sqrt(2 * M_PI) * std::exp(x * x / 2);
    x -= newton / (1 + x * newton / 2);
  }
  return x;
}

/// The element of each counter: [number of the token, two words; stream and position; offset of the call].
static llvm::Error evaluateRandom(RandomOp op, Frame &frame) {
  Tensor result = frame.make(op.getType());
  const EvaluationOptions &call = frame.options;
  std::array<uint32_t, 2> key{static_cast<uint32_t>(call.seed), static_cast<uint32_t>(call.seed >> 32)};
  auto element = result.data.begin();
  forEachIndex(result.sizes, [&](ArrayRef<int64_t> at) {
    uint64_t token = 0, position = 0;
    for (auto [i, coordinate] : llvm::enumerate(at)) {
      if (op.getType().isDynamicDim(i))
        token = static_cast<uint64_t>(call.firstToken) + static_cast<uint64_t>(coordinate);
      else
        position = coordinate;
    }
    uint32_t place = static_cast<uint32_t>(op.getStream() << 20 | position);
    uint32_t word =
        philox4x32({static_cast<uint32_t>(token), static_cast<uint32_t>(token >> 32), place, call.offset}, key)[0];
    if (op.getKind() == RandomKind::Uniform)
      *element++ = Number(uniformOf(word));
    else
      *element++ = Number(frame.single ? normalOfWord(word) : normalOf(word)); // single: the bits of the targets
  });
  frame.set(op.getResult(), std::move(result));
  return llvm::Error::success();
}

void reference::addRandom(EvaluatorTable &table) { table.add(evaluateRandom); }
