// Verifiers of the moe_kernel operations.
#include "dialects/MoeKernel/IR/MoeKernel.h"
#include "mlir/IR/Builders.h"

using namespace mlir;
using namespace moe::kernel;

#define GET_OP_CLASSES
#include "dialects/MoeKernel/IR/MoeKernelOps.cpp.inc"

SmallVector<int32_t> moe::kernel::groupsOf(std::optional<ArrayRef<int32_t>> groups, int64_t size, int64_t count) {
  if (groups)
    return SmallVector<int32_t>(*groups);
  SmallVector<int32_t> blocks(size);
  for (int64_t e = 0; e < size; ++e)
    blocks[e] = e / (size / count);
  return blocks;
}

bool moe::kernel::areEqualBlocks(std::optional<ArrayRef<int32_t>> groups, int64_t size, int64_t count) {
  return size % count == 0 && (!groups || *groups == ArrayRef<int32_t>(groupsOf(std::nullopt, size, count)));
}

BufferOp moe::kernel::lookupBuffer(Operation *op, StringRef name) {
  auto program = op->getParentOfType<ProgramOp>();
  return program ? dyn_cast_or_null<BufferOp>(SymbolTable::lookupSymbolIn(program, name)) : BufferOp();
}

AccumulatorOp moe::kernel::lookupAccumulator(Operation *op, StringRef name) {
  auto program = op->getParentOfType<ProgramOp>();
  return program ? dyn_cast_or_null<AccumulatorOp>(SymbolTable::lookupSymbolIn(program, name)) : AccumulatorOp();
}

bool moe::kernel::isInFinish(Operation *op) {
  auto pass = op->getParentOfType<PassOp>();
  return pass && pass.getFinish().isAncestor(op->getParentRegion());
}

static std::string text(Type type) {
  std::string result;
  llvm::raw_string_ostream(result) << type;
  return result;
}

//===-- Structure ---------------------------------------------------------------------------------------------------===//

LogicalResult BufferOp::verify() {
  Type type = getType();
  if (!type.isF32() && !type.isF64() && !type.isBF16() && !type.isF16() && !type.isInteger(32) && !type.isInteger(64) && !type.isInteger(1))
    return emitOpError("holds elements of type ") << type << ", expected f32, f64, bf16, f16, i32, i64 or i1";
  if (getAxes().size() != getSizes().size())
    return emitOpError("names ") << getAxes().size() << " axes, but has " << getSizes().size() << " sizes";
  for (auto [i, size] : llvm::enumerate(getSizes()))
    if (size == 0 || size < -1 || (size == -1 && i > 0))
      return emitOpError("has size ") << size << " on axis " << i << "; sizes are positive, and -1 only for the outermost axis";
  if (getSizes().size() > (isPerToken() ? 2u : 1u))
    return emitOpError("has rank ") << getSizes().size() << "; a row has one axis, after that of the tokens";
  return success();
}

LogicalResult AccumulatorOp::verify() {
  if (!getType().isF32() && !getType().isF64() && !getType().isInteger(32))
    return emitOpError("collects elements of type ") << getType() << ", expected f32, f64 or i32";
  if (getSizes().size() > 1 || llvm::any_of(getSizes(), [](int64_t size) { return size < 1; }))
    return emitOpError("has sizes other than [] or one positive number");
  return success();
}

//===-- Memory ------------------------------------------------------------------------------------------------------===//

/// What a buffer or accumulator element looks like in a register.
static Type registerType(Type element) {
  return element.isBF16() || element.isF16() ? Float32Type::get(element.getContext()) : element;
}

