// Statements to operations: see Lower.h.
#include "compiler/Frontend/Lower.h"
#include "compiler/Frontend/GradientPath.h"
#include "mlir/IR/Verifier.h"

using namespace mlir;
using namespace moe;
using namespace moe::frontend;

Lower::Lower(const Gate &gate, Diagnostics &diags, MLIRContext *context)
    : gate(gate), diags(diags), builder(context, this), loc(UnknownLoc::get(context)) {}

void Lower::notifyOperationInserted(Operation *op, OpBuilder::InsertPoint) { origins.try_emplace(op, position); }

void Lower::notLowered(llvm::SMLoc where, const Twine &what, StringRef instead) {
  diags.error(where) << what << " is not lowered yet" << (instead.empty() ? "" : "; ") << instead;
}

OwningOpRef<ModuleOp> Lower::run() {
  OwningOpRef<ModuleOp> module = ModuleOp::create(builder, diags.locate(llvm::SMLoc()));
  builder.setInsertionPointToStart(module->getBody());
  loc = NameLoc::get(builder.getStringAttr("gate " + gate.name.str()), diags.locate(gate.loc));
  auto op = GateOp::create(builder, loc, gate.name, FlatSymbolRefAttr(), ArrayAttr(), StringAttr());
  builder.setInsertionPointToStart(&op.getBody().emplaceBlock());
  lowerAxes();
  for (const Statement &statement : gate.statements)
    if (statement.kind != Statement::Kind::Axis)
      lowerStatement(statement);
  if (diags.failed() || mlir::failed(verify(*module)))
    return nullptr;
  return module;
}

//===-- Declarations
//------------------------------------------------------------------------------------------------===//

bool Lower::areLowered(Axes of) {
  return llvm::all_of(of, [&](const Axis *axis) {
    if (axis->origin == Axis::Origin::Slot || axis->origin == Axis::Origin::Row || axes.contains(axis))
      return true;
    if (axis->origin == Axis::Origin::Bound)
      return axes.contains(axis->within);
    if (!(axis->isBucket || axis->isWord) || (axis->of && !areLowered({axis->of})))
      return false;
    OpBuilder::InsertionGuard guard(builder);
    builder.setInsertionPointAfter(lastAxis);
    declare(*axis);
    return true;
  });
}

/// A bucket of run-time positions is an axis of its own: which element is where is computed (reduceToBuckets).
void Lower::declare(const Axis &axis) {
  bool isGroup = axis.of && axis.origin != Axis::Origin::Bucket;
  StringAttr input = axis.input.empty() ? StringAttr() : builder.getStringAttr(axis.input);
  bool isPlacement = axis.origin == Axis::Origin::Placement;
  lastAxis = AxisOp::create(
      builder, loc, builder.getStringAttr(axis.name), axis.size ? builder.getI64IntegerAttr(*axis.size) : IntegerAttr(),
      isGroup ? FlatSymbolRefAttr::get(builder.getContext(), axis.of->name) : FlatSymbolRefAttr(),
      axis.origin == Axis::Origin::Map ? builder.getDenseI32ArrayAttr(axis.map) : DenseI32ArrayAttr(),
      isPlacement ? input : StringAttr(),
      axis.origin == Axis::Origin::Pieces ? builder.getI64IntegerAttr(axis.length) : IntegerAttr(),
      isPlacement ? StringAttr() : input, IntegerAttr(), IntegerAttr());
  axes.insert(&axis);
}

void Lower::lowerAxes() {
  for (const Statement &statement : gate.statements) {
    hasMask |= statement.kind == Statement::Kind::Mask;
    if (statement.kind == Statement::Kind::Axis && !axes.contains(statement.axis))
      lowerAxis(statement);
  }
}

void Lower::lowerAxis(const Statement &statement) {
  const Axis &axis = *statement.axis;
  if (axis.isPieces() && axis.of->isPieces() && !axes.contains(axis.of)) // shorter pieces may stand below longer ones
    for (const Statement &finer : gate.statements)
      if (finer.axis == axis.of)
        lowerAxis(finer);
  loc = NameLoc::get(builder.getStringAttr(statement.text), diags.locate(statement.loc));
  if (axis.origin == Axis::Origin::RunTime) {
    if (runTimeAxis)
      return notLowered(statement.nameLoc,
                        "a second axis of run-time size ('" + axis.name + "' beside '" + runTimeAxis->name + "')");
    runTimeAxis = &axis;
  }
  if (axis.of && !areLowered({axis.of}))
    return;
  declare(axis);
}

