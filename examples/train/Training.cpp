// The loop: draw a batch, forward, backward, Adam, and the gate's step where the bias is on.
#include "Training.h"

#include <algorithm>
#include <cmath>
#include <cstdio>

namespace train {

namespace {

// FNV-1a over the bytes of an array.
template <typename T> std::uint64_t hashOf(std::uint64_t hash, const std::vector<T> &values) {
  const unsigned char *bytes = reinterpret_cast<const unsigned char *>(values.data());
  for (std::size_t i = 0; i < values.size() * sizeof(T); ++i)
    hash = (hash ^ bytes[i]) * 0x100000001b3;
  return hash;
}

Sample measure(const Gate &gate, double taskLoss) {
  return {gate.deviation, *std::max_element(gate.load.begin(), gate.load.end()),
          static_cast<std::int32_t>(std::count(gate.load.begin(), gate.load.end(), 0)), taskLoss};
}

} // namespace

std::string Method::name() const {
  char number[32];
  std::snprintf(number, sizeof(number), "%g", static_cast<double>(rate != 0 ? rate : alpha));
  if (rate != 0)
    return std::string("loss-free bias, u ") + number;
  return alpha != 0 ? std::string("auxiliary loss, alpha ") + number : "neither";
}

void trainOne(const moe::rt::Executable &executable, const Text &text, const Settings &settings, Run &run,
              const std::function<void(const Sample &)> &report) {
  Network<float> network(settings.shape, run.seed);
  Batch batch, heldOut = text.heldOut(settings.heldOut);
  Gate gate(executable, std::max(settings.batch, heldOut.tokens));
  gate.alpha = run.method.alpha;
  gate.rate = run.method.rate;
  std::mt19937_64 random(run.seed ^ 0x9e3779b97f4a7c15);
  for (std::size_t step = 1; step <= settings.steps; ++step) {
    text.draw(random, settings.batch, batch);
    double taskLoss = network.forward(batch, gate, true);
    network.backward(batch, gate);
    network.adam(settings.learningRate);
    if (run.method.rate != 0)
      gate.step();
    run.samples.push_back(measure(gate, taskLoss));
    if (step % settings.every == 0 || step == settings.steps)
      run.heldOutLosses.push_back(network.forward(heldOut, gate, false));
    report(run.samples.back());
  }
  run.bits = hashOf(0xcbf29ce484222325, gate.bias);
  for (const Parameter<float> *parameter : network.parameters())
    run.bits = hashOf(run.bits, parameter->value);
}

namespace {

// The loss at both ends of a step from `value` along `direction`, and whether the route stayed what it was.
struct Difference {
  double slope;
  bool sameRoute;
};

Difference difference(Network<double> &network, Gate &gate, const Batch &batch, std::vector<double> &value,
                      const std::vector<double> &direction, double step) {
  const std::vector<double> middle = value;
  const std::vector<std::int32_t> route = gate.route;
  Difference result = {0, true};
  for (double sign : {1.0, -1.0}) {
    for (std::size_t i = 0; i < value.size(); ++i)
      value[i] = middle[i] + sign * step * direction[i];
    double loss = network.forward(batch, gate, true) + static_cast<double>(gate.balance);
    result.slope += sign * loss / (2 * step);
    result.sameRoute &= gate.route == route;
  }
  value = middle;
  gate.route = route;
  return result;
}

} // namespace

bool checkGradient(const moe::rt::Executable &executable, const Text &text, const Shape &shape) {
  constexpr std::size_t tokens = 16;
  // Small enough for routes that stay, large enough that the gate's loss, rounded to f32 (6e-8 of about 1), says
  // something.
  constexpr double step = 3e-4, tolerance = 3e-3;
  Network<double> network(shape, 1);
  Gate gate(executable, tokens);
  gate.alpha = 1;
  std::mt19937_64 random(2);
  for (float &bias : gate.bias)
    bias = static_cast<float>(random() % 1000) * 2e-5f;
  Batch batch;
  text.draw(random, tokens, batch);
  network.forward(batch, gate, true);
  network.backward(batch, gate);
  bool agree = true;
  for (Parameter<double> *parameter : network.parameters()) {
    const std::vector<double> gradient = parameter->gradient;
    double norm = 0, worst = 0;
    for (double value : gradient)
      norm += value * value;
    norm = std::sqrt(norm);
    int compared = 0;
    for (int attempt = 0; attempt < 100 && compared < 4; ++attempt) {
      std::vector<double> direction(gradient.size());
      double expected = 0;
      for (std::size_t i = 0; i < direction.size(); ++i)
        expected += (direction[i] = random() & 1 ? 1 : -1) * gradient[i];
      Difference found = difference(network, gate, batch, parameter->value, direction, step);
      if (!found.sameRoute)
        continue;
      ++compared;
      worst = std::max(worst, std::abs(found.slope - expected) / norm);
    }
    bool fine = compared == 4 && worst <= tolerance;
    agree &= fine;
    std::printf("%-12s gradient norm %.4e, %d directions, greatest error %.1e of the norm: %s\n", parameter->name, norm,
                compared, worst, fine ? "agrees" : "WRONG");
  }
  return agree;
}

} // namespace train