static LogicalResult checkAccess(Operation *op, StringRef name, Type value, bool write) {
  BufferOp buffer = lookupBuffer(op, name);
  if (!buffer)
    return op->emitOpError("names '") << name << "', which is not a buffer of this program";
  if (buffer.isPerToken() && isInFinish(op))
    return op->emitOpError("accesses '") << name << "', which has a row per token, after all tokens";
  if (write && (buffer.getRole() == Role::Input || buffer.getRole() == Role::Param))
    return op->emitOpError("writes '") << name << "', which is an " << stringifyRole(buffer.getRole());
  if (write && !buffer.isPerToken() && !isInFinish(op))
    return op->emitOpError("writes '") << name << "', which is one array for all tokens, once per token";
  size_t rank = buffer.getSizes().size() - buffer.isPerToken();
  Type element = registerType(buffer.getType());
  Type expected = rank == 0 ? element : Type(RowType::get(op->getContext(), buffer.getRowSize(), element));
  if (value != expected)
    return op->emitOpError("has type ") << text(value) << ", but '" << name << "' holds " << text(expected);
  return success();
}

LogicalResult LoadOp::verify() { return checkAccess(*this, getBuffer(), getResult().getType(), false); }
LogicalResult StoreOp::verify() { return checkAccess(*this, getBuffer(), getValue().getType(), true); }

static LogicalResult checkAccumulator(Operation *op, StringRef name, Type value, bool finish) {
  AccumulatorOp accumulator = lookupAccumulator(op, name);
  if (!accumulator)
    return op->emitOpError("names '") << name << "', which is not an accumulator of this program";
  if (isInFinish(op) != finish)
    return op->emitOpError(finish ? "reads an accumulator before all tokens are in" : "accumulates after all tokens");
  if (!value)
    return success();
  Type element = accumulator.getType();
  Type expected = accumulator.getSizes().empty() ? element : Type(RowType::get(op->getContext(), accumulator.getCount(), element));
  if (value != expected)
    return op->emitOpError("has type ") << text(value) << ", but '" << name << "' holds " << text(expected);
  return success();
}

LogicalResult AccumulateOp::verify() { return checkAccumulator(*this, getAccumulator(), getValue().getType(), false); }
LogicalResult ReadOp::verify() { return checkAccumulator(*this, getAccumulator(), getResult().getType(), true); }
LogicalResult CountOp::verify() {
  if (failed(checkAccumulator(*this, getAccumulator(), Type(), false)))
    return failure();
  AccumulatorOp accumulator = lookupAccumulator(*this, getAccumulator());
  if (!accumulator.getType().isInteger(32) || accumulator.getCombine() != Combine::Sum || accumulator.getSizes().empty())
    return emitOpError("counts into '") << getAccumulator() << "', which is not a row of i32 sums";
  return success();
}

//===-- Rows --------------------------------------------------------------------------------------------------------===//

LogicalResult MapOp::verify() {
  if (getNumResults() == 0)
    return emitOpError("makes nothing");
  for (Type type : llvm::concat<const Type>(getInputs().getTypes(), getResultTypes()))
    if (cast<RowType>(type).getSize() != getRowSize())
      return emitOpError("mixes rows of ") << cast<RowType>(type).getSize() << " and " << getRowSize() << " elements";
  return success();
}

LogicalResult MapOp::verifyRegions() {
  Block &block = getBody().front();
  if (block.getNumArguments() != getInputs().size())
    return emitOpError("has ") << getInputs().size() << " inputs, but its body takes " << block.getNumArguments();
  for (auto [argument, input] : llvm::zip_equal(block.getArguments(), getInputs()))
    if (argument.getType() != cast<RowType>(input.getType()).getElementType())
      return emitOpError("passes ") << input.getType() << " to a body argument of type " << argument.getType();
  auto yield = dyn_cast<YieldOp>(block.back());
  if (!yield || yield.getValues().size() != getNumResults())
    return emitOpError("yields other than one value per result");
  for (auto [value, result] : llvm::zip_equal(yield.getValues(), getResults()))
    if (value.getType() != cast<RowType>(result.getType()).getElementType())
      return emitOpError("yields ") << value.getType() << " for a result of type " << result.getType();
  return success();
}

