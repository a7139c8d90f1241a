// Accumulates two micro-batches of 2048 tokens into one pair of losses, then runs the backward of both, through the C++
// wrapper.
#include "moe/runtime.hpp"
#include "deepseek_moe.h" // moe-opt examples/deepseek_moe.moe --emit=header

#include <cmath>
#include <cstdio>
#include <vector>

int main() try {
  constexpr std::int64_t tokens = 2048, experts = 64, slots = 6;
  std::vector<float> logits(2 * tokens * experts), weight(2 * tokens * slots);
  std::vector<float> gradLogits(logits.size()), gradWeight(weight.size());
  std::vector<std::int32_t> route(2 * tokens * slots);
  for (std::size_t i = 0; i < logits.size(); ++i)
    logits[i] = static_cast<float>(i * 7919u % 1000u) / 250.0f;
  for (std::size_t i = 0; i < gradWeight.size(); ++i)
    gradWeight[i] = static_cast<float>(i % 5) * 1e-5f; // what comes back through the experts

  moe::rt::Executable gate = moe::rt::Executable::cpu(moe_gate_deepseek_moe);
  moe::rt::Call call(gate, tokens); // owns workspace and accumulators
  float expert_balance, device_balance, max_violation;
  std::int32_t empty, nonfinite_tokens;
  call.output("expert_balance", &expert_balance, {}).output("device_balance", &device_balance, {});
  call.output("max_violation", &max_violation, {});
  call.output("empty", &empty, {}).output("nonfinite_tokens", &nonfinite_tokens, {});

  call.param("alpha1", 0.02f);
  call.reset();
  moe::rt::Block coefficients(gate.coefficientBytes()), saved[2];
  auto bind = [&](int batch) {
    std::int64_t first = batch * tokens;
    call.input("logits", logits.data() + first * experts, {tokens, experts});
    call.output("weight", weight.data() + first * slots, {tokens, slots});
    call.output("route", route.data() + first * slots, {tokens, slots});
    call.keep(saved[batch].data(), saved[batch].bytes(), coefficients.data(), coefficients.bytes());
  };
  for (int batch : {0, 1}) {
    saved[batch] = moe::rt::Block(gate.savedBytes(tokens));
    bind(batch);
    call.accumulate(tokens);
  }
  call.finish();
  std::printf("token 0: best expert %d, weight %.4f\n", route[0], weight[0]);
  std::printf("expert_balance %.6f device_balance %.6f max_violation %.4f\n", expert_balance, device_balance,
              max_violation);

  moe::rt::Backward backward(call); // takes logits, route and alpha1 from the call
  for (int batch : {0, 1}) {
    bind(batch);
    backward.input("grad_weight", gradWeight.data() + batch * tokens * slots, {tokens, slots});
    backward.output("grad_logits", gradLogits.data() + batch * tokens * experts, {tokens, experts});
    backward.run(tokens);
  }
  double norm = 0;
  for (float value : gradLogits)
    norm += static_cast<double>(value) * value;
  std::printf("gradient of the logits: norm %.4e\n", std::sqrt(norm));
  return 0;
} catch (const moe::rt::Error &error) {
  std::fprintf(stderr, "%s\n", error.what());
  return 1;
}
