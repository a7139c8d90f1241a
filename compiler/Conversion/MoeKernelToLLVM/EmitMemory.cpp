// Rows in memory: arrays of the call through 4x4 transpositions, constant tables, accumulators and histograms.
//
// A tile reads 16 rows of a row-major array and needs one vector per element. Four columns at a time are loaded as 16
// short vectors, which the target's inserts join into four wide ones (rows 0 4 8 12, 1 5 9 13, …), so that two rounds
// of unpacking within 128-bit lanes finish the transposition. A last strip overlaps its neighbour instead of using
// masks. Where a tile has fewer than 16 tokens, its rows pass through a staging area, so that the code of a tile is
// one.
#include "compiler/Conversion/MoeKernelToLLVM/RowEmitter.h"

using namespace mlir;
using namespace moe;
using namespace moe::cpu;

static kernel::RowType rowType(Value row) { return cast<kernel::RowType>(row.getType()); }

//===-- Elements
//----------------------------------------------------------------------------------------------------===//

Value RowEmitter::read(Value row, Value element) {
  auto known = elements.find(row);
  if (known != elements.end())
    return known->second;
  if (auto offset = schedule.offsetOf(row))
    return loadLanes(*offset, rowType(row).getElementType(), element);
  UniformRow where = uniformRows.lookup(rootOf(row));
  assert(where.pointer && "a row is read before it is made");
  return broadcast(loadUniform(elementPointer(where.pointer, elementBytes(where.memory), element), where.memory));
}

/// The integer type that has the bits of a 16-bit float, or of a truth value, in memory; other types as they are.
static Type memoryType(Type type) {
  if (type.isBF16() || type.isF16())
    return IntegerType::get(type.getContext(), 16);
  return type.isInteger(1) ? Type(IntegerType::get(type.getContext(), 8)) : type;
}

static Type withElement(Type shape, Type element) {
  auto vector = dyn_cast<VectorType>(shape);
  return vector ? Type(VectorType::get(vector.getShape(), element)) : element;
}

/// From memory to register: bf16 and f16 to f32, exactly; a byte to a truth value.
Value RowEmitter::widen(Value value, Type memory) {
  Type shape = value.getType();
  Type f32 = withElement(shape, b.getF32Type()), word = withElement(shape, b.getI32Type());
  if (memory.isBF16()) {
    Value bits = arith::ExtUIOp::create(b, word, value);
    auto vector = dyn_cast<VectorType>(word);
    TypedAttr number = b.getI32IntegerAttr(16);
    Value sixteen = arith::ConstantOp::create(b, vector ? TypedAttr(DenseElementsAttr::get(vector, number)) : number);
    return arith::BitcastOp::create(b, f32, arith::ShLIOp::create(b, bits, sixteen));
  }
  if (memory.isF16())
    return arith::ExtFOp::create(b, f32, arith::BitcastOp::create(b, withElement(shape, memory), value),
                                 arith::FastMathFlagsAttr());
  if (memory.isInteger(1)) {
    Value zero = arith::ConstantOp::create(b, cast<TypedAttr>(b.getZeroAttr(shape)));
    return arith::CmpIOp::create(b, arith::CmpIPredicate::ne, value, zero);
  }
  return value;
}

