// Verifiers of the moe_kernel operations.
#include "dialects/MoeKernel/IR/MoeKernel.h"
#include "mlir/IR/Builders.h"
#include "llvm/ADT/StringSet.h"

using namespace mlir;
using namespace moe::kernel;

/// A region of one block, which may be empty.
static ParseResult parseBody(OpAsmParser &parser, Region &body) {
  if (parser.parseRegion(body))
    return failure();
  if (body.empty())
    body.emplaceBlock();
  return success();
}
static void printBody(OpAsmPrinter &printer, Operation *, Region &body) {
  printer.printRegion(body, /*printEntryBlockArgs=*/false);
}

/// The pieces region of a pass, or nothing.
static ParseResult parsePiecesBody(OpAsmParser &parser, Region &body) {
  return succeeded(parser.parseOptionalKeyword("pieces")) ? parseBody(parser, body) : success();
}
static void printPiecesBody(OpAsmPrinter &printer, Operation *op, Region &body) {
  if (body.empty())
    return;
  printer << "pieces ";
  printBody(printer, op, body);
  printer << ' ';
}

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

int64_t BufferOp::getLevel() {
  int64_t first = getSizes().empty() ? 0 : getSizes()[0];
  if (first == -1 || first == -2)
    return -1 - first;
  return first <= -5 && first % 2 != 0 ? (-first - 1) / 2 : -1;
}

int64_t ProgramOp::getDepth() {
  auto outer = getBody().getOps<PiecesOp>();
  return hasPieces() + std::distance(outer.begin(), outer.end());
}

StringRef ProgramOp::getOffsetsOf(int64_t level) {
  if (level == 0)
    return getOffsets().value_or(StringRef());
  for (PiecesOp pieces : getBody().getOps<PiecesOp>())
    if (--level == 0)
      return pieces.getOffsets().value_or(StringRef());
  return {};
}

int64_t moe::kernel::levelOf(Operation *op) {
  auto pass = isa<PassOp>(op) ? cast<PassOp>(op) : op->getParentOfType<PassOp>();
  return pass ? static_cast<int64_t>(pass.getLevel()) : 0;
}

bool moe::kernel::isPerRow(BufferOp buffer, Operation *op) {
  return buffer.getLevel() >= 0 && buffer.getLevel() == levelOf(op);
}
bool moe::kernel::isPerPiece(BufferOp buffer, Operation *op) { return buffer.getLevel() == levelOf(op) + 1; }

bool moe::kernel::isInFinish(Operation *op) {
  auto pass = op->getParentOfType<PassOp>();
  return pass && pass.getFinish().isAncestor(op->getParentRegion());
}

bool moe::kernel::isInPieces(Operation *op) {
  auto pass = op->getParentOfType<PassOp>();
  return pass && pass.getPieces().isAncestor(op->getParentRegion());
}

SmallVector<Region *> PassOp::getBodies() {
  SmallVector<Region *> bodies{&getRows()};
  if (!getPieces().empty())
    bodies.push_back(&getPieces());
  bodies.push_back(&getFinish());
  return bodies;
}

static std::string text(Type type) {
  std::string result;
  llvm::raw_string_ostream(result) << type;
  return result;
}

//===-- Structure
//---------------------------------------------------------------------------------------------------===//

/// How many times tokens may be divided.
static constexpr int64_t maxDepth = 6;

/// Whether a buffer has one more element than there are pieces (of level 1 or more).
static bool isBounds(BufferOp op) {
  ArrayRef<int64_t> sizes = op.getSizes();
  return !sizes.empty() && sizes[0] < 0 && op.getLevel() < 0 && sizes[0] != -4;
}

/// The sizes of a buffer: tokens or pieces first if at all, then at most one row.
static LogicalResult verifySizes(BufferOp op) {
  ArrayRef<int64_t> sizes = op.getSizes();
  if (op.getAxes().size() != sizes.size())
    return op.emitOpError("names ") << op.getAxes().size() << " axes, but has " << sizes.size() << " sizes";
  for (auto [i, size] : llvm::enumerate(sizes))
    if (size == 0 || size < -2 * (maxDepth + 1) || size > RowType::maxSize || (size < 0 && i > 0))
      return op.emitOpError("has size ") << size << " on axis " << i << "; sizes are 1 to " << RowType::maxSize
                                         << ", and negative only for the outermost axis";
  size_t outer = !sizes.empty() && sizes[0] < 0 ? 1 : 0;
  if (sizes.size() > (outer && op.getLevel() < 0 ? 1u : outer + 1))
    return op.emitOpError("has rank ") << sizes.size()
                                       << "; after the axis of the tokens or pieces, a buffer has one axis at most";
  return success();
}

