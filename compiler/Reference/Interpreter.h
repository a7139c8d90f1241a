// The oracle of every test: evaluates a gate of the moe dialect in f64, each operation as its formula says.
#pragma once
#include "dialects/Moe/IR/Moe.h"
#include "llvm/Support/Error.h"
#include <cmath>
#include <limits>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace moe::reference {

/// What the elements of an array are. A selection's elements are i32 indices, -1 in an empty slot.
enum class ElementKind { Float, Integer, Boolean };

/// A named-axis array, row-major, outermost axis first; a scalar has no axes and one element.
struct Array {
  std::vector<std::string> axes;
  std::vector<int64_t> sizes;
  ElementKind kind = ElementKind::Float;
  /// Elements; integers are held exactly (below 2^53), booleans are 0 and 1.
  std::vector<double> data;
  /// For each element of a float result, the sum of the absolute values of its terms: what an error is measured
  /// against (docs/numerics.md). Not read from inputs.
  std::vector<double> terms;

  /// Product of the sizes.
  int64_t count() const;
};

struct EvaluationOptions {
  /// Size of the axes that are known at run time and that no input has (normally the inputs say it). Where an input
  /// has such an axis, it must be of this size. Pieces follow from the number of tokens or from their offsets. With
  /// layers that have been folded into the tokens: the number of tokens of one layer.
  std::optional<int64_t> tokenCount;
  /// Of the random numbers: those of the call (moe_call).
  uint64_t seed = 0;
  int64_t firstToken = 0;
  uint32_t offset = 0;
  /// For a gate that has been through moe-expand-selection-math: whatever a `moe.topk` score depends on is evaluated
  /// with every operation rounded to f32, as targets do, so that routes can be compared exactly. The rest is f64 from
  /// these values. Without it such a gate is refused, since its bit operations mean nothing in f64.
  bool float32Selections = false;
};

/// Arrays by name: losses, metrics, outputs and updated states of the gate, and the status words `empty` (1 when there
/// is no token, or none that is not masked), `nonfinite_tokens` (how many tokens, not masked, have a NaN or an infinity
/// in some float input that has them; in each layer, where inputs have layers before their tokens), `out_of_range` (how
/// many have an index in a selection of the caller that is neither -1 nor an element, where there is one) and
/// `bad_offsets` (0, where there are offsets). When the call is empty, losses are 0, metrics NaN (0 for integers) and
/// states as they were. Outputs are 0 at masked tokens, selections and positions in a dispatch plan -1.
using Arrays = std::map<std::string, Array>;

/// Evaluates `gate`. `inputs` holds every `moe.input` by name, and may hold a scalar for a `moe.param` and an array for
/// a `moe.state`, which otherwise have their defaults; float elements are rounded to the declared element type first.
/// Results are not rounded. An operation that is not known, a missing, unknown or misshapen input, offsets and
/// placements out of range: an error that says which, where, and what was expected.
llvm::Expected<Arrays> evaluate(GateOp gate, const Arrays &inputs, const EvaluationOptions &options = {});

/// Whether a target's f32 result agrees with the interpreter's, within `tolerance` times the sum `terms` of the
/// absolute values of its terms. NaN equals NaN, an infinity equals the same infinity, and what f32 cannot hold equals
/// infinity. Below the smallest normal f32 any two values agree, since a target may flush there.
inline bool withinTolerance(double got, double expected, double terms, double tolerance) {
  constexpr double greatest = std::numeric_limits<float>::max(), least = std::numeric_limits<float>::min();
  if (std::isnan(expected))
    return std::isnan(got);
  if (std::fabs(expected) > greatest)
    expected = std::copysign(std::numeric_limits<double>::infinity(), expected);
  if (std::isinf(expected) || !std::isfinite(got))
    return got == expected;
  if (!std::isfinite(terms))
    terms = std::fabs(expected);
  return std::fabs(got - expected) <= tolerance * terms + least;
}

} // namespace moe::reference
