// Constant data in the layout of runtime.h. The order of the fields is that of the C structures; sizes are asserted.
#include "compiler/Target/Descriptor.h"
#include "compiler/Target/Layout.h"
#include "moe/runtime.h"
#include "llvm/IR/Constants.h"

using namespace mlir;
using namespace moe;

static_assert(sizeof(moe_axis) == 56 && sizeof(moe_array) == 64 && sizeof(moe_accumulator) == 48 &&
                  sizeof(moe_cpu_pass) == 32 && sizeof(moe_cpu_variant) == 16 && sizeof(moe_cuda_kernel) == 32 &&
                  sizeof(moe_gate) == 152,
              "the descriptor below has the fields of ABI version 4");
static_assert(MOE_ABI_VERSION == 4);

/// The name of the axis that the buffers with a row per piece of a level have; one that is made up without such
/// buffers.
static std::string nameOfPieces(kernel::ProgramOp program, int64_t level) {
  for (auto buffer : program.getOps<kernel::BufferOp>())
    if (buffer.getLevel() == level)
      return cast<StringAttr>(buffer.getAxes()[0]).str();
  return level == 1 ? "piece" : ("piece" + Twine(level)).str();
}

/// Says on axes how the tokens are divided, and their pieces: on those that say so already, on those of the buffers
/// with a row per piece, or on some that are added. They stand in the order of their levels.
static void markPieces(kernel::ProgramOp program, SmallVectorImpl<AxisInfo> &axes) {
  if (!program.hasPieces() || llvm::any_of(axes, [](const AxisInfo &axis) { return axis.isPieces(); }))
    return;
  std::string finer;
  auto mark = [&](int64_t level, auto op) {
    AxisInfo pieces{nameOfPieces(program, level), -1, finer, {}, 0, "", 0};
    if (auto *found = llvm::find_if(axes, [&](const AxisInfo &axis) { return axis.name == pieces.name; });
        found != axes.end()) {
      pieces.of = found->of.empty() ? finer : found->of;
      axes.erase(found);
    }
    pieces.length = op.getLength().value_or(0);
    pieces.offsets = op.getOffsets().value_or("").str();
    pieces.count = op.getCount().value_or(0);
    finer = pieces.name;
    axes.push_back(std::move(pieces));
  };
  int64_t level = 1;
  mark(level, program);
  for (auto outer : program.getOps<kernel::PiecesOp>())
    mark(++level, outer);
}

/// The axis of the layers, which the buffers do not name among their axes.
static void addLayers(kernel::ProgramOp program, SmallVectorImpl<AxisInfo> &axes) {
  for (auto buffer : program.getOps<kernel::BufferOp>())
    if (buffer.getLayered() &&
        llvm::none_of(axes, [&](const AxisInfo &axis) { return axis.name == *buffer.getLayered(); }))
      axes.push_back(
          {buffer.getLayered()->str(), static_cast<int64_t>(program.getLayers().value_or(1)), "", {}, 0, "", 0});
}

SmallVector<AxisInfo> moe::axesOf(kernel::ProgramOp program) {
  SmallVector<AxisInfo> axes;
  auto isKnown = [&](StringRef name) {
    return llvm::any_of(axes, [&](const AxisInfo &axis) { return axis.name == name; });
  };
  if (auto attribute = program->getAttrOfType<ArrayAttr>("moe.axes"))
    for (auto axis : attribute.getAsRange<DictionaryAttr>()) {
      auto name = axis.getAs<StringAttr>("name"), of = axis.getAs<StringAttr>("of");
      auto size = axis.getAs<IntegerAttr>("size");
      auto map = axis.getAs<DenseI32ArrayAttr>("map");
      auto length = axis.getAs<IntegerAttr>("length");
      auto offsets = axis.getAs<StringAttr>("offsets");
      auto count = axis.getAs<IntegerAttr>("count");
      if (name && size && !isKnown(name.getValue()))
        axes.push_back({name.str(), std::max<int64_t>(size.getInt(), -1), of ? of.str() : "",
                        map ? SmallVector<int32_t>(map.asArrayRef()) : SmallVector<int32_t>(),
                        length ? length.getInt() : 0, offsets ? offsets.str() : "", count ? count.getInt() : 0});
    }
  for (auto buffer : program.getOps<kernel::BufferOp>())
    for (auto [name, size] : llvm::zip_equal(buffer.getAxes().getAsValueRange<StringAttr>(), buffer.getSizes()))
      if (!isKnown(name))
        axes.push_back({name.str(), std::max<int64_t>(size, -1), "", {}, 0, "", 0});
  addLayers(program, axes);
  if (program.getStepOf()) // it sees no tokens
    for (AxisInfo &axis : axes)
      axis.length = axis.count = 0, axis.offsets.clear();
  else
    markPieces(program, axes);
  return axes;
}