LogicalResult BufferOp::verify() {
  Type type = getType();
  bool isOutput = getRole() == Role::Output;
  if (!type.isF32() && !type.isF64() && !type.isBF16() && !type.isF16() && !type.isInteger(32) && !type.isInteger(1) &&
      !(isOutput && (type.isInteger(16) || type.isInteger(64))))
    return emitOpError("holds elements of type ")
           << type << ", expected f32, f64, bf16, f16, i32 or i1, in outputs also i16 or i64";
  if (failed(verifySizes(*this)))
    return failure();
  bool hasRunTimeAxis = !getSizes().empty() && getSizes()[0] < 0;
  if (hasRunTimeAxis && getRole() != Role::Input && !isOutput && getRole() != Role::Saved &&
      getRole() != Role::Coefficient)
    return emitOpError("is a ")
           << stringifyRole(getRole())
           << " with a row per token or piece; only inputs, outputs, saved arrays and coefficients "
              "have that";
  if (getLayered() && (!hasRunTimeAxis || getLevel() < 0 || (getRole() != Role::Input && !isOutput)))
    return emitOpError("is layered, as only inputs and outputs with a row per token or piece can be");
  if (isBounds(*this) && (getRole() != Role::Input || !type.isInteger(32)))
    return emitOpError("has one more element than there are pieces, as only an input of i32 offsets has");
  bool isOrder = hasRunTimeAxis && getSizes()[0] == -4;
  if (isOrder && (!isOutput || !type.isInteger(32)))
    return emitOpError("has size -4, as only an output of i32 has");
  if (isOrder != getPerToken().has_value() || isOrder != getExtra().has_value())
    return emitOpError()
           << (isOrder ? "has size -4, but does not say how many elements that are: write `per_token` and `extra`"
                       : "has `per_token` or `extra` elements, but not size -4");
  if (isOrder && (static_cast<int64_t>(*getPerToken()) < 1 || static_cast<int64_t>(*getExtra()) < 0))
    return emitOpError("holds ") << static_cast<int64_t>(*getPerToken()) << " elements per token and "
                                 << static_cast<int64_t>(*getExtra()) << " more";
  if (getAdds() && (getRole() != Role::Output || !isa<FloatType>(type)))
    return emitOpError("adds to what stands in it, which only an output of floats can");
  bool isParam = getRole() == Role::Param;
  if (isParam && !getSizes().empty())
    return emitOpError("is a param with axes; a param is one value");
  bool hasInit = isParam || getRole() == Role::State;
  if (hasInit != getInit().has_value())
    return emitOpError() << (hasInit ? "is a " : "has a default, but is not a ")
                         << (hasInit ? stringifyRole(getRole()) : StringRef("param or state"))
                         << (hasInit ? " without default: write `init`" : "");
  return success();
}

LogicalResult AccumulatorOp::verify() {
  if (!getType().isF32() && !getType().isF64() && !getType().isInteger(32))
    return emitOpError("collects elements of type ") << getType() << ", expected f32, f64 or i32";
  if (getSizes().size() > 1 ||
      llvm::any_of(getSizes(), [](int64_t size) { return size < 1 || size > RowType::maxSize; }))
    return emitOpError("has sizes other than [] or one from 1 to ") << RowType::maxSize;
  if (getCombine() == Combine::MaxNum && getType().isInteger(32))
    return emitOpError("combines i32 by maxnum, which is for floats: use max");
  if (getRanked() && (!getType().isInteger(32) || getCombine() != Combine::Sum || getSizes().empty()))
    return emitOpError("is ranked, but not a row of i32 sums");
  return success();
}

/// What a pass may hold: rows and scalars of the types that the targets have registers for.
static LogicalResult checkValues(Operation *op) {
  for (Type type : op->getResultTypes())
    if (!isa<RowType>(type) && !type.isIntOrFloat())
      return op->emitOpError("makes a value of type ") << type << "; the values of a pass are rows and scalars";
  return success();
}

