// What an operation sees while it is evaluated: its operands' values, the sizes of axes, and how to round.
#pragma once
#include "compiler/Reference/Interpreter.h"
#include "compiler/Reference/Number.h"
#include "llvm/ADT/STLFunctionalExtras.h"
#include "llvm/ADT/SetVector.h"

namespace moe::reference {

/// A value of the gate: a tensor, or a selection (batch axes, then the slot axis; indices as numbers, -1 where empty).
struct Tensor {
  llvm::SmallVector<mlir::StringAttr> axes;
  llvm::SmallVector<int64_t> sizes;
  std::vector<Number> data;

  int64_t count() const;
  /// Distance of neighbours along each axis of `order`; 0 for an axis this tensor lacks.
  llvm::SmallVector<int64_t> strides(llvm::ArrayRef<mlir::StringAttr> order) const;
  /// Position of `axis`, or -1.
  int64_t indexOf(llvm::StringRef axis) const;
};

/// Calls `body` with the coordinates of every element of an array of these sizes, in row-major order.
void forEachIndex(llvm::ArrayRef<int64_t> sizes, llvm::function_ref<void(llvm::ArrayRef<int64_t>)> body);

/// Sum of coordinate times stride.
int64_t offset(llvm::ArrayRef<int64_t> coordinates, llvm::ArrayRef<int64_t> strides);

/// The state of one evaluation.
class Frame {
public:
  Frame(const Arrays &inputs, const EvaluationOptions &options) : inputs(inputs), options(options) {}

  /// The value of an operand, which has been evaluated before.
  const Tensor &operator[](mlir::Value value) const { return values.at(value); }
  void set(mlir::Value value, Tensor tensor) { values[value] = std::move(tensor); }

  /// Lets only the value itself count as its terms: for what has the same bits on every target, so that nothing before
  /// it (the range reduction of a polynomial, say) excuses an error after it.
  void forgetTerms(mlir::Value value) {
    for (Number &number : values[value].data)
      number = Number(number.value);
  }

  /// A tensor for `type`, a ranked tensor or a selection, with run-time sizes filled in and zeros for data.
  Tensor make(mlir::Type type) const;

  /// Whether such a tensor has at most this many elements.
  static constexpr int64_t maxCount = int64_t(1) << 28;
  bool holds(mlir::Type type) const;

  /// Whether the operation being evaluated rounds to f32 after each step (EvaluationOptions::float32Selections).
  bool single = false;
  /// `x` as the operation being evaluated rounds it.
  Number round(Number x) const { return single ? Number(static_cast<float>(x.value), x.terms) : x; }

  /// The group of `coarse` that each element of `fine` is in during this call, placements and pieces included; nullopt
  /// when `coarse` does not group `fine`. Axes are looked up in the gate around `op`.
  std::optional<std::vector<int64_t>> groupMap(mlir::Operation *op, llvm::StringRef fine, llvm::StringRef coarse) const;

  /// Which elements of the axis take part in reductions, sizes and selections: those that are no masked token (R4), nor
  /// a piece that holds no other; null: all.
  const std::vector<bool> *partOf(mlir::StringAttr axis) const {
    auto it = parts.find(axis);
    return it == parts.end() ? nullptr : &it->second;
  }
  bool takesPart(mlir::StringAttr axis, int64_t i) const {
    const std::vector<bool> *part = partOf(axis);
    return !part || (*part)[i];
  }

  /// Whether each layer has as many elements of its own on this axis (null: a slot axis, the bounds of pieces): tokens,
  /// and pieces until the tokens are divided into a number of equal ones, which may be the layers.
  bool isInEachLayer(AxisOp axis) const;

  /// `tensor` with `masked` at the masked tokens.
  Tensor withoutMasked(Tensor tensor, Number masked) const;

  /// Of a gate that has been through moe-fold-layers: the number of layers that its tokens are the rows of; else 1.
  int64_t layers = 1;
  /// Sizes of all axes, slot axes included.
  llvm::DenseMap<mlir::StringAttr, int64_t> axisSizes;
  /// By axis that is `of` another one: the group of each element of that other one.
  llvm::DenseMap<mlir::StringAttr, std::vector<int64_t>> directGroups;
  /// By axis where not every element takes part: which ones do.
  llvm::DenseMap<mlir::StringAttr, std::vector<bool>> parts;
  /// The axis of the tokens, where a mask holds.
  mlir::StringAttr masked;
  /// The tokens that are not masked, where there is a mask: what the status words are about.
  std::vector<bool> validTokens;

  const Arrays &inputs;
  const EvaluationOptions &options;
  Arrays results;
  bool empty = false;

private:
  llvm::DenseMap<mlir::Value, Tensor> values;
};

/// Evaluates one operation and sets its results.
using Evaluator = std::function<llvm::Error(mlir::Operation *, Frame &)>;

/// What evaluates which operation.
class EvaluatorTable {
public:
  template <typename Op> void add(llvm::Error (*evaluator)(Op, Frame &)) {
    table[Op::getOperationName()] = [evaluator](mlir::Operation *op, Frame &frame) {
      return evaluator(mlir::cast<Op>(op), frame);
    };
  }
  template <typename Op> void addRaw(Evaluator evaluator) { table[Op::getOperationName()] = std::move(evaluator); }
  const Evaluator *lookup(mlir::Operation *op) const {
    auto it = table.find(op->getName().getStringRef());
    return it == table.end() ? nullptr : &it->second;
  }

private:
  llvm::StringMap<Evaluator> table;
};

/// Like the public `evaluate`, with further operations; only its results are compared with targets.
llvm::Expected<Arrays> evaluate(GateOp gate, const Arrays &inputs, const EvaluationOptions &options,
                                const EvaluatorTable &further);

/// An error at the location of `op`: "file:line:column: 'op' text".
llvm::Error errorAt(mlir::Operation *op, const llvm::Twine &text);

/// Sizes of all axes and groups of all coarser ones, from the arrays of the call, which are checked on the way: every
/// input is there and has its shape, offsets and placements are in range, no array is unknown.
llvm::Error bindCall(GateOp gate, Frame &frame);

/// What the mask, once its value is in the frame, and the pieces without tokens leave of the axes (null: no mask).
void bindMask(GateOp gate, MaskOp mask, Frame &frame);

// One function per file of evaluators.
void addStructure(EvaluatorTable &table); // axis, input, param, state, mask, loss, metric, update, output, constant
void addShape(EvaluatorTable &table);     // broadcast, expand, size, index, shift
void addRandom(EvaluatorTable &table);    // random
void addPointwiseFloat(EvaluatorTable &table); // arith and math on floats, moe.sigmoid …
void addPointwiseInteger(EvaluatorTable &table);
void addReductions(EvaluatorTable &table); // reduce, sum_top, kth, argmax, softmax, normalize, standardize
void addSelections(EvaluatorTable &table); // topk, first, forced, filled, filter, append, gather, scatter, chosen …
void addQueues(EvaluatorTable &table);     // rank, limit, permute

} // namespace moe::reference