namespace {

/// Builds constants of one module.
class ConstantBuilder {
public:
  explicit ConstantBuilder(llvm::Module &module)
      : module(module), context(module.getContext()), pointer(llvm::PointerType::get(context, 0)) {}

  llvm::Constant *null() { return llvm::ConstantPointerNull::get(pointer); }
  llvm::Constant *word(uint32_t value) { return llvm::ConstantInt::get(llvm::Type::getInt32Ty(context), value); }
  llvm::Constant *wide(int64_t value) { return llvm::ConstantInt::getSigned(llvm::Type::getInt64Ty(context), value); }
  llvm::Constant *number(double value) { return llvm::ConstantFP::get(llvm::Type::getDoubleTy(context), value); }
  llvm::Constant *record(ArrayRef<llvm::Constant *> fields) { return llvm::ConstantStruct::getAnon(context, fields); }
  llvm::Constant *text(StringRef value) {
    return global(llvm::ConstantDataArray::getString(context, value, /*AddNull=*/true));
  }

  /// Pointer to an array of constants of one type; null when it is empty.
  llvm::Constant *table(ArrayRef<llvm::Constant *> elements) {
    if (elements.empty())
      return null();
    return global(
        llvm::ConstantArray::get(llvm::ArrayType::get(elements.front()->getType(), elements.size()), elements));
  }

  llvm::Constant *global(llvm::Constant *value) {
    auto *variable = new llvm::GlobalVariable(module, value->getType(), /*isConstant=*/true,
                                              llvm::GlobalValue::PrivateLinkage, value, "moe.data");
    if (!value->getType()->isArrayTy() || value->needsRelocation())
      variable->setAlignment(llvm::Align(8));
    return variable;
  }

private:
  llvm::Module &module;
  llvm::LLVMContext &context;
  llvm::PointerType *pointer;
};

} // namespace

static uint32_t dtypeOf(Type type) {
  if (type.isF32())
    return MOE_F32;
  if (type.isF64())
    return MOE_F64;
  if (type.isBF16())
    return MOE_BF16;
  if (type.isF16())
    return MOE_F16;
  return type.isInteger(64) ? MOE_I64 : type.isInteger(32) ? MOE_I32 : type.isInteger(16) ? MOE_I16 : MOE_BOOL;
}

static uint32_t roleOf(kernel::Role role) {
  switch (role) {
  case kernel::Role::Input:
    return MOE_INPUT;
  case kernel::Role::Param:
    return MOE_PARAM;
  case kernel::Role::Output:
    return MOE_OUTPUT;
  case kernel::Role::Loss:
    return MOE_LOSS;
  case kernel::Role::Metric:
    return MOE_METRIC;
  case kernel::Role::Status:
    return MOE_STATUS_WORD;
  case kernel::Role::Coefficient:
    return MOE_COEFFICIENT;
  case kernel::Role::Saved:
    return MOE_SAVED;
  case kernel::Role::State:
    return MOE_STATE;
  }
  llvm_unreachable("all roles are covered");
}