LogicalResult PassOp::verifyRegions() {
  for (Region *region : getBodies())
    for (Operation &op : region->front()) {
      if (op.getNumRegions() != 0 && !isa<MapOp>(op))
        return op.emitOpError("has a region; in a pass only moe_kernel.map has one");
      if (failed(checkValues(&op)))
        return failure();
      auto index = dyn_cast<IndexOp>(op);
      bool isNumber = index && (index.getWhat() == Position::TokenLow || index.getWhat() == Position::TokenHigh);
      if (getLevel() != 0 &&
          (isNumber || isa<RankOp, LoadAtOp, StoreAtOp>(op) || (isa<SizeOp>(op) && region != &getFinish())))
        return op.emitOpError("is about tokens, in a pass over level ") << static_cast<int64_t>(getLevel());
    }
  return success();
}

/// What a program, or one of its operations, says of pieces: one way to divide, with an array of offsets that is one.
template <typename Op> static LogicalResult verifyPieces(Op op, ProgramOp program, int64_t bounds) {
  if (op.getLength().has_value() + op.getOffsets().has_value() + op.getCount().has_value() > 1)
    return op.emitOpError("has more than one of length, offsets and count of pieces; one of them says where they are");
  if (op.getLength() && static_cast<int64_t>(*op.getLength()) < 1)
    return op.emitOpError("has pieces of length ") << static_cast<int64_t>(*op.getLength()) << "; expected 1 or more";
  if (op.getCount() && static_cast<int64_t>(*op.getCount()) < 1)
    return op.emitOpError("has ") << static_cast<int64_t>(*op.getCount()) << " pieces; expected 1 or more";
  if (!op.getOffsets())
    return success();
  auto offsets = dyn_cast_or_null<BufferOp>(SymbolTable::lookupSymbolIn(program, *op.getOffsets()));
  if (!offsets || offsets.getSizes().size() != 1 || offsets.getSizes()[0] != bounds)
    return op.emitOpError("takes the offsets of its pieces from '")
           << *op.getOffsets() << "', which is not a buffer of sizes [" << bounds << "]";
  return success();
}

/// All levels of pieces of a program.
static LogicalResult verifyLevels(ProgramOp program) {
  if (failed(verifyPieces(program, program, -3)))
    return failure();
  if (program.getLayers() && static_cast<int64_t>(*program.getLayers()) < 1)
    return program.emitOpError("has ") << static_cast<int64_t>(*program.getLayers()) << " layers; expected 1 or more";
  int64_t level = 1;
  for (PiecesOp pieces : program.getBody().getOps<PiecesOp>()) {
    if (!program.hasPieces())
      return pieces.emitOpError("divides pieces in a program without pieces");
    if (!pieces.getLength() && !pieces.getOffsets() && !pieces.getCount())
      return pieces.emitOpError("has neither length, offsets nor count");
    ++level;
    if (level > maxDepth)
      return pieces.emitOpError("is level ") << level << " of pieces; " << maxDepth << " is the most";
    if (failed(verifyPieces(pieces, program, -2 * level - 2)))
      return failure();
  }
  for (BufferOp buffer : program.getBody().getOps<BufferOp>()) {
    if (buffer.getLevel() > program.getDepth())
      return buffer.emitOpError("has a row per piece of level ")
             << buffer.getLevel() << " in a program with " << program.getDepth();
    if (buffer.getLayered() && !program.getLayers())
      return buffer.emitOpError("is layered in a program without layers");
  }
  return success();
}

