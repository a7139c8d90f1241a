// A Mixture-of-Experts layer over a dispatch plan: token vectors are gathered in the plan's order, so that each expert
// is one matrix product of a BLAS, and come back weighted by plan.position. Compared with a dense computation that
// knows no plan (every expert on every token), without a limit of tokens per expert, and with limits that drop some.
#include "grouped.h"
#include "moe/runtime.hpp"

#include <cblas.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <random>
#include <string>
#include <vector>

namespace {

constexpr std::size_t experts = MOE_GROUPED_SIZE_EXPERT, slots = MOE_GROUPED_SIZE_BEST_SLOT, block = 16;
constexpr std::size_t width = 96;

using Matrix = std::vector<float>;

// Random numbers of variance scale^2 in place of trained weights and hidden states: the same ones everywhere.
Matrix randomMatrix(std::size_t count, std::uint32_t seed, double scale) {
  std::mt19937 random(seed);
  Matrix values(count);
  for (float &value : values)
    value = static_cast<float>((static_cast<double>(random()) * 0x1p-31 - 1) * std::sqrt(3.0) * scale);
  return values;
}

// c[rows, n] = a[rows, m] b[m, n]
void multiply(std::size_t rows, std::size_t n, std::size_t m, const float *a, const float *b, float *c) {
  if (rows)
    cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, static_cast<int>(rows), static_cast<int>(n),
                static_cast<int>(m), 1.0f, a, static_cast<int>(m), b, static_cast<int>(n), 0.0f, c,
                static_cast<int>(n));
}

// A layer's hidden states, router logits, and what the gate says about them.
struct Layer {
  explicit Layer(std::size_t tokens)
      : tokens(tokens), hidden(randomMatrix(tokens * width, 1, 1)), logits(tokens * experts),
        expertWeights(randomMatrix(experts * width * width, 2, 0.1)), weight(tokens * slots), route(tokens * slots),
        order(tokens * slots + experts * (block - 1)), offset(experts + 1), position(tokens * slots) {
    Matrix router = randomMatrix(width * experts, 3, 0.1);
    multiply(tokens, experts, width, hidden.data(), router.data(), logits.data());
    for (std::size_t i = 0; i < logits.size(); ++i) // the first experts are popular
      logits[i] -= 0.05f * static_cast<float>(i % experts);
  }

  std::size_t tokens;
  Matrix hidden, logits, expertWeights, weight;
  std::vector<std::int32_t> route, order, offset, position;
  std::int32_t lost = 0, status[2] = {};
};

void plan(const moe::rt::Executable &gate, Layer &layer, float capacityFactor) {
  auto size = [](std::size_t value) { return static_cast<std::int64_t>(value); };
  moe::rt::Call call(gate, size(layer.tokens));
  call.param("capacity_factor", capacityFactor)
      .input("logits", layer.logits.data(), {size(layer.tokens), size(experts)})
      .output("weight", layer.weight.data(), {size(layer.tokens), size(slots)})
      .output("route", layer.route.data(), {size(layer.tokens), size(slots)})
      .output("order", layer.order.data(), {size(layer.order.size())})
      .output("offset", layer.offset.data(), {size(layer.offset.size())})
      .output("position", layer.position.data(), {size(layer.tokens), size(slots)})
      .output("lost", &layer.lost, {})
      .output("empty", &layer.status[0], {})
      .output("nonfinite_tokens", &layer.status[1], {});
  call.forward(size(layer.tokens));
}

// The layer by the plan: gather, one product for each expert, and back.
Matrix grouped(const Layer &layer) {
  std::size_t rows = static_cast<std::size_t>(layer.offset.back());
  Matrix gathered(rows * width), produced(rows * width), result(layer.tokens * width);
  for (std::size_t row = 0; row < rows; ++row)
    if (layer.order[row] >= 0) // padding stays 0
      std::copy_n(&layer.hidden[static_cast<std::size_t>(layer.order[row]) / slots * width], width,
                  &gathered[row * width]);
  for (std::size_t e = 0; e < experts; ++e) {
    std::size_t begin = static_cast<std::size_t>(layer.offset[e]), end = static_cast<std::size_t>(layer.offset[e + 1]);
    multiply(end - begin, width, width, gathered.data() + begin * width, &layer.expertWeights[e * width * width],
             produced.data() + begin * width);
  }
  for (std::size_t i = 0; i < layer.tokens * slots; ++i)
    for (std::size_t j = 0; j < width && layer.position[i] >= 0; ++j)
      result[i / slots * width + j] +=
          layer.weight[i] * produced[static_cast<std::size_t>(layer.position[i]) * width + j];
  return result;
}

