// Kernels around the regions: parameters, the row loop with its prefetch, and the way of the accumulators from
// registers through shared memory and the workspace to the caller, for which rows.cuh has the code that all gates
// share.
#include "compiler/Conversion/MoeKernelToCUDA/MoeKernelToCUDA.h"
#include "compiler/Conversion/MoeKernelToCUDA/RegionPrinter.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;
using namespace moe;
using namespace moe::kernel;

static constexpr char preludeText[] = {
#include "compiler/Conversion/MoeKernelToCUDA/prelude.inc"
    , 0};
static constexpr char rowsText[] = {
#include "compiler/Conversion/MoeKernelToCUDA/rows.inc"
    , 0};

/// A row is loaded ahead only where it takes at most so many registers.
static constexpr int64_t maxPrefetchRegisters = 16;

static std::string text(int64_t number) { return std::to_string(number); }

namespace {

/// An accumulator of one pass: its registers in the row loop and its place among the partial results of a block.
struct PassAccumulator {
  AccumulatorOp op;
  std::string registers;
  int64_t quad; ///< first quad (16 bytes) of the partial results
  int64_t quads;
  int64_t home; ///< first quad in the caller's accumulator block
};

/// Prints the kernel of one pass.
class KernelPrinter {
public:
  KernelPrinter(PassOp pass, std::string name, ProgramText &program, bool countsTokens)
      : pass(pass), name(std::move(name)), countsTokens(countsTokens),
        rows(pass.getRows().front(), LayoutPlan::forRows(pass), program, false),
        finish(pass.getFinish().front(), LayoutPlan::forFinish(), program, true) {}

  LogicalResult print(ProgramOp gate, const std::string &parameters);

  Lines layout; ///< the Layout structure of rows.cuh
  Lines code;   ///< the kernel
  CudaKernelInfo info;
  int64_t partialQuads = 0;

private:
  void placeAccumulators();
  /// Whether blocks hand anything on, so that one of them is the last.
  bool collects() { return !placed.empty() || countsTokens || !pass.getFinish().front().empty(); }
  LogicalResult chooseBlock();
  int64_t mostValues();
  /// Blocks that registers shall leave room for on a multiprocessor: two, where rows are short enough.
  int64_t residentBlocks() { return threads == 256 && mostValues() <= 8 ? 2 : 1; }
  void printLayout();
  void printLayoutFunction(StringRef signature, llvm::function_ref<std::string(PassAccumulator &)> body,
                           StringRef last);
  void printAccumulatorRegisters(int level);
  void printRowLoop();
  void printLoadAhead(StringRef row, int level);
  void printPublish();
  void printPublishOne(PassAccumulator &accumulator);
  void printCollect();
  void printFinish();
  void put(StringRef line, int level) { code.push_back(line.starts_with("#") ? line.str() : indented(line, level)); }
  void put(const Lines &lines, int level) {
    for (const std::string &line : lines)
      put(line, level);
  }
  int64_t lanes() const { return rows.getPlan().getLanes(); }
  int64_t rowsPerWarp() const { return 32 / lanes(); }
  bool prefetches() const;

  PassOp pass;
  std::string name;
  bool countsTokens;
  RegionPrinter rows, finish;
  std::vector<PassAccumulator> placed;
  int64_t threads = 256;
  int64_t sharedSize = 0;
  bool direct = false; ///< one warp per block, whose results go to the workspace without shared memory
};

} // namespace

//===-- Sizes
//-------------------------------------------------------------------------------------------------------===//

void KernelPrinter::placeAccumulators() {
  AccumulatorLayout homes(pass->getParentOfType<ProgramOp>());
  for (auto &[symbol, registers] : rows.accumulators) {
    AccumulatorOp op = lookupAccumulator(pass, symbol.getValue());
    placed.push_back({op, registers, 0,
                      static_cast<int64_t>(llvm::divideCeil(op.getCount() * elementBytes(op.getType()), 16)),
                      static_cast<int64_t>(homes.offsetOf(symbol.getValue()) / 16)});
  }
  llvm::sort(placed, [](const PassAccumulator &a, const PassAccumulator &b) { return a.home < b.home; });
  for (PassAccumulator &accumulator : placed) {
    accumulator.quad = partialQuads;
    partialQuads += accumulator.quads;
  }
}