/// From register to memory: f32 rounded to the nearest bf16 or f16, ties to even, NaN stays NaN; i32 cut or extended.
Value RowEmitter::narrow(Value value, Type memory) {
  if (memory.isInteger(1))
    return arith::ExtUIOp::create(b, laneType(b.getI8Type()), value);
  if (memory.isInteger(16))
    return arith::TruncIOp::create(b, laneType(memory), value);
  if (memory.isInteger(64))
    return arith::ExtSIOp::create(b, laneType(memory), value);
  if (memory.isF16()) {
    Value half = arith::TruncFOp::create(b, laneType(memory), value);
    return arith::BitcastOp::create(b, laneType(b.getI16Type()), half);
  }
  if (!memory.isBF16())
    return value;
  auto constant = [&](int64_t bits) { return splatInteger(b.getI32Type(), bits); };
  Value bits = arith::BitcastOp::create(b, laneType(b.getI32Type()), value);
  Value top = arith::ShRUIOp::create(b, bits, constant(16));
  Value odd = arith::AndIOp::create(b, top, constant(1));
  Value bias = arith::AddIOp::create(b, odd, constant(0x7fff));
  Value rounded = arith::ShRUIOp::create(b, arith::AddIOp::create(b, bits, bias), constant(16));
  Value quiet = arith::OrIOp::create(b, top, constant(0x40));
  Value isNan = arith::CmpFOp::create(b, arith::CmpFPredicate::UNO, value, value);
  Value result = arith::SelectOp::create(b, isNan, quiet, rounded);
  return arith::TruncIOp::create(b, laneType(b.getI16Type()), result);
}

Value RowEmitter::loadVector(Value pointer, Type type, int64_t align) {
  return LLVM::LoadOp::create(b, type, pointer, align);
}

Value RowEmitter::loadUniform(Value pointer, Type memory) {
  return widen(loadVector(pointer, memoryType(memory), elementBytes(memory)), memory);
}

/// A table of i32 in constant memory of the module; equal tables are one.
Value RowEmitter::tablePointer(ArrayRef<int32_t> table) {
  Type type = LLVM::LLVMArrayType::get(b.getI32Type(), table.size());
  Attribute value =
      DenseElementsAttr::get(RankedTensorType::get({static_cast<int64_t>(table.size())}, b.getI32Type()), table);
  LLVM::GlobalOp global;
  unsigned count = 0;
  ModuleOp module = context.module;
  for (auto other : module.getOps<LLVM::GlobalOp>()) {
    ++count;
    if (other.getValueAttr() == value)
      global = other;
  }
  if (!global) {
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPointToStart(module.getBody());
    global = LLVM::GlobalOp::create(b, type, /*isConstant=*/true, LLVM::Linkage::Internal,
                                    "moe_table_" + std::to_string(count), value);
  }
  return LLVM::AddressOfOp::create(b, global);
}

/// The array of a buffer without a row per row of the pass of `op`, or the row of the piece.
Value RowEmitter::wholePointer(kernel::BufferOp buffer, Operation *op) {
  Value pointer = context.arrays.lookup(buffer.getSymName());
  if (!kernel::isPerPiece(buffer, op))
    return pointer;
  return elementPointer(pointer, buffer.getRowSize() * elementBytes(buffer.getType()), context.piece);
}

void RowEmitter::emitUniformLoad(Operation *op, Value pointer, Type memory) {
  assert(lanes == 1 && "what is the same for all tokens is loaded once");
  Value result = op->getResult(0);
  auto row = dyn_cast<kernel::RowType>(result.getType());
  if (!row)
    scalars.map(result, loadUniform(pointer, memory));
  else if (auto offset = schedule.offsetOf(result))
    loop(row.getSize(), 1, {}, [&](Value e, unsigned, State &) {
      storeLanes(loadUniform(elementPointer(pointer, elementBytes(memory), e), memory), *offset, e);
    });
  else
    uniformRows[result] = {pointer, memory};
}

void RowEmitter::adopt(const RowEmitter &uniform, const llvm::SetVector<Operation *> &ops) {
  auto isUsedHere = [&](Value value) {
    return llvm::any_of(value.getUsers(), [&](Operation *user) {
      return !ops.contains(value.getParentBlock()->findAncestorOpInBlock(*user));
    });
  };
  for (Operation *op : ops) {
    b.setLoc(op->getLoc());
    for (Value result : op->getResults()) {
      if (auto row = dyn_cast<kernel::RowType>(result.getType())) {
        if (auto offset = uniform.schedule.offsetOf(result))
          uniformRows[result] = {advance(context.scratch, *offset), row.getElementType()};
        else if (auto known = uniform.uniformRows.find(result); known != uniform.uniformRows.end())
          uniformRows[result] = known->second;
      } else if (isUsedHere(result)) {
        auto constant = dyn_cast<arith::ConstantOp>(op);
        scalars.map(result, constant ? splat(constant.getValue()) : broadcast(uniform.scalars.lookup(result)));
      }
    }
  }
}

