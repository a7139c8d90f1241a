// What moe-run prints about a call: a table of everything that went in and came out, and the load.
#ifndef MOE_TOOLS_MOE_RUN_REPORT_H
#define MOE_TOOLS_MOE_RUN_REPORT_H
#include "moe/runtime.h"
#include "tools/moe-run/Arrays.h"
#include "tools/moe-run/Chart.h"
#include "llvm/Support/raw_ostream.h"
#include <string>
#include <vector>

namespace moe::run {

/// Prints one line per array: inputs with type, shape and source, params, losses (and their total, if there are
/// several), metrics, status words, outputs. Names and values stand in columns. A metric with axes shows its least,
/// mean and greatest element.
void printTable(llvm::raw_ostream &os, const CallArrays &call);

/// Prints what each kernel moved to and from global memory, one line per array and direction: bytes, requests of warps,
/// and 32-byte sectors beside the fewest that could hold those bytes.
void printTraffic(llvm::raw_ostream &os, llvm::ArrayRef<moe_traffic> traffic);

/// Prints one line per array of a backward call that is not the forward call's: gradients that come in and where they
/// are from, scales of losses, and gradients that come out, with their Euclidean norm and their greatest magnitude.
void printGradients(llvm::raw_ostream &os, const CallArrays &call);

/// How many entries of a selection chose each element of the selected axis; -1 is an empty slot. Entries outside are
/// counted nowhere.
std::vector<int64_t> loadPerElement(const NpyArray &route, int64_t elements);

/// The load of an axis that groups the selected axis `selected`, directly or through other axes of `gate`, from the
/// load per element of `selected`; empty if `axis` does not group it.
std::vector<int64_t> loadPerGroup(const moe_gate &gate, const moe_axis &axis, llvm::StringRef selected,
                                  llvm::ArrayRef<int64_t> load);

/// Draws the load of the selection `output` over its axis `selected`, then over every axis that groups it.
void printLoad(llvm::raw_ostream &os, const moe_gate &gate, const CallArray &output, llvm::StringRef selected,
               const ChartStyle &style);

} // namespace moe::run
#endif
