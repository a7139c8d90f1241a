/// The compiled gate of balanced.moe with its arrays, as the network calls it: forward, backward, step.
#ifndef MOE_EXAMPLES_TRAIN_GATE_H
#define MOE_EXAMPLES_TRAIN_GATE_H
#include "balanced.h"
#include "moe/runtime.hpp"

#include <cstddef>
#include <cstdint>
#include <vector>

namespace train {

constexpr std::size_t experts = MOE_BALANCED_SIZE_EXPERT, slots = MOE_BALANCED_SIZE_ROUTE_SLOT;

/// One call object of the gate, for one training run. The executable may be shared by runs on several threads.
class Gate {
public:
  Gate(const moe::rt::Executable &executable, std::size_t maxTokens);
  Gate(const Gate &) = delete;

  /// Coefficient of the auxiliary loss, and rate of the loss-free bias.
  float alpha = 0, rate = 0;
  /// In: [tokens, experts]. Out of forward: [tokens, slots].
  std::vector<float> logits, weight;
  std::vector<std::int32_t> route;
  /// Into backward: [tokens, slots]. Out of it: [tokens, experts].
  std::vector<float> gradWeight, gradLogits;
  /// The state, a plain array: to be saved with the parameters.
  std::vector<float> bias = std::vector<float>(experts);
  /// Of the last forward: the auxiliary loss, tokens of each expert, and the standard deviation of these.
  float balance = 0, deviation = 0;
  std::vector<std::int32_t> load = std::vector<std::int32_t>(experts);

  /// Weights, route, loss and metrics; keeps what backward needs.
  void forward(std::size_t tokens);
  /// Weights and route only.
  void infer(std::size_t tokens);
  /// gradLogits of the last forward, from gradWeight and the auxiliary loss.
  void backward(std::size_t tokens);
  /// The new bias, from the counts of the last forward.
  void step();

private:
  void bind(std::size_t tokens);

  moe::rt::Call call;
  moe::rt::Backward gradients;
  moe::rt::Step updates;
  std::int32_t empty = 0, nonfinite = 0;
};

} // namespace train
#endif