LogicalResult ProgramOp::verifyRegions() {
  if (failed(verifyLevels(*this)))
    return failure();
  llvm::StringSet<> known; // coefficients that an earlier pass has stored
  Operation *pass = nullptr;
  for (Operation &op : getBody().front()) {
    if (!isa<PiecesOp, BufferOp, AccumulatorOp, PassOp>(op))
      return op.emitOpError(
          "has no place in a program, which holds levels of pieces, buffers, accumulators and passes");
    if (!isa<PassOp>(op)) {
      if (pass)
        return op.emitOpError("is declared after a pass; declarations come first");
      continue;
    }
    auto current = cast<PassOp>(op);
    if (getStepOf() && (pass || !current.getRows().front().empty() || !current.getPieces().empty()))
      return op.emitOpError("has no place in a step, which is one pass with finish only");
    pass = &op;
    int64_t level = current.getLevel();
    if (level < 0 || (level > 0 && level > getDepth()))
      return op.emitOpError("runs over level ") << level << " in a program whose levels are 0 to " << getDepth();
    if (!current.getPieces().empty() && level >= getDepth())
      return op.emitOpError("has a pieces region in a program without pieces") << (level ? " of that level" : "");
    llvm::StringSet<> stored;
    WalkResult result = op.walk([&](Operation *inner) {
      if (auto store = dyn_cast<StoreOp>(inner)) {
        stored.insert(store.getBuffer());
        BufferOp into = lookupBuffer(store, store.getBuffer());
        if (isInFinish(store) && current->getNextNode() && into && into.getRole() != Role::Coefficient &&
            into.getRole() != Role::Output) {
          store.emitOpError("stores '") << store.getBuffer() << "' in the finish of a pass before the last one, which "
                                        << "makes coefficients, and outputs of this call";
          return WalkResult::interrupt();
        }
      }
      auto load = dyn_cast<LoadOp>(inner);
      auto loadAt = dyn_cast<LoadAtOp>(inner);
      StringRef name = load ? load.getBuffer() : loadAt ? loadAt.getBuffer() : StringRef();
      BufferOp buffer = lookupBuffer(inner, name);
      if (!buffer || buffer.getRole() != Role::Coefficient || known.contains(name))
        return WalkResult::advance();
      inner->emitOpError("loads coefficient '") << name << "', which no earlier pass stores";
      return WalkResult::interrupt();
    });
    if (result.wasInterrupted())
      return failure();
    for (StringRef name : stored.keys())
      known.insert(name);
  }
  return success();
}

//===-- Memory
//------------------------------------------------------------------------------------------------------===//

/// What a buffer or accumulator element looks like in a register.
static Type registerType(Type element) {
  if (element.isInteger(16) || element.isInteger(64))
    return IntegerType::get(element.getContext(), 32);
  return element.isBF16() || element.isF16() ? Float32Type::get(element.getContext()) : element;
}

/// Which region of a pass `op` is in, for messages.
static StringRef regionName(Operation *op) { return isInFinish(op) ? "finish" : isInPieces(op) ? "pieces" : "rows"; }

/// Where the rows of a buffer are at hand.
static LogicalResult checkPlace(Operation *op, BufferOp buffer, bool write) {
  StringRef region = regionName(op);
  if (isBounds(buffer))
    return op->emitOpError("accesses the offsets of the pieces '")
           << buffer.getSymName() << "'; moe_kernel.index says where a piece is";
  if (!buffer.getSizes().empty() && buffer.getSizes()[0] == -4)
    return op->emitOpError("writes '") << buffer.getSymName()
                                       << "', which moe_kernel.store_at writes element by element";
  bool perRow = isPerRow(buffer, op), perPiece = isPerPiece(buffer, op), perCall = buffer.getLevel() < 0;
  if (!perRow && !perPiece && !perCall)
    return op->emitOpError("accesses '") << buffer.getSymName() << "', which has rows of level " << buffer.getLevel()
                                         << ", in a pass over level " << levelOf(op);
  if (perRow && region != "rows")
    return op->emitOpError("accesses '") << buffer.getSymName() << "', which has a row per token, after all tokens";
  if (perPiece && (region == "finish" || (write && region == "rows")))
    return op->emitOpError("accesses '") << buffer.getSymName() << "', which has a row per piece, in the " << region
                                         << " region";
  if (write && perCall && region == "rows")
    return op->emitOpError("writes '") << buffer.getSymName() << "', which is one array for all tokens, once per token";
  if (write && perCall && region == "pieces")
    return op->emitOpError("writes '") << buffer.getSymName() << "', which is one array for all tokens, once per piece";
  return success();
}