static uint32_t combineOf(kernel::Combine combine) {
  switch (combine) {
  case kernel::Combine::Sum:
    return MOE_SUM;
  case kernel::Combine::Max:
    return MOE_MAX;
  case kernel::Combine::Min:
    return MOE_MIN;
  case kernel::Combine::MaxNum:
    return MOE_MAXNUM;
  }
  llvm_unreachable("all kinds are covered");
}

static llvm::Constant *axisTable(ConstantBuilder &constants, ArrayRef<AxisInfo> axes) {
  SmallVector<llvm::Constant *> entries;
  for (const AxisInfo &axis : axes) {
    SmallVector<llvm::Constant *> map;
    for (int32_t group : axis.map)
      map.push_back(constants.word(group));
    entries.push_back(constants.record({constants.text(axis.name), constants.wide(axis.size),
                                        axis.of.empty() ? constants.null() : constants.text(axis.of),
                                        constants.table(map), constants.wide(axis.length),
                                        axis.offsets.empty() ? constants.null() : constants.text(axis.offsets),
                                        constants.wide(axis.count)}));
  }
  return constants.table(entries);
}

static llvm::Constant *arrayEntry(ConstantBuilder &constants, kernel::BufferOp buffer) {
  SmallVector<llvm::Constant *> sizes, names;
  auto program = buffer->getParentOfType<kernel::ProgramOp>();
  if (buffer.getLayered()) {
    sizes.push_back(constants.wide(program.getLayers().value_or(1)));
    names.push_back(constants.text(*buffer.getLayered()));
  }
  for (int64_t size : buffer.getSizes())
    sizes.push_back(constants.wide(size));
  for (StringRef name : buffer.getAxes().getAsValueRange<StringAttr>())
    names.push_back(constants.text(name));
  double init = buffer.getInit() ? buffer.getInit()->convertToDouble() : 0.0;
  return constants.record(
      {constants.text(buffer.getSymName()), constants.word(roleOf(buffer.getRole())),
       constants.word(dtypeOf(buffer.getType())), constants.word(sizes.size()),
       constants.word((buffer.getAdds() ? MOE_ARRAY_ADDS : 0) | (buffer.getLayered() ? MOE_ARRAY_LAYERED : 0)),
       constants.table(sizes), constants.table(names), constants.number(init),
       constants.wide(buffer.getPerToken().value_or(0)), constants.wide(buffer.getExtra().value_or(0))});
}

static llvm::Constant *variantTable(ConstantBuilder &constants, kernel::ProgramOp program,
                                    ArrayRef<VariantFunctions> variants) {
  SmallVector<llvm::Constant *> entries;
  for (const VariantFunctions &variant : variants) {
    SmallVector<llvm::Constant *> passes;
    for (auto [code, pass] : llvm::zip_equal(variant.passes, program.getOps<kernel::PassOp>())) {
      auto [rows, pieces, finish] = code;
      passes.push_back(constants.record(
          {rows, pieces ? pieces : constants.null(), finish, constants.word(pass.getLevel()), constants.word(0)}));
    }
    entries.push_back(constants.record({constants.text(variant.isa), constants.table(passes)}));
  }
  return constants.table(entries);
}

/// The pass that adds to an accumulator, and the one that counts on from it.
static std::pair<uint32_t, uint32_t> passesOf(kernel::ProgramOp program, StringRef accumulator) {
  uint32_t collects = 0, ranks = 0;
  for (auto [index, pass] : llvm::enumerate(program.getOps<kernel::PassOp>()))
    pass.walk([&, i = index](Operation *op) {
      auto add = dyn_cast<kernel::AccumulateOp>(op);
      auto count = dyn_cast<kernel::CountOp>(op);
      auto rank = dyn_cast<kernel::RankOp>(op);
      if ((add && add.getAccumulator() == accumulator) || (count && count.getAccumulator() == accumulator))
        collects = i;
      if (rank && rank.getAccumulator() == accumulator)
        ranks = i;
    });
  return {collects, ranks};
}

