/// A language model of bytes with one Mixture-of-Experts layer, forward and backward written out:
///
///   x      = tanh(concat(embedding of the last `context` bytes) W_in + b_in)     [tokens, width]
///   logits = x W_router                                                          [tokens, experts]
///   weight, route = gate(logits)                                                 the compiled gate
///   z      = x + sum over slots of weight * expert(x),  expert(x) = silu(x W_1 + b_1) W_2 + b_2
///   loss   = mean cross entropy of softmax(z W_out + b_out) against the next byte
///
/// Trained in f32; the same code in f64 is what the gradient check differentiates (the gate computes in f32 in both).
#ifndef MOE_EXAMPLES_TRAIN_NETWORK_H
#define MOE_EXAMPLES_TRAIN_NETWORK_H
#include "Gate.h"

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace train {

/// Sizes of the layers.
struct Shape {
  std::size_t context = 8, embedding = 16, width = 64, hidden = 128, vocabulary = 256;
};

/// Bytes to predict, each with the `context` bytes before it.
struct Batch {
  std::size_t tokens = 0;
  std::vector<std::uint8_t> context; // [tokens, context]
  std::vector<std::uint8_t> next;    // [tokens]
};

/// A matrix of the network with its gradient and Adam's moments.
template <typename Real> struct Parameter {
  const char *name;
  std::vector<Real> value, gradient, first, second;
};

template <typename Real> class Network {
public:
  /// Random weights of the scale 1 / sqrt(inputs); the same ones for the same seed, in f32 and f64.
  Network(const Shape &shape, std::uint64_t seed);

  /// The mean cross entropy of a batch, without the gate's loss. `training`: keeps what backward reads, and the gate
  /// collects loss and metrics.
  double forward(const Batch &batch, Gate &gate, bool training);
  /// The gradient of every parameter, of the loss of the last forward and the gate's loss.
  void backward(const Batch &batch, Gate &gate);
  /// One step of Adam (arXiv 1412.6980) with its usual constants.
  void adam(double learningRate);

  std::vector<Parameter<Real> *> parameters();

private:
  using Vector = std::vector<Real>;
  /// Rows of the (token, slot) pairs of one expert, in the order of the tokens.
  struct Segment {
    std::size_t begin, end;
  };

  void embed(const Batch &batch);
  void dispatch(std::size_t tokens, const Gate &gate);
  void runExperts(std::size_t tokens, const Gate &gate);
  void differentiateExperts(Gate &gate);
  double crossEntropy(const Batch &batch);

  Shape shape;
  std::uint64_t steps = 0;
  Parameter<Real> embedding, inWeight, inBias, router, upWeight, upBias, downWeight, downBias, outWeight, outBias;
  // Of the last forward. Rows of pairs are ordered by expert: pair[row] is token * slots + slot.
  Vector embedded, input, sum, probability;
  std::vector<std::size_t> pair;
  std::vector<Segment> segments;
  Vector pairInput, up, activated, down;
  // Scratch of backward.
  Vector gradOut, gradSum, gradInput, gradEmbedded, gradDown, gradUp, gradPair, gradLogits, routerLogits;
};

extern template class Network<float>;
extern template class Network<double>;

} // namespace train
#endif
