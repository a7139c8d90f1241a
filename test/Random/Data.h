// Data that gates do not like, from a seed.
#pragma once
#include "test/Random/Rng.h"
#include <optional>
#include <string>

namespace moe::test::random {

/// Kinds of float data. Every kind but Zeros keeps some ordinary rows.
enum class Kind {
  Ordinary,
  Ties,       ///< few different values, zeros of both signs
  AllEqual,   ///< whole rows of one value
  Zeros,      ///< nothing but zeros
  Infinities, ///< some of both signs
  Masked,     ///< whole rows of -inf, others with few that are not
  NaNs,
  Saturated, ///< up to a few hundred, so that exp under- and overflows
  Huge,      ///< up to Case::greatest
  Denormal   ///< below the smallest normal f32
};
inline constexpr Kind allKinds[] = {Kind::Ordinary, Kind::Ties, Kind::AllEqual,  Kind::Zeros, Kind::Infinities,
                                    Kind::Masked,   Kind::NaNs, Kind::Saturated, Kind::Huge,  Kind::Denormal};

/// One set of inputs.
struct Case {
  Kind kind = Kind::Ordinary;
  int64_t tokens = 7;
  uint64_t seed = 1;
  double greatest = 1e30; ///< of Huge: what the program can square and multiply without overflow
  /// Whether the gradient is determined: where f32 rounds two values to one, f64 may see a winner, and the other way.
  bool gradient = true;

  /// "Ties T=7 seed=3 greatest=1e+30 gradient=1", as it stands in a regression file.
  std::string text() const;
  static std::optional<Case> parse(const std::string &text);
};

enum class Storage { Float, Integer, Boolean };

/// The elements of input number `input` (rows of `row` elements).
std::vector<double> makeData(const Case &data, uint64_t input, Storage storage, int64_t count, int64_t row);

/// How many tokens a call has where they stand in pieces of `length`: at least as many.
inline int64_t wholePieces(int64_t tokens, int64_t length) { return (tokens + length - 1) / length * length; }

/// How many tokens a call has, in each of its layers, and in which pieces.
struct Extents {
  int64_t tokens = 0;
  std::vector<int64_t> pieces;              ///< how many there are of the tokens, of their pieces, …
  std::vector<std::vector<double>> offsets; ///< where these begin, and the end of the last; empty: they have one length
  std::vector<std::vector<double>> said;    ///< what a call says of that: other offsets, some of them out of place
  bool isBad(size_t level) const { return said[level] != offsets[level]; }
};

/// At least the tokens of `data`, as many as fit in pieces, pieces of these, … of the given lengths. 0: by offsets, of
/// which some pieces are empty; without tokens there may be no piece. In some cases a call says offsets that are bad;
/// what they mean stands in `offsets`.
Extents makeExtents(const Case &data, const std::vector<int64_t> &lengths);

} // namespace moe::test::random
