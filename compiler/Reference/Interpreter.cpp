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

/// How many tokens that are not masked have a non-finite value in some float input.
static double countNonFinite(GateOp gate, const Frame &frame) {
  llvm::MapVector<StringAttr, llvm::DenseSet<int64_t>> found;
  for (auto input : gate.getOps<InputOp>()) {
    auto type = cast<RankedTensorType>(input.getType());
    if (!isa<FloatType>(type.getElementType()))
      continue;
    const Tensor &tensor = frame[input.getResult()];
    for (auto [i, axis] : llvm::enumerate(tensor.axes)) {
      if (!type.isDynamicDim(i) || lookupAxis(gate, axis.getValue()).isPieces())
        continue;
      int64_t element = 0;
      forEachIndex(tensor.sizes, [&](ArrayRef<int64_t> at) {
        bool isValid = frame.validTokens.empty() || frame.validTokens[at[i]];
        if (!std::isfinite(tensor.data[element++].value) && isValid)
          found[axis].insert(at[i]);
      });
    }
  }
  double count = 0;
  for (auto &[axis, indices] : found)
    count += indices.size();
  return count;
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
static double countOutOfRange(ArrayRef<ForcedOp> selections, const Frame &frame) {
  llvm::DenseSet<int64_t> found;
  for (ForcedOp forced : selections) {
    const Tensor &index = frame[forced.getIndex()];
    auto size = static_cast<double>(frame.axisSizes.lookup(forced.getType().getAxis()));
    int64_t element = 0;
    forEachIndex(index.sizes, [&](ArrayRef<int64_t> at) {
      double value = index.data[element++].value;
      bool isValid = frame.validTokens.empty() || frame.validTokens[at[0]];
      if (isValid && value != -1 && (value < 0 || value >= size))
        found.insert(at[0]);
    });
  }
  return static_cast<double>(found.size());
}

static void reportStatus(GateOp gate, Frame &frame) {
  frame.results["empty"] = statusWord(frame.empty);
  frame.results["nonfinite_tokens"] = statusWord(countNonFinite(gate, frame));
  if (SmallVector<ForcedOp> selections = selectionsOfCaller(gate); !selections.empty())
    frame.results["out_of_range"] = statusWord(countOutOfRange(selections, frame));
  if (AxisOp pieces = piecesOf(gate); pieces && pieces.getOffsets())
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
