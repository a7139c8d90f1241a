// Forward and backward of the network, one product after the other. The experts' rows are gathered by expert, so that
// each expert is two matrix products; a route of -1 (no expert) would simply get no row.
#include "Network.h"
#include "Matrix.h"

#include <algorithm>
#include <cmath>
#include <random>

namespace train {

namespace {

template <typename Real> Real silu(Real x) { return x / (1 + std::exp(-x)); }
template <typename Real> Real siluDerivative(Real x) {
  Real sigmoid = 1 / (1 + std::exp(-x));
  return sigmoid * (1 + x * (1 - sigmoid));
}

template <typename Real>
Parameter<Real> makeParameter(const char *name, std::size_t count, double scale, std::mt19937_64 &random) {
  Parameter<Real> made = {name, std::vector<Real>(count), std::vector<Real>(count), std::vector<Real>(count),
                          std::vector<Real>(count)};
  // Uniform of variance scale^2, made of the generator's bits: the same numbers with every C++ library.
  for (Real &value : made.value)
    value = static_cast<Real>((static_cast<double>(random() >> 11) * 0x1p-52 - 1) * std::sqrt(3.0) * scale);
  return made;
}

} // namespace

template <typename Real> Network<Real>::Network(const Shape &shape, std::uint64_t seed) : shape(shape) {
  std::mt19937_64 random(seed);
  auto scale = [](std::size_t inputs) { return 1 / std::sqrt(static_cast<double>(inputs)); };
  std::size_t inputs = shape.context * shape.embedding, width = shape.width, hidden = shape.hidden;
  embedding = makeParameter<Real>("embedding", shape.vocabulary * shape.embedding, 1, random);
  inWeight = makeParameter<Real>("in.weight", inputs * width, scale(inputs), random);
  inBias = makeParameter<Real>("in.bias", width, 0, random);
  router = makeParameter<Real>("router", width * experts, scale(width), random);
  upWeight = makeParameter<Real>("up.weight", experts * width * hidden, scale(width), random);
  upBias = makeParameter<Real>("up.bias", experts * hidden, 0, random);
  downWeight = makeParameter<Real>("down.weight", experts * hidden * width, scale(hidden), random);
  downBias = makeParameter<Real>("down.bias", experts * width, 0, random);
  outWeight = makeParameter<Real>("out.weight", width * shape.vocabulary, scale(width), random);
  outBias = makeParameter<Real>("out.bias", shape.vocabulary, 0, random);
}

template <typename Real> std::vector<Parameter<Real> *> Network<Real>::parameters() {
  return {&embedding, &inWeight, &inBias, &router, &upWeight, &upBias, &downWeight, &downBias, &outWeight, &outBias};
}

template <typename Real> void Network<Real>::embed(const Batch &batch) {
  std::size_t inputs = shape.context * shape.embedding, width = shape.width;
  embedded.resize(batch.tokens * inputs);
  for (std::size_t i = 0; i < batch.tokens * shape.context; ++i)
    std::copy_n(&embedding.value[batch.context[i] * shape.embedding], shape.embedding, &embedded[i * shape.embedding]);
  input.resize(batch.tokens * width);
  multiply<Real>(Form::Plain, Form::Plain, batch.tokens, width, inputs, embedded.data(), inWeight.value.data(), 0,
                 input.data());
  addRows(batch.tokens, width, inBias.value.data(), input.data());
  for (Real &value : input)
    value = std::tanh(value);
}

template <typename Real> void Network<Real>::dispatch(std::size_t tokens, const Gate &gate) {
  std::vector<std::size_t> next(experts + 1);
  for (std::size_t i = 0; i < tokens * slots; ++i)
    ++next[static_cast<std::size_t>(gate.route[i] + 1)];
  // Counts of expert e stand at e + 1; what has no expert stands at 0 and gets no row.
  next[0] = 0;
  segments.resize(experts);
  for (std::size_t e = 0; e < experts; ++e) {
    next[e + 1] += next[e];
    segments[e] = {next[e], next[e + 1]};
  }
  pair.resize(next[experts]);
  for (std::size_t i = 0; i < tokens * slots; ++i)
    if (gate.route[i] >= 0)
      pair[next[static_cast<std::size_t>(gate.route[i])]++] = i;
}

template <typename Real> void Network<Real>::runExperts(std::size_t tokens, const Gate &gate) {
  std::size_t width = shape.width, hidden = shape.hidden, rows = pair.size();
  pairInput.resize(rows * width);
  up.resize(rows * hidden);
  activated.resize(rows * hidden);
  down.resize(rows * width);
  for (std::size_t row = 0; row < rows; ++row)
    std::copy_n(&input[pair[row] / slots * width], width, &pairInput[row * width]);
  for (std::size_t e = 0; e < experts; ++e) {
    auto [begin, end] = segments[e];
    multiply<Real>(Form::Plain, Form::Plain, end - begin, hidden, width, pairInput.data() + begin * width,
                   &upWeight.value[e * width * hidden], 0, up.data() + begin * hidden);
    addRows(end - begin, hidden, &upBias.value[e * hidden], up.data() + begin * hidden);
    for (std::size_t i = begin * hidden; i < end * hidden; ++i)
      activated[i] = silu(up[i]);
    multiply<Real>(Form::Plain, Form::Plain, end - begin, width, hidden, activated.data() + begin * hidden,
                   &downWeight.value[e * hidden * width], 0, down.data() + begin * width);
    addRows(end - begin, width, &downBias.value[e * width], down.data() + begin * width);
  }
  sum.assign(input.begin(), input.begin() + static_cast<std::ptrdiff_t>(tokens * width));
  for (std::size_t row = 0; row < rows; ++row)
    for (std::size_t j = 0; j < width; ++j)
      sum[pair[row] / slots * width + j] += static_cast<Real>(gate.weight[pair[row]]) * down[row * width + j];
}

template <typename Real> double Network<Real>::crossEntropy(const Batch &batch) {
  std::size_t size = shape.vocabulary;
  double total = 0;
  for (std::size_t t = 0; t < batch.tokens; ++t) {
    Real *row = &probability[t * size];
    Real greatest = *std::max_element(row, row + size), target = row[batch.next[t]], powers = 0;
    for (std::size_t j = 0; j < size; ++j)
      powers += row[j] = std::exp(row[j] - greatest);
    for (std::size_t j = 0; j < size; ++j)
      row[j] /= powers;
    total += static_cast<double>(std::log(powers) + greatest - target);
  }
  return total / static_cast<double>(batch.tokens);
}

template <typename Real> double Network<Real>::forward(const Batch &batch, Gate &gate, bool training) {
  std::size_t tokens = batch.tokens, width = shape.width;
  embed(batch);
  routerLogits.resize(tokens * experts);
  multiply<Real>(Form::Plain, Form::Plain, tokens, experts, width, input.data(), router.value.data(), 0,
                 routerLogits.data());
  std::transform(routerLogits.begin(), routerLogits.end(), gate.logits.begin(),
                 [](Real value) { return static_cast<float>(value); });
  if (training)
    gate.forward(tokens);
  else
    gate.infer(tokens);
  dispatch(tokens, gate);
  runExperts(tokens, gate);
  probability.resize(tokens * shape.vocabulary);
  multiply<Real>(Form::Plain, Form::Plain, tokens, shape.vocabulary, width, sum.data(), outWeight.value.data(), 0,
                 probability.data());
  addRows(tokens, shape.vocabulary, outBias.value.data(), probability.data());
  return crossEntropy(batch);
}

// From gradSum: the gradients of the experts' matrices, of the weights (for the gate), and what the experts add to
// gradInput.
template <typename Real> void Network<Real>::differentiateExperts(Gate &gate) {
  std::size_t width = shape.width, hidden = shape.hidden, rows = pair.size();
  gradDown.resize(rows * width);
  gradUp.resize(rows * hidden);
  gradPair.resize(rows * width);
  std::fill(gate.gradWeight.begin(), gate.gradWeight.end(), 0.0f);
  for (std::size_t row = 0; row < rows; ++row) {
    const Real *incoming = &gradSum[pair[row] / slots * width];
    Real weight = static_cast<Real>(gate.weight[pair[row]]), product = 0;
    for (std::size_t j = 0; j < width; ++j) {
      product += incoming[j] * down[row * width + j];
      gradDown[row * width + j] = weight * incoming[j];
    }
    gate.gradWeight[pair[row]] = static_cast<float>(product);
  }
  for (std::size_t e = 0; e < experts; ++e) {
    auto [begin, end] = segments[e];
    std::size_t count = end - begin;
    // An expert without tokens has a product over nothing: its gradient is 0.
    multiply<Real>(Form::Transposed, Form::Plain, hidden, width, count, activated.data() + begin * hidden,
                   gradDown.data() + begin * width, 0, &downWeight.gradient[e * hidden * width]);
    sumRows(count, width, gradDown.data() + begin * width, &downBias.gradient[e * width]);
    multiply<Real>(Form::Plain, Form::Transposed, count, hidden, width, gradDown.data() + begin * width,
                   &downWeight.value[e * hidden * width], 0, gradUp.data() + begin * hidden);
    for (std::size_t i = begin * hidden; i < end * hidden; ++i)
      gradUp[i] *= siluDerivative(up[i]);
    multiply<Real>(Form::Transposed, Form::Plain, width, hidden, count, pairInput.data() + begin * width,
                   gradUp.data() + begin * hidden, 0, &upWeight.gradient[e * width * hidden]);
    sumRows(count, hidden, gradUp.data() + begin * hidden, &upBias.gradient[e * hidden]);
    multiply<Real>(Form::Plain, Form::Transposed, count, width, hidden, gradUp.data() + begin * hidden,
                   &upWeight.value[e * width * hidden], 0, gradPair.data() + begin * width);
  }
  for (std::size_t row = 0; row < rows; ++row)
    for (std::size_t j = 0; j < width; ++j)
      gradInput[pair[row] / slots * width + j] += gradPair[row * width + j];
}

template <typename Real> void Network<Real>::backward(const Batch &batch, Gate &gate) {
  std::size_t tokens = batch.tokens, width = shape.width, size = shape.vocabulary;
  std::size_t inputs = shape.context * shape.embedding;
  for (Parameter<Real> *parameter : parameters())
    std::fill(parameter->gradient.begin(), parameter->gradient.end(), Real(0));

  gradOut.assign(probability.begin(), probability.end());
  for (std::size_t t = 0; t < tokens; ++t)
    gradOut[t * size + batch.next[t]] -= 1;
  for (Real &value : gradOut)
    value /= static_cast<Real>(tokens);
  multiply<Real>(Form::Transposed, Form::Plain, width, size, tokens, sum.data(), gradOut.data(), 0,
                 outWeight.gradient.data());
  sumRows(tokens, size, gradOut.data(), outBias.gradient.data());
  gradSum.resize(tokens * width);
  multiply<Real>(Form::Plain, Form::Transposed, tokens, width, size, gradOut.data(), outWeight.value.data(), 0,
                 gradSum.data());

  gradInput = gradSum;
  differentiateExperts(gate);
  gate.backward(tokens);
  gradLogits.assign(gate.gradLogits.begin(), gate.gradLogits.begin() + static_cast<std::ptrdiff_t>(tokens * experts));
  multiply<Real>(Form::Transposed, Form::Plain, width, experts, tokens, input.data(), gradLogits.data(), 0,
                 router.gradient.data());
  multiply<Real>(Form::Plain, Form::Transposed, tokens, width, experts, gradLogits.data(), router.value.data(), 1,
                 gradInput.data());

  for (std::size_t i = 0; i < gradInput.size(); ++i)
    gradInput[i] *= 1 - input[i] * input[i];
  multiply<Real>(Form::Transposed, Form::Plain, inputs, width, tokens, embedded.data(), gradInput.data(), 0,
                 inWeight.gradient.data());
  sumRows(tokens, width, gradInput.data(), inBias.gradient.data());
  gradEmbedded.resize(tokens * inputs);
  multiply<Real>(Form::Plain, Form::Transposed, tokens, inputs, width, gradInput.data(), inWeight.value.data(), 0,
                 gradEmbedded.data());
  for (std::size_t i = 0; i < tokens * shape.context; ++i)
    for (std::size_t j = 0; j < shape.embedding; ++j)
      embedding.gradient[batch.context[i] * shape.embedding + j] += gradEmbedded[i * shape.embedding + j];
}

template <typename Real> void Network<Real>::adam(double learningRate) {
  constexpr double decay1 = 0.9, decay2 = 0.999;
  ++steps;
  double bias1 = 1 - std::pow(decay1, static_cast<double>(steps));
  double bias2 = 1 - std::pow(decay2, static_cast<double>(steps));
  Real rate = static_cast<Real>(learningRate * std::sqrt(bias2) / bias1), epsilon = static_cast<Real>(1e-8);
  Real keep1 = static_cast<Real>(decay1), keep2 = static_cast<Real>(decay2);
  for (Parameter<Real> *parameter : parameters()) {
    Real *value = parameter->value.data(), *first = parameter->first.data(), *second = parameter->second.data();
    const Real *gradient = parameter->gradient.data();
    for (std::size_t i = 0, count = parameter->value.size(); i < count; ++i) {
      first[i] = keep1 * first[i] + (1 - keep1) * gradient[i];
      second[i] = keep2 * second[i] + (1 - keep2) * gradient[i] * gradient[i];
      value[i] -= rate * first[i] / (std::sqrt(second[i]) + epsilon);
    }
  }
}

template class Network<float>;
template class Network<double>;

} // namespace train
