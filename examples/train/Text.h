/// The text that the example is trained on, as bytes: what is drawn for training and what is held out.
#ifndef MOE_EXAMPLES_TRAIN_TEXT_H
#define MOE_EXAMPLES_TRAIN_TEXT_H
#include "Network.h"

#include <cstdint>
#include <random>
#include <string>
#include <vector>

namespace train {

/// Of every ten blocks of 1000 bytes, nine are for training and the last is held out. (A text shorter than 10000 bytes
/// has no block to hold out: it is refused.)
class Text {
public:
  /// Reads the files one after the other. No file: docs/*.md of the current folder, by name. Throws std::runtime_error
  /// with what is missing.
  Text(std::vector<std::string> files, std::size_t context);

  std::size_t size() const { return bytes.size(); }
  /// `tokens` bytes drawn at random from the training blocks.
  void draw(std::mt19937_64 &random, std::size_t tokens, Batch &batch) const;
  /// The same bytes each time: up to `tokens`, spread evenly over the blocks that are held out.
  Batch heldOut(std::size_t tokens) const;

private:
  void put(std::size_t position, std::size_t token, Batch &batch) const;

  std::size_t context;
  std::string bytes;
  std::vector<std::size_t> training, held; // positions to predict
};

} // namespace train
#endif