static LogicalResult checkAccess(Operation *op, StringRef name, Type value, bool write) {
  BufferOp buffer = lookupBuffer(op, name);
  if (!buffer)
    return op->emitOpError("names '") << name << "', which is not a buffer of this program";
  bool isStep = op->getParentOfType<ProgramOp>().getStepOf().has_value();
  bool given = buffer.getRole() == Role::Input || buffer.getRole() == Role::Param || buffer.getRole() == Role::State;
  bool both = buffer.getRole() == Role::Coefficient || buffer.getRole() == Role::Saved ||
              (buffer.getRole() == Role::State && isStep);
  if (!both && write == given)
    return op->emitOpError(write ? "writes '" : "reads '")
           << name << "', which has role " << stringifyRole(buffer.getRole());
  if (failed(checkPlace(op, buffer, write)))
    return failure();
  if (failed(buffer.verify()))
    return failure();
  size_t rank = buffer.getSizes().size() - (buffer.getLevel() >= 0);
  Type element = registerType(buffer.getType());
  Type expected = rank == 0 ? element : Type(RowType::get(op->getContext(), buffer.getRowSize(), element));
  if (value != expected)
    return op->emitOpError("has type ") << text(value) << ", but '" << name << "' holds " << text(expected);
  return success();
}

LogicalResult LoadAtOp::verify() {
  BufferOp buffer = lookupBuffer(*this, getBuffer());
  if (buffer && !buffer.isPerToken())
    return emitOpError("takes a row of '") << getBuffer() << "', which has no row per token";
  if (regionName(*this) != "rows")
    return emitOpError("stands in the ") << regionName(*this) << " region; tokens are in rows";
  return checkAccess(*this, getBuffer(), getResult().getType(), false);
}

LogicalResult StoreAtOp::verify() {
  BufferOp buffer = lookupBuffer(*this, getBuffer());
  if (!buffer || buffer.getSizes().size() != 1 || buffer.getSizes()[0] != -4)
    return emitOpError("names '") << getBuffer() << "', which is not an output of sizes [-4] of this program";
  if (cast<RowType>(getValues().getType()).getSize() != cast<RowType>(getPositions().getType()).getSize())
    return emitOpError("writes ") << getValues().getType() << " at " << getPositions().getType()
                                  << "; expected one position per value";
  return regionName(*this) == "pieces" ? emitOpError("stands in the pieces region") : success();
}

LogicalResult LoadOp::verify() { return checkAccess(*this, getBuffer(), getResult().getType(), false); }
LogicalResult StoreOp::verify() { return checkAccess(*this, getBuffer(), getValue().getType(), true); }

/// The accumulator `name`, of whose type `value` has to be (null: any); `read`: at a place that reads it.
static LogicalResult checkAccumulator(Operation *op, StringRef name, Type value, bool read) {
  AccumulatorOp accumulator = lookupAccumulator(op, name);
  if (!accumulator)
    return op->emitOpError("names '") << name << "', which is not an accumulator of this program";
  StringRef region = regionName(op);
  if (read && region == "rows")
    return op->emitOpError("reads an accumulator before all tokens are in");
  if (read && accumulator.getPerPiece() != (region == "pieces"))
    return op->emitOpError("reads '") << name << "' in the " << region << " region; there is one "
                                      << (accumulator.getPerPiece() ? "per piece" : "for all tokens");
  if (!read && region == "finish")
    return op->emitOpError("accumulates after all tokens");
  if (!read && accumulator.getPerPiece() && levelOf(op) >= op->getParentOfType<ProgramOp>().getDepth())
    return op->emitOpError("accumulates into '")
           << name << "', of which there is one per piece, in a pass without pieces";
  if (!read && region == "pieces" && accumulator.getPerPiece())
    return op->emitOpError("accumulates into '") << name << "', which is complete in the pieces region";
  if (!value)
    return success();
  if (failed(accumulator.verify()))
    return failure();
  Type element = accumulator.getType();
  Type expected =
      accumulator.getSizes().empty() ? element : Type(RowType::get(op->getContext(), accumulator.getCount(), element));
  if (value != expected)
    return op->emitOpError("has type ") << text(value) << ", but '" << name << "' holds " << text(expected);
  return success();
}

LogicalResult AccumulateOp::verify() { return checkAccumulator(*this, getAccumulator(), getValue().getType(), false); }
LogicalResult ReadOp::verify() { return checkAccumulator(*this, getAccumulator(), getResult().getType(), true); }

/// Rows and their positions exist in a rows region only.
static LogicalResult onlyInRows(Operation *op) {
  StringRef region = regionName(op);
  return region == "rows" ? success()
                          : LogicalResult(op->emitOpError("stands in the ") << region << " region; tokens are in rows");
}