// The same without a plan, in f64: every expert on every token, and of these what the route chose.
std::vector<double> dense(const Layer &layer) {
  std::vector<double> hidden(layer.hidden.begin(), layer.hidden.end());
  std::vector<double> weights(layer.expertWeights.begin(), layer.expertWeights.end());
  std::vector<double> produced(layer.tokens * width), result(layer.tokens * width);
  for (std::size_t e = 0; e < experts && layer.tokens > 0; ++e) {
    cblas_dgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, static_cast<int>(layer.tokens), width, width, 1.0,
                hidden.data(), width, &weights[e * width * width], width, 0.0, produced.data(), width);
    for (std::size_t i = 0; i < layer.tokens * slots; ++i)
      for (std::size_t j = 0; j < width && layer.route[i] == static_cast<std::int32_t>(e); ++j)
        result[i / slots * width + j] += static_cast<double>(layer.weight[i]) * produced[i / slots * width + j];
  }
  return result;
}

// What is wrong with the plan, or "": segments begin at whole blocks and hold their expert's slots in order of token
// and slot, position is the inverse of order, dropped slots have no row and no weight.
std::string faultOf(const Layer &layer) {
  std::vector<std::int32_t> position(layer.position.size(), -1);
  std::size_t rows = layer.order.size(), kept = 0;
  for (std::size_t e = 0; e < experts; ++e) {
    std::int32_t begin = layer.offset[e], end = layer.offset[e + 1], last = -1;
    if (begin < 0 || end < begin || static_cast<std::size_t>(end) > rows || begin % static_cast<int>(block) ||
        (e == 0 && begin))
      return "segment of expert " + std::to_string(e);
    for (std::int32_t row = begin; row < end; ++row) {
      std::int32_t slot = layer.order[static_cast<std::size_t>(row)];
      if (slot < 0) // padding: only at the end, less than a block
        last = end - row < static_cast<std::int32_t>(block) ? INT32_MAX : last;
      else if (slot <= last || static_cast<std::size_t>(slot) >= position.size() ||
               layer.route[static_cast<std::size_t>(slot)] != static_cast<std::int32_t>(e))
        return "row " + std::to_string(row);
      else
        position[static_cast<std::size_t>(last = slot)] = row, ++kept;
    }
  }
  for (std::size_t i = 0; i < position.size(); ++i)
    if ((layer.route[i] < 0) != (layer.position[i] < 0) || (layer.route[i] < 0 && layer.weight[i] != 0))
      return "dropped slot " + std::to_string(i);
  if (position != layer.position)
    return "positions are not the inverse of the order";
  return kept + static_cast<std::size_t>(layer.lost) == position.size() ? "" : "count of what was lost";
}

bool run(const moe::rt::Executable &gate, std::size_t tokens, float capacityFactor) {
  Layer layer(tokens);
  plan(gate, layer, capacityFactor);
  std::string fault = faultOf(layer);
  if (!fault.empty()) {
    std::printf("%zu tokens, capacity factor %g: the plan is wrong: %s\n", tokens, static_cast<double>(capacityFactor),
                fault.c_str());
    return false;
  }
  Matrix got = grouped(layer);
  std::vector<double> expected = dense(layer);
  double error = 0, greatest = 0;
  for (std::size_t i = 0; i < got.size(); ++i) {
    error = std::max(error, std::abs(static_cast<double>(got[i]) - expected[i]));
    greatest = std::max(greatest, std::abs(expected[i]));
  }
  bool good = error <= 1e-6 * greatest;
  std::printf("%zu tokens, capacity factor %g: %d of %zu slots dropped, %d rows for %zu experts; differs from dense by "
              "%.1e of the greatest: %s\n",
              tokens, static_cast<double>(capacityFactor), layer.lost, tokens * slots, layer.offset.back(), experts,
              greatest > 0 ? error / greatest : 0, good ? "equal" : "DIFFERENT");
  return good;
}

} // namespace

int main() {
  try {
    moe::rt::Executable gate = moe::rt::Executable::cpu(moe_gate_grouped);
    bool good = true;
    for (std::size_t tokens : {5000, 17, 0})
      for (float capacityFactor : {1000.0f, 1.0f, 0.5f})
        good &= run(gate, tokens, capacityFactor);
    return good ? 0 : 1;
  } catch (const moe::rt::Error &error) {
    std::fprintf(stderr, "dispatch: %s\n", error.what());
    return 1;
  }
}
