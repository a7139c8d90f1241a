// Canonical forms of the moe dialect. Each pattern is one line of algebra that holds exactly, in floating point too: only
// copies, comparisons and integer sums move; whatever would change a rounding is left as written.
#ifndef MOE_CANONICALIZATION_TD
#define MOE_CANONICALIZATION_TD
include "mlir/IR/PatternBase.td"
include "dialects/Moe/IR/MoeOps.td"

def Absent : Constraint<CPred<"!$0">, "no selection says which slots are valid">;
def None : Constraint<CPred<"!$0">, "no coarser axis">;
def Given : Constraint<CPred<"static_cast<bool>($0)">, "a coarser axis">;
def Same : Constraint<CPred<"$0 == $1">, "the same axis">;
def IsOnly : Constraint<CPred<"$0.size() == 1 && $0[0] == $1">, "works along this axis only">;
def IsInteger : Constraint<CPred<"::llvm::cast<::mlir::RankedTensorType>($0.getType()).getElementType().isInteger()">, "integers">;
def Lacks : Constraint<CPred<"::moe::axisIndex($0.getType(), $1.getValue()) < 0">, "a value without the axis">;
def IsOneMap : Constraint<CPred<"!$2 || ::moe::groupMap($0.getDefiningOp(), ::llvm::cast<::mlir::StringAttr>($1[0]).getValue(), $2.getValue())">,
    "groups that one map known at compile time leads to">;
def IsKnown : Constraint<CPred<"::moe::groupMap($0.getDefiningOp(), $1.getValue(), $2.getValue()).has_value()">,
    "groups known at compile time: none is empty (R3)">;
def SameType : Constraint<CPred<"$0.getType() == $1.getType()">, "same type">;
def UsedOnce : Constraint<CPred<"$0.hasOneUse()">, "has no other use">;
class Kind<string name> : ConstantAttr<Moe_ReduceKind, "::moe::ReduceKind::" # name>;

// What the results are built with where an optional operand is copied or left out (MoeCanonicalization.cpp). New
// operations take the location of the one they replace, since that names the statement of the spec.
def ReduceLike : NativeCodeCall<"reduceLike($_builder, $0, $1, $2, $3)">; // reduction, its new operand, axes, coarser axis
def AsList : NativeCodeCall<"$_builder.getArrayAttr({$0})">;
def TopkLike : NativeCodeCall<"topkLike($_builder, $0, $1)">; // the first, the topk it shortens

//===-- Copies ------------------------------------------------------------------------------------------------------===//

// broadcast(broadcast(x)) = broadcast(x)
def BroadcastOfBroadcast : Pat<(Moe_BroadcastOp:$outer (Moe_BroadcastOp $x)), (Moe_BroadcastOp $x, (location $outer))>;

// expand(expand(x, node -> device), device -> expert) = expand(x, node -> expert)
def ExpandOfExpand : Pat<
    (Moe_ExpandOp:$outer (Moe_ExpandOp $x, $coarse, $middle), $from, $fine),
    (Moe_ExpandOp $x, $coarse, $fine, (location $outer)),
    [(Same $middle, $from), (IsKnown $outer, $fine, $coarse)]>;

// expand(broadcast(x), device -> expert) = broadcast(x) where x has no device axis
def ExpandOfBroadcast : Pat<
    (Moe_ExpandOp:$outer (Moe_BroadcastOp $x), $from, $to),
    (Moe_BroadcastOp $x, (location $outer)),
    [(Lacks $x, $from)]>;

// detach(detach(x)) = detach(x)
def DetachOfDetach : Pat<(Moe_DetachOp (Moe_DetachOp:$inner $x)), (replaceWithValue $inner)>;

// sign(sign(x)) = sign(x)
def SignOfSign : Pat<(Moe_SignOp (Moe_SignOp:$inner $x)), (replaceWithValue $inner)>;

// first(first(r)) = first(r)
def FirstOfFirst : Pat<(Moe_FirstOp:$outer (Moe_FirstOp $selection)), (Moe_FirstOp $selection, (location $outer))>;

// first(topk(x, k), n) = topk(x, n): slots are best first, and ties have one order
def FirstOfTopk : Pat<(Moe_FirstOp:$first (Moe_TopkOp:$topk $score, $among, $axis)), (TopkLike $first, $topk), [(UsedOnce $topk)]>;

//===-- Reductions --------------------------------------------------------------------------------------------------===//

foreach kind = ["Max", "Min", "MaxNum"] in {
  // max(max(x, expert -> device), device) = max(x, expert), and the same to an axis coarser than device
  def kind # OfCoarser : Pat<
      (Moe_ReduceOp:$outer Kind<kind>, (Moe_ReduceOp:$inner Kind<kind>, $x, $valid, $over, $middle), $outerValid, $outerOver, $to),
      (ReduceLike $outer, $x, $over, $to),
      [(Given $middle), (Absent $valid), (Absent $outerValid), (IsOnly $outerOver, $middle), (UsedOnce $inner), (IsOneMap $outer, $over, $to)]>;

  // max(expand(x, device -> expert), expert) = max(x, device): no group is empty
  def kind # OfExpand : Pat<
      (Moe_ReduceOp:$outer Kind<kind>, (Moe_ExpandOp $x, $from, $to), $valid, $over, $coarse),
      (ReduceLike $outer, $x, (AsList $from), $coarse),
      [(Absent $valid), (IsOnly $over, $to), (None $coarse), (IsKnown $outer, $to, $from)]>;
}

foreach kind = ["Max", "Min"] in {
  // max(expand(x, device -> expert), expert -> device) = x (not maxnum: it turns NaN into -inf)
  def kind # OfExpandBack : Pat<
      (Moe_ReduceOp:$outer Kind<kind>, (Moe_ExpandOp $x, $from, $to), $valid, $over, $coarse), (replaceWithValue $x),
      [(Absent $valid), (IsOnly $over, $to), (Same $coarse, $from), (SameType $outer, $x), (IsKnown $outer, $to, $from)]>;
}

// sum(sum(n, expert -> device), device) = sum(n, expert) for integers; for floats the rounding would differ
def SumOfCoarser : Pat<
    (Moe_ReduceOp:$outer Kind<"Sum">, (Moe_ReduceOp:$inner Kind<"Sum">, $x, $valid, $over, $middle), $outerValid, $outerOver, $to),
    (ReduceLike $outer, $x, $over, $to),
    [(IsInteger $x), (Given $middle), (Absent $valid), (Absent $outerValid), (IsOnly $outerOver, $middle), (UsedOnce $inner), (IsOneMap $outer, $over, $to)]>;
#endif
