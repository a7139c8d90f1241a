// Selection: top-k lists per lane, sums of the greatest, membership, gathers, and loops over uneven groups.
//
// Elements are compared as integers of the same width (*keys*) whose order is that of the selection: NaN below every
// number, masked elements and empty places of a list below NaN. Comparing strictly keeps the lower position first. A
// list is sorted, the greatest first; an element that beats the last in no lane is skipped, which is the common case
// once the lists have filled. (Skipping the test for the first elements, which nearly always go in, won 2 percent for
// 64 elements and lost up to 14 for 256.)
#include "compiler/Conversion/MoeKernelToLLVM/RowEmitter.h"

using namespace mlir;
using namespace moe;
using namespace moe::cpu;

static kernel::RowType rowType(Value row) { return cast<kernel::RowType>(row.getType()); }

//===-- Keys
//--------------------------------------------------------------------------------------------------------===//

static int64_t lowest(Type key) { return llvm::minIntN(key.getIntOrFloatBitWidth()); }

/// For negative numbers all bits but the sign are flipped, so that two's complement orders them. Its own inverse.
static Value flip(RowEmitter &emitter, ImplicitLocOpBuilder &b, Value bits, Type key) {
  unsigned width = key.getIntOrFloatBitWidth();
  Value sign = arith::ShRSIOp::create(b, bits, emitter.splatInteger(key, width - 1));
  Value rest = arith::AndIOp::create(b, sign, emitter.splatInteger(key, llvm::maxIntN(width)));
  return arith::XOrIOp::create(b, bits, rest);
}

Value RowEmitter::encode(Value value) {
  Type element = getElementTypeOrSelf(value), key = keyType(element);
  // -0 + 0 = +0
  Value canonical = arith::AddFOp::create(b, value, splatFloat(element, 0.0));
  Value ordered = flip(*this, b, arith::BitcastOp::create(b, laneType(key), canonical), key);
  Value isNan = arith::CmpFOp::create(b, arith::CmpFPredicate::UNO, value, value);
  return arith::SelectOp::create(b, isNan, splatInteger(key, lowest(key) + 1), ordered);
}

/// The number of a key; NaN for NaN and for empty places.
Value RowEmitter::decode(Value key, Type element) {
  return arith::BitcastOp::create(b, laneType(element), flip(*this, b, key, keyType(element)));
}

Value RowEmitter::any(Value mask) {
  return lanes == 1 ? mask : Value(vector::ReductionOp::create(b, vector::CombiningKind::OR, mask));
}

Value RowEmitter::maskedKey(kernel::TopkOp op, Value element) {
  Value key = encode(read(op.getInput(), element));
  if (!op.getMask())
    return key;
  Type type = getElementTypeOrSelf(key);
  return arith::SelectOp::create(b, read(op.getMask(), element), key, splatInteger(type, lowest(type)));
}

static Value greater(ImplicitLocOpBuilder &b, Value left, Value right) {
  return arith::CmpIOp::create(b, arith::CmpIPredicate::sgt, left, right);
}

//===-- Top-k
//-------------------------------------------------------------------------------------------------------===//

void RowEmitter::emitTopk(kernel::TopkOp op) {
  int64_t k = rowType(op.getIndices()).getSize();
  k <= registerList ? emitTopkInRegisters(op, k) : emitTopkInMemory(op, k);
}

/// Puts `key` into sorted lists: place j keeps its element, takes its left neighbour's, or takes the new one.
/// `positions` may be empty.
void RowEmitter::insertInRegisters(Value key, Value position, MutableArrayRef<Value> keys,
                                   MutableArrayRef<Value> positions) {
  SmallVector<Value> beats;
  if (!positions.empty())
    for (Value other : keys)
      beats.push_back(greater(b, key, other));
  for (size_t j = keys.size(); j-- > 0;) {
    Value fromLeft = j == 0 ? key : Value(arith::MinSIOp::create(b, keys[j - 1], key));
    keys[j] = arith::MaxSIOp::create(b, keys[j], fromLeft);
    if (positions.empty())
      continue;
    Value moved = j == 0 ? position : Value(arith::SelectOp::create(b, beats[j - 1], positions[j - 1], position));
    positions[j] = arith::SelectOp::create(b, beats[j], moved, positions[j]);
  }
}