//===-- Tiles
//-------------------------------------------------------------------------------------------------------===//

/// Copies `rows` rows; those from `lastRow` on all come from `lastRow`.
void RowEmitter::copyRows(Value from, Value to, kernel::BufferOp buffer, Value rows, Value lastRow) {
  Type memory = memoryType(buffer.getType());
  int64_t bytes = elementBytes(buffer.getType()), rowBytes = buffer.getRowSize() * bytes;
  loopRange(i64(0), rows, {}, [&](Value row, State &) {
    Value source = elementPointer(from, rowBytes, arith::MinSIOp::create(b, row, lastRow));
    Value target = elementPointer(to, rowBytes, row);
    loopRange(i64(0), i64(buffer.getRowSize()), {}, [&](Value e, State &) {
      Value value = loadVector(elementPointer(source, bytes, e), memory, bytes);
      LLVM::StoreOp::create(b, value, elementPointer(target, bytes, e), bytes);
    });
  });
}

Value RowEmitter::isPartial(const Tile &tile) {
  return arith::XOrIOp::create(b, tile.full, arith::ConstantIntOp::create(b, 1, 1));
}

/// Where the 16 rows of the tile are read or written: in the array, or in the staging area when some are beyond its
/// end.
Value RowEmitter::tilePointer(kernel::BufferOp buffer, const Tile &tile, bool load) {
  int64_t rowBytes = buffer.getRowSize() * elementBytes(buffer.getType());
  Value direct = elementPointer(context.arrays.lookup(buffer.getSymName()), rowBytes, tile.begin);
  Value staging = advance(context.scratch, context.stagingOffset);
  if (load)
    when(isPartial(tile),
         [&] { copyRows(direct, staging, buffer, i64(tileTokens), arith::SubIOp::create(b, tile.valid, i64(1))); });
  return arith::SelectOp::create(b, tile.full, direct, staging);
}

Value RowEmitter::shuffle(Value left, Value right, llvm::function_ref<int64_t(int64_t)> from) {
  return vector::ShuffleOp::create(b, left, right, llvm::map_to_vector(llvm::seq<int64_t>(0, tileTokens), from));
}

/// Four (two) vectors that hold, in each block of four (two) lanes, a row of a 4x4 (2x2) matrix per block: transposes
/// every block. Its own inverse.
SmallVector<Value> RowEmitter::transpose(ArrayRef<Value> a) {
  if (a.size() == 1)
    return {a.front()};
  if (a.size() == 2) {
    auto pick = [](int64_t column) { return [=](int64_t i) { return (i & ~1) + column + (i & 1) * tileTokens; }; };
    return {shuffle(a[0], a[1], pick(0)), shuffle(a[0], a[1], pick(1))};
  }
  // [x0 y0 x1 y1] or [x2 y2 x3 y3] of each block
  auto unpack = [&](Value x, Value y, int64_t half) {
    return shuffle(x, y, [=](int64_t i) { return (i & ~3) + 2 * half + (i & 3) / 2 + (i & 1) * tileTokens; });
  };
  // [x0 x1 y0 y1] or [x2 x3 y2 y3] of each block
  auto join = [&](Value x, Value y, int64_t half) {
    return shuffle(x, y, [=](int64_t i) { return (i & ~3) + 2 * half + (i & 1) + (i & 3) / 2 * tileTokens; });
  };
  Value low01 = unpack(a[0], a[1], 0), high01 = unpack(a[0], a[1], 1), low23 = unpack(a[2], a[3], 0),
        high23 = unpack(a[2], a[3], 1);
  return {join(low01, low23, 0), join(low01, low23, 1), join(high01, high23, 0), join(high01, high23, 1)};
}