/// The most values of one row that a lane holds.
int64_t KernelPrinter::mostValues() {
  int64_t most = 1;
  for (Operation &op : pass.getRows().front())
    for (Type type : llvm::concat<const Type>(op.getOperandTypes(), op.getResultTypes()))
      if (auto row = dyn_cast<RowType>(type))
        most = std::max(most, rows.getPlan().of(row.getSize()).values);
  return most;
}

LogicalResult KernelPrinter::chooseBlock() {
  int64_t stage = rows.stageWords * rowsPerWarp(), merge = 4 * partialQuads;
  threads = chooseThreads(std::max(stage, merge), mostValues() > RowLayout::maxUnrolledValues);
  int64_t warps = threads / 32;
  direct = warps == 1 && merge > sharedWords;
  sharedSize = std::max<int64_t>({collects() ? 4 : 0, warps * stage, direct ? 0 : warps * merge, finish.stageWords});
  info = {name, static_cast<uint32_t>(threads), static_cast<uint32_t>(threads / lanes()), 0, maxCudaBlocks};
  if (sharedSize > sharedWords)
    return pass.emitError("stages rows of ")
           << 4 * std::max(rows.stageWords, finish.stageWords) << " bytes in shared memory, of which a block has "
           << 4 * sharedWords << "; use fewer elements or f32";
  return success();
}

bool KernelPrinter::prefetches() const {
  int64_t registers = 0;
  for (const TokenLoad &load : rows.tokenLoads)
    registers += rows.rawRegisters(load);
  return registers <= maxPrefetchRegisters;
}

//===-- Layout of partial results
//-----------------------------------------------------------------------------------===//

static StringRef functorName(Combine combine) {
  switch (combine) {
  case Combine::Sum:
    return "moe_Sum";
  case Combine::Max:
    return "moe_Max";
  case Combine::Min:
    return "moe_Min";
  case Combine::MaxNum:
    return "moe_MaxNum";
  }
  llvm_unreachable("all combinations are above");
}

/// A function of `quad`: one line per accumulator, but one for neighbours that have the same.
void KernelPrinter::printLayoutFunction(StringRef signature, llvm::function_ref<std::string(PassAccumulator &)> body,
                                        StringRef last) {
  layout.push_back(indented(("static MOE_DEVICE " + signature + " {").str()));
  for (size_t n = 0; n < placed.size(); ++n) {
    std::string statement = body(placed[n]), comment = placed[n].op.getSymName().str();
    while (n + 1 < placed.size() && body(placed[n + 1]) == statement)
      comment += ", " + placed[++n].op.getSymName().str();
    bool final = n + 1 == placed.size();
    std::string condition = final ? "" : "if (quad < " + text(placed[n].quad + placed[n].quads) + ") ";
    layout.push_back(indented(condition + statement + " // " + comment, 2));
  }
  if (!last.empty())
    layout.push_back(indented(last, 2));
  layout.push_back(indented("}"));
}

void KernelPrinter::printLayout() {
  layout.push_back("// What one block hands on, in quads of 16 bytes.");
  layout.push_back("struct " + name + "_layout {");
  printLayoutFunction(
      "moe_quad neutral(int quad)",
      [](PassAccumulator &a) {
        std::string zero = a.op.getCombine() == Combine::Sum ? "0" : neutralElement(a.op.getCombine(), a.op.getType());
        std::string type = a.op.getCombine() == Combine::Sum ? "int" : cTypeName(a.op.getType()).str();
        return "return moe_fill<" + type + ">(" + zero + ");";
      },
      "");
  printLayoutFunction(
      "void combine(int quad, moe_quad &into, const moe_quad &from)",
      [](PassAccumulator &a) {
        return ("return moe_combine<" + functorName(a.op.getCombine()) + ", " + cTypeName(a.op.getType()) +
                ">(into, from);")
            .str();
      },
      "");
  printLayoutFunction(
      "int at(int quad)", [](PassAccumulator &a) { return "return quad + " + text(a.home - a.quad) + ";"; }, "");
  layout.push_back("};");
}

//===-- Rows
//--------------------------------------------------------------------------------------------------------===//