void RowEmitter::emitTopkInRegisters(kernel::TopkOp op, int64_t k) {
  Type element = rowType(op.getInput()).getElementType(), keyElement = keyType(element);
  State state(k, splatInteger(keyElement, lowest(keyElement)));
  state.append(k, splatInteger(b.getI32Type(), -1));
  state = loop(rowType(op.getInput()).getSize(), 1, state, [&](Value e, unsigned, State &list) {
    Value key = maskedKey(op, e);
    Value position = broadcast(arith::TruncIOp::create(b, b.getI32Type(), e));
    auto guard =
        scf::IfOp::create(b, TypeRange(ValueRange(list)), any(greater(b, key, list[k - 1])), /*withElseRegion=*/true);
    {
      OpBuilder::InsertionGuard insertion(b);
      b.setInsertionPointToStart(guard.elseBlock());
      scf::YieldOp::create(b, list);
      b.setInsertionPointToStart(guard.thenBlock());
      MutableArrayRef<Value> all(list);
      insertInRegisters(key, position, all.take_front(k), all.drop_front(k));
      scf::YieldOp::create(b, list);
    }
    list = State(guard.getResults());
  });
  auto indices = schedule.offsetOf(op.getIndices()), values = schedule.offsetOf(op.getValues());
  for (int64_t j = 0; j < k; ++j) {
    if (indices)
      storeLanes(state[k + j], *indices, i64(j));
    if (values)
      storeLanes(decode(state[j], element), *values, i64(j));
  }
}

/// Puts `key` into sorted lists of k in scratch memory. From the last place up, elements move down by one in the lanes
/// where the new one beats their left neighbour, until it does so in no lane.
void RowEmitter::insertInMemory(Value key, Value position, int64_t k, int64_t keyOffset,
                                std::optional<int64_t> positionOffset) {
  Type keyElement = getElementTypeOrSelf(key);
  auto put = [&](Value place, Value leftKey, Value leftPosition) {
    Value old = loadLanes(keyOffset, keyElement, place);
    storeLanes(arith::MaxSIOp::create(b, old, leftKey), keyOffset, place);
    if (!positionOffset)
      return;
    Value oldPosition = loadLanes(*positionOffset, b.getI32Type(), place);
    storeLanes(arith::SelectOp::create(b, greater(b, key, old), leftPosition, oldPosition), *positionOffset, place);
  };
  auto left = [&](Value place) { return arith::SubIOp::create(b, place, i64(1)); };
  auto loop = scf::WhileOp::create(b, TypeRange(b.getI64Type()), ValueRange(i64(k - 1)));
  OpBuilder::InsertionGuard insertion(b);
  Block *before = b.createBlock(&loop.getBefore(), {}, b.getI64Type(), b.getLoc());
  Value place = before->getArgument(0);
  Value hasLeft = arith::CmpIOp::create(b, arith::CmpIPredicate::sgt, place, i64(0));
  auto moves = scf::IfOp::create(b, b.getI1Type(), hasLeft, /*withElseRegion=*/true);
  b.setInsertionPointToStart(moves.elseBlock());
  scf::YieldOp::create(b, ValueRange(hasLeft));
  b.setInsertionPointToStart(moves.thenBlock());
  scf::YieldOp::create(b, ValueRange(any(greater(b, key, loadLanes(keyOffset, keyElement, left(place))))));
  b.setInsertionPointToEnd(before);
  scf::ConditionOp::create(b, moves.getResult(0), ValueRange(place));

  Block *after = b.createBlock(&loop.getAfter(), {}, b.getI64Type(), b.getLoc());
  place = after->getArgument(0);
  Value next = left(place), leftKey = loadLanes(keyOffset, keyElement, next), leftPosition;
  if (positionOffset) {
    Value neighbour = loadLanes(*positionOffset, b.getI32Type(), next);
    leftPosition = arith::SelectOp::create(b, greater(b, key, leftKey), neighbour, position);
  }
  put(place, arith::MinSIOp::create(b, leftKey, key), leftPosition);
  scf::YieldOp::create(b, ValueRange(next));
  b.setInsertionPointAfter(loop);
  put(loop.getResult(0), key, position);
}

