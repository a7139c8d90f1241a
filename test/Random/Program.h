// A random gate as a graph: declarations of axes, values that refer to earlier values, and what is made of them. The
// generator grows one, the shrinker cuts it down, and both ask `infer` whether what they made is a valid spec whose
// results are determined well enough to be compared between targets.
#pragma once
#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <vector>

namespace moe::test::random {

enum class Element { Float, Integer, Boolean, Selection, Plan };

/// What kind of expression a value is; `Value::name` says which function or operator.
enum class Form {
  Input,    ///< name: its storage type
  State,    ///< name: its storage type; number: what it starts from
  Param,    ///< number: default
  Constant, ///< number
  Size,     ///< over[0]: the axis, or the axis to groups of it
  Index,    ///< over[0]: the same
  Random,   ///< uniform, normal; axes
  Unary,    ///< exp, log, …, detach, "-"
  Infix,    ///< + - * /
  Compare,  ///< == != < <= > >=
  Logic,    ///< and, or
  Not,
  MinMax, ///< min, max of two
  Clamp,  ///< x, low, high
  Where,  ///< condition, x, y
  Mod,    ///< by `number`
  Power,  ///< to `number`
  Reduce, ///< sum, mean, …; over
  SquaredStd,
  Along, ///< softmax, normalize, standardize (eps: number); over[0]
  Expand,
  Kth,
  SumTop,
  Argmax,
  Quantile, ///< number: which one
  Topk,     ///< score, [groups]; k, over[0]
  First,    ///< k
  Chosen,
  Count,    ///< over, or nothing
  Gather,   ///< x, selection
  Scatter,  ///< x, selection
  Filter,   ///< selection, condition
  Append,   ///< selection; elements
  Forced,   ///< indices; over[0]: the axis they are on
  Shift,    ///< x; over[0], k
  Capacity, ///< name: "", floor or ceil of number * size(over[0]) / k
  Limit,    ///< selection, capacity, options by labels; over[0], over[1]: per; name: the order; k: rounds
  Dropped,  ///< selection that a limit or filter made
  Permute,  ///< selection; k: pad
  PlanPart  ///< plan; name: order, offset or position
};

/// `axis`, or `axis -> coarse`. Slot axes are numbered kSlot + value.
struct Range {
  int axis;
  int coarse = -1;
  bool operator==(const Range &) const = default;
};
inline constexpr int kSlot = 1 << 16;

/// What is known about a value: its type, and how well it is determined.
struct Facts {
  Element element = Element::Float;
  std::vector<int> axes;
  int selected = -1; ///< of a selection: the axis that it picks from; its slots are `slots` many
  int64_t slots = 0;
  int slotOf = -1;     ///< of a selection: the value that made its slot axis
  bool beyond = false; ///< of a selection: it has elements beyond the axis
  /// Slot axes some of whose slots are empty: of a selection, or those by which an array was gathered.
  std::vector<int> holes;
  /// Bounds that hold unless an input is infinite or NaN.
  double low = -std::numeric_limits<double>::infinity(), high = std::numeric_limits<double>::infinity();
  /// Grows at most like this power of the greatest input.
  int degree = 0;
  /// The same for what the value is computed from inside: a variance squares.
  int peak = 0;
  bool exact = false;  ///< the same number on every target and in f64: what is discontinuous may look at it
  bool ranked = false; ///< the same bits on every target when a selection depends on it: may be a score
  bool clean = false;  ///< nothing has cancelled: known to a few roundings relative to itself
  int roundings = 0;   ///< about how many units in the last place it may be off, where clean

  double magnitude() const;
  /// Known well enough, absolutely, for a function that is not linear.
  bool steady() const;
};

struct Value {
  Form form = Form::Constant;
  std::string name = {};
  std::vector<int> operands = {}; ///< positions in Program::values, all smaller than its own
  std::vector<Range> over = {};
  int64_t k = 0;
  double number = 0;
  std::vector<int> axes = {};           ///< of an input, a state, random numbers
  std::vector<std::string> labels = {}; ///< of a limit: what its operands from the third on are
  std::vector<int64_t> elements = {};   ///< of an append
  bool inlined = false;                 ///< written into its only user rather than as a statement
  Facts facts = {};
};

struct AxisDecl {
  std::string name;
  int64_t size = -1; ///< -1: known at run time
  int of = -1;
  std::vector<int> map = {}; ///< empty: equal contiguous blocks
  int64_t length = 0;        ///< pieces of so many tokens, or pieces
  bool offsets = false;      ///< pieces by the input NAME_offsets
  bool placed = false;       ///< groups by the input NAME_of
  bool layer = false;        ///< stands before the tokens
  bool isPieces() const { return length > 0 || offsets; }
};

enum class Role { Loss, Metric, Output, Update };

struct Use {
  Role role;
  int value;
  std::string storage = {}; ///< of an output: its type; empty: as it is
  int state = -1;           ///< of an update
};

struct Program {
  std::vector<AxisDecl> axes;
  std::vector<Value> values;
  std::vector<Use> uses;
  int mask = -1; ///< an input; -1: none

  /// The greatest growth of any value that is used; nasty data stays below 10^(30 / degree).
  int degree() const;
  /// Whether some value divides by a sum that may underflow, so that only data of ordinary size makes sense.
  bool mild() const;
  /// Whether all that has winners (max, sum_top, relu, …) decides among elementwise functions of inputs, so that equal
  /// inputs tie on every target and in f64.
  bool tiesAreExact() const;
  /// Which values the uses depend on.
  std::vector<bool> reachable() const;
  /// -1 for an axis of run-time size.
  int64_t sizeOf(int axis) const;
  bool coarsens(int coarse, int fine) const;
  /// Group of each element of `fine`, of its coarser axis.
  std::vector<int> groups(int fine, int coarse) const;
  bool isStatic(int axis) const { return sizeOf(axis) >= 0; }
  bool isPieces(int axis) const { return axis < kSlot && axes[axis].isPieces(); }
  bool isLayer(int axis) const { return axis < kSlot && axes[axis].layer; }
  bool hasLayers() const;
  /// Whether a map that is known at run time leads from `fine` to `coarse`, and whether with another one.
  bool isPlaced(int fine, int coarse) const;
  bool isOneStep(int fine, int coarse) const;
  std::string axisName(int axis) const;

  /// The spec, without what nothing depends on.
  std::string text() const;
};

/// The facts of value `index`, given those of its operands; nothing if the language does not allow it or if its result
/// would not be determined well enough to be compared.
std::optional<Facts> inferValue(const Program &program, int index);

/// The same for the forms that are about empty slots, places and pieces.
std::optional<Facts> inferPlacement(const Program &program, const Value &value);

/// Infers everything that is reachable, from the axes on; false if something is not allowed.
bool infer(Program &program);

} // namespace moe::test::random
