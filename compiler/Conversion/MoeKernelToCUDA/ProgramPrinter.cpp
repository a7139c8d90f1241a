// CUDA of whole programs: parameters, one kernel after another, and the texts of the device around them.
#include "compiler/Conversion/MoeKernelToCUDA/KernelPrinter.h"
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
static constexpr char wordsText[] = {
#include "compiler/Conversion/MoeKernelToCUDA/words.inc"
    , 0};
static constexpr char piecesText[] = {
#include "compiler/Conversion/MoeKernelToCUDA/pieces.inc"
    , 0};
static constexpr char layersText[] = {
#include "compiler/Conversion/MoeKernelToCUDA/layers.inc"
    , 0};
static constexpr char ranksText[] = {
#include "compiler/Conversion/MoeKernelToCUDA/ranks.inc"
    , 0};

static std::string text(int64_t number) { return std::to_string(number); }

namespace {
/// Which of the device texts a source needs beside the prelude and the rows.
struct DeviceTexts {
  bool words = false, pieces = false, ranks = false, layers = false;
};
/// Bytes of parameters that a kernel can have everywhere.
constexpr int64_t maxParameterBytes = 4096;
} // namespace

//===-- Programs
//----------------------------------------------------------------------------------------------------===//

/// Whether an array is written by this program: all that is no input, but for what its forward program has saved, and
/// states outside of a step.
static bool isWritten(ProgramOp gate, BufferOp buffer) {
  if (buffer.getRole() != Role::Saved && buffer.getRole() != Role::State)
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
  auto program = buffer->getParentOfType<ProgramOp>();
  base = (isWritten(program, buffer) ? "" : "const ") + base;
  if (comesInLayers(buffer))
    return "const moe_layers<" + base + ", " + text(static_cast<int64_t>(*program.getLayers())) + "> ";
  return base + " *__restrict__ ";
}

/// A pointer for each layer of each array of tokens has to fit the parameters of a kernel. Offsets would be those of
/// one layer, while kernels walk the rows of all.
static LogicalResult checkLayers(ProgramOp program) {
  if (program.getLayers() && !program.getOffsetsOf(0).empty())
    return program.emitError("has layers, and tokens in pieces by offsets ('")
           << program.getOffsetsOf(0) << "'), which CUDA kernels have not; divide the tokens by a length";
  int64_t layers = static_cast<int64_t>(program.getLayers().value_or(0)), layered = 0, bytes = 10 * 8; // behind arrays
  for (auto buffer : program.getOps<BufferOp>()) {
    layered += comesInLayers(buffer);
    bytes += 8 * (comesInLayers(buffer) ? layers : 1);
  }
  if (bytes <= maxParameterBytes || layered == 0)
    return success();
  return program.emitError("has ") << layers << " layers and " << layered
                                   << " inputs and outputs with tokens, a pointer for each layer of each of them: "
                                   << bytes << " bytes of parameters, of which a CUDA kernel has " << maxParameterBytes
                                   << "; compile a gate of fewer layers, and call it several times";
}

/// Names that a kernel uses for pieces, ranks and random numbers.
static void reserveNames(ProgramOp gate, ProgramText &program) {
  SmallVector<StringRef> words;
  if (gate.hasPieces())
    words = {"piece", "pieces", "piece_begin", "piece_end", "piece_count", "piece_words", "from",    "to",   "total",
             "ends",  "cut",    "is_last",     "bad",       "seen",        "begins_here", "goes_on", "words"};
  if (!llvm::hasSingleElement(gate.getOps<PassOp>()))
    words.push_back("collected");
  if (gate.getLayers())
    words.append({"layer_tokens", "row_place", "next_place", "start_place"});
  if (!gate.getOps<AccumulatorOp>().empty() &&
      llvm::any_of(gate.getOps<AccumulatorOp>(), [](AccumulatorOp op) { return op.getRanked(); }))
    words.append({"counted", "round_rows"});
  if (llvm::any_of(gate.getOps<PassOp>(), [](PassOp pass) { return PassNeeds(pass).random; }))
    words.append({"seed", "offset", "first_token"});
  for (StringRef word : words)
    program.names.fresh(word);
}

/// Names and declares the parameters of all kernels of a program.
static KernelParameterText declareParameters(ProgramOp gate, ProgramText &program) {
  reserveNames(gate, program);
  std::string list, line, onOneLine;
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
                         : role == Role::State       ? "_state"
                                                     : "_out";
    std::string name = program.names.fresh(buffer.getSymName().str() + suffix);
    program.parameters[buffer.getSymName()] = name;
    add(parameterType(buffer) + name);
    if (!comesInLayers(buffer))
      onOneLine += (onOneLine.empty() ? "" : ", ") + parameterType(buffer) + name;
  }
  for (const char *fixed : {"void *accumulators", "void *workspace", "long long token_count", "int phase"})
    add(fixed);
  line.pop_back();
  return {list + line, onOneLine};
}

static std::string joined(const Lines &lines) {
  std::string result;
  for (const std::string &line : lines)
    result += line + "\n";
  return result;
}