/// 16 columns to 16 rows: within blocks of four lanes, then the blocks themselves.
SmallVector<Value> RowEmitter::transposeBlock(ArrayRef<Value> columns) {
  SmallVector<SmallVector<Value>> groups; // [columns / 4][row % 4]
  for (int64_t first = 0; first < tileTokens; first += 4)
    groups.push_back(transpose(columns.slice(first, 4)));
  // Blocks `first`, `first` + `step` of each.
  auto blocks = [&](Value x, Value y, int64_t first, int64_t step) {
    return shuffle(x, y, [=](int64_t i) { return 4 * (first + i / 4 % 2 * step) + i % 4 + i / 8 * tileTokens; });
  };
  SmallVector<Value> rows(tileTokens);
  for (int64_t i = 0; i < 4; ++i)
    for (int64_t half = 0; half < 2; ++half) {
      Value left = blocks(groups[0][i], groups[1][i], 2 * half, 1);
      Value right = blocks(groups[2][i], groups[3][i], 2 * half, 1);
      rows[8 * half + i] = blocks(left, right, 0, 2);
      rows[8 * half + 4 + i] = blocks(left, right, 1, 2);
    }
  return rows;
}

/// True when rows of `buffer` are written 16 elements at a time: whole cache lines of f32.
static bool isStoredInBlocks(kernel::BufferOp buffer) {
  Type type = buffer.getType();
  return buffer.getRowSize() >= tileTokens && (type.isF32() || type.isBF16() || type.isF16() || type.isInteger(32));
}

/// Columns that one strip handles: a power of two, at most four.
static int64_t stripWidth(int64_t columns) { return columns >= 4 ? 4 : columns >= 2 ? 2 : 1; }

/// Joins short vectors of equal size to one of 16 elements.
static Value concatenate(ImplicitLocOpBuilder &b, SmallVector<Value> pieces) {
  while (pieces.size() > 1) {
    int64_t size = cast<VectorType>(pieces.front().getType()).getNumElements();
    SmallVector<int64_t> all = llvm::to_vector(llvm::seq<int64_t>(0, 2 * size));
    for (size_t i = 0; i < pieces.size() / 2; ++i)
      pieces[i] = vector::ShuffleOp::create(b, pieces[2 * i], pieces[2 * i + 1], all);
    pieces.resize(pieces.size() / 2);
  }
  return pieces.front();
}

/// Tiles of more bytes are not prefetched: they would push out what the current one needs.
constexpr int64_t largestPrefetch = 32 * 1024;

/// Asks for the lines of `bytes` bytes. An address beyond the array does no harm: a prefetch does not fault.
void RowEmitter::prefetch(Value pointer, int64_t bytes) {
  for (int64_t line = 0; line < bytes; line += 64)
    LLVM::Prefetch::create(b, advance(pointer, line), /*rw=*/0, /*hint=*/3, /*cache=*/1);
}

/// First column of a strip: the last one ends with the row.
Value RowEmitter::stripStart(Value strip, int64_t columns, int64_t width) {
  return arith::MinSIOp::create(b, arith::MulIOp::create(b, strip, i64(width)), i64(columns - width));
}

/// The columns of a strip from `first` on, in registers.
SmallVector<Value> RowEmitter::loadStrip(kernel::BufferOp buffer, Value base, Value first) {
  Type memory = memoryType(buffer.getType());
  int64_t bytes = elementBytes(buffer.getType()), columns = buffer.getRowSize(), width = stripWidth(columns);
  bool isTruth = buffer.getType().isInteger(1); // transposed as bytes; floats are transposed as f32
  Type piece = VectorType::get({width}, memory);
  Value start = elementPointer(base, bytes, first);
  SmallVector<Value> wide;
  for (int64_t i = 0; i < width; ++i) {
    SmallVector<Value> pieces;
    for (int64_t token = i; token < tileTokens; token += width)
      pieces.push_back(loadVector(advance(start, token * columns * bytes), piece, bytes));
    Value joined = concatenate(b, pieces);
    wide.push_back(isTruth ? joined : widen(joined, buffer.getType()));
  }
  SmallVector<Value> result = transpose(wide);
  for (Value &column : result)
    column = isTruth ? widen(column, buffer.getType()) : column;
  return result;
}

