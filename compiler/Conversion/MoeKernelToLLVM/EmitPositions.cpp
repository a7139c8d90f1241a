// Where a token is: positions in the call, ranks among the tokens before, rows of other tokens, places in a dispatch
// order. What goes by token and slot one after the other works on scalars, lane by lane; vectors pass through memory.
#include "compiler/Conversion/MoeKernelToLLVM/RowEmitter.h"
#include "moe/runtime.h"

using namespace mlir;
using namespace moe;
using namespace moe::cpu;

static kernel::RowType rowType(Value row) { return cast<kernel::RowType>(row.getType()); }

//===-- Numbers of the call
//-----------------------------------------------------------------------------------------===//

Value RowEmitter::callField(size_t offset, Type type) {
  return LLVM::LoadOp::create(b, type, advance(context.call, static_cast<int64_t>(offset)),
                              type.getIntOrFloatBitWidth() / 8);
}

Value RowEmitter::callNumber(kernel::Position what) {
  auto low = [&](size_t offset) -> Value {
    return arith::TruncIOp::create(b, b.getI32Type(), callField(offset, b.getI64Type()));
  };
  switch (what) {
  case kernel::Position::Piece:
    return low(offsetof(moe_cpu_call, piece));
  case kernel::Position::PieceBegin:
    return low(offsetof(moe_cpu_call, piece_begin));
  case kernel::Position::PieceSize:
    return low(offsetof(moe_cpu_call, piece_size));
  case kernel::Position::PieceCount:
    return low(offsetof(moe_cpu_call, piece_count));
  case kernel::Position::SeedLow:
    return low(offsetof(moe_cpu_call, seed));
  case kernel::Position::SeedHigh: {
    Value seed = callField(offsetof(moe_cpu_call, seed), b.getI64Type());
    return arith::TruncIOp::create(b, b.getI32Type(), arith::ShRUIOp::create(b, seed, i64(32)));
  }
  case kernel::Position::Offset:
    return callField(offsetof(moe_cpu_call, offset), b.getI32Type());
  case kernel::Position::Token:
  case kernel::Position::TokenLow:
  case kernel::Position::TokenHigh:
    break;
  }
  llvm_unreachable("positions of tokens belong to a tile");
}

void RowEmitter::emitTokenPosition(kernel::IndexOp op, const Tile &tile) {
  SmallVector<int64_t> numbers = llvm::to_vector(llvm::seq<int64_t>(0, lanes));
  Type wide = laneType(b.getI64Type()), word = laneType(b.getI32Type());
  Value first = tile.begin;
  if (op.getWhat() != kernel::Position::Token)
    first = arith::AddIOp::create(b, first, callField(offsetof(moe_cpu_call, first_token), b.getI64Type()));
  Value lane = arith::ConstantOp::create(b, DenseElementsAttr::get(cast<VectorType>(wide), ArrayRef<int64_t>(numbers)));
  Value token = arith::AddIOp::create(b, broadcast(first), lane);
  if (op.getWhat() == kernel::Position::TokenHigh)
    token = arith::ShRUIOp::create(b, token, splatInteger(b.getI64Type(), 32));
  scalars.map(op.getResult(), arith::TruncIOp::create(b, word, token));
}

//===-- Ranks
//-------------------------------------------------------------------------------------------------------===//

Value RowEmitter::loadWord(Value pointer, Value index) {
  return loadVector(elementPointer(pointer, 4, index), b.getI32Type(), 4);
}

/// Counts on in the block of accumulators, by token, then slot. Positions outside of the counters count nothing.
void RowEmitter::emitRank(kernel::RankOp op, const Tile &tile) {
  int64_t slots = rowType(op.getIndices()).getSize(), temporary = *schedule.temporaryOf(op);
  int64_t size = kernel::lookupAccumulator(op, op.getAccumulator()).getCount();
  std::optional<int64_t> offset = schedule.offsetOf(op.getResult());
  loop(slots, 4, {}, [&](Value slot, unsigned, State &) {
    Value position = read(op.getIndices(), slot), nowhere = splatInteger(b.getI32Type(), -1);
    storeLanes(arith::SelectOp::create(b, isInside(position, size), position, nowhere), temporary, slot);
    if (offset) // lanes of missing tokens too
      storeLanes(splatInteger(b.getI32Type(), 0), *offset, slot);
  });
  AccumulatorLayout layout(op->getParentOfType<kernel::ProgramOp>());
  Value counters = advance(context.partial, layout.offsetOf(op.getAccumulator()));
  Value positions = advance(context.scratch, temporary);
  loopRange(i64(0), tile.valid, {}, [&](Value lane, State &) {
    loopRange(i64(0), i64(slots), {}, [&](Value slot, State &) {
      Value at = arith::AddIOp::create(b, arith::MulIOp::create(b, slot, i64(lanes)), lane);
      Value position = loadWord(positions, at);
      when(arith::CmpIOp::create(b, arith::CmpIPredicate::sge, position, i32(0)), [&] {
        Value counter = elementPointer(counters, 4, position), before = loadVector(counter, b.getI32Type(), 4);
        LLVM::StoreOp::create(b, arith::AddIOp::create(b, before, i32(1)), counter, 4);
        if (offset)
          LLVM::StoreOp::create(b, before, elementPointer(advance(context.scratch, *offset), 4, at), 4);
      });
    });
  });
}