void RowEmitter::emitTopkInMemory(kernel::TopkOp op, int64_t k) {
  Type element = rowType(op.getInput()).getElementType(), keyElement = keyType(element);
  int64_t positions = *schedule.offsetOf(op.getIndices()), keys = *schedule.offsetOf(op.getValues());
  Value lowestKey = splatInteger(keyElement, lowest(keyElement)), nowhere = splatInteger(b.getI32Type(), -1);
  loop(k, 1, {}, [&](Value j, unsigned, State &) {
    storeLanes(lowestKey, keys, j);
    storeLanes(nowhere, positions, j);
  });
  loop(rowType(op.getInput()).getSize(), 1, {}, [&](Value e, unsigned, State &) {
    Value key = maskedKey(op, e);
    auto guard =
        scf::IfOp::create(b, any(greater(b, key, loadLanes(keys, keyElement, i64(k - 1)))), /*withElseRegion=*/false);
    OpBuilder::InsertionGuard insertion(b);
    b.setInsertionPointToStart(guard.thenBlock());
    Value position = broadcast(arith::TruncIOp::create(b, b.getI32Type(), e));
    insertInMemory(key, position, k, keys, positions);
  });
  loop(k, 1, {},
       [&](Value j, unsigned, State &) { storeLanes(decode(loadLanes(keys, keyElement, j), element), keys, j); });
}

//===-- Groups
//------------------------------------------------------------------------------------------------------===//

void RowEmitter::forGroups(std::optional<ArrayRef<int32_t>> groups, int64_t size, int64_t count,
                           llvm::function_ref<void(Value, Members)> body) {
  if (kernel::areEqualBlocks(groups, size, count)) {
    loop(count, 1, {}, [&](Value group, unsigned, State &) {
      Value first = arith::MulIOp::create(b, group, i64(size / count));
      body(group, [&](State state, Body member) {
        return loop(size / count, 1, state,
                    [&](Value e, unsigned, State &inner) { member(arith::AddIOp::create(b, first, e), inner); });
      });
    });
    return;
  }
  // The elements of group g are members[starts[g]] … members[starts[g + 1] - 1], in ascending order.
  SmallVector<int32_t> starts(count + 1, 0), members;
  for (int64_t group = 0; group < count; ++group) {
    for (int64_t e = 0; e < size; ++e)
      if ((*groups)[e] == group)
        members.push_back(e);
    starts[group + 1] = members.size();
  }
  Value startTable = tablePointer(starts), memberTable = tablePointer(members);
  auto load = [&](Value table, Value index) {
    return arith::ExtUIOp::create(b, b.getI64Type(), loadVector(elementPointer(table, 4, index), b.getI32Type(), 4));
  };
  loop(count, 1, {}, [&](Value group, unsigned, State &) {
    Value low = load(startTable, group), high = load(startTable, arith::AddIOp::create(b, group, i64(1)));
    body(group, [&](State state, Body member) {
      return loopRange(low, high, state, [&](Value i, State &inner) { member(load(memberTable, i), inner); });
    });
  });
}

void RowEmitter::emitUnevenReduce(kernel::ReduceOp op) {
  kernel::RowType input = rowType(op.getInput()), result = rowType(op.getResult());
  auto offset = schedule.offsetOf(op.getResult());
  if (!offset)
    return;
  if (isOrderedSum(op))
    return emitUnevenSum(op, *offset);
  forGroups(op.getGroups(), input.getSize(), result.getSize(), [&](Value group, Members members) {
    State state = members({splat(neutral(op.getKind(), input.getElementType()))}, [&](Value e, State &inner) {
      inner[0] = combine(op.getKind(), inner[0], read(op.getInput(), e));
    });
    storeLanes(state[0], *offset, group);
  });
}

void RowEmitter::emitGroupTopSum(kernel::GroupTopSumOp op) {
  auto offset = schedule.offsetOf(op.getResult());
  if (!offset)
    return;
  forGroups(op.getGroups(), rowType(op.getInput()).getSize(), rowType(op.getResult()).getSize(),
            [&](Value group, Members members) {
              bool isLong = static_cast<int64_t>(op.getN()) > registerList;
              storeLanes(isLong ? topSumInMemory(op, members) : topSumInRegisters(op, members), *offset, group);
            });
}