LogicalResult IndexOp::verify() {
  Position what = getWhat();
  bool ofToken = what == Position::Token || what == Position::TokenLow || what == Position::TokenHigh;
  if (ofToken && failed(onlyInRows(*this)))
    return failure();
  bool ofPiece = what == Position::Piece || what == Position::PieceBegin || what == Position::PieceSize;
  if (ofPiece && isInFinish(*this))
    return emitOpError("asks for '") << stringifyPosition(what) << "' after all pieces";
  int64_t level = levelOf(*this);
  if ((ofPiece || what == Position::PieceCount) && level >= (*this)->getParentOfType<ProgramOp>().getDepth())
    return emitOpError("asks for '") << stringifyPosition(what) << "' in a program without pieces"
                                     << (level ? " of that level" : "");
  return success();
}

LogicalResult RankOp::verify() {
  if (failed(onlyInRows(*this)))
    return failure();
  AccumulatorOp accumulator = lookupAccumulator(*this, getAccumulator());
  if (!accumulator || !accumulator.getRanked())
    return emitOpError("names '") << getAccumulator() << "', which is not a ranked accumulator of this program";
  return success();
}

LogicalResult CountOp::verify() {
  if (failed(onlyInRows(*this)) || failed(checkAccumulator(*this, getAccumulator(), Type(), false)))
    return failure();
  AccumulatorOp accumulator = lookupAccumulator(*this, getAccumulator());
  if (!accumulator.getType().isInteger(32) || accumulator.getCombine() != Combine::Sum ||
      accumulator.getSizes().empty())
    return emitOpError("counts into '") << getAccumulator() << "', which is not a row of i32 sums";
  return success();
}

//===-- Rows
//--------------------------------------------------------------------------------------------------------===//

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
  for (Operation &op : block) {
    if (!isa<YieldOp, PositionOp>(op) && !isa_and_nonnull<arith::ArithDialect, math::MathDialect>(op.getDialect()))
      return op.emitOpError("has no place in a map, whose body is arith and math on scalars");
    if (!llvm::all_of(op.getResultTypes(), [](Type type) { return type.isIntOrFloat(); }) || op.getNumRegions() != 0)
      return op.emitOpError("makes other values than scalars in the body of a map");
  }
  if (block.getNumArguments() != getInputs().size())
    return emitOpError("has ") << getInputs().size() << " inputs, but its body takes " << block.getNumArguments();
  for (auto [argument, input] : llvm::zip_equal(block.getArguments(), getInputs()))
    if (argument.getType() != cast<RowType>(input.getType()).getElementType())
      return emitOpError("passes ") << input.getType() << " to a body argument of type " << argument.getType();
  auto yield = dyn_cast<YieldOp>(block.back());
  if (!yield)
    return emitOpError("does not end with moe_kernel.yield");
  if (yield.getValues().size() != getNumResults())
    return emitOpError("yields ") << yield.getValues().size() << " values for " << getNumResults() << " results";
  for (auto [value, result] : llvm::zip_equal(yield.getValues(), getResults()))
    if (value.getType() != cast<RowType>(result.getType()).getElementType())
      return emitOpError("yields ") << value.getType() << " for a result of type " << result.getType();
  return success();
}