void RowEmitter::storeStrip(kernel::BufferOp buffer, Value base, Value first, ArrayRef<Value> strip) {
  int64_t bytes = elementBytes(buffer.getType()), columns = buffer.getRowSize(), width = stripWidth(columns);
  Value start = elementPointer(base, bytes, first);
  SmallVector<Value> narrowed;
  for (Value column : strip)
    narrowed.push_back(narrow(column, buffer.getType()));
  for (auto [i, rows] : llvm::enumerate(transpose(narrowed)))
    for (int64_t block = 0; block < tileTokens / width; ++block) {
      SmallVector<int64_t> lanesOfRow = llvm::to_vector(llvm::seq<int64_t>(block * width, (block + 1) * width));
      Value piece = vector::ShuffleOp::create(b, rows, rows, lanesOfRow);
      LLVM::StoreOp::create(b, piece, advance(start, (block * width + i) * columns * bytes), bytes);
    }
}

void RowEmitter::emitLoad(kernel::LoadOp op, const Tile &tile) {
  kernel::BufferOp buffer = kernel::lookupBuffer(op, op.getBuffer());
  int64_t bytes = elementBytes(buffer.getType()), columns = buffer.getRowSize(), width = stripWidth(columns);
  auto row = dyn_cast<kernel::RowType>(op.getResult().getType());
  std::optional<int64_t> offset = row ? schedule.offsetOf(op.getResult()) : std::nullopt;
  if (op.getResult().use_empty() || (row && !offset))
    return;
  Value base = tilePointer(buffer, tile, /*load=*/true);
  if (width == 1) {
    Value value = widen(loadVector(base, laneType(memoryType(buffer.getType())), bytes), buffer.getType());
    if (row)
      storeLanes(value, *offset, i64(0));
    else
      scalars.map(op.getResult(), value);
    return;
  }
  int64_t strips = llvm::divideCeil(columns, width), tileBytes = tileTokens * columns * bytes;
  Value next = elementPointer(context.arrays.lookup(op.getBuffer()), columns * bytes,
                              arith::AddIOp::create(b, tile.begin, i64(tileTokens)));
  loop(strips, 1, {}, [&](Value strip, unsigned, State &) {
    Value first = stripStart(strip, columns, width);
    if (tileBytes <= largestPrefetch)
      prefetch(elementPointer(next, llvm::divideCeil(tileBytes, strips), strip), llvm::divideCeil(tileBytes, strips));
    for (auto [i, column] : llvm::enumerate(loadStrip(buffer, base, first)))
      storeLanes(column, *offset, arith::AddIOp::create(b, first, i64(i)));
  });
}

/// Runs `store` where the array is kept: nobody has to pass a saved one. `store` is told whether to add to the array.
void RowEmitter::whereKept(kernel::BufferOp buffer, llvm::function_ref<void(bool)> store) {
  auto choose = [&] {
    if (buffer.getAdds())
      when(context.adds, [&] { store(true); }, [&] { store(false); });
    else
      store(false);
  };
  if (buffer.getRole() != kernel::Role::Saved)
    return choose();
  Value pointer = context.arrays.lookup(buffer.getSymName());
  Value nowhere = LLVM::ZeroOp::create(b, pointer.getType());
  when(LLVM::ICmpOp::create(b, LLVM::ICmpPredicate::ne, pointer, nowhere), choose);
}

