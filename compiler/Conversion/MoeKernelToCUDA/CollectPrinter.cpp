// What a call has collected, and where it goes. The last block of each kernel merges what the blocks hand on. The
// kernel of the last pass merges it into the caller's block, and with it what the kernels before have collected in this
// call; those keep it in a block of the same layout inside the workspace, from which their finish makes coefficients
// for the passes behind. So losses of any number of accumulated calls are made of all of them, and coefficients of one.
#include "compiler/Conversion/MoeKernelToCUDA/KernelPrinter.h"
#include "llvm/ADT/StringSet.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;
using namespace moe;
using namespace moe::kernel;

/// Offsets that are bad are counted here; kernels alone see them, no operation of the program does.
static constexpr StringLiteral badOffsetsName = "bad_offsets_seen";

static std::string text(int64_t number) { return std::to_string(number); }

//===-- What a pass keeps
//-----------------------------------------------------------------------------------------------===//

bool moe::isLastPass(PassOp pass) { return !isa_and_nonnull<PassOp>(pass->getNextNode()); }

std::string moe::totalsBlock(Operation *pass) { return isLastPass(cast<PassOp>(pass)) ? "accumulators" : "collected"; }

static bool asksForSize(PassOp pass) { return !pass.getFinish().front().getOps<SizeOp>().empty(); }

/// The first pass over tokens, which alone knows how many there are in this call; null where there is none.
static PassOp tokenPass(ProgramOp program) {
  for (PassOp pass : program.getOps<PassOp>())
    if (levelOf(pass) == 0)
      return pass;
  return {};
}

bool moe::keepsTokenCount(PassOp pass) {
  auto program = pass->getParentOfType<ProgramOp>();
  if (!isLastPass(pass))
    return pass == tokenPass(program) && llvm::any_of(program.getOps<PassOp>(), [](PassOp other) {
             return levelOf(other) > 0 && (asksForSize(other) || (isLastPass(other) && keepsTokenCount(other)));
           });
  if (program.getBackwardOf()) // nobody else looks into its block
    return asksForSize(pass);
  return !program.getOps<AccumulatorOp>().empty() ||
         llvm::any_of(program.getOps<PassOp>(), [](PassOp each) { return !each.getFinish().front().empty(); });
}

int64_t moe::collectedBytes(ProgramOp program) {
  return llvm::hasSingleElement(program.getOps<PassOp>()) ? 0 : static_cast<int64_t>(AccumulatorLayout(program).bytes);
}

/// It does so even where it needs no piece.
bool moe::looksAtOffsets(PassOp pass) {
  if (divisionOf(pass).offsets.empty() || !lookupAccumulator(pass, badOffsetsName))
    return false;
  for (PassOp other : pass->getParentOfType<ProgramOp>().getOps<PassOp>())
    if (levelOf(other) == levelOf(pass))
      return other == pass;
  return false;
}

bool KernelPrinter::saysBadOffsets() const { return looksAtOffsets(pass); }

/// Names of the accumulators that passes before `pass` add to.
static llvm::StringSet<> collectedBefore(PassOp pass) {
  llvm::StringSet<> names;
  for (PassOp other : pass->getParentOfType<ProgramOp>().getOps<PassOp>()) {
    if (other == pass)
      break;
    if (looksAtOffsets(other))
      names.insert(badOffsetsName);
    other.walk([&](Operation *op) {
      if (auto accumulate = dyn_cast<AccumulateOp>(op))
        names.insert(accumulate.getAccumulator());
      if (auto count = dyn_cast<CountOp>(op))
        names.insert(count.getAccumulator());
    });
  }
  return names;
}

void KernelPrinter::placeEarlier() {
  if (!isLast)
    return;
  AccumulatorLayout homes(programOp());
  llvm::StringSet<> before = collectedBefore(pass), read;
  for (auto op : pass.getFinish().front().getOps<ReadOp>())
    read.insert(op.getAccumulator());
  int64_t quad = 0;
  for (auto op : programOp().getOps<AccumulatorOp>()) {
    if (op.getPerPiece() || !before.contains(op.getSymName()))
      continue;
    if (programOp().getBackwardOf() && !read.contains(op.getSymName())) // nobody else looks into its block
      continue;
    auto quads = static_cast<int64_t>(llvm::divideCeil(op.getCount() * elementBytes(op.getType()), 16));
    earlier.push_back({op, "", std::exchange(quad, quad + quads), quads,
                       static_cast<int64_t>(homes.offsetOf(op.getSymName()) / 16), false});
  }
}