static llvm::Constant *accumulatorEntry(ConstantBuilder &constants, kernel::AccumulatorOp accumulator,
                                        uint64_t offset) {
  auto program = accumulator->getParentOfType<kernel::ProgramOp>();
  auto [pass, rankPass] = passesOf(program, accumulator.getSymName());
  // What no pass counts on from needs no counters.
  uint32_t flags = (accumulator.getPerPiece() ? MOE_PER_PIECE : 0) | (rankPass ? MOE_RANKED : 0);
  if (program.getStepOf()) // it finds them in the caller's block
    flags = 0;
  return constants.record(
      {constants.text(accumulator.getSymName()), constants.word(combineOf(accumulator.getCombine())),
       constants.word(dtypeOf(accumulator.getType())), constants.wide(accumulator.getCount()), constants.wide(offset),
       constants.word(flags), constants.word(pass), constants.word(rankPass), constants.word(0)});
}

llvm::Constant *moe::addText(llvm::Module &module, StringRef text) { return ConstantBuilder(module).text(text); }

llvm::GlobalVariable *moe::addDescriptor(llvm::Module &module, kernel::ProgramOp program,
                                         const DescriptorParts &parts) {
  ConstantBuilder constants(module);
  SmallVector<AxisInfo> axes = axesOf(program);
  SmallVector<llvm::Constant *> arrays, accumulators, kernels;
  for (auto buffer : program.getOps<kernel::BufferOp>())
    arrays.push_back(arrayEntry(constants, buffer));
  AccumulatorLayout layout(program);
  for (auto accumulator : program.getOps<kernel::AccumulatorOp>())
    accumulators.push_back(accumulatorEntry(constants, accumulator, layout.offsetOf(accumulator.getSymName())));
  if (parts.cuda)
    for (const CudaKernelInfo &kernel : parts.cuda->kernels)
      kernels.push_back(constants.record({constants.text(kernel.name), constants.word(kernel.threads),
                                          constants.word(kernel.rowsPerBlock), constants.word(kernel.sharedBytes),
                                          constants.word(kernel.maxBlocks), constants.word(kernel.flags),
                                          constants.word(kernel.level)}));
  size_t passCount = llvm::range_size(program.getOps<kernel::PassOp>());
  auto wholeBatch = program->getAttrOfType<StringAttr>("moe.whole_batch");
  llvm::Constant *gate = constants.record({constants.word(sizeof(moe_gate)),
                                           constants.word(MOE_ABI_VERSION),
                                           constants.text(program.getSymName()),
                                           constants.word(axes.size()),
                                           constants.word(arrays.size()),
                                           axisTable(constants, axes),
                                           constants.table(arrays),
                                           constants.word(accumulators.size()),
                                           constants.word(passCount),
                                           constants.table(accumulators),
                                           constants.wide(layout.bytes),
                                           constants.wide(coefficientBytes(program)),
                                           constants.wide(parts.scratchBytes),
                                           constants.word(parts.variants.size()),
                                           constants.word(kernels.size()),
                                           variantTable(constants, program, parts.variants),
                                           parts.cuda ? parts.cudaSource : constants.null(),
                                           constants.table(kernels),
                                           constants.wide(parts.cuda ? parts.cuda->workspaceBytes : 0),
                                           parts.backward ? parts.backward : constants.null(),
                                           parts.step ? parts.step : constants.null(),
                                           wholeBatch ? constants.text(wholeBatch.getValue()) : constants.null(),
                                           constants.word(program.getLayers().value_or(0)),
                                           constants.word(0)});
  assert(module.getDataLayout().getTypeAllocSize(gate->getType()) == sizeof(moe_gate) &&
         "the fields are those of runtime.h");
  auto *symbol =
      new llvm::GlobalVariable(module, gate->getType(), /*isConstant=*/true, llvm::GlobalValue::ExternalLinkage, gate,
                               descriptorSymbol(program.getSymName()));
  symbol->setAlignment(llvm::Align(8));
  return symbol;
}