void KernelPrinter::printLoadAhead(StringRef row, int level) {
  Lines loads;
  for (const TokenLoad &load : rows.tokenLoads)
    llvm::append_range(loads, rows.loadRaw(load, load.raw, row));
  if (loads.empty())
    return;
  bool braces = loads.size() > 1;
  put(("if (" + row + " < end)" + (braces ? " {" : "")).str(), level);
  put(loads, level + 1);
  if (braces)
    put("}", level);
}

/// Accumulators start from neutral elements.
void KernelPrinter::printAccumulatorRegisters(int level) {
  for (PassAccumulator &accumulator : placed) {
    int64_t values = rows.getPlan().of(accumulator.op.getCount()).values;
    Type type = accumulator.op.getType();
    bool isArray = !accumulator.op.getSizes().empty() && values > 1;
    std::string neutral = neutralElement(accumulator.op.getCombine(), type);
    std::string head = cTypeName(type).str() + " " + accumulator.registers;
    if (!isArray) {
      put(head + " = " + neutral + ";", level);
    } else if (accumulator.op.getCombine() == Combine::Sum) {
      put(head + "[" + text(values) + "] = {};", level);
    } else {
      put(head + "[" + text(values) + "];", level);
      put(unrollPragma(rows.getPlan().of(accumulator.op.getCount())), level);
      put("for (int j = 0; j < " + text(values) + "; ++j)", level);
      put(accumulator.registers + "[j] = " + neutral + ";", level + 1);
    }
  }
}

void KernelPrinter::printRowLoop() {
  int64_t step = info.rowsPerBlock, level = 2;
  printAccumulatorRegisters(level);
  if (rows.lines.empty() && rows.tokenLoads.empty()) // a gate without tokens has no loop over them
    return;
  put(rows.invariants, level);
  put("// this block's tokens", level);
  put("const long long begin = token_count * blockIdx.x / gridDim.x;", level);
  put("const long long end = token_count * (blockIdx.x + 1) / gridDim.x;", level);
  bool ahead = prefetches() && !rows.tokenLoads.empty();
  std::string group = lanes() == 1 ? "threadIdx.x" : "threadIdx.x / " + text(lanes());
  if (ahead) {
    for (const TokenLoad &load : rows.tokenLoads)
      put(rows.declareRaw(load, load.raw), level);
    put("const long long start = begin + " + group + ";", level);
    printLoadAhead("start", level);
  }
  if (rows.hasMissingRows()) {
    std::string warpRows = rowsPerWarp() == 32 ? "threadIdx.x / 32 * 32" : "threadIdx.x / 32 * " + text(rowsPerWarp());
    put("for (long long first_row = begin + " + warpRows + "; first_row < end; first_row += " + text(step) + ") {",
        level);
    put("const long long row = first_row + threadIdx.x % 32" + (lanes() == 1 ? "" : " / " + text(lanes())) + ";",
        level + 1);
    put("const bool live = row < end;", level + 1);
  } else {
    put("for (long long row = " + (ahead ? "start" : "begin + " + group) + "; row < end; row += " + text(step) + ") {",
        level);
  }
  for (const TokenLoad &load : rows.tokenLoads) {
    if (!ahead) {
      put(rows.declareRaw(load, load.raw), level + 1);
      Lines reads = rows.loadRaw(load, load.raw, "row");
      if (rows.hasMissingRows())
        put(reads.size() > 1 ? "if (live) {" : "if (live)", level + 1);
      put(reads, level + 1 + rows.hasMissingRows());
      if (rows.hasMissingRows() && reads.size() > 1)
        put("}", level + 1);
    }
    put(rows.convertRaw(load), level + 1);
  }
  if (ahead) {
    put("// the next row is on its way while this one is worked on", level + 1);
    put("const long long next = row + " + text(step) + ";", level + 1);
    printLoadAhead("next", level + 1);
  }
  put(rows.lines, level + 1);
  put("}", level);
}

//===-- From registers to the workspace
//-----------------------------------------------------------------------------===//

