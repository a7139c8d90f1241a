// The targets, each in a file of its own; Check.cpp has the table.
#pragma once
#include "dialects/Moe/IR/Moe.h"
#include "test/Random/Check.h"

namespace moe::test::random {

void checkCpu(const Subject &subject, Report &report);
void checkEmulator(const Subject &subject, Report &report);
void checkGradient(const Subject &subject, Report &report);

/// What a call of `gate` with the tokens of `data`, or a few more, holds.
inline Extents extentsOf(GateOp gate, const Case &data) {
  std::vector<int64_t> lengths;
  for (AxisOp axis : pieceAxes(gate))
    lengths.push_back(axis.getLength() ? static_cast<int64_t>(*axis.getLength()) : 0);
  return makeExtents(data, lengths);
}

/// The size of an axis of tokens, pieces or offsets.
inline int64_t sizeIn(GateOp gate, const Extents &extents, llvm::StringRef axis) {
  for (auto [level, pieces] : llvm::enumerate(pieceAxes(gate)))
    if (axis == pieces.getSymName() || axis == (pieces.getSymName() + ".bound").str())
      return extents.pieces[level] + (axis == pieces.getSymName() ? 0 : 1);
  return extents.tokens;
}

/// Replaces the elements of the input `name`: of offsets by these, of a placement by groups.
template <typename Get, typename Set>
void place(GateOp gate, const Extents &extents, llvm::StringRef name, int64_t count, Get get, Set set) {
  for (auto [level, axis] : llvm::enumerate(pieceAxes(gate)))
    for (int64_t e = 0; axis.getOffsets() == name && e < count; ++e)
      set(e, extents.offsets[level][e]);
  for (auto axis : gate.getBody().getOps<AxisOp>())
    for (int64_t e = 0; axis.getPlacement() == name && e < count; ++e)
      set(e, std::fabs(std::fmod(get(e), static_cast<double>(*axis.getSize()))));
}

} // namespace moe::test::random
