// Status words: what only the data shows (non-finite tokens, indices out of range, no valid token). See Fusion.h.
#include "compiler/Conversion/MoeToMoeKernel/Fusion.h"

using namespace mlir;
using namespace moe;

/// The status words stand in no spec: a statement of their own for the reader of the generated code.
Location Fusion::statusLoc(StringRef text) {
  return NameLoc::get(StringAttr::get(gate.getContext(), text), gate.getLoc());
}

/// Whether a row or scalar of the first pass holds a NaN or an infinity: x * 0 is 0 for finite x only.
Value Fusion::isNonfinite(Value x) {
  OpBuilder &b = rows(0).lowering->builder;
  Location loc = statusLoc("status nonfinite_tokens = tokens with a NaN or an infinity");
  auto row = dyn_cast<kernel::RowType>(x.getType());
  Type element = row ? row.getElementType() : x.getType();
  Value zero = arith::ConstantOp::create(b, loc, b.getFloatAttr(element, 0)), product;
  if (row) {
    auto map = kernel::MapOp::create(b, loc, TypeRange(row), x);
    Block &block = map.getBody().emplaceBlock();
    OpBuilder body = OpBuilder::atBlockEnd(&block);
    kernel::YieldOp::create(body, loc,
                            ValueRange(arith::MulFOp::create(body, loc, block.addArgument(element, loc), zero)));
    product = kernel::ReduceOp::create(b, loc, element, kernel::Combine::Sum, map.getResult(0), DenseI32ArrayAttr());
  } else {
    product = arith::MulFOp::create(b, loc, x, zero);
  }
  return arith::CmpFOp::create(b, loc, arith::CmpFPredicate::UNE, product, zero);
}

/// Whether this token of the first pass counts; null without a mask.
Value Fusion::validHere() {
  MaskOp mask = maskOf(gate);
  return mask ? rows(0).lowering->get(mask.getValid()) : Value();
}

/// Adds 1 to `accumulator` for each valid token where `condition` is true.
void Fusion::countWhere(Value condition, StringAttr accumulator, Location loc) {
  OpBuilder &b = rows(0).lowering->builder;
  if (Value valid = validHere(); valid && valid != condition)
    condition = arith::AndIOp::create(b, loc, condition, valid);
  kernel::AccumulateOp::create(b, loc, arith::ExtUIOp::create(b, loc, b.getI32Type(), condition),
                               accumulator.getValue());
}

/// Counts the tokens that have a NaN or an infinity in any float input.
void Fusion::countNonfinite() {
  OpBuilder &b = rows(0).lowering->builder;
  Location loc = statusLoc("status nonfinite_tokens = tokens with a NaN or an infinity");
  Value bad;
  for (InputOp input : tokenInputs()) {
    Value here = isNonfinite(rows(0).lowering->get(input.getResult()));
    bad = bad ? arith::OrIOp::create(b, loc, bad, here) : here;
  }
  if (bad)
    countWhere(bad, nonfinite, loc);
}

/// Counts the tokens that have an index that is neither -1 nor an element, in any selection of the caller.
void Fusion::countOutOfRange() {
  OpBuilder &b = rows(0).lowering->builder;
  Location loc = statusLoc("status out_of_range = tokens with an index that names no element");
  Value bad;
  for (ForcedOp forced : checkedSelections()) {
    Value index = rows(0).lowering->getFull(forced.getIndex());
    auto map = kernel::MapOp::create(b, loc, TypeRange(index.getType()), index);
    Block &block = map.getBody().emplaceBlock();
    Value position = block.addArgument(b.getI32Type(), loc);
    OpBuilder body = OpBuilder::atBlockEnd(&block);
    auto constant = [&](int64_t value) -> Value {
      return arith::ConstantOp::create(body, loc, body.getI32IntegerAttr(value));
    };
    int64_t size = *lookupAxis(forced, forced.getType().getAxis().getValue()).getSize();
    Value outside = arith::CmpIOp::create(body, loc, arith::CmpIPredicate::uge, position, constant(size));
    Value notEmpty = arith::CmpIOp::create(body, loc, arith::CmpIPredicate::ne, position, constant(-1));
    Value wrong = arith::AndIOp::create(body, loc, outside, notEmpty);
    kernel::YieldOp::create(body, loc, ValueRange(arith::ExtUIOp::create(body, loc, body.getI32Type(), wrong)));
    Value worst =
        kernel::ReduceOp::create(b, loc, b.getI32Type(), kernel::Combine::Max, map.getResult(0), DenseI32ArrayAttr());
    Value zero = arith::ConstantOp::create(b, loc, b.getI32IntegerAttr(0));
    Value here = arith::CmpIOp::create(b, loc, arith::CmpIPredicate::ne, worst, zero);
    bad = bad ? arith::OrIOp::create(b, loc, bad, here) : here;
  }
  if (bad)
    countWhere(bad, outOfRange, loc);
}

void Fusion::writeStatus() {
  if (validTokens)
    countWhere(validHere(), validTokens, statusLoc("status empty = no valid tokens"));
  if (gate.getBackwardOf())
    return;
  countNonfinite();
  countOutOfRange();
  OpBuilder &f = lastFinish().lowering->builder;
  Location emptyLoc = statusLoc("status empty = no tokens");
  Value empty = isEmpty(lastFinish());
  kernel::StoreOp::create(f, emptyLoc, arith::ExtUIOp::create(f, emptyLoc, f.getI32Type(), empty),
                          emptyWord.getValue());
  auto store = [&](StringAttr word, StringAttr accumulator, Location loc) {
    Value count = accumulator ? kernel::ReadOp::create(f, loc, f.getI32Type(), accumulator.getValue()).getResult()
                              : arith::ConstantOp::create(f, loc, f.getI32IntegerAttr(0)).getResult();
    kernel::StoreOp::create(f, loc, count, word.getValue());
  };
  store(nonfiniteWord, nonfinite, statusLoc("status nonfinite_tokens = tokens with a NaN or an infinity"));
  if (outOfRangeWord)
    store(outOfRangeWord, outOfRange, statusLoc("status out_of_range = tokens with an index that names no element"));
  if (!badOffsetsWord)
    return;
  Location loc = statusLoc("status bad_offsets = 1 where offsets were out of place");
  Value seen = kernel::ReadOp::create(f, loc, f.getI32Type(), badOffsets.getValue());
  Value zero = arith::ConstantOp::create(f, loc, f.getI32IntegerAttr(0));
  Value bad = arith::CmpIOp::create(f, loc, arith::CmpIPredicate::ne, seen, zero);
  kernel::StoreOp::create(f, loc, arith::ExtUIOp::create(f, loc, f.getI32Type(), bad), badOffsetsWord.getValue());
}