Value Lower::lowerInput(const Statement &statement) {
  const Symbol &symbol = *statement.symbol;
  if (!areLowered(symbol.type.axes))
    return nullptr; // the axis said so
  if (llvm::any_of(symbol.type.axes, [](const Axis *axis) { return axis->origin == Axis::Origin::Slot; })) {
    notLowered(statement.nameLoc, "an input on the slots of a selection",
               "declare it along the selected axis and read it at the selection, as in x[route]");
    return nullptr;
  }
  mlir::Type storage = symbol.storage == "bf16"  ? mlir::Type(builder.getBF16Type())
                       : symbol.storage == "f16" ? mlir::Type(builder.getF16Type())
                                                 : elementType(symbol.type.element);
  RankedTensorType type = tensorType(symbol.type.element, symbol.type.axes);
  Value input =
      InputOp::create(builder, loc, type.clone(storage), builder.getStringAttr(statement.name), false, StringAttr());
  return input.getType() == type ? input : arith::ExtFOp::create(builder, loc, type, input).getResult();
}

Value Lower::lowerParam(const Statement &statement) {
  return ParamOp::create(builder, loc, tensorType(Element::F32, {}), builder.getStringAttr(statement.name),
                         builder.getF64FloatAttr(statement.value->constant->real));
}

Value Lower::lowerState(const Statement &statement) {
  const moe::frontend::Type &type = statement.symbol->type;
  if (!areLowered(type.axes))
    return nullptr;
  return StateOp::create(builder, loc, tensorType(type.element, type.axes), builder.getStringAttr(statement.name),
                         builder.getF64FloatAttr(statement.value->constant->real));
}

/// The new value on the axes and in the element type of the state.
void Lower::lowerUpdate(const Statement &statement) {
  const moe::frontend::Type &type = statement.symbol->type;
  if (Value value = lowerAs(*statement.value, type.element, type.axes))
    UpdateOp::create(builder, loc, builder.getStringAttr(statement.name), value);
}

void Lower::lowerMask(const Statement &statement) {
  if (Value valid = lower(*statement.by))
    MaskOp::create(builder, loc, builder.getStringAttr(statement.of), valid, UnitAttr());
}

//===-- Statements
//--------------------------------------------------------------------------------------------------===//

void Lower::lowerStatement(const Statement &statement) {
  using Kind = Statement::Kind;
  loc = NameLoc::get(builder.getStringAttr(statement.text), diags.locate(statement.loc));
  position = statement.loc;
  Value value;
  switch (statement.kind) {
  case Kind::Axis:
  case Kind::Const:
    return;
  case Kind::Input:
    value = lowerInput(statement);
    break;
  case Kind::Param:
    value = lowerParam(statement);
    break;
  case Kind::State:
    value = lowerState(statement);
    break;
  case Kind::Update:
    return lowerUpdate(statement);
  case Kind::Mask:
    return lowerMask(statement);
  case Kind::Gradient:
    return lowerGradient(statement);
  default:
    value = statement.value ? lower(*statement.value) : values.lookup(statement.symbol);
    break;
  }
  position = statement.loc;
  if (!statement.value && statement.kind == Kind::Output && statement.symbol->constant)
    value = constant(statement.symbol->constant->real);
  if (!value)
    return;
  values.try_emplace(statement.symbol, value);
  if (statement.kind == Kind::Value && statement.symbol->type.isScalar())
    definitions.try_emplace(statement.symbol, statement.value.get());
  if (statement.kind == Kind::Loss)
    lowerLoss(statement, value);
  else if (statement.kind == Kind::Metric)
    lowerMetric(statement, value);
  else if (statement.kind == Kind::Output)
    lowerOutput(statement, value);
}

