// Runs deepseek_moe, compiled ahead of time for 16 experts on 4 devices, on two micro-batches: each on its own, then
// both accumulated into one pair of losses, and the gradients of both with respect to their logits, as a training step
// with gradient accumulation wants them.
#include "deepseek_moe.h"
#include "moe/runtime.hpp"

#include <cmath>
#include <cstdint>
#include <cstdio>
#include <string>
#include <vector>

namespace {

constexpr std::int64_t tokens = 300, experts = 16, slots = 2;

// Logits in which expert e has popularity -log(1 + e), and a token's own taste moves around with its number.
std::vector<float> makeLogits(std::int64_t first) {
  std::vector<float> logits(tokens * experts);
  for (std::int64_t t = 0; t < tokens; ++t)
    for (std::int64_t e = 0; e < experts; ++e) {
      double taste = 2.0 * std::sin(0.7 * static_cast<double>((first + t) * (e + 3)));
      logits[static_cast<std::size_t>(t * experts + e)] =
          static_cast<float>(taste - std::log(1.0 + static_cast<double>(e)));
    }
  return logits;
}

struct Results {
  std::vector<float> weight = std::vector<float>(tokens * slots);
  std::vector<std::int32_t> route = std::vector<std::int32_t>(tokens * slots);
  float expertBalance = 0, deviceBalance = 0, maxViolation = 0;
  std::vector<std::int32_t> status = std::vector<std::int32_t>(moe_gate_deepseek_moe.array_count);
};

void bind(moe::rt::Call &call, const std::vector<float> &logits, Results &results) {
  call.input("logits", logits.data(), {tokens, experts})
      .output("weight", results.weight.data(), {tokens, slots})
      .output("route", results.route.data(), {tokens, slots})
      .output("expert_balance", &results.expertBalance, {})
      .output("device_balance", &results.deviceBalance, {})
      .output("max_violation", &results.maxViolation, {});
  // Status words: what only the data shows. The descriptor says which there are.
  for (std::uint32_t i = 0; i < moe_gate_deepseek_moe.array_count; ++i)
    if (moe_gate_deepseek_moe.arrays[i].role == MOE_STATUS_WORD)
      call.output(moe_gate_deepseek_moe.arrays[i].name, &results.status[i], {});
}

void print(const char *what, const Results &results) {
  std::printf("%-12s expert_balance %.6f  device_balance %.6f  max_violation %.6f\n", what,
              static_cast<double>(results.expertBalance), static_cast<double>(results.deviceBalance),
              static_cast<double>(results.maxViolation));
}

// A micro-batch on its way through forward and backward.
struct MicroBatch {
  explicit MicroBatch(const moe::rt::Executable &gate, std::int64_t first)
      : first(first), logits(makeLogits(first)), saved(gate.savedBytes(tokens)) {}

  std::int64_t first;
  std::vector<float> logits;
  Results results;
  moe::rt::Block saved; // what its forward keeps for its backward
};

// The gradient of the logits, from that of the weights (here: a wave) and from the losses over all micro-batches.
// Prints the derivative along another wave.
void differentiate(moe::rt::Call &call, std::vector<MicroBatch> &batches, const moe::rt::Block &coefficients) {
  moe::rt::Backward backward(call);
  std::vector<float> gradWeight(tokens * slots), gradLogits(tokens * experts);
  backward.input("grad_weight", gradWeight.data(), {tokens, slots})
      .output("grad_logits", gradLogits.data(), {tokens, experts});
  double derivative = 0;
  for (MicroBatch &batch : batches) {
    for (std::size_t i = 0; i < gradWeight.size(); ++i)
      gradWeight[i] =
          static_cast<float>(0.001 * std::cos(static_cast<double>(batch.first * slots) + static_cast<double>(i)));
    bind(call, batch.logits, batch.results); // backward reads logits and route again
    call.keep(batch.saved.data(), batch.saved.bytes(), coefficients.data(), coefficients.bytes());
    backward.run(tokens);
    for (std::size_t i = 0; i < gradLogits.size(); ++i)
      derivative += static_cast<double>(gradLogits[i]) *
                    std::sin(0.3 * (static_cast<double>(batch.first * experts) + static_cast<double>(i)));
  }
  std::printf("gradient     along the wave %.6e\n", derivative);
}

void run() {
  moe::rt::Executable gate = moe::rt::Executable::cpu(moe_gate_deepseek_moe);
  moe::rt::Call call(gate, tokens);
  std::vector<MicroBatch> batches;
  for (std::int64_t first : {std::int64_t(0), tokens})
    batches.emplace_back(gate, first);
  for (MicroBatch &batch : batches) {
    bind(call, batch.logits, batch.results);
    call.forward(tokens);
    print("micro-batch", batch.results);
  }
  const Results &results = batches.back().results;
  std::printf("token 0 goes to experts %d and %d with weights %.4f and %.4f\n", results.route[0], results.route[1],
              static_cast<double>(results.weight[0]), static_cast<double>(results.weight[1]));
  call.reset();
  moe::rt::Block coefficients(gate.coefficientBytes());
  for (MicroBatch &batch : batches) {
    bind(call, batch.logits, batch.results);
    call.keep(batch.saved.data(), batch.saved.bytes(), coefficients.data(), coefficients.bytes());
    call.accumulate(tokens);
  }
  call.finish();
  print("accumulated", results);
  differentiate(call, batches, coefficients);
  // A run-time parameter: nothing is compiled again.
  call.param("alpha1", 0.02f);
  call.finish();
  print("alpha1 x 2", results);
}

} // namespace

int main() {
  try {
    run();
  } catch (const moe::rt::Error &error) {
    std::fprintf(stderr, "host_object: %s\n", error.what());
    return 1;
  }
  return 0;
}