void KernelPrinter::printPublishOne(PassAccumulator &accumulator) {
  AccumulatorOp op = accumulator.op;
  Type type = op.getType();
  std::string cType = cTypeName(type).str();
  int64_t perElement = type.isF64() ? 2 : 1, perQuad = 4 / perElement;
  int64_t count = op.getCount(), padding = accumulator.quads * perQuad - count;
  std::string word = "words";
  if (accumulator.quad > 0)
    word += " + " + text(4 * accumulator.quad);
  auto store = [&](const std::string &position, const std::string &value) {
    if (direct)
      return "moe_store1(moe_at<" + cType + ">(partials, (blockIdx.x * " + text(partialQuads) + "ll + " +
             text(accumulator.quad) + ") * 16), " + position + ", " + value + ");";
    return "moe_put(shared, " + word + " + " + (perElement == 2 ? "2 * (" + position + ")" : position) + ", " + value +
           ");";
  };
  std::string overRows = ("moe_" + combineName(op.getCombine()) + "_rows<" + Twine(lanes()) + ">(").str();
  auto merged = [&](const std::string &value) { return lanes() == 32 ? value : overRows + value + ")"; };
  std::string zero = neutralElement(Combine::Sum, type);
  if (op.getSizes().empty()) {
    std::string whole = accumulator.registers;
    if (lanes() < 32) {
      whole = accumulator.registers + "_warp";
      put("const " + cType + " " + whole + " = " + merged(accumulator.registers) + ";", 2);
    }
    put("if (threadIdx.x % 32 < " + text(perQuad) + ")", 2);
    put(store("threadIdx.x % 32", "threadIdx.x % 32 == 0 ? " + whole + " : " + zero), 3);
    return;
  }
  RowLayout row = rows.getPlan().of(count);
  std::string position = positionOf(row, {"j"}).text, guard;
  if (lanes() < 32)
    guard = "threadIdx.x % 32 < " + text(lanes());
  if (row.isPadded())
    guard += (guard.empty() ? "" : " && ") + position + " < " + text(count);
  std::string registers = accumulator.registers + (row.values == 1 ? "" : "[j]");
  int level = 2;
  // All lanes take part in the merge over rows, even where only the first ones store.
  bool braces = lanes() < 32;
  if (row.values > 1) {
    put(unrollPragma(row), level);
    put("for (int j = 0; j < " + text(row.values) + "; ++j)" + (braces ? " {" : ""), level);
  } else if (braces) {
    put("{", level);
  }
  int inner = level + (row.values > 1 || braces);
  if (braces)
    put("const " + cType + " whole = " + merged(registers) + ";", inner);
  put((guard.empty() ? "" : "if (" + guard + ") ") + store(position, braces ? "whole" : registers), inner);
  if (braces)
    put("}", level);
  if (padding > 0) {
    put("if (threadIdx.x % 32 < " + text(padding) + ")", level);
    put(store(text(count) + " + threadIdx.x % 32", zero), level + 1);
  }
}

void KernelPrinter::printPublish() {
  put("if (accumulators == nullptr)", 2);
  put("return;", 3);
  if (!placed.empty()) {
    put("// what the rows have left in registers: over the rows of a warp, over warps, then to the workspace", 2);
    if (!direct)
      put("moe_sync_block();", 2);
    if (!direct)
      put("const int words = threadIdx.x / 32 * " + text(4 * partialQuads) + ";", 2);
    for (PassAccumulator &accumulator : placed)
      printPublishOne(accumulator);
    if (!direct)
      put("moe_publish<" + name + "_layout, " + text(partialQuads) + ", " + text(threads / 32) + ">(shared, partials);",
          2);
  }
  put("if (!moe_arrive_last(moe_at<unsigned>(workspace, 0), shared))", 2);
  put("return;", 3);
}

