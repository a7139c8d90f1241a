// Layers: tokens are rows of (layer, token), layer by layer, and what the caller has of them may stand elsewhere for each
// layer. This text stands in generated sources that use it, behind the rows; it uses nothing of CUDA itself.

// An array of tokens: a pointer to the first row of each layer.
template <typename T, int Layers> struct moe_layers {
  T *at[Layers];
};

// Where a row is: its layer, and its number there.
struct moe_place {
  int layer;
  long long row;
};
MOE_DEVICE moe_place moe_place_of(long long row, long long layer_tokens) {
  const unsigned layer = static_cast<unsigned>(row) / static_cast<unsigned>(layer_tokens);
  return {static_cast<int>(layer), row - layer * layer_tokens};
}
