// Losses over the global batch: every rank runs the gate on its share of the tokens, the accumulator blocks are
// all-reduced, every rank finishes and runs its backward. Rank 0 then compares with one process that has all tokens:
// losses, metrics, weights, routes, gradient and the new state, for even and uneven shares, with ranks that have none.
//
//   mpirun -n 4 mpi_global_batch
#include "AllReduce.h"
#include "global_batch.h"
#include "moe/runtime.hpp"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <numeric>
#include <vector>

namespace {

constexpr std::int64_t experts = MOE_GLOBAL_BATCH_SIZE_EXPERT, slots = MOE_GLOBAL_BATCH_SIZE_ROUTE_SLOT;
constexpr std::uint64_t seed = 20250111;

// One rank's tokens, what the gate says about them, and what is the same on all ranks.
struct Share {
  Share(std::int64_t first, std::int64_t tokens)
      : first(first), tokens(tokens), logits(count(experts)), gradWeight(count(slots)), weight(count(slots)),
        gradLogits(count(experts)), route(count(slots)) {
    // Data of the token's number among all: popular experts, and waves. No rank has to tell another about it.
    for (std::int64_t i = 0; i < tokens * experts; ++i) {
      double t = static_cast<double>(first + i / experts), e = static_cast<double>(i % experts);
      logits[static_cast<std::size_t>(i)] =
          static_cast<float>(1.5 * std::sin(0.7 * t * (e + 3)) - 0.8 * std::log(1 + e) + 0.3 * std::cos(0.001 * t * e));
    }
    for (std::int64_t i = 0; i < tokens * slots; ++i)
      gradWeight[static_cast<std::size_t>(i)] =
          static_cast<float>(1e-4 * std::cos(static_cast<double>(first * slots + i)));
  }
  std::size_t count(std::int64_t width) const { return static_cast<std::size_t>(tokens * width); }