void RowEmitter::emitTileStore(kernel::StoreOp op, const Tile &tile) {
  kernel::BufferOp buffer = kernel::lookupBuffer(op, op.getBuffer());
  int64_t bytes = elementBytes(buffer.getType()), columns = buffer.getRowSize();
  whereKept(buffer, [&](bool adds) {
    Value base = tilePointer(buffer, tile, /*load=*/adds);
    if (stripWidth(columns) == 1)
      storeColumn(op, buffer, base, adds);
    else if (isStoredInBlocks(buffer))
      storeBlocks(op, buffer, base, adds);
    else
      storeStrips(op, buffer, base, adds);
    when(isPartial(tile), [&] {
      Value direct = elementPointer(context.arrays.lookup(buffer.getSymName()), columns * bytes, tile.begin);
      copyRows(base, direct, buffer, tile.valid, i64(tileTokens));
    });
  });
}

void RowEmitter::storeColumn(kernel::StoreOp op, kernel::BufferOp buffer, Value base, bool adds) {
  int64_t bytes = elementBytes(buffer.getType());
  bool isRow = isa<kernel::RowType>(op.getValue().getType());
  Value value = isRow ? read(op.getValue(), i64(0)) : scalars.lookup(op.getValue());
  if (adds)
    value = arith::AddFOp::create(
        b, widen(loadVector(base, laneType(memoryType(buffer.getType())), bytes), buffer.getType()), value);
  LLVM::StoreOp::create(b, narrow(value, buffer.getType()), base, bytes);
}

/// Calls `store(first, old)` for strips of `width` columns from `first` on, the last of which ends with the row. `old`
/// is what `load(first)` has given; for a last strip that overlaps its neighbour, before the neighbour was written.
void RowEmitter::forStrips(int64_t columns, int64_t width, llvm::function_ref<SmallVector<Value>(Value)> load,
                           llvm::function_ref<void(Value, ArrayRef<Value>)> store) {
  bool overlaps = load && columns % width != 0;
  SmallVector<Value> last;
  if (overlaps)
    last = load(i64(columns - width));
  loop(llvm::divideCeil(columns, width) - overlaps, 1, {}, [&](Value strip, unsigned, State &) {
    Value first = stripStart(strip, columns, width);
    store(first, load ? load(first) : SmallVector<Value>());
  });
  if (overlaps)
    store(i64(columns - width), last);
}

void RowEmitter::storeStrips(kernel::StoreOp op, kernel::BufferOp buffer, Value base, bool adds) {
  int64_t columns = buffer.getRowSize(), width = stripWidth(columns);
  auto load = [&](Value first) { return loadStrip(buffer, base, first); };
  auto store = [&](Value first, ArrayRef<Value> old) {
    SmallVector<Value> strip;
    for (int64_t i = 0; i < width; ++i) {
      Value value = read(op.getValue(), arith::AddIOp::create(b, first, i64(i)));
      strip.push_back(old.empty() ? value : Value(arith::AddFOp::create(b, old[i], value)));
    }
    storeStrip(buffer, base, first, strip);
  };
  forStrips(columns, width, adds ? load : llvm::function_ref<SmallVector<Value>(Value)>(), store);
}

void RowEmitter::storeBlocks(kernel::StoreOp op, kernel::BufferOp buffer, Value base, bool adds) {
  int64_t bytes = elementBytes(buffer.getType()), columns = buffer.getRowSize();
  auto rowPointer = [&](Value first, int64_t token) {
    return advance(elementPointer(base, bytes, first), token * columns * bytes);
  };
  auto load = [&](Value first) {
    SmallVector<Value> rows;
    for (int64_t token = 0; token < tileTokens; ++token)
      rows.push_back(
          widen(loadVector(rowPointer(first, token), laneType(memoryType(buffer.getType())), bytes), buffer.getType()));
    return rows;
  };
  auto store = [&](Value first, ArrayRef<Value> old) {
    SmallVector<Value> block;
    for (int64_t i = 0; i < tileTokens; ++i)
      block.push_back(read(op.getValue(), arith::AddIOp::create(b, first, i64(i))));
    for (auto [token, row] : llvm::enumerate(transposeBlock(block))) {
      Value sum = old.empty() ? row : Value(arith::AddFOp::create(b, old[token], row));
      LLVM::StoreOp::create(b, narrow(sum, buffer.getType()), rowPointer(first, token), bytes);
    }
  };
  forStrips(columns, tileTokens, adds ? load : llvm::function_ref<SmallVector<Value>(Value)>(), store);
}