/// `fine` elements in `coarse` groups must be equal blocks, or mapped onto all groups.
static LogicalResult checkGroups(Operation *op, std::optional<ArrayRef<int32_t>> groups, int64_t fine, int64_t coarse) {
  if (!groups) {
    if (fine % coarse != 0)
      return op->emitOpError("makes ") << coarse << " equal groups of " << fine << " elements (R2)";
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
  for (auto [group, full] : llvm::enumerate(seen))
    if (!full) // R3
      return op->emitOpError("leaves group ") << group << " empty (R3)";
  return success();
}

LogicalResult moe::kernel::ReduceOp::verify() {
  RowType row = cast<RowType>(getInput().getType());
  auto result = dyn_cast<RowType>(getResult().getType());
  if ((result ? result.getElementType() : getResult().getType()) != row.getElementType())
    return emitOpError("changes the element type from ") << row << " to " << getResult().getType();
  if (getKind() == Combine::MaxNum && row.getElementType().isInteger(32))
    return emitOpError("combines i32 by maxnum, which is for floats: use max");
  if (!result)
    return getGroups() ? emitOpError("has groups, but a scalar result") : success();
  return checkGroups(*this, getGroups(), row.getSize(), result.getSize());
}

LogicalResult GroupTopSumOp::verify() {
  RowType row = cast<RowType>(getInput().getType()), result = cast<RowType>(getResult().getType());
  if (row.getElementType() != result.getElementType())
    return emitOpError("changes the element type from ") << row << " to " << result;
  if (failed(checkGroups(*this, getGroups(), row.getSize(), result.getSize())))
    return failure();
  SmallVector<int64_t> sizes(result.getSize(), 0);
  for (int32_t group : groupsOf(getGroups(), row.getSize(), result.getSize()))
    ++sizes[group];
  int64_t n = getN();
  if (n < 1 || n > *llvm::min_element(sizes))
    return emitOpError("adds ") << n << " elements of each group, the smallest of which holds "
                                << *llvm::min_element(sizes);
  return success();
}

LogicalResult ExpandOp::verify() {
  RowType row = cast<RowType>(getInput().getType()), result = cast<RowType>(getResult().getType());
  if (row.getElementType() != result.getElementType())
    return emitOpError("changes the element type from ") << row << " to " << result;
  return checkGroups(*this, getGroups(), result.getSize(), row.getSize());
}

LogicalResult TopkOp::verify() {
  RowType row = cast<RowType>(getInput().getType()), indices = cast<RowType>(getIndices().getType()),
          values = cast<RowType>(getValues().getType());
  if (indices.getSize() != values.getSize() || indices.getSize() > row.getSize())
    return emitOpError("picks ") << indices.getSize() << " positions and " << values.getSize() << " values of "
                                 << row.getSize();
  if (values.getElementType() != row.getElementType())
    return emitOpError("changes the element type from ") << row << " to " << values;
  if (getMask() && cast<RowType>(getMask().getType()).getSize() != row.getSize())
    return emitOpError("has a mask of ") << cast<RowType>(getMask().getType()).getSize() << " elements for a row of "
                                         << row.getSize();
  return success();
}

LogicalResult GatherOp::verify() {
  RowType row = cast<RowType>(getInput().getType()), result = cast<RowType>(getResult().getType());
  if (row.getElementType() != result.getElementType() ||
      result.getSize() != cast<RowType>(getIndices().getType()).getSize())
    return emitOpError("has result type ")
           << result << ", expected the size of its indices and the element type of " << row;
  return success();
}

LogicalResult ScatterOp::verify() {
  RowType row = cast<RowType>(getInput().getType()), result = cast<RowType>(getResult().getType());
  if (row.getElementType() != result.getElementType() ||
      row.getSize() != cast<RowType>(getIndices().getType()).getSize())
    return emitOpError("scatters ") << row << " to " << getIndices().getType() << " into " << result
                                    << ", expected one index per element and one element type";
  return success();
}

LogicalResult ConcatOp::verify() {
  RowType first = cast<RowType>(getFirst().getType()), second = cast<RowType>(getSecond().getType()),
          result = cast<RowType>(getResult().getType());
  if (first.getElementType() != second.getElementType() || first.getElementType() != result.getElementType() ||
      first.getSize() + second.getSize() != result.getSize())
    return emitOpError("puts ") << first << " and " << second << " into " << result
                                << "; expected one element type, and as many elements";
  return success();
}

LogicalResult SliceOp::verify() {
  RowType row = cast<RowType>(getInput().getType()), result = cast<RowType>(getResult().getType());
  if (row.getElementType() != result.getElementType() || result.getSize() > row.getSize())
    return emitOpError("takes ") << result << " from " << row
                                 << "; the result has the same element type and is not longer";
  return success();
}

LogicalResult ExtractOp::verify() {
  RowType row = cast<RowType>(getInput().getType());
  if (static_cast<int64_t>(getPosition()) < 0 || static_cast<int64_t>(getPosition()) >= row.getSize())
    return emitOpError("takes element ") << static_cast<int64_t>(getPosition()) << " of " << row;
  if (getResult().getType() != row.getElementType())
    return emitOpError("changes the element type from ") << row << " to " << getResult().getType();
  return success();
}
