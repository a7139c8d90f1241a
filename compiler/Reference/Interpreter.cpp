// Drives an evaluation: binds the inputs, evaluates one operation after the other, reports the status words.
#include "compiler/Reference/Interpreter.h"
#include "compiler/Reference/Frame.h"
#include "compiler/Transforms/ExpandMath.h"
#include "mlir/IR/TypeUtilities.h"
#include "llvm/ADT/StringSet.h"

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
    return table;
  }();
  return table;
}

/// Every array that is passed in belongs to an input or a parameter, and has its shape. Sets the sizes of run-time
/// axes.
static llvm::Error bindShapes(GateOp gate, Frame &frame) {
  llvm::StringSet<> known;
  for (auto param : gate.getOps<ParamOp>())
    known.insert(param.getName());
  for (auto input : gate.getOps<InputOp>()) {
    known.insert(input.getName());
    auto it = frame.inputs.find(input.getName().str());
    if (it == frame.inputs.end())
      return errorAt(input, "input '" + input.getName() + "' is missing");
    auto type = cast<RankedTensorType>(input.getType());
    const Array &array = it->second;
    if (static_cast<int64_t>(array.sizes.size()) != type.getRank())
      return errorAt(input, "input '" + input.getName() + "' has rank " + Twine(array.sizes.size()) + ", expected " +
                                Twine(type.getRank()));
    if (array.count() != static_cast<int64_t>(array.data.size()))
      return errorAt(input, "input '" + input.getName() + "' has " + Twine(array.data.size()) +
                                " elements, its sizes say " + Twine(array.count()));
    for (auto [axis, size] : llvm::zip_equal(axesOf(type), array.sizes)) {
      int64_t &expected = frame.axisSizes.try_emplace(axis, size).first->second;
      if (size != expected)
        return errorAt(input, "input '" + input.getName() + "' has size " + Twine(size) + " on axis '" +
                                  axis.getValue() + "', expected " + Twine(expected));
    }
  }
  for (const auto &[name, array] : frame.inputs)
    if (!known.contains(name))
      return errorAt(gate, "has no input or parameter named '" + Twine(name) + "'");
  return llvm::Error::success();
}

/// Sizes of all axes: static ones, slots, and run-time ones from the inputs or the options.
static llvm::Error bindAxes(GateOp gate, Frame &frame) {
  for (auto axis : gate.getOps<AxisOp>()) {
    if (axis.getSize())
      frame.axisSizes[axis.getSymNameAttr()] = *axis.getSize();
    else if (frame.options.tokenCount)
      frame.axisSizes[axis.getSymNameAttr()] = *frame.options.tokenCount;
  }
  for (Operation &op : *gate.getBody().begin())
    for (Type type : op.getResultTypes())
      if (auto selection = dyn_cast<SelectionType>(type))
        frame.axisSizes[selection.getSlot()] = selection.getSize();
  if (llvm::Error error = bindShapes(gate, frame))
    return error;
  for (auto axis : gate.getOps<AxisOp>()) {
    auto it = frame.axisSizes.find(axis.getSymNameAttr());
    if (it == frame.axisSizes.end())
      return errorAt(axis,
                     "axis '" + axis.getSymName() + "' has no size: no input has it, and no token count is given");
    if (!axis.getSize() && it->second == 0)
      frame.empty = true;
  }
  return llvm::Error::success();
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

static llvm::Error evaluateOperation(Operation *op, bool single, const EvaluatorTable &further, Frame &frame) {
  const Evaluator *evaluator = evaluators().lookup(op);
  if (!evaluator)
    evaluator = further.lookup(op);
  if (!evaluator)
    return errorAt(op, "has no formula in the interpreter");
  for (Type type : op->getResultTypes())
    if (!isSupported(type)) {
      std::string text;
      llvm::raw_string_ostream(text)
          << "has a result of type " << type
          << "; the interpreter holds selections and tensors with named axes of f32, f64, bf16, f16, i1, i32 or i64";
      return errorAt(op, text);
    }
  frame.single = single && op->getNumResults() == 1 && getElementTypeOrSelf(op->getResult(0).getType()).isF32();
  if (llvm::Error error = (*evaluator)(op, frame))
    return error;
  if (frame.single)
    frame.forgetTerms(op->getResult(0));
  return llvm::Error::success();
}

/// How many indices of run-time axes have a non-finite value in some float input.
static double countNonFinite(GateOp gate, const Frame &frame) {
  llvm::MapVector<StringAttr, llvm::DenseSet<int64_t>> found;
  for (auto input : gate.getOps<InputOp>()) {
    auto type = cast<RankedTensorType>(input.getType());
    if (!isa<FloatType>(type.getElementType()))
      continue;
    const Tensor &tensor = frame[input.getResult()];
    for (auto [i, axis] : llvm::enumerate(tensor.axes)) {
      if (!type.isDynamicDim(i))
        continue;
      int64_t element = 0;
      forEachIndex(tensor.sizes, [&](ArrayRef<int64_t> at) {
        if (!std::isfinite(tensor.data[element++].value))
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

llvm::Expected<Arrays> reference::evaluate(GateOp gate, const Arrays &inputs, const EvaluationOptions &options,
                                           const EvaluatorTable &further) {
  Frame frame(inputs, options);
  if (llvm::Error error = bindAxes(gate, frame))
    return error;
  llvm::SetVector<Operation *> slice;
  if (options.float32Selections)
    slice = selectionSlice(gate);
  for (Operation &op : *gate.getBody().begin()) {
    if (isa<arith::BitcastOp>(op) && !slice.contains(&op))
      return errorAt(
          &op, "works on the bits of an f32, which f64 does not have; evaluate the gate as it was before its functions "
               "were expanded, or with float32Selections");
    if (llvm::Error error = evaluateOperation(&op, slice.contains(&op), further, frame))
      return error;
  }
  frame.results["empty"] = statusWord(frame.empty);
  frame.results["nonfinite_tokens"] = statusWord(countNonFinite(gate, frame));
  return std::move(frame.results);
}