void RowEmitter::emitFinishStore(kernel::StoreOp op) {
  kernel::BufferOp buffer = kernel::lookupBuffer(op, op.getBuffer());
  int64_t bytes = elementBytes(buffer.getType());
  whereKept(buffer, [&](bool adds) {
    Value pointer = wholePointer(buffer, op);
    auto put = [&](Value value, Value target) {
      if (adds)
        value = arith::AddFOp::create(b, loadUniform(target, buffer.getType()), value);
      LLVM::StoreOp::create(b, narrow(value, buffer.getType()), target, bytes);
    };
    auto row = dyn_cast<kernel::RowType>(op.getValue().getType());
    if (!row)
      return put(scalars.lookup(op.getValue()), pointer);
    loop(row.getSize(), 1, {},
         [&](Value e, unsigned, State &) { put(read(op.getValue(), e), elementPointer(pointer, bytes, e)); });
  });
}

//===-- Accumulators
//------------------------------------------------------------------------------------------------===//

/// For a whole piece, in the block itself.
void RowEmitter::accumulateOnce(kernel::AccumulateOp op, Value element, Value value) {
  kernel::AccumulatorOp accumulator = kernel::lookupAccumulator(op, op.getAccumulator());
  uint64_t offset = AccumulatorLayout(op->getParentOfType<kernel::ProgramOp>()).offsetOf(op.getAccumulator());
  int64_t bytes = elementBytes(accumulator.getType());
  Value target = elementPointer(advance(context.partial, offset), bytes, element);
  Value old = loadVector(target, accumulator.getType(), bytes);
  LLVM::StoreOp::create(b, combine(accumulator.getCombine(), old, value), target, bytes);
}

/// Lanes of missing tokens keep what they have.
void RowEmitter::accumulate(kernel::AccumulateOp op, Value element, Value value, const Tile &tile) {
  if (lanes == 1)
    return accumulateOnce(op, element, value);
  int64_t offset = context.laneOffsets.lookup(op.getAccumulator());
  Value old = loadLanes(offset, getElementTypeOrSelf(value), element);
  Value merged = combine(kernel::lookupAccumulator(op, op.getAccumulator()).getCombine(), old, value);
  storeLanes(arith::SelectOp::create(b, tile.mask, merged, old), offset, element);
}

/// The positions go through memory, those of missing tokens and those outside the row as the row's size, a spare
/// element of the histogram; then one scalar increment per lane and slot.
void RowEmitter::emitCount(kernel::CountOp op, const Tile &tile) {
  int64_t slots = rowType(op.getIndices()).getSize(), temporary = *schedule.temporaryOf(op);
  Type type = b.getI32Type();
  int64_t size = kernel::lookupAccumulator(op, op.getAccumulator()).getCount();
  loop(slots, 4, {}, [&](Value slot, unsigned, State &) {
    Value position = read(op.getIndices(), slot);
    Value counted = arith::AndIOp::create(b, isInside(position, size), tile.mask);
    storeLanes(arith::SelectOp::create(b, counted, position, splatInteger(type, size)), temporary, slot);
  });
  Value positions = advance(context.scratch, temporary);
  Value histogram = advance(context.scratch, context.histogramOffsets.lookup(op.getAccumulator()));
  loop(slots * tileTokens, 4, {}, [&](Value i, unsigned, State &) {
    Value position = loadVector(elementPointer(positions, 4, i), type, 4);
    Value pointer = elementPointer(histogram, 4, position);
    LLVM::StoreOp::create(b, arith::AddIOp::create(b, loadVector(pointer, type, 4), i32(1)), pointer, 4);
  });
}
