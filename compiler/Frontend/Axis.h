// Axes and the types of values, as the language sees them (the dialect has its own, poorer, notion).
#pragma once
#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/SmallVector.h"
#include "llvm/Support/SMLoc.h"
#include <cstdint>
#include <optional>
#include <string>

namespace moe::frontend {

/// One axis of the gate. Compared by address.
struct Axis {
  enum class Origin {
    RunTime,   // axis token
    Static,    // axis expert[64]
    Blocks,    // axis device[8] of expert
    Map,       // axis device[3] of expert = [0,0,1,2,2,2]
    Placement, // axis device[8] of expert by placement
    Pieces,    // axis sequence of token by 4096, or of other pieces
    Offsets,   // axis sequence of token by offsets, or of other pieces
    Slot,      // route.slot
    Bucket,    // bucket(index(token), 16); of a static axis it is a Map
    Bound,     // sequence + 1: the offsets of sequences
    Row        // plan.row, plan.bound: of a dispatch plan
  };
  std::string name;
  Origin origin = Origin::RunTime;
  std::optional<int64_t> size;    // nullopt: known at run time
  const Axis *of = nullptr;       // the finer axis that this one groups
  llvm::SmallVector<int32_t> map; // of Origin::Map
  int64_t length = 0;             // of Origin::Pieces
  std::string input;              // of Origin::Placement and Origin::Offsets: the input that says what is where
  bool isBucket = false;          // made by bucket(...), not by a statement
  bool isWord = false;            // made for a bitmap: 32 elements of an axis each
  bool isLayer = false;           // stands before the tokens in arrays that have both
  const Axis *within = nullptr;   // of Origin::Bucket: positions count from the start of each of its elements
  llvm::SMLoc loc;

  /// Whether `this` groups `fine`, directly or through axes between them.
  bool coarsens(const Axis *fine) const;
  /// Whether it divides the tokens, or their pieces, into pieces (sequences).
  bool isPieces() const { return origin == Origin::Pieces || origin == Origin::Offsets; }
};

/// For each element of `fine` its group on `coarse`; nullopt where a size or map is known at run time only.
std::optional<llvm::SmallVector<int32_t>> groupMap(const Axis *fine, const Axis *coarse);

/// The axes that lead from `fine` to `coarse`, which groups it, in order, the last being `coarse`: each is grouped by a
/// map known at compile time, or directly by one given at run time.
llvm::SmallVector<const Axis *> groupSteps(const Axis *fine, const Axis *coarse);

/// Sizes of the groups, smallest first; empty when not known at compile time.
llvm::SmallVector<int64_t> groupSizes(const Axis *fine, const Axis *coarse);

/// What a value's elements are. Storage types (bf16, f16) appear only at inputs and outputs.
enum class Element { Bool, I32, I64, F32 };

/// The type of an expression.
struct Type {
  enum class Kind { Invalid, Array, Selection, Plan } kind = Kind::Invalid; // Invalid: an error was reported
  Element element = Element::F32;                                           // Array
  llvm::SmallVector<const Axis *, 3> axes; // Array: its axes; Selection: its batch axes
  const Axis *selected = nullptr;          // Selection, Plan: the axis picked from
  const Axis *slot = nullptr;              // Selection, Plan: the axis of the picks
  int64_t indices = 0;                     // Selection: one more than the greatest index that a slot may hold
  const Axis *row = nullptr;               // Plan: the axis of `order`
  const Axis *bound = nullptr;             // Plan: the axis of `offset`

  static Type array(Element element, llvm::ArrayRef<const Axis *> axes = {}) {
    Type type;
    type.kind = Kind::Array;
    type.element = element;
    type.axes.assign(axes.begin(), axes.end());
    return type;
  }
  explicit operator bool() const { return kind != Kind::Invalid; }
  bool isArray() const { return kind == Kind::Array; }
  bool isSelection() const { return kind == Kind::Selection; }
  bool isScalar() const { return isArray() && axes.empty(); }
  bool has(const Axis *axis) const;
  /// "f32 [token, expert]", "a selection of expert for [token]", …
  std::string text() const;
};

/// "[token, expert]"; "a scalar" when there are none.
std::string axesText(llvm::ArrayRef<const Axis *> axes);
const char *elementText(Element element);

} // namespace moe::frontend