/// Of several statements, the names of all.
void Lower::lowerGradient(const Statement &statement) {
  auto gate = cast<GateOp>(builder.getInsertionBlock()->getParentOp());
  SmallVector<Attribute> names;
  if (gate.getGradient())
    llvm::append_range(names, *gate.getGradient());
  for (const ExprPtr &item : statement.list)
    if (auto name = builder.getStringAttr(item->text); !llvm::is_contained(names, name))
      names.push_back(name);
  gate.setGradientAttr(builder.getArrayAttr(names));
}

void Lower::lowerLoss(const Statement &statement, Value value) {
  value = convert(value, Element::F32);
  LossOp::create(builder, loc, builder.getStringAttr(statement.name), value);
  warnWithoutGradient(statement, value);
}

/// R7: a loss that trains nothing is legal, and almost always a mistake.
void Lower::warnWithoutGradient(const Statement &statement, Value loss) {
  SmallVector<GradientCut> cuts;
  if (reachesInput(loss, cuts))
    return;
  auto diag = diags.warning(statement.nameLoc);
  diag << "loss '" << statement.name << "' has no differentiable path to any input, so it trains nothing (R7)";
  if (cuts.empty())
    diag << "; it depends on no float input";
  for (const GradientCut &cut : cuts)
    diag.attachNote(diags.locate(origins.lookup(cut.op))) << "the gradient ends here: " << cut.reason;
}

void Lower::lowerMetric(const Statement &statement, Value value) {
  if (elementOf(value) == Element::Bool)
    value = convert(value, Element::I32);
  MetricOp::create(builder, loc, builder.getStringAttr(statement.name), value);
}

void Lower::lowerOutput(const Statement &statement, Value value) {
  StringRef element = statement.type ? statement.type->element : "";
  bool isSelection = isa<SelectionType>(value.getType());
  bool isWide = !isSelection && elementOf(value) == Element::I64;
  mlir::Type stored = element == "bf16"             ? mlir::Type(builder.getBF16Type())
                      : element == "f16"            ? mlir::Type(builder.getF16Type())
                      : element == "i16"            ? mlir::Type(builder.getI16Type())
                      : element == "i64" && !isWide ? mlir::Type(builder.getI64Type()) // from i32, where it is written
                                                    : mlir::Type();
  TypeAttr store = stored ? TypeAttr::get(stored) : TypeAttr();
  if (!isSelection)
    value = withoutEmpty(value);
  if (element == "bitmap")
    value = lowerBitmap(value, statement.axis);
  else if (!isSelection && !element.empty())
    value = convert(value, (stored && stored.isInteger()) || element == "i32" ? Element::I32
                           : element == "i64"                                 ? Element::I64
                           : element == "bool"                                ? Element::Bool
                                                                              : Element::F32);
  OutputOp::create(builder, loc, builder.getStringAttr(statement.name), value, store, false, false, StringAttr());
}

/// Element e of the last axis is bit e % 32 of word e / 32: a sum of powers of two, no two of them the same.
Value Lower::lowerBitmap(Value value, const Axis *words) {
  areLowered({words}); // declares them
  StringAttr axis = nameOf(words->within);
  Value mask = convert(value, Element::I32);
  auto type = cast<RankedTensorType>(mask.getType()), scalar = tensorType(Element::I32, {});
  Value place = IndexOp::create(builder, loc, tensorType(Element::I32, {words->within}), axis, StringAttr());
  Value last = arith::ConstantOp::create(builder, loc, scalar, DenseElementsAttr::get(scalar, int32_t(31)));
  place = arith::AndIOp::create(builder, loc, place, broadcast(last, {words->within}));
  Value bits = arith::ShLIOp::create(builder, loc, mask, BroadcastOp::create(builder, loc, type, place));
  auto packed = withAxis(type, axis.getValue(), nameOf(words), *words->size);
  if (words->of)
    return ReduceOp::create(builder, loc, packed, ReduceKind::Sum, bits, Value(), builder.getArrayAttr(axis),
                            nameOf(words));
  Value one = ReduceOp::create(builder, loc, withoutAxis(type, axis.getValue()), ReduceKind::Sum, bits, Value(),
                               builder.getArrayAttr(axis), StringAttr()); // of slots, which are no declared axis
  return BroadcastOp::create(builder, loc, packed, one);
}
