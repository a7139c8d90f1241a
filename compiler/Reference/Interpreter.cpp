// Drives an evaluation: binds the inputs, evaluates one operation after the other, reports the status words.
#include "compiler/Reference/Interpreter.h"
#include "compiler/Reference/Frame.h"
#include "compiler/Transforms/ExpandMath.h"
#include "mlir/IR/TypeUtilities.h"

using namespace mlir;
using namespace moe;
using namespace moe::reference;

static const EvaluatorTable &evaluators() {
  static const EvaluatorTable table = [] {
    EvaluatorTable table;
    addStructure(table);
    addShape(table);
    addPointwiseFloat(table);
    addPointwiseInteger(table);
    addReductions(table);
    addSelections(table);
    addQueues(table);
    addRandom(table);
    return table;
  }();
  return table;
}

/// Whether the interpreter has a representation for values of this type.
static bool isSupported(Type type) {
  if (isa<SelectionType>(type))
    return true;
  auto tensor = dyn_cast<RankedTensorType>(type);
  if (!tensor || static_cast<int64_t>(axesOf(type).size()) != tensor.getRank())
    return false;
  Type element = tensor.getElementType();
  return isa<Float32Type, Float64Type, BFloat16Type, Float16Type>(element) || element.isSignlessInteger(1) ||
         element.isSignlessInteger(32) || element.isSignlessInteger(64);
}

/// Selections are empty where their batch is masked (R4).
static void emptyMasked(Value value, Frame &frame) {
  if (isa<SelectionType>(value.getType()) && !frame.parts.empty())
    frame.set(value, frame.withoutMasked(frame[value], Number(-1)));
}

static llvm::Error evaluateOperation(Operation *op, bool single, const EvaluatorTable &further, Frame &frame) {
  const Evaluator *evaluator = evaluators().lookup(op);
  if (!evaluator)
    evaluator = further.lookup(op);
  if (!evaluator)
    return errorAt(op, "has no formula in the interpreter");
  for (Type type : op->getResultTypes()) {
    std::string text;
    if (!isSupported(type))
      text = "selections and tensors with named axes of f32, f64, bf16, f16, i1, i32 or i64";
    else if (!frame.holds(type))
      text = "at most " + std::to_string(Frame::maxCount) + " elements in a value";
    if (text.empty())
      continue;
    std::string typeText;
    llvm::raw_string_ostream(typeText) << type;
    return errorAt(op, "has a result of type " + typeText + "; the interpreter holds " + text);
  }
  frame.single = single && op->getNumResults() == 1 && getElementTypeOrSelf(op->getResult(0).getType()).isF32();
  if (llvm::Error error = (*evaluator)(op, frame))
    return error;
  if (frame.single)
    frame.forgetTerms(op->getResult(0));
  for (Value result : op->getResults())
    emptyMasked(result, frame);
  return llvm::Error::success();
}

/// How many layers stand before the tokens, or their pieces, in the inputs of a gate; 1 without layers.
static int64_t layersOf(GateOp gate, const Frame &frame) {
  int64_t layers = 1;
  for (auto input : gate.getOps<InputOp>())
    for (auto [i, size] : llvm::enumerate(input.getType().getShape()))
      if (ShapedType::isDynamic(size) && i > 0)
        layers = std::max(layers, frame.axisSizes.lookup(axesOf(input.getType())[i - 1]));
  return layers;
}

namespace {

/// Tokens that are not masked and have something in common, in each layer.
class Tokens {
public:
  Tokens(GateOp gate, const Frame &frame) : frame(frame), layers(layersOf(gate, frame)) {}

  /// Adds the tokens that have such an element in `tensor`, whose axis `axis` is that of the tokens: in the layer in
  /// front of it, or in all of them.
  void add(const Tensor &tensor, int64_t axis, function_ref<bool(Number)> isSuch) {
    int64_t element = 0;
    forEachIndex(tensor.sizes, [&](ArrayRef<int64_t> at) {
      if (!isSuch(tensor.data[element++]) || (!frame.validTokens.empty() && !frame.validTokens[at[axis]]))
        return;
      for (int64_t layer = axis > 0 ? at[axis - 1] : 0; layer < (axis > 0 ? at[axis - 1] + 1 : layers); ++layer)
        found.insert({layer, at[axis]});
    });
  }
  double count() const { return static_cast<double>(found.size()); }

private:
  const Frame &frame;
  int64_t layers;
  llvm::DenseSet<std::pair<int64_t, int64_t>> found;
};

} // namespace