void KernelPrinter::declareCollected(size_t line) {
  if (names(code, "collected"))
    code.insert(code.begin() + static_cast<ptrdiff_t>(line),
                indented("void *const collected = moe_at<char>(workspace, " + text(64 + coefficientBytes(programOp())) +
                         "); // in this call, by kernels before the last"));
}

//===-- The last block
//--------------------------------------------------------------------------------------------------===//

void KernelPrinter::printCollectPartials(int level) {
  int64_t parts = partialQuads < threads ? std::min<int64_t>(warps(), std::max<int64_t>(threads / partialQuads, 1)) : 1;
  if (parts < 4 && warps() > 4)
    parts = warps();
  // The pieces that this block has finished for all are a part of their own.
  std::string count = cuts() && rowQuads < partialQuads ? "gridDim.x + 1" : "gridDim.x";
  put("const int blocks = " + (isLast ? "phase & MOE_ACCUMULATE ? " + count + " : 0" : count) + ";", level);
  put("moe_collect<" + name + "_layout, " + text(partialQuads) + ", " + text(parts) + ", " + text(threads) + ">(",
      level);
  put("moe_at<moe_quad>(" + totalsBlock(pass) + ", 0), partials, blocks, " + (isLast ? "reset" : "true") + ", shared);",
      level + 2);
}

void KernelPrinter::printCountTokens(int level) {
  if (!isLast) {
    put("if (threadIdx.x == 0)", level);
    put("moe_store1(moe_at<long long>(collected, 0), 0, token_count);", level + 1);
    return;
  }
  std::string here = levelOf(pass) == 0       ? "token_count"
                     : tokenPass(programOp()) ? "moe_load1(moe_at<const long long>(collected, 0), 0)"
                                              : "0";
  put("if (threadIdx.x == 0) {", level);
  put("long long *const counted = moe_at<long long>(accumulators, 0);", level + 1);
  put("const long long before = reset ? 0 : moe_load1(counted, 0);", level + 1);
  put("moe_store1(counted, 0, before + (phase & MOE_ACCUMULATE ? " + here + " : 0));", level + 1);
  put("}", level);
}

/// Whether this call's offsets of one level were bad, onto what is known of the others. A later kernel takes over the
/// whole quad.
void KernelPrinter::printBadOffsets(int level) {
  std::string offset = text(static_cast<int64_t>(AccumulatorLayout(programOp()).offsetOf(badOffsetsName)));
  bool isKnown = collectedBefore(pass).contains(badOffsetsName); // in this call
  put("if (threadIdx.x == 0) { // offsets that were bad", level);
  put("int *const seen = moe_at<int>(" + totalsBlock(pass) + ", " + offset + ");", level + 1);
  if (isLast)
    put("moe_store1(seen, 0, " + std::string(isKnown ? "moe_load1(seen, 0)" : "(reset ? 0 : moe_load1(seen, 0))") +
            " + bad);",
        level + 1);
  else if (isKnown)
    put("moe_store1(seen, 0, moe_load1(seen, 0) + bad);", level + 1);
  else
    put("moe_store_quad(moe_at<moe_quad>(seen, 0), 0, {{moe_bits((int)bad)}});", level + 1);
  put("}", level);
}

void KernelPrinter::printCollect() {
  bool changes = !placed.empty() || !earlier.empty() || countsTokens || saysBadOffsets();
  if (!changes)
    return;
  put("// the last block adds up what all blocks have left", 1);
  if (isLast) {
    put("if (phase & (MOE_ACCUMULATE | MOE_RESET)) {", 1);
    put("const bool reset = phase & MOE_RESET;", 2);
  }
  int level = isLast ? 2 : 1;
  if (!placed.empty())
    printCollectPartials(level);
  if (!earlier.empty()) {
    int64_t quads = earlier.back().quad + earlier.back().quads;
    put("moe_take_over<" + name + "_earlier_layout, " + text(quads) + ", " + text(threads) + ">(", level);
    put("moe_at<moe_quad>(accumulators, 0), moe_at<moe_quad>(collected, 0), reset);", level + 2);
  }
  if (countsTokens)
    printCountTokens(level);
  if (saysBadOffsets())
    printBadOffsets(level);
  if (countsTokens || saysBadOffsets())
    put("moe_sync_block();", level);
  if (isLast)
    put("}", 1);
}

void KernelPrinter::printFinish() {
  if (finish.lines.empty())
    return;
  put("// one warp finishes", 1);
  put(isLast ? "if (phase & MOE_FINISH && threadIdx.x < 32) {" : "if (threadIdx.x < 32) {", 1);
  put("const int lane = threadIdx.x;", 2);
  put(finish.lines, 2);
  put("}", 1);
}