//===-- Other tokens
//------------------------------------------------------------------------------------------------===//

/// Row by row, zeros where there is no such token.
void RowEmitter::emitLoadAt(kernel::LoadAtOp op) {
  kernel::BufferOp buffer = kernel::lookupBuffer(op, op.getBuffer());
  auto row = dyn_cast<kernel::RowType>(op.getResult().getType());
  Type type = row ? row.getElementType() : op.getResult().getType();
  int64_t tokens = *schedule.temporaryOf(op), bytes = scratchBytes(type), rowSize = buffer.getRowSize();
  std::optional<int64_t> offset = row ? schedule.offsetOf(op.getResult()) : tokens + lanes * 4;
  if (!offset)
    return;
  storeLanes(scalars.lookup(op.getToken()), tokens, i64(0));
  Value from = context.arrays.lookup(op.getBuffer()), to = advance(context.scratch, *offset);
  Type memory = type.isInteger(1) ? b.getI8Type() : type;
  Value zero = arith::ConstantOp::create(b, cast<TypedAttr>(b.getZeroAttr(memory)));
  loopRange(i64(0), i64(lanes), {}, [&](Value lane, State &) {
    Value token = arith::ExtSIOp::create(b, b.getI64Type(), loadWord(advance(context.scratch, tokens), lane));
    Value isThere = arith::CmpIOp::create(b, arith::CmpIPredicate::ult, token, context.tokenCount);
    Value source = elementPointer(from, rowSize * elementBytes(buffer.getType()), token);
    if (Value table = context.layerTables.lookup(op.getBuffer())) {
      // Numbers of tokens that are not there are no layers either: those read the first one's pointer, and nothing
      // else.
      Value layer = arith::DivUIOp::create(b, arith::SelectOp::create(b, isThere, token, i64(0)), context.layerTokens);
      Value first =
          LLVM::LoadOp::create(b, from.getType(), elementPointer(table, sizeof(void *), layer), sizeof(void *));
      Value row = arith::SubIOp::create(b, token, arith::MulIOp::create(b, layer, context.layerTokens));
      source = elementPointer(first, rowSize * elementBytes(buffer.getType()), row);
    }
    auto fill = [&](llvm::function_ref<Value(Value)> element) {
      loopRange(i64(0), i64(rowSize), {}, [&](Value e, State &) {
        Value at = arith::AddIOp::create(b, arith::MulIOp::create(b, e, i64(lanes)), lane);
        LLVM::StoreOp::create(b, element(e), elementPointer(to, bytes, at), bytes);
      });
    };
    auto copy = [&](Value e) -> Value {
      Value value = loadUniform(elementPointer(source, elementBytes(buffer.getType()), e), buffer.getType());
      return type.isInteger(1) ? Value(arith::ExtUIOp::create(b, memory, value)) : value;
    };
    when(isThere, [&] { fill(copy); }, [&] { fill([&](Value) { return zero; }); });
  });
  if (!row)
    scalars.map(op.getResult(), loadLanes(*offset, type, i64(0)));
}

/// Element by element; what lies outside of the array is dropped.
void RowEmitter::emitStoreAt(kernel::StoreAtOp op, const Tile &tile) {
  kernel::BufferOp buffer = kernel::lookupBuffer(op, op.getBuffer());
  int64_t slots = rowType(op.getPositions()).getSize(), positions = *schedule.temporaryOf(op);
  int64_t values = positions + slots * lanes * 4;
  loop(slots, 1, {}, [&](Value slot, unsigned, State &) {
    storeLanes(read(op.getPositions(), slot), positions, slot);
    storeLanes(read(op.getValues(), slot), values, slot);
  });
  Value array = context.arrays.lookup(op.getBuffer()), nowhere = LLVM::ZeroOp::create(b, array.getType());
  Value rows = arith::MulIOp::create(b, context.tokenCount, i64(buffer.getPerToken().value()));
  Value size = arith::AddIOp::create(b, rows, i64(buffer.getExtra().value()));
  // A call that only finishes has no array.
  when(LLVM::ICmpOp::create(b, LLVM::ICmpPredicate::ne, array, nowhere), [&] {
    loopRange(i64(0), tile.valid ? tile.valid : i64(1), {}, [&](Value lane, State &) {
      loopRange(i64(0), i64(slots), {}, [&](Value slot, State &) {
        Value at = arith::AddIOp::create(b, arith::MulIOp::create(b, slot, i64(lanes)), lane);
        Value position = arith::ExtSIOp::create(b, b.getI64Type(), loadWord(advance(context.scratch, positions), at));
        when(arith::CmpIOp::create(b, arith::CmpIPredicate::ult, position, size), [&] {
          LLVM::StoreOp::create(b, loadWord(advance(context.scratch, values), at), elementPointer(array, 4, position),
                                4);
        });
      });
    });
  });
}

void RowEmitter::emitConcat(kernel::ConcatOp op) {
  auto offset = schedule.offsetOf(op.getResult());
  if (!offset)
    return;
  int64_t first = rowType(op.getFirst()).getSize();
  loop(first, 4, {}, [&](Value e, unsigned, State &) { storeLanes(read(op.getFirst(), e), *offset, e); });
  loop(rowType(op.getSecond()).getSize(), 4, {}, [&](Value e, unsigned, State &) {
    storeLanes(read(op.getSecond(), e), *offset, arith::AddIOp::create(b, e, i64(first)));
  });
}
