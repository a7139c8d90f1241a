// Writes the code of one region: the rows of a pass with 16 tokens in the lanes of vectors, the pieces and the finish
// region with scalars. All are the same code with another lane count.
//
// A scalar of the region is an SSA value of `vector<16xT>` (or `T`), a row stands in scratch memory as [n][16], and a
// step of the schedule becomes one `scf.for` over the elements. Addresses are `llvm.getelementptr`s from the scratch
// pointer, since every offset is known.
#pragma once
#include "compiler/Conversion/MoeKernelToLLVM/Schedule.h"
#include "compiler/Target/Layout.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/ImplicitLocOpBuilder.h"

namespace moe::cpu {

/// What the code around a region gives to it.
struct RegionContext {
  mlir::ModuleOp module;    ///< takes constant tables
  mlir::Value call;         ///< moe_cpu_call
  mlir::Value scratch;      ///< 64-byte aligned
  mlir::Value tokenCount;   ///< i64
  mlir::Value piece;        ///< i64, rows and pieces of a program with pieces; else null
  mlir::Value accumulators; ///< what the region reads: the merged block, that of the piece; rows: null
  mlir::Value partial;      ///< what the region adds to; finish: null
  /// Pointer per buffer. In a rows region over the tokens of several layers, that of an array which comes by layer is
  /// such that the region's own rows stand in their places.
  llvm::StringMap<mlir::Value> arrays;
  llvm::StringMap<mlir::Value> layerTables; ///< of those arrays: the pointers to all layers
  mlir::Value layerTokens;                  ///< i64; null where there are no such arrays
  /// Rows only: where the lane-wise partials and the histograms stand in scratch, by accumulator.
  llvm::StringMap<int64_t> laneOffsets, histogramOffsets;
  int64_t stagingOffset = 0; ///< rows only: 16 rows of the widest buffer
  mlir::Value adds;          ///< i1: the call adds to gradients (MOE_ADD); null where no buffer can be added to
};

/// The tile that the rows region works on.
struct Tile {
  mlir::Value begin; ///< first token, i64
  mlir::Value valid; ///< tokens of the tile, i64 in 1..16
  mlir::Value full;  ///< i1: valid == 16
  mlir::Value mask;  ///< vector<16xi1>: lane < valid
};

class RowEmitter {
public:
  RowEmitter(mlir::ImplicitLocOpBuilder &builder, const Schedule &schedule, const RegionContext &context, int64_t lanes)
      : b(builder), schedule(schedule), context(context), lanes(lanes) {}

  /// With one lane: emits the loads of what is the same for all tokens (of the piece).
  void emitPreamble();
  /// Takes over the results of `ops`, which are the same for all tokens and which `uniform` has emitted with one lane.
  void adopt(const RowEmitter &uniform, const llvm::SetVector<mlir::Operation *> &ops);
  /// Emits every step at the builder's insertion point. `tile` has values in a rows region only.
  void emitSteps(const Tile &tile);

  //===-- Values, also used by the code around a region --===//
  mlir::Value i64(int64_t value) { return mlir::arith::ConstantIntOp::create(b, value, 64); }
  mlir::Value i32(int64_t value) { return mlir::arith::ConstantIntOp::create(b, value, 32); }
  /// `T` with one lane, `vector<lanes x T>` otherwise.
  mlir::Type laneType(mlir::Type type) const;
  /// The same constant in every lane. `value` is a FloatAttr or IntegerAttr.
  mlir::Value splat(mlir::TypedAttr value);
  mlir::Value splatInteger(mlir::Type type, int64_t value) { return splat(b.getIntegerAttr(type, value)); }
  mlir::Value splatFloat(mlir::Type type, double value) { return splat(b.getFloatAttr(type, value)); }
  mlir::Value broadcast(mlir::Value scalar);
  /// Pointer arithmetic in bytes, and to element `index` of elements of `stride` bytes.
  mlir::Value advance(mlir::Value pointer, int64_t bytes);
  mlir::Value elementPointer(mlir::Value pointer, int64_t stride, mlir::Value index);
  mlir::Value combine(kernel::Combine kind, mlir::Value left, mlir::Value right);
  mlir::TypedAttr neutral(kernel::Combine kind, mlir::Type type);
  /// One element, all lanes, of the scratch row at `offset`.
  mlir::Value loadLanes(int64_t offset, mlir::Type element, mlir::Value index);
  void storeLanes(mlir::Value value, int64_t offset, mlir::Value index);