/// `fine` elements in `coarse` groups must be equal blocks, or mapped onto all groups.
static LogicalResult checkGroups(Operation *op, std::optional<ArrayRef<int32_t>> groups, int64_t fine, int64_t coarse) {
  if (!groups) {
    if (fine % coarse != 0)
      return op->emitOpError("makes ") << coarse << " equal groups of " << fine << " elements";
    return success();
  }
  if (static_cast<int64_t>(groups->size()) != fine)
    return op->emitOpError("groups ") << groups->size() << " elements, but the row has " << fine;
  SmallVector<bool> seen(coarse, false);
  for (int32_t group : *groups) {
    if (group < 0 || group >= coarse)
      return op->emitOpError("names group ") << group << ", outside 0.." << coarse - 1;
    seen[group] = true;
  }
  if (llvm::is_contained(seen, false))
    return op->emitOpError("leaves a group empty");
  return success();
}

LogicalResult moe::kernel::ReduceOp::verify() {
  RowType row = cast<RowType>(getInput().getType());
  auto result = dyn_cast<RowType>(getResult().getType());
  if ((result ? result.getElementType() : getResult().getType()) != row.getElementType())
    return emitOpError("changes the element type");
  if (!result)
    return getGroups() ? emitOpError("has groups, but a scalar result") : success();
  return checkGroups(*this, getGroups(), row.getSize(), result.getSize());
}

LogicalResult GroupTopSumOp::verify() {
  RowType row = cast<RowType>(getInput().getType()), result = cast<RowType>(getResult().getType());
  if (failed(checkGroups(*this, getGroups(), row.getSize(), result.getSize())))
    return failure();
  SmallVector<int64_t> sizes(result.getSize(), 0);
  for (int32_t group : groupsOf(getGroups(), row.getSize(), result.getSize()))
    ++sizes[group];
  int64_t n = getN();
  if (n < 1 || n > *llvm::min_element(sizes))
    return emitOpError("adds ") << n << " elements of groups that hold " << *llvm::min_element(sizes);
  return success();
}

LogicalResult ExpandOp::verify() {
  RowType row = cast<RowType>(getInput().getType()), result = cast<RowType>(getResult().getType());
  if (row.getElementType() != result.getElementType())
    return emitOpError("changes the element type");
  return checkGroups(*this, getGroups(), result.getSize(), row.getSize());
}

LogicalResult TopkOp::verify() {
  RowType row = cast<RowType>(getInput().getType()), indices = cast<RowType>(getIndices().getType()),
          values = cast<RowType>(getValues().getType());
  if (indices.getSize() != values.getSize() || indices.getSize() > row.getSize())
    return emitOpError("picks ") << indices.getSize() << " positions and " << values.getSize() << " values of " << row.getSize();
  if (values.getElementType() != row.getElementType())
    return emitOpError("changes the element type");
  if (getMask() && cast<RowType>(getMask().getType()).getSize() != row.getSize())
    return emitOpError("has a mask of another size");
  return success();
}

LogicalResult GatherOp::verify() {
  RowType row = cast<RowType>(getInput().getType()), result = cast<RowType>(getResult().getType());
  if (row.getElementType() != result.getElementType() || result.getSize() != cast<RowType>(getIndices().getType()).getSize())
    return emitOpError("has a result of another size or element type than its indices and input");
  return success();
}

LogicalResult SliceOp::verify() {
  RowType row = cast<RowType>(getInput().getType()), result = cast<RowType>(getResult().getType());
  if (row.getElementType() != result.getElementType() || result.getSize() > row.getSize())
    return emitOpError("takes ") << result << " from " << row;
  return success();
}

LogicalResult ExtractOp::verify() {
  RowType row = cast<RowType>(getInput().getType());
  if (static_cast<int64_t>(getPosition()) < 0 || static_cast<int64_t>(getPosition()) >= row.getSize())
    return emitOpError("takes element ") << getPosition() << " of " << row;
  if (getResult().getType() != row.getElementType())
    return emitOpError("changes the element type");
  return success();
}