/// Short lists take every element: cheaper than asking whether any lane needs it.
Value RowEmitter::topSumInRegisters(kernel::GroupTopSumOp op, Members members) {
  Type element = rowType(op.getInput()).getElementType(), key = keyType(element);
  State list = members(State(op.getN(), splatInteger(key, lowest(key))), [&](Value e, State &inner) {
    insertInRegisters(encode(read(op.getInput(), e)), Value(), inner, {});
  });
  Value sum = decode(list.front(), element);
  for (Value next : ArrayRef<Value>(list).drop_front())
    sum = arith::AddFOp::create(b, sum, decode(next, element));
  return sum;
}

Value RowEmitter::topSumInMemory(kernel::GroupTopSumOp op, Members members) {
  Type element = rowType(op.getInput()).getElementType(), keyElement = keyType(element);
  int64_t n = op.getN(), keys = *schedule.temporaryOf(op);
  loop(n, 1, {},
       [&](Value j, unsigned, State &) { storeLanes(splatInteger(keyElement, lowest(keyElement)), keys, j); });
  members({}, [&](Value e, State &) {
    Value key = encode(read(op.getInput(), e));
    auto guard =
        scf::IfOp::create(b, any(greater(b, key, loadLanes(keys, keyElement, i64(n - 1)))), /*withElseRegion=*/false);
    OpBuilder::InsertionGuard insertion(b);
    b.setInsertionPointToStart(guard.thenBlock());
    insertInMemory(key, Value(), n, keys, std::nullopt);
  });
  Value first = decode(loadLanes(keys, keyElement, i64(0)), element);
  return loopRange(i64(1), i64(n), {first}, [&](Value j, State &sum) {
    sum[0] = arith::AddFOp::create(b, sum[0], decode(loadLanes(keys, keyElement, j), element));
  })[0];
}

//===-- Membership and gather
//---------------------------------------------------------------------------------------===//

/// Before the loop: the positions themselves, or the last selected key and its position.
void RowEmitter::hoistChosen(kernel::ChosenOp op, Member &member) {
  int64_t k = rowType(op.getIndices()).getSize();
  if (auto topk = thresholdOf(op)) {
    Value last = encode(read(topk.getValues(), i64(k - 1))), position = read(op.getIndices(), i64(k - 1));
    // Where the mask left fewer than k elements, all that it left are chosen.
    Type key = getElementTypeOrSelf(last);
    Value isMissing = arith::CmpIOp::create(b, arith::CmpIPredicate::slt, position, splatInteger(b.getI32Type(), 0));
    member.hoisted = {Value(arith::SelectOp::create(b, isMissing, splatInteger(key, lowest(key)), last)), position};
  } else if (k <= registerList) {
    for (int64_t j = 0; j < k; ++j)
      member.hoisted.push_back(read(op.getIndices(), i64(j)));
  }
}

Value RowEmitter::emitChosen(kernel::ChosenOp op, const Member &member, Value element) {
  Value position = broadcast(arith::TruncIOp::create(b, b.getI32Type(), element));
  if (auto topk = thresholdOf(op)) {
    Value key = maskedKey(topk, element);
    Value ties = arith::CmpIOp::create(b, arith::CmpIPredicate::eq, key, member.hoisted[0]);
    Value isFirst = arith::CmpIOp::create(b, arith::CmpIPredicate::sle, position, member.hoisted[1]);
    return arith::OrIOp::create(b, greater(b, key, member.hoisted[0]), arith::AndIOp::create(b, ties, isFirst));
  }
  auto isNamed = [&](Value named) { return arith::CmpIOp::create(b, arith::CmpIPredicate::eq, named, position); };
  if (!member.hoisted.empty()) {
    Value result = isNamed(member.hoisted.front());
    for (Value named : ArrayRef<Value>(member.hoisted).drop_front())
      result = arith::OrIOp::create(b, result, isNamed(named));
    return result;
  }
  State none = {splatInteger(b.getI1Type(), 0)};
  return loop(rowType(op.getIndices()).getSize(), 1, none, [&](Value j, unsigned, State &found) {
    found[0] = arith::OrIOp::create(b, found[0], isNamed(read(op.getIndices(), j)));
  })[0];
}

