// Nasty data: see Data.h.
#include "test/Random/Data.h"
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstring>
#include <limits>

using namespace moe::test::random;

static const char *const kindNames[] = {"Ordinary", "Ties", "AllEqual",  "Zeros", "Infinities",
                                        "Masked",   "NaNs", "Saturated", "Huge",  "Denormal"};

std::string Case::text() const {
  char line[160];
  std::snprintf(line, sizeof line, "%s T=%lld seed=%llu greatest=%.9g gradient=%d", kindNames[static_cast<int>(kind)],
                static_cast<long long>(tokens), static_cast<unsigned long long>(seed), greatest, gradient ? 1 : 0);
  return line;
}

std::optional<Case> Case::parse(const std::string &text) {
  char name[32];
  long long tokens;
  unsigned long long seed;
  int gradient = 1; // may be left out
  Case result;
  if (std::sscanf(text.c_str(), "%31s T=%lld seed=%llu greatest=%lg gradient=%d", name, &tokens, &seed,
                  &result.greatest, &gradient) < 4)
    return std::nullopt;
  result.gradient = gradient != 0;
  for (Kind kind : allKinds)
    if (std::strcmp(name, kindNames[static_cast<int>(kind)]) == 0) {
      result.kind = kind;
      result.tokens = tokens;
      result.seed = seed;
      return result;
    }
  return std::nullopt;
}

/// One element; `ofRow` is a number that all elements of the row share.
static double element(const Case &data, Rng &rng, double ofRow, int64_t rowNumber) {
  constexpr double infinity = std::numeric_limits<double>::infinity();
  double value = rng.normal();
  bool special = rng.chance(10);
  switch (data.kind) {
  case Kind::Ordinary:
    return value;
  case Kind::Ties:
    return std::floor(value * 2) / 2 * (special ? -0.0 : 1.0);
  case Kind::AllEqual:
    return rowNumber % 2 ? ofRow : value;
  case Kind::Zeros:
    return special ? -0.0 : 0.0;
  case Kind::Infinities:
    return special ? (rng.chance(80) ? -infinity : infinity) : value;
  case Kind::Masked:
    return rowNumber % 3 == 1 ? -infinity : rowNumber % 3 == 2 && !special ? -infinity : value;
  case Kind::NaNs:
    return special ? std::numeric_limits<double>::quiet_NaN() : value;
  case Kind::Saturated:
    return value * 60;
  case Kind::Huge:
    return value * (special ? data.greatest / 6 : rng.chance(50) ? std::sqrt(data.greatest) : 1);
  case Kind::Denormal:
    return rng.chance(70) ? value * 0x1p-135 : value;
  }
  return value;
}

std::vector<double> moe::test::random::makeData(const Case &data, uint64_t input, Storage storage, int64_t count,
                                                int64_t row) {
  Rng rng(data.seed * 1000003 + input);
  Case own = data;
  if (row == count && rng.chance(60)) // one without tokens stays ordinary more often than not
    own.kind = Kind::Ordinary;
  std::vector<double> elements(count);
  double ofRow = 0;
  for (int64_t e = 0; e < count; ++e) {
    if (e % std::max<int64_t>(row, 1) == 0)
      ofRow = rng.normal();
    elements[e] = storage == Storage::Float     ? element(own, rng, ofRow, row ? e / row : 0)
                  : storage == Storage::Integer ? static_cast<double>(rng.between(-20, 20))
                                                : static_cast<double>(rng.chance(60));
  }
  return elements;
}

/// Where pieces of `count` elements begin, and the end of the last one.
static std::vector<double> makeOffsets(const Case &data, int64_t count, size_t level) {
  Rng rng(data.seed * 1000003 + 999 + 5000 * level);
  int64_t pieces = rng.between(count > 0 ? 1 : 0, 5);
  if (level > 0) // a call has room for as many pieces of pieces as there are pieces
    pieces = std::min(pieces, count);
  std::vector<double> offsets = {0};
  for (int64_t i = 1; i < pieces; ++i)
    offsets.push_back(rng.chance(25) ? offsets[rng.below(offsets.size())] : static_cast<double>(rng.below(count + 1)));
  if (pieces > 0)
    offsets.push_back(static_cast<double>(count));
  std::sort(offsets.begin(), offsets.end());
  return offsets;
}

/// Puts some of the offsets of pieces of `count` elements out of place; says what was said, and makes of `offsets` what
/// that means: each the nearest to what is said that is in place.
static std::vector<double> spoilOffsets(std::vector<double> &offsets, const Case &data, int64_t count, size_t level) {
  Rng rng(data.seed * 1000003 + 77777 + 5000 * level);
  if (!rng.chance(20))
    return offsets;
  std::vector<double> said = offsets;
  for (double &offset : said)
    if (rng.chance(50))
      offset = static_cast<double>(rng.between(-3, count + 3));
  if (said.size() > 1 && rng.chance(20))
    said[rng.below(said.size())] = rng.chance(50) ? INT32_MAX : INT32_MIN;
  for (size_t i = 1; i + 1 < said.size(); ++i)
    offsets[i] = std::clamp(said[i], offsets[i - 1], static_cast<double>(count));
  return said;
}

Extents moe::test::random::makeExtents(const Case &data, const std::vector<int64_t> &lengths) {
  // What stands before pieces of some lengths comes in whole ones.
  auto wholeFrom = [&](size_t level) {
    int64_t whole = 1;
    for (; level < lengths.size() && lengths[level] > 0; ++level)
      whole *= lengths[level];
    return whole;
  };
  Extents extents;
  int64_t count = extents.tokens = wholePieces(data.tokens, wholeFrom(0));
  for (size_t level = 0; level < lengths.size(); ++level) {
    std::vector<double> &offsets = extents.offsets.emplace_back(), &said = extents.said.emplace_back();
    if (lengths[level] > 0) {
      count /= lengths[level];
    } else {
      offsets = makeOffsets(data, count, level);
      while ((static_cast<int64_t>(offsets.size()) - 1) % wholeFrom(level + 1) != 0)
        offsets.push_back(static_cast<double>(count));
      said = spoilOffsets(offsets, data, count, level);
      count = static_cast<int64_t>(offsets.size()) - 1;
    }
    extents.pieces.push_back(count);
  }
  return extents;
}