/// The axis of the tokens of a type, or -1.
static int64_t tokensOf(Operation *op, Type type) {
  for (auto [i, name] : llvm::enumerate(axesOf(type)))
    if (AxisOp axis = lookupAxis(op, name.getValue()); axis && !axis.getSize() && !axis.isPieces())
      return static_cast<int64_t>(i);
  return -1;
}

/// How many tokens that are not masked have a non-finite value in some float input.
static double countNonFinite(GateOp gate, const Frame &frame) {
  Tokens tokens(gate, frame);
  for (auto input : gate.getOps<InputOp>())
    if (int64_t axis = tokensOf(gate, input.getType()); axis >= 0)
      if (isa<FloatType>(getElementTypeOrSelf(input.getType())))
        tokens.add(frame[input.getResult()], axis, [](Number number) { return !std::isfinite(number.value); });
  return tokens.count();
}

static Array statusWord(double value) { return {{}, {}, ElementKind::Integer, {value}, {}}; }

llvm::Expected<Arrays> reference::evaluate(GateOp gate, const Arrays &inputs, const EvaluationOptions &options) {
  return evaluate(gate, inputs, options, EvaluatorTable());
}

/// The selections that the caller makes, whose indices may be out of range.
static SmallVector<ForcedOp> selectionsOfCaller(GateOp gate) {
  return llvm::filter_to_vector(gate.getOps<ForcedOp>(), [](ForcedOp forced) {
    return forced.getIndex().getDefiningOp<InputOp>() && isPerToken(forced.getResult());
  });
}

/// How many tokens that are not masked have an index that is neither -1 nor an element in one of these selections.
static double countOutOfRange(GateOp gate, ArrayRef<ForcedOp> selections, const Frame &frame) {
  Tokens tokens(gate, frame);
  for (ForcedOp forced : selections) {
    auto size = static_cast<double>(frame.axisSizes.lookup(forced.getType().getAxis()));
    int64_t axis = tokensOf(gate, forced.getIndex().getType());
    if (axis >= 0)
      tokens.add(frame[forced.getIndex()], axis,
                 [&](Number index) { return index.value != -1 && (index.value < 0 || index.value >= size); });
  }
  return tokens.count();
}

static void reportStatus(GateOp gate, Frame &frame) {
  frame.results["empty"] = statusWord(frame.empty);
  frame.results["nonfinite_tokens"] = statusWord(countNonFinite(gate, frame));
  if (SmallVector<ForcedOp> selections = selectionsOfCaller(gate); !selections.empty())
    frame.results["out_of_range"] = statusWord(countOutOfRange(gate, selections, frame));
  if (llvm::any_of(pieceAxes(gate), [](AxisOp pieces) { return pieces.getOffsets().has_value(); }))
    frame.results["bad_offsets"] = statusWord(0); // others are an error
}

/// Evaluates what the mask is made of, before it holds. Returns what that was.
static llvm::Expected<llvm::SetVector<Operation *>> evaluateMask(GateOp gate, Frame &frame) {
  llvm::SetVector<Operation *> slice;
  MaskOp mask = maskOf(gate);
  if (mask)
    slice.insert(mask.getValid().getDefiningOp());
  for (size_t i = 0; i < slice.size(); ++i)
    for (Value operand : slice[i]->getOperands())
      slice.insert(operand.getDefiningOp());
  for (Operation &op : *gate.getBody().begin())
    if (slice.contains(&op))
      if (llvm::Error error = evaluateOperation(&op, /*single=*/false, EvaluatorTable(), frame))
        return error;
  bindMask(gate, mask, frame);
  return slice;
}

llvm::Expected<Arrays> reference::evaluate(GateOp gate, const Arrays &inputs, const EvaluationOptions &options,
                                           const EvaluatorTable &further) {
  Frame frame(inputs, options);
  if (llvm::Error error = bindCall(gate, frame))
    return error;
  llvm::Expected<llvm::SetVector<Operation *>> before = evaluateMask(gate, frame);
  if (!before)
    return before.takeError();
  llvm::SetVector<Operation *> slice;
  if (options.float32Selections)
    slice = selectionSlice(gate);
  for (Operation &op : *gate.getBody().begin()) {
    if (before->contains(&op))
      continue;
    if (isa<arith::BitcastOp>(op) && !slice.contains(&op))
      return errorAt(
          &op, "works on the bits of an f32, which f64 does not have; evaluate the gate as it was before its functions "
               "were expanded, or with float32Selections");
    if (llvm::Error error = evaluateOperation(&op, slice.contains(&op), further, frame))
      return error;
  }
  reportStatus(gate, frame);
  return std::move(frame.results);
}
