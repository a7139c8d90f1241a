// Binds the arrays of balanced.moe by name. The step goes through the C interface: two arrays, at the positions that
// the generated header names.
#include "Gate.h"

#include <stdexcept>
#include <string>

namespace train {

Gate::Gate(const moe::rt::Executable &executable, std::size_t maxTokens)
    : logits(maxTokens * experts), weight(maxTokens * slots), route(maxTokens * slots), gradWeight(maxTokens * slots),
      gradLogits(maxTokens * experts), call(executable, static_cast<std::int64_t>(maxTokens)), gradients(call),
      updates(call) {
  call.keep(static_cast<std::int64_t>(maxTokens));
}

void Gate::bind(std::size_t tokens) {
  std::int64_t count = static_cast<std::int64_t>(tokens);
  constexpr std::int64_t all = experts, chosen = slots;
  call.param("alpha", alpha)
      .param("u", rate)
      .input("logits", logits.data(), {count, all})
      .input("bias", bias.data(), {all})
      .output("weight", weight.data(), {count, chosen})
      .output("route", route.data(), {count, chosen})
      .output("balance", &balance, {})
      .output("load", load.data(), {all})
      .output("deviation", &deviation, {})
      .output("empty", &empty, {})
      .output("nonfinite_tokens", &nonfinite, {});
  gradients.input("grad_weight", gradWeight.data(), {count, chosen})
      .output("grad_logits", gradLogits.data(), {count, all});
}

void Gate::forward(std::size_t tokens) {
  bind(tokens);
  call.forward(static_cast<std::int64_t>(tokens));
  if (nonfinite)
    throw std::runtime_error("the router's logits of " + std::to_string(nonfinite) + " tokens are not finite");
}

void Gate::infer(std::size_t tokens) {
  bind(tokens);
  call.route(static_cast<std::int64_t>(tokens));
}

void Gate::backward(std::size_t tokens) { gradients.run(static_cast<std::int64_t>(tokens)); }

void Gate::step() { updates.run(); }

} // namespace train