void KernelPrinter::printCollect() {
  std::string condition = countsTokens || !placed.empty() ? "phase & (MOE_ACCUMULATE | MOE_RESET)" : "";
  if (condition.empty())
    return;
  put("// the last block adds up what all blocks have left", 1);
  put("if (" + condition + ") {", 1);
  put("const bool reset = phase & MOE_RESET;", 2);
  if (!placed.empty()) {
    int64_t warps = threads / 32;
    int64_t parts = partialQuads < threads ? std::min<int64_t>(warps, std::max<int64_t>(threads / partialQuads, 1)) : 1;
    if (parts < 4 && warps > 4)
      parts = warps;
    put("const int blocks = phase & MOE_ACCUMULATE ? gridDim.x : 0;", 2);
    put("moe_collect<" + name + "_layout, " + text(partialQuads) + ", " + text(parts) + ", " + text(threads) + ">(", 2);
    put("moe_at<moe_quad>(accumulators, 0), partials, blocks, reset, shared);", 4);
  }
  if (countsTokens) {
    put("if (threadIdx.x == 0) {", 2);
    put("long long *const counted = moe_at<long long>(accumulators, 0);", 3);
    put("const long long before = reset ? 0 : moe_load1(counted, 0);", 3);
    put("moe_store1(counted, 0, before + (phase & MOE_ACCUMULATE ? token_count : 0));", 3);
    put("}", 2);
    put("moe_sync_block();", 2);
  }
  put("}", 1);
}

void KernelPrinter::printFinish() {
  if (finish.lines.empty())
    return;
  put("// one warp finishes", 1);
  put("if (phase & MOE_FINISH && threadIdx.x < 32) {", 1);
  put("const int lane = threadIdx.x;", 2);
  put(finish.lines, 2);
  put("}", 1);
}

LogicalResult KernelPrinter::print(ProgramOp gate, const std::string &parameters) {
  if (failed(rows.print()) || failed(finish.print()))
    return failure();
  placeAccumulators();
  if (failed(chooseBlock()))
    return failure();
  if (!placed.empty())
    printLayout();
  int64_t before = 64 + coefficientBytes(gate);
  code.push_back("extern \"C\" __global__ void __launch_bounds__(" + text(threads) + ", " + text(residentBlocks()) +
                 ") " + name + "(");
  code.push_back(indented(parameters, 2) + ") {");
  if (sharedSize > 0)
    put("__shared__ __align__(16) unsigned shared[" + text(sharedSize) + "];", 1);
  if (!placed.empty())
    put("moe_quad *const partials = moe_at<moe_quad>(workspace, " + text(before) + ");", 1);
  put("if (phase & MOE_ACCUMULATE) {", 1);
  if (lanes() > 1)
    put("const int lane = threadIdx.x % " + text(lanes()) + "; // of the " + text(lanes()) + " lanes that hold a row",
        2);
  if (rows.stageWords > 0)
    put("const int stage = threadIdx.x / " + text(lanes()) + " * " + text(rows.stageWords) +
            "; // this row's part of shared",
        2);
  printRowLoop();
  if (collects())
    printPublish();
  if (collects()) {
    put("} else if (blockIdx.x > 0) {", 1);
    put("return;", 2);
  }
  put("}", 1);
  printCollect();
  printFinish();
  code.push_back("}");
  return success();
}

//===-- Programs
//----------------------------------------------------------------------------------------------------===//

/// Whether an array is written by this program: all that is no input, but for what its forward program has saved.
static bool isWritten(ProgramOp gate, BufferOp buffer) {
  if (buffer.getRole() != Role::Saved)
    return buffer.getRole() != Role::Input;
  return gate
      .walk([&](StoreOp store) {
        return store.getBuffer() == buffer.getSymName() ? WalkResult::interrupt() : WalkResult::advance();
      })
      .wasInterrupted();
}

static std::string parameterType(BufferOp buffer) {
  if (buffer.getRole() == Role::Param)
    return "float ";
  Type type = buffer.getType();
  std::string base = type.isBF16() || type.isF16() ? "unsigned short"
                     : type.isInteger(1)           ? "unsigned char"
                                                   : cTypeName(type).str();
  return (isWritten(buffer->getParentOfType<ProgramOp>(), buffer) ? "" : "const ") + base + " *__restrict__ ";
}