  using State = llvm::SmallVector<mlir::Value>;
  /// state = body(e, part, state) for e in [0, count); `parts` bodies run per turn, numbered 0 … parts - 1.
  State loop(int64_t count, unsigned parts, State state, llvm::function_ref<void(mlir::Value, unsigned, State &)> body);
  /// The same with bounds known at run time (i64), one body per turn.
  State loopRange(mlir::Value low, mlir::Value high, State state, llvm::function_ref<void(mlir::Value, State &)> body);

private:
  /// A row that is the same for all lanes: one value of type `memory` per element at `pointer`.
  struct UniformRow {
    mlir::Value pointer;
    mlir::Type memory;
  };
  /// A sum of floats along a row or a group, while its elements come.
  struct OrderedSum {
    mlir::Type element;
    int64_t size;                            ///< elements that it has in all
    std::optional<int64_t> slots;            ///< scratch of the partial sums; none where the code is straight-line
    llvm::SmallVector<mlir::Value> pending;  ///< of the leaf that is not complete
    llvm::SmallVector<mlir::Value> partials; ///< where there are no slots
    /// More leaves than partial sums.
    bool wraps() const;
  };
  /// A member of the loop being emitted.
  struct Member {
    mlir::Operation *op = nullptr;
    llvm::SmallVector<mlir::Value> hoisted; ///< loaded before the loop
    size_t state = 0;                       ///< first of its values in the loop's state
    bool perGroup = false;                  ///< its state belongs to one group
    std::optional<OrderedSum> sum;
  };

  // Steps (RowEmitter.cpp)
  void emitSingle(mlir::Operation *op, const Tile &tile);
  void emitElementwise(mlir::Operation *op, mlir::IRMapping &mapping);
  void emitLoop(const Step &step, const Tile &tile);
  unsigned partsOf(const Step &step) const;
  void enter(Member &member, unsigned parts, State &state, const Step &step);
  /// Where a loop stands: at an element of the row, at a position in its group (the row where there are none), in a
  /// part of its body.
  struct Place {
    mlir::Value element, inGroup;
    unsigned part;
  };
  void emitElement(Member &member, const Place &place, State &state, const Tile &tile);
  mlir::Value result(Member &member, unsigned parts, const State &state);
  void emitMap(kernel::MapOp op, mlir::Value element);
  mlir::Value groupOf(kernel::ExpandOp op, mlir::Value element);
  void define(mlir::Value row, mlir::Value element, mlir::Value value);

  /// An scf.if; `otherwise` may be null.
  void when(mlir::Value condition, llvm::function_ref<void()> then, llvm::function_ref<void()> otherwise = nullptr);

  // Positions, ranks, other tokens' rows, dispatch (EmitPositions.cpp)
  mlir::Value callField(size_t offset, mlir::Type type);
  mlir::Value callNumber(kernel::Position what);
  void emitTokenPosition(kernel::IndexOp op, const Tile &tile);
  void emitRank(kernel::RankOp op, const Tile &tile);
  void emitLoadAt(kernel::LoadAtOp op);
  void emitStoreAt(kernel::StoreAtOp op, const Tile &tile);
  void emitConcat(kernel::ConcatOp op);
  mlir::Value loadWord(mlir::Value pointer, mlir::Value index);

  // Memory (EmitMemory.cpp)
  mlir::Value wholePointer(kernel::BufferOp buffer, mlir::Operation *op);
  mlir::Value read(mlir::Value row, mlir::Value element);
  mlir::Value loadUniform(mlir::Value pointer, mlir::Type memory);
  mlir::Value widen(mlir::Value value, mlir::Type memory);
  mlir::Value narrow(mlir::Value value, mlir::Type memory);
  mlir::Value tablePointer(llvm::ArrayRef<int32_t> table);
  void emitUniformLoad(mlir::Operation *op, mlir::Value pointer, mlir::Type memory);
  void emitLoad(kernel::LoadOp op, const Tile &tile);
  void emitTileStore(kernel::StoreOp op, const Tile &tile);
  llvm::SmallVector<mlir::Value> transposeBlock(llvm::ArrayRef<mlir::Value> columns);
  mlir::Value stripStart(mlir::Value strip, int64_t columns, int64_t width);
  void forStrips(int64_t columns, int64_t width, llvm::function_ref<llvm::SmallVector<mlir::Value>(mlir::Value)> load,
                 llvm::function_ref<void(mlir::Value, llvm::ArrayRef<mlir::Value>)> store);
  void storeBlocks(kernel::StoreOp op, kernel::BufferOp buffer, mlir::Value base, bool adds);
  llvm::SmallVector<mlir::Value> loadStrip(kernel::BufferOp buffer, mlir::Value base, mlir::Value first);
  void storeStrip(kernel::BufferOp buffer, mlir::Value base, mlir::Value first, llvm::ArrayRef<mlir::Value> strip);
  void whereKept(kernel::BufferOp buffer, llvm::function_ref<void(bool)> store);
  void storeColumn(kernel::StoreOp op, kernel::BufferOp buffer, mlir::Value base, bool adds);
  void storeStrips(kernel::StoreOp op, kernel::BufferOp buffer, mlir::Value base, bool adds);
  void emitFinishStore(kernel::StoreOp op);
  mlir::Value isPartial(const Tile &tile);
  mlir::Value tilePointer(kernel::BufferOp buffer, const Tile &tile, bool load);
  void copyRows(mlir::Value from, mlir::Value to, kernel::BufferOp buffer, mlir::Value rows, mlir::Value lastRow);
  llvm::SmallVector<mlir::Value> transpose(llvm::ArrayRef<mlir::Value> vectors);
  mlir::Value shuffle(mlir::Value left, mlir::Value right, llvm::function_ref<int64_t(int64_t)> from);
  void prefetch(mlir::Value pointer, int64_t bytes);
  mlir::Value loadVector(mlir::Value pointer, mlir::Type type, int64_t align);
  void accumulate(kernel::AccumulateOp op, mlir::Value element, mlir::Value value, const Tile &tile);
  void accumulateOnce(kernel::AccumulateOp op, mlir::Value element, mlir::Value value);
  void emitCount(kernel::CountOp op, const Tile &tile);