/// The program whose gradients `program` computes or whose states it updates, in the same module; null for others.
static ProgramOp forwardOf(ProgramOp program) {
  std::optional<StringRef> name = program.getBackwardOf() ? program.getBackwardOf() : program.getStepOf();
  return name ? dyn_cast_or_null<ProgramOp>(SymbolTable::lookupNearestSymbolFrom(
                    program->getParentOp(), StringAttr::get(program.getContext(), *name)))
              : ProgramOp();
}

/// The programs of one gate: `gate`, then those that compute its gradients and its states.
static SmallVector<ProgramOp> programsOf(ProgramOp gate) {
  SmallVector<ProgramOp> programs{gate};
  if (auto module = dyn_cast<ModuleOp>(gate->getParentOp()))
    for (auto program : module.getOps<ProgramOp>())
      if (program != gate && forwardOf(program) == gate)
        programs.push_back(program);
  return programs;
}

/// The stem of the names of a program's kernels.
static std::string kernelStem(ProgramOp program) {
  if (std::optional<StringRef> forward = program.getBackwardOf())
    return forward->str() + "_backward";
  if (std::optional<StringRef> forward = program.getStepOf())
    return forward->str() + "_step";
  return program.getSymName().str() + "_forward";
}

/// Blocks of passes that rank have the tokens of those that count for them: one grid for all kernels, of as many blocks
/// as any of them has rows for.
static void alignGrids(ProgramOp program, std::vector<CudaKernelInfo> &kernels) {
  uint32_t rows = UINT32_MAX;
  for (const CudaKernelInfo &kernel : kernels)
    rows = std::min(rows, kernel.level ? UINT32_MAX : kernel.rowsPerBlock);
  if (llvm::any_of(program.getOps<AccumulatorOp>(), [](AccumulatorOp op) { return op.getRanked(); }))
    for (CudaKernelInfo &kernel : kernels)
      kernel.rowsPerBlock = kernel.level ? kernel.rowsPerBlock : rows;
}

/// Prints the kernels of one program behind those that `result` has.
static LogicalResult printKernels(ProgramOp program, ProgramText &text, CudaCode &result, DeviceTexts &device) {
  if (failed(checkLayers(program)))
    return failure();
  KernelParameterText parameters = declareParameters(program, text);
  std::string stem = kernelStem(program);
  for (auto accumulator : program.getOps<AccumulatorOp>())
    if (accumulator.getRanked())
      text.rankedQuads += llvm::divideCeil(accumulator.getCount(), 4);
  int64_t before = 64 + coefficientBytes(program) + collectedBytes(program) + rankedBytes(text), handed = 0, number = 0;
  result.kernels.clear();
  for (auto pass : program.getOps<PassOp>()) {
    std::string name = number ? stem + "_pass" + ::text(number + 1) : stem;
    KernelPrinter printer(pass, name, text);
    if (failed(program.getStepOf() ? printer.printStep(parameters) : printer.print(parameters, before)))
      return failure();
    std::string comment;
    if (pass.getReason())
      comment = "// A pass of its own: " + pass.getReason()->str() + "\n";
    result.source +=
        "\n" + joined(printer.layout) + (printer.layout.empty() ? "" : "\n") + comment + joined(printer.code);
    result.kernels.push_back(printer.info);
    handed = std::max(handed, printer.handedBytes());
    device.pieces |= printer.needs.pieces;
    device.ranks |= printer.hasRanks();
    device.words |= printer.hasBitArithmetic();
    device.layers |= program.getLayers().has_value();
    ++number;
  }
  alignGrids(program, result.kernels);
  result.workspaceBytes = before + handed;
  return success();
}

FailureOr<CudaCode> moe::emitCuda(ProgramOp program) {
  ProgramOp gate = forwardOf(program) ? forwardOf(program) : program;
  CudaCode result, printed;
  ProgramText text;
  DeviceTexts device;
  for (ProgramOp part : programsOf(gate)) {
    // Parameters have names of their own in each program; constants at file scope are shared.
    ProgramText own;
    std::swap(own.tables, text.tables);
    std::swap(own.tableNames, text.tableNames);
    for (auto &[elements, name] : own.tableNames)
      own.names.fresh(name);
    if (failed(printKernels(part, own, printed, device)))
      return failure();
    if (part == program) {
      result.kernels = printed.kernels;
      result.workspaceBytes = printed.workspaceBytes;
    }
    text = std::move(own);
  }
  std::string name = gate.getSymName().str();
  result.source = "// The gate '" + name + "', made by moe.\n" + cudaPreludeBegin.str() + "\n" + preludeText +
                  cudaPreludeEnd.str() + "\n\n" + rowsText + (device.words ? std::string("\n") + wordsText : "") +
                  (device.pieces ? std::string("\n") + piecesText : "") +
                  (device.ranks ? std::string("\n") + ranksText : "") +
                  (device.layers ? std::string("\n") + layersText : "") + "\n//===-- " + name + " " +
                  std::string(std::max<int64_t>(3, 111 - static_cast<int64_t>(name.size())), '-') + "===//\n";
  if (!text.tables.empty())
    result.source += "\n" + joined(text.tables);
  result.source += printed.source;
  return result;
}