/// Names and declares the parameters of all kernels of a program.
static std::string declareParameters(ProgramOp gate, ProgramText &program) {
  std::string list, line;
  auto add = [&](const std::string &declaration) {
    if (line.size() + declaration.size() > 110) {
      list += line + "\n    ";
      line.clear();
    }
    line += (line.empty() ? "" : " ") + declaration + ",";
  };
  for (auto buffer : gate.getOps<BufferOp>()) {
    Role role = buffer.getRole();
    std::string suffix = role == Role::Param         ? ""
                         : role == Role::Input       ? "_in"
                         : role == Role::Coefficient ? "_coefficient"
                         : role == Role::Saved       ? "_saved"
                                                     : "_out";
    std::string name = program.names.fresh(buffer.getSymName().str() + suffix);
    program.parameters[buffer.getSymName()] = name;
    add(parameterType(buffer) + name);
  }
  for (const char *fixed : {"void *accumulators", "void *workspace", "long long token_count", "int phase"})
    add(fixed);
  line.pop_back();
  return list + line;
}

static std::string joined(const Lines &lines) {
  std::string result;
  for (const std::string &line : lines)
    result += line + "\n";
  return result;
}

/// The program whose gradients `program` computes, in the same module; null for others.
static ProgramOp forwardOf(ProgramOp program) {
  std::optional<StringRef> name = program.getBackwardOf();
  return name ? dyn_cast_or_null<ProgramOp>(SymbolTable::lookupNearestSymbolFrom(
                    program->getParentOp(), StringAttr::get(program.getContext(), *name)))
              : ProgramOp();
}

/// The programs of one gate: `gate`, then those that compute its gradients.
static SmallVector<ProgramOp> programsOf(ProgramOp gate) {
  SmallVector<ProgramOp> programs{gate};
  if (auto module = dyn_cast<ModuleOp>(gate->getParentOp()))
    for (auto program : module.getOps<ProgramOp>())
      if (program != gate && forwardOf(program) == gate)
        programs.push_back(program);
  return programs;
}

/// Prints the kernels of one program behind those that `result` has.
static LogicalResult printKernels(ProgramOp program, ProgramText &text, CudaCode &result) {
  std::string parameters = declareParameters(program, text);
  std::optional<StringRef> forward = program.getBackwardOf();
  std::string stem = forward ? forward->str() + "_backward" : program.getSymName().str() + "_forward";
  bool counts = !program.getOps<AccumulatorOp>().empty() ||
                llvm::any_of(program.getOps<PassOp>(), [](PassOp pass) { return !pass.getFinish().front().empty(); });
  int64_t quads = 0, number = 0;
  result.kernels.clear();
  for (auto pass : program.getOps<PassOp>()) {
    std::string name = number ? stem + "_pass" + ::text(number + 1) : stem;
    KernelPrinter printer(pass, name, text, counts && number == 0);
    if (failed(printer.print(program, parameters)))
      return failure();
    std::string comment;
    if (pass.getReason())
      comment = "// A pass of its own: " + pass.getReason()->str() + "\n";
    result.source +=
        "\n" + joined(printer.layout) + (printer.layout.empty() ? "" : "\n") + comment + joined(printer.code);
    result.kernels.push_back(printer.info);
    quads = std::max(quads, printer.partialQuads);
    ++number;
  }
  result.workspaceBytes = 64 + coefficientBytes(program) + maxCudaBlocks * quads * 16;
  return success();
}

FailureOr<CudaCode> moe::emitCuda(ProgramOp program) {
  ProgramOp gate = forwardOf(program) ? forwardOf(program) : program;
  CudaCode result, printed;
  ProgramText text;
  for (ProgramOp part : programsOf(gate)) {
    // Parameters have names of their own in each program; constants at file scope are shared.
    ProgramText own;
    std::swap(own.tables, text.tables);
    std::swap(own.tableNames, text.tableNames);
    for (auto &[elements, name] : own.tableNames)
      own.names.fresh(name);
    if (failed(printKernels(part, own, printed)))
      return failure();
    if (part == program) {
      result.kernels = printed.kernels;
      result.workspaceBytes = printed.workspaceBytes;
    }
    text = std::move(own);
  }
  std::string name = gate.getSymName().str();
  result.source = "// The gate '" + name + "', made by moe.\n" + cudaPreludeBegin.str() + "\n" + preludeText +
                  cudaPreludeEnd.str() + "\n\n" + rowsText + "\n//===-- " + name + " " +
                  std::string(std::max<int64_t>(3, 111 - static_cast<int64_t>(name.size())), '-') + "===//\n";
  if (!text.tables.empty())
    result.source += "\n" + joined(text.tables);
  result.source += printed.source;
  return result;
}