  std::int64_t first, tokens;
  std::vector<float> logits, gradWeight, weight, gradLogits;
  std::vector<std::int32_t> route;
  float losses[4] = {}, greatest = 0;
  std::int32_t load[experts] = {}, status[2] = {};
  float bias[experts] = {};
};

void bind(moe::rt::Call &call, Share &share) {
  call.input("logits", share.logits.data(), {share.tokens, experts})
      .input("bias", share.bias, {experts})
      .output("weight", share.weight.data(), {share.tokens, slots})
      .output("route", share.route.data(), {share.tokens, slots})
      .output("expert_balance", &share.losses[0], {})
      .output("device_balance", &share.losses[1], {})
      .output("importance", &share.losses[2], {})
      .output("z", &share.losses[3], {})
      .output("load", share.load, {experts})
      .output("greatest", &share.greatest, {})
      .output("empty", &share.status[0], {})
      .output("nonfinite_tokens", &share.status[1], {});
}

// Forward, backward and step of the gate. `communicator`: of the ranks that share the losses, or MPI_COMM_NULL for a
// process of its own.
void run(const moe::rt::Executable &gate, Share &share, MPI_Comm communicator) {
  for (std::int64_t e = 0; e < experts; ++e)
    share.bias[e] = 0.002f * static_cast<float>(e % 5);
  moe::rt::Call call(gate, share.tokens);
  call.keep(share.tokens).random(seed, /*offset=*/7, share.first);
  bind(call, share);
  call.reset();
  call.accumulate(share.tokens);
  if (communicator != MPI_COMM_NULL)
    ranks::allReduce(gate.gate(), call.accumulatorData(), communicator);
  call.finish();
  moe::rt::Backward backward(call);
  backward.input("grad_weight", share.gradWeight.data(), {share.tokens, slots})
      .output("grad_logits", share.gradLogits.data(), {share.tokens, experts});
  backward.run(share.tokens);
  moe::rt::Step(call).run();
}

// All ranks' rows of `own`, in the order of the tokens, on rank 0.
template <typename T>
std::vector<T> gather(const std::vector<T> &own, const std::vector<std::int64_t> &shares, std::int64_t width) {
  std::vector<int> counts, places;
  std::size_t total = 0;
  for (std::int64_t share : shares) {
    places.push_back(static_cast<int>(total));
    counts.push_back(static_cast<int>(static_cast<std::size_t>(share * width) * sizeof(T)));
    total += static_cast<std::size_t>(counts.back());
  }
  std::vector<T> all(total / sizeof(T));
  MPI_Gatherv(own.data(), static_cast<int>(own.size() * sizeof(T)), MPI_BYTE, all.data(), counts.data(), places.data(),
              MPI_BYTE, 0, MPI_COMM_WORLD);
  return all;
}

double greatestError(const float *got, const float *expected, std::size_t count, bool relative) {
  double error = 0, scale = 0;
  for (std::size_t i = 0; i < count; ++i) {
    double difference = std::abs(static_cast<double>(got[i]) - static_cast<double>(expected[i]));
    double size = std::abs(static_cast<double>(expected[i]));
    // A NaN is no error of 0.
    error = std::max(error, !(difference >= 0) ? INFINITY : relative ? difference / size : difference);
    scale = std::max(scale, size);
  }
  return relative || error == 0 ? error : error / scale;
}

// Rank 0: compares what the ranks have together with one process on all tokens, and prints a line.
bool compare(const moe::rt::Executable &gate, const std::vector<std::int64_t> &shares, const Share &own,
             const std::vector<float> &weight, const std::vector<std::int32_t> &route,
             const std::vector<float> &gradLogits, double ownLoss) {
  Share all(0, std::accumulate(shares.begin(), shares.end(), std::int64_t(0)));
  run(gate, all, MPI_COMM_NULL);
  double lossError = greatestError(own.losses, all.losses, 4, true);
  double gradError = greatestError(gradLogits.data(), all.gradLogits.data(), gradLogits.size(), false);
  bool sameRows = route == all.route && weight == all.weight;
  bool sameFinish = std::equal(own.load, own.load + experts, all.load) && own.greatest == all.greatest &&
                    std::equal(own.bias, own.bias + experts, all.bias) && !own.status[0] && !own.status[1];
  for (std::int64_t share : shares)
    std::printf("%lld ", static_cast<long long>(share));
  std::printf("tokens: expert_balance %.8f, of one process %.8f (mean of the ranks' own %.8f)\n"
              "  losses differ by %.1e, gradient by %.1e of the greatest; weights and routes %s; load, maximum and new "
              "bias %s\n",
              static_cast<double>(own.losses[0]), static_cast<double>(all.losses[0]), ownLoss, lossError, gradError,
              sameRows ? "same bits" : "DIFFER", sameFinish ? "same bits" : "DIFFER");
  return lossError <= 1e-6 && gradError <= 1e-6 && sameRows && sameFinish;
}

// The ranks' own losses, each over its own tokens: what the global batch is not. The mean over ranks that have tokens.
double meanOfOwnLosses(const moe::rt::Executable &gate, std::int64_t first, std::int64_t tokens) {
  Share alone(first, tokens);
  run(gate, alone, MPI_COMM_NULL);
  double sums[2] = {tokens ? static_cast<double>(alone.losses[0]) : 0, tokens ? 1.0 : 0.0};
  MPI_Allreduce(MPI_IN_PLACE, sums, 2, MPI_DOUBLE, MPI_SUM, MPI_COMM_WORLD);
  return sums[0] / sums[1];
}

bool runShares(const moe::rt::Executable &gate, const std::vector<std::int64_t> &shares, int rank) {
  std::int64_t first = std::accumulate(shares.begin(), shares.begin() + rank, std::int64_t(0));
  Share share(first, shares[static_cast<std::size_t>(rank)]);
  run(gate, share, MPI_COMM_WORLD);
  double ownLoss = meanOfOwnLosses(gate, first, share.tokens);
  std::vector<float> weight = gather(share.weight, shares, slots);
  std::vector<std::int32_t> route = gather(share.route, shares, slots);
  std::vector<float> gradLogits = gather(share.gradLogits, shares, experts);
  int good = rank != 0 || compare(gate, shares, share, weight, route, gradLogits, ownLoss);
  MPI_Bcast(&good, 1, MPI_INT, 0, MPI_COMM_WORLD);
  return good;
}

bool runAll(int rank, std::size_t size) {
  moe::rt::Executable gate = moe::rt::Executable::cpu(moe_gate_global_batch);
  constexpr std::int64_t tokens = 3000;
  std::vector<std::int64_t> even(size, tokens / static_cast<std::int64_t>(size)), uneven(size), one(size);
  for (std::size_t i = 0; i < size; ++i)
    uneven[i] = static_cast<std::int64_t>(i * i) * 311 + static_cast<std::int64_t>(i) * 7;
  one.back() = tokens;
  bool good = runShares(gate, even, rank) && runShares(gate, one, rank);
  return good && (size == 1 || runShares(gate, uneven, rank)); // rank 0 has no uneven share
}

} // namespace

int main(int argc, char **argv) {
  MPI_Init(&argc, &argv);
  int rank = 0, size = 0;
  MPI_Comm_rank(MPI_COMM_WORLD, &rank);
  MPI_Comm_size(MPI_COMM_WORLD, &size);
  bool good = false;
  try {
    good = runAll(rank, static_cast<std::size_t>(size));
  } catch (const std::exception &error) {
    std::fprintf(stderr, "mpi_global_batch: rank %d: %s\n", rank, error.what());
    MPI_Abort(MPI_COMM_WORLD, 1); // the others would wait for this one
  }
  if (rank == 0)
    std::printf("%d ranks: %s\n", size, good ? "one batch" : "NOT one batch");
  MPI_Finalize();
  return good ? 0 : 1;
}