  // Sums of floats (EmitSums.cpp)
  OrderedSum startSum(kernel::ReduceOp op, int64_t size);
  mlir::Value absent(mlir::Type element);
  void addToSum(OrderedSum &sum, mlir::Value position, mlir::Value value);
  void finishLeaf(OrderedSum &sum, mlir::Value position);
  mlir::Value halvePartials(const OrderedSum &sum, int64_t first, int64_t distance);
  mlir::Value finishSum(OrderedSum &sum);
  void emitUnevenSum(kernel::ReduceOp op, int64_t offset);

  // Selection (EmitSelect.cpp)
  mlir::Type keyType(mlir::Type element) const { return b.getIntegerType(element.getIntOrFloatBitWidth()); }
  mlir::Value encode(mlir::Value value);
  mlir::Value decode(mlir::Value key, mlir::Type element);
  mlir::Value any(mlir::Value mask);
  mlir::Value maskedKey(kernel::TopkOp op, mlir::Value element);
  void emitTopk(kernel::TopkOp op);
  void emitTopkInRegisters(kernel::TopkOp op, int64_t k);
  void emitTopkInMemory(kernel::TopkOp op, int64_t k);
  void insertInRegisters(mlir::Value key, mlir::Value position, llvm::MutableArrayRef<mlir::Value> keys,
                         llvm::MutableArrayRef<mlir::Value> positions);
  void insertInMemory(mlir::Value key, mlir::Value position, int64_t k, int64_t keyOffset,
                      std::optional<int64_t> positionOffset);
  void emitGroupTopSum(kernel::GroupTopSumOp op);
  void emitUnevenReduce(kernel::ReduceOp op);
  /// A loop over the elements of one group: state = body(element, state).
  using Body = llvm::function_ref<void(mlir::Value, State &)>;
  using Members = llvm::function_ref<State(State, Body)>;
  mlir::Value topSumInRegisters(kernel::GroupTopSumOp op, Members members);
  mlir::Value topSumInMemory(kernel::GroupTopSumOp op, Members members);
  /// Calls `body(g, members)` in a loop over the groups.
  void forGroups(std::optional<llvm::ArrayRef<int32_t>> groups, int64_t size, int64_t count,
                 llvm::function_ref<void(mlir::Value, Members)> body);
  mlir::Value emitChosen(kernel::ChosenOp op, const Member &member, mlir::Value element);
  void hoistChosen(kernel::ChosenOp op, Member &member);
  mlir::Value isInside(mlir::Value position, int64_t size);
  mlir::Value emitGather(kernel::GatherOp op, mlir::Value element);
  void emitScatter(kernel::ScatterOp op);

  mlir::ImplicitLocOpBuilder &b;
  const Schedule &schedule;
  const RegionContext &context;
  int64_t lanes;
  mlir::IRMapping scalars;                             ///< per-token scalars of the region
  llvm::DenseMap<mlir::Value, UniformRow> uniformRows; ///< rows that are the same for all tokens
  llvm::DenseMap<mlir::Value, mlir::Value> elements;   ///< rows at the element that the current loop body stands on
};

} // namespace moe::cpu
