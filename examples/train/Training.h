/// One training run, and what is measured in it; the gradient check of the whole network.
#ifndef MOE_EXAMPLES_TRAIN_TRAINING_H
#define MOE_EXAMPLES_TRAIN_TRAINING_H
#include "Text.h"

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

namespace train {

/// How the experts are balanced: the auxiliary loss where alpha is not 0, the bias where rate is not 0.
struct Method {
  float alpha = 0, rate = 0;
  /// "neither", "auxiliary loss, alpha 0.01", "loss-free bias, u 0.001".
  std::string name() const;
};

/// The same for all runs.
struct Settings {
  Shape shape;
  std::size_t steps = 2500, batch = 256, heldOut = 1024;
  std::size_t every = 100; // steps between two looks at the held-out text
  double learningRate = 0.001;
};

/// One step. Of the batch's tokens: standard deviation and maximum of tokens per expert, experts without a token, mean
/// cross entropy in nats per byte.
struct Sample {
  float deviation;
  std::int32_t greatest, idle;
  double taskLoss;
};

struct Run {
  Method method;
  std::uint64_t seed = 0;
  std::vector<Sample> samples;       // [steps]
  std::vector<double> heldOutLosses; // [steps / every], rounded up
  std::uint64_t bits = 0;            // a hash of all parameters and of the bias after the last step
};

/// Trains `run` to the end. The same seed means the same initial weights and the same batches for every method.
/// `report` is called after each step.
void trainOne(const moe::rt::Executable &executable, const Text &text, const Settings &settings, Run &run,
              const std::function<void(const Sample &)> &report);

/// Compares the gradient of every parameter, in f64 around the gate in f32, with central differences along random
/// directions, where neither end of the difference has another route. Prints a line per parameter; returns whether all
/// agree.
bool checkGradient(const moe::rt::Executable &executable, const Text &text, const Shape &shape);

} // namespace train
#endif