/// Positions outside a row, negative ones among them, name nothing.
Value RowEmitter::isInside(Value position, int64_t size) {
  return arith::CmpIOp::create(b, arith::CmpIPredicate::ult, position, splatInteger(b.getI32Type(), size));
}

Value RowEmitter::emitGather(kernel::GatherOp op, Value element) {
  Value position = read(op.getIndices(), element);
  Type type = rowType(op.getInput()).getElementType(), memory = type.isInteger(1) ? b.getI8Type() : type;
  Value named = isInside(position, rowType(op.getInput()).getSize());
  Value zero = arith::ConstantOp::create(b, cast<TypedAttr>(b.getZeroAttr(laneType(memory))));
  auto offset = schedule.offsetOf(op.getInput());
  Value base = offset ? advance(context.scratch, *offset) : uniformRows.lookup(rootOf(op.getInput())).pointer;
  if (lanes == 1) {
    Value inside = arith::SelectOp::create(b, named, position, i32(0));
    Value value = loadVector(elementPointer(base, scratchBytes(type), inside), memory, scratchBytes(type));
    return widen(arith::SelectOp::create(b, named, value, zero), type.isInteger(1) ? type : memory);
  }
  Value index = position;
  if (offset) { // each lane has a column of its own
    SmallVector<int32_t> lane = llvm::to_vector(llvm::seq<int32_t>(0, lanes));
    auto words = cast<VectorType>(laneType(b.getI32Type()));
    Value column = arith::ConstantOp::create(b, DenseElementsAttr::get(words, ArrayRef<int32_t>(lane)));
    Value rowStart = arith::MulIOp::create(b, position, splatInteger(b.getI32Type(), lanes));
    index = arith::AddIOp::create(b, rowStart, column);
  }
  Value pointers = LLVM::GEPOp::create(b, laneType(base.getType()), memory, base, LLVM::GEPArg(index));
  Value value = LLVM::masked_gather::create(b, laneType(memory), pointers, named, ValueRange(zero),
                                            b.getI32IntegerAttr(scratchBytes(type)));
  return type.isInteger(1) ? widen(value, type) : value;
}

/// The positions go through memory, those outside the row as its size, a spare element; then one scalar addition per
/// slot and lane, slot by slot, so that the elements of one position are added in order. (Gathering and scattering the
/// lanes of a slot was measured slower, with AVX-512 and with AVX2.)
void RowEmitter::emitScatter(kernel::ScatterOp op) {
  auto offset = schedule.offsetOf(op.getResult());
  if (!offset)
    return;
  Type type = rowType(op.getInput()).getElementType(), word = b.getI32Type();
  int64_t size = rowType(op.getResult()).getSize(), slots = rowType(op.getInput()).getSize();
  int64_t bytes = scratchBytes(type), temporary = *schedule.temporaryOf(op);
  Value zero = splatFloat(type, 0.0);
  loop(size, 4, {}, [&](Value e, unsigned, State &) { storeLanes(zero, *offset, e); });
  loop(slots, 4, {}, [&](Value slot, unsigned, State &) {
    Value position = read(op.getIndices(), slot);
    Value inside = arith::SelectOp::create(b, isInside(position, size), position, splatInteger(word, size));
    storeLanes(inside, temporary, slot);
  });
  // A row that is the same for all tokens has one value per element.
  auto from = schedule.offsetOf(op.getInput());
  Value start = from ? advance(context.scratch, *from) : uniformRows.lookup(rootOf(op.getInput())).pointer;
  int64_t columns = from ? lanes : 1;
  loop(slots, 1, {}, [&](Value slot, unsigned, State &) {
    Value positions = elementPointer(advance(context.scratch, temporary), lanes * 4, slot);
    Value values = elementPointer(start, columns * bytes, slot);
    for (int64_t lane = 0; lane < lanes; ++lane) {
      Value position = loadVector(advance(positions, lane * 4), word, 4);
      Value value = loadVector(advance(values, lane % columns * bytes), type, bytes);
      Value target = elementPointer(advance(context.scratch, *offset + lane * bytes), lanes * bytes, position);
      LLVM::StoreOp::create(b, arith::AddFOp::create(b, loadVector(target, type, bytes), value), target, bytes);
    }
  });
}
