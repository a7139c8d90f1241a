// The load of a router as a bar chart in the terminal: how many routes each expert, or each group of experts, got.
#ifndef MOE_TOOLS_MOE_RUN_CHART_H
#define MOE_TOOLS_MOE_RUN_CHART_H
#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/StringRef.h"
#include "llvm/Support/raw_ostream.h"
#include <cstdint>

namespace moe::run {

struct ChartStyle {
  /// Columns of the terminal. No line of bars is longer, down to a width of 40; narrower ones are drawn as for 40.
  unsigned width = 80;
  /// Block characters in eighths (UTF-8), or plain ASCII.
  bool unicode = true;
};

/// Draws `counts[i]`, the routes that element i of `axis` got, under one line that gives the balanced load, the
/// greatest and the least load, the coefficient of variation and the number of idle elements. Up to 16 elements have a
/// horizontal bar each with count and ratio to the balanced load; more stand as columns, in as many bands as the width
/// needs, all in one scale, with a dotted line at the balanced load. An element with any route is never drawn empty.
void drawLoad(llvm::raw_ostream &os, llvm::StringRef axis, llvm::ArrayRef<int64_t> counts, const ChartStyle &style);

/// Columns of the terminal behind standard output, else of $COLUMNS, else 80.
unsigned terminalWidth();

} // namespace moe::run
#endif
