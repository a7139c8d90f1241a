// One function per kind of operation; no layout, no vectors.
#include "test/Support/KernelInterpreter.h"
#include "dialects/Moe/IR/SumOrder.h"
#include "llvm/ADT/StringSet.h"
#include "llvm/ADT/TypeSwitch.h"
#include <cmath>
#include <numeric>

using namespace mlir;
using namespace moe;
using namespace moe::kernel;
using namespace moe::test;

namespace {

constexpr double infinity = std::numeric_limits<double>::infinity();

class Interpreter {
public:
  Interpreter(ProgramOp program, int64_t tokens, Arrays &arrays, bool adds, CallContext &context)
      : program(program), layers(program.getLayers().value_or(1)), tokens(tokens * layers), arrays(arrays), adds(adds),
        context(context), oldStates(arrays) {}
  void run();

private:
  using Scope = llvm::DenseMap<Value, Elements>;

  using Bounds = std::vector<int64_t>;

  /// Where the pieces begin that `finer` elements come in, and that number; `op` says how, if anything does.
  template <typename Op> Bounds findPieces(Op op, int64_t finer);
  void findAllPieces();
  /// Rows, or pieces of a level.
  int64_t countOf(int64_t level) { return level ? static_cast<int64_t>(levels[level - 1].size()) - 1 : tokens; }
  void prepareArrays();
  void makeNeutral(std::map<std::string, Elements> &block, bool perPiece);
  void runPass(PassOp pass);
  void finish(PassOp pass);
  void mergeEarlierPasses();
  void runBlock(Block &block, int64_t row);
  bool isOfOneLayer(BufferOp buffer);
  int64_t rowIn(BufferOp buffer, int64_t row);
  Elements load(BufferOp buffer, int64_t row);
  void storeAt(StoreAtOp op);
  double index(Position what, int64_t row);
  Elements rank(RankOp op);
  Elements evaluate(Operation &op, int64_t row);
  void store(StoreOp op, MutableArrayRef<double> into);
  /// expand, chosen, gather, scatter, slice, extract.
  Elements rearrange(Operation &op);
  void runMap(MapOp op);
  void wideProduct(Operation &op);
  double scalarOperation(Operation &op);
  double integerOperation(Operation &op);
  double mathFunction(Operation &op);
  Elements reduce(kernel::ReduceOp op);
  Elements groupTopSum(GroupTopSumOp op);
  void topk(TopkOp op);
  const Elements &get(Value value) { return values[value]; }
  double scalar(Value value) { return values[value][0]; }

  ProgramOp program;
  int64_t layers, tokens; ///< of all layers
  Arrays &arrays;
  bool adds;
  CallContext &context;
  Scope values;
  std::map<std::string, Elements> own;                     ///< what passes before the last one collect in this call
  std::map<std::string, Elements> *accumulators = nullptr; ///< of the pass
  int64_t size = 0;                                        ///< what the region that runs takes as number of tokens
  bool isBad = false;                                      ///< some offsets are out of place
  const Arrays oldStates;
  std::vector<Bounds> levels; ///< [0]: of the pieces of tokens
  bool isInEachLayer = true;  ///< whether pieces are the same in each layer, so far
  int64_t level = 0;          ///< of the pass
  Bounds bounds;              ///< of the pieces that its rows come in
  int64_t piece = 0;
  llvm::DenseMap<Operation *, Elements> ranked; ///< by rank operation: what has come before
  int32_t position = 0;
};

double combine(Combine kind, double a, double b) {
  switch (kind) {
  case Combine::Sum:
    return a + b;
  case Combine::Max:
    return std::isnan(a) || std::isnan(b) ? NAN : std::max(a, b);
  case Combine::Min:
    return std::isnan(a) || std::isnan(b) ? NAN : std::min(a, b);
  case Combine::MaxNum:
    return std::fmax(a, b);
  }
  llvm_unreachable("all combinations are above");
}

double neutral(Combine kind, Type type) {
  if (kind == Combine::Sum)
    return 0;
  if (type.isInteger(32))
    return kind == Combine::Min ? INT32_MAX : INT32_MIN;
  return kind == Combine::Min ? infinity : -infinity;
}

Type elementOf(Type type) { return isa<RowType>(type) ? cast<RowType>(type).getElementType() : type; }
int64_t sizeOf(Type type) { return isa<RowType>(type) ? cast<RowType>(type).getSize() : 1; }
double rounded(double value, Type type) { return type.isF32() ? static_cast<float>(value) : value; }

/// Positions outside of a row name nothing.
bool isInside(double index, int64_t size) { return index >= 0 && index < static_cast<double>(size); }

/// In memory, where 16-bit numbers have fewer digits.
double inMemory(double value, Type type) {
  if (type.isInteger(16))
    return static_cast<int16_t>(static_cast<int64_t>(value));
  if (!type.isBF16() && !type.isF16())
    return value;
  APFloat number(value);
  bool lost;
  number.convert(cast<FloatType>(type).getFloatSemantics(), APFloat::rmNearestTiesToEven, &lost);
  number.convert(APFloat::IEEEdouble(), APFloat::rmNearestTiesToEven, &lost);
  return number.convertToDouble();
}

/// NaN below every number.
bool ranksAbove(double a, double b) { return std::isnan(b) ? !std::isnan(a) : a > b; }

} // namespace

template <typename Op> Interpreter::Bounds Interpreter::findPieces(Op op, int64_t finer) {
  int64_t count = static_cast<int64_t>(op.getCount().value_or(0)), length = count ? finer / count : 0;
  isInEachLayer &= !count;
  if (op.getLength())
    count = finer / (length = static_cast<int64_t>(*op.getLength()));
  Bounds result{0};
  if (!op.getOffsets()) {
    for (int64_t n = 0; n < count; ++n)
      result.push_back(result.back() + length);
    return result;
  }
  const Elements &offsets = arrays[op.getOffsets()->str()];
  int64_t copies = isInEachLayer ? layers : 1, elements = finer / copies;
  for (int64_t layer = 0; layer < copies; ++layer) {
    int64_t last = 0;
    for (size_t i = 0; i < offsets.size(); ++i) {
      auto offset = static_cast<int64_t>(offsets[i]);
      int64_t right = i == 0 ? 0 : i + 1 == offsets.size() ? elements : std::clamp(offset, last, elements);
      isBad |= right != offset;
      last = right;
      if (i > 0)
        result.push_back(layer * elements + right);
    }
  }
  return result;
}

void Interpreter::findAllPieces() {
  if (program.hasPieces())
    levels.push_back(findPieces(program, tokens));
  for (auto pieces : program.getOps<PiecesOp>())
    levels.push_back(findPieces(pieces, countOf(static_cast<int64_t>(levels.size()))));
}

/// Whether the caller's array has the tokens of one layer, the same for all.
bool Interpreter::isOfOneLayer(BufferOp buffer) {
  bool isCallers = buffer.getRole() == Role::Input || buffer.getRole() == Role::Output;
  return program.getLayers() && buffer.isPerToken() && isCallers && !buffer.getLayered();
}

/// The row of a buffer that a region is at.
int64_t Interpreter::rowIn(BufferOp buffer, int64_t row) {
  if (buffer.getLevel() < 0)
    return 0;
  if (buffer.getLevel() != level)
    return piece;
  return isOfOneLayer(buffer) ? row % (tokens / layers) : row;
}

/// Room for everything that is written; what has been there stays. Without passes, rows are not touched.
void Interpreter::prepareArrays() {
  for (auto buffer : program.getOps<BufferOp>()) {
    Role role = buffer.getRole();
    if (role == Role::Input || role == Role::Param || role == Role::State)
      continue;
    bool hasRows = buffer.getLevel() >= 0 || buffer.getPerToken();
    if (hasRows && !context.accumulates)
      continue;
    int64_t rows = buffer.getLevel() < 0 ? 1 : countOf(buffer.getLevel());
    if (isOfOneLayer(buffer))
      rows /= layers;
    if (buffer.getPerToken())
      rows = static_cast<int64_t>(*buffer.getPerToken()) * tokens + static_cast<int64_t>(*buffer.getExtra());
    arrays[buffer.getSymName().str()].resize(buffer.getRowSize() * rows);
  }
}

void Interpreter::makeNeutral(std::map<std::string, Elements> &block, bool perPiece) {
  for (auto accumulator : program.getOps<AccumulatorOp>())
    if (accumulator.getPerPiece() == perPiece)
      block[accumulator.getSymName().str()].assign(accumulator.getCount(),
                                                   neutral(accumulator.getCombine(), accumulator.getType()));
}

void Interpreter::runPass(PassOp pass) {
  ranked.clear();
  size = tokens;
  level = static_cast<int64_t>(pass.getLevel());
  bounds = level < static_cast<int64_t>(levels.size()) ? levels[level] : Bounds{0, countOf(level)};
  for (piece = 0; piece + 1 < static_cast<int64_t>(bounds.size()); ++piece) {
    makeNeutral(*accumulators, true);
    for (auto &[op, before] : ranked)
      if (lookupAccumulator(op, cast<RankOp>(op).getAccumulator()).getPerPiece())
        before.clear();
    for (int64_t row = bounds[piece]; row < bounds[piece + 1]; ++row)
      runBlock(pass.getRows().front(), row);
    if (!pass.getPieces().empty())
      runBlock(pass.getPieces().front(), 0);
  }
}

/// The last pass's is about all accumulated calls, that of an earlier one about this call.
void Interpreter::finish(PassOp pass) {
  level = static_cast<int64_t>(pass.getLevel());
  bounds = level < static_cast<int64_t>(levels.size()) ? levels[level] : Bounds{0, countOf(level)};
  size = accumulators == &own ? tokens : context.accumulatedTokens;
  runBlock(pass.getFinish().front(), 0);
}

void Interpreter::mergeEarlierPasses() {
  llvm::StringSet<> collected;
  for (auto pass : program.getOps<PassOp>())
    if (pass->getNextNode())
      for (Region *region : pass.getBodies())
        for (Operation &op : region->front())
          if (isa<AccumulateOp, CountOp>(op))
            collected.insert(op.getAttrOfType<FlatSymbolRefAttr>("accumulator").getValue());
  for (auto accumulator : program.getOps<AccumulatorOp>())
    if (std::string name = accumulator.getSymName().str(); collected.contains(name))
      for (auto [all, mine] : llvm::zip_equal(context.accumulators[name], own[name]))
        all = combine(accumulator.getCombine(), all, mine);
}

void Interpreter::run() {
  findAllPieces();
  prepareArrays();
  bool isStep = program.getStepOf().has_value();
  if (context.resets && !isStep) {
    makeNeutral(context.accumulators, false);
    context.accumulatedTokens = 0;
  }
  makeNeutral(own, false);
  bool accumulates = context.accumulates && !isStep;
  context.accumulatedTokens += accumulates ? tokens : 0;
  if (auto seen = context.accumulators.find("bad_offsets_seen");
      accumulates && isBad && seen != context.accumulators.end())
    ++seen->second[0];
  for (auto pass : program.getOps<PassOp>()) {
    bool isLast = !pass->getNextNode();
    accumulators = isLast ? &context.accumulators : &own;
    if (accumulates)
      runPass(pass);
    if (accumulates && isLast)
      mergeEarlierPasses();
    if (isLast ? context.finishes || isStep : accumulates)
      finish(pass);
  }
}

void Interpreter::runBlock(Block &block, int64_t row) {
  for (Operation &op : block) {
    if (auto map = dyn_cast<MapOp>(op))
      runMap(map);
    else if (auto topkOp = dyn_cast<TopkOp>(op))
      topk(topkOp);
    else if (isa<arith::MulUIExtendedOp>(op))
      wideProduct(op);
    else if (Elements result = evaluate(op, row); op.getNumResults() == 1)
      values[op.getResult(0)] = std::move(result);
  }
}

void Interpreter::wideProduct(Operation &op) {
  uint64_t product = static_cast<uint64_t>(static_cast<uint32_t>(static_cast<int64_t>(scalar(op.getOperand(0))))) *
                     static_cast<uint32_t>(static_cast<int64_t>(scalar(op.getOperand(1))));
  values[op.getResult(0)] = {static_cast<double>(static_cast<int32_t>(product))};
  values[op.getResult(1)] = {static_cast<double>(static_cast<int32_t>(product >> 32))};
}

double Interpreter::index(Position what, int64_t row) {
  auto low = [](uint64_t wide) { return static_cast<double>(static_cast<int32_t>(wide)); };
  auto number = static_cast<uint64_t>(context.firstToken + row);
  switch (what) {
  case Position::Token:
    return row;
  case Position::Piece:
    return piece;
  case Position::PieceBegin:
    return bounds[piece];
  case Position::PieceSize:
    return bounds[piece + 1] - bounds[piece];
  case Position::PieceCount:
    return bounds.size() - 1;
  case Position::SeedLow:
    return low(context.seed);
  case Position::SeedHigh:
    return low(context.seed >> 32);
  case Position::Offset:
    return low(context.offset);
  case Position::TokenLow:
    return low(number);
  case Position::TokenHigh:
    return low(number >> 32);
  }
  llvm_unreachable("all positions are above");
}

Elements Interpreter::rank(RankOp op) {
  Elements &before = ranked[op];
  before.resize(lookupAccumulator(op, op.getAccumulator()).getCount());
  Elements result;
  for (double element : get(op.getIndices()))
    result.push_back(isInside(element, before.size()) ? before[static_cast<size_t>(element)]++ : 0);
  return result;
}

Elements Interpreter::load(BufferOp buffer, int64_t row) {
  std::string name = buffer.getSymName().str();
  const Elements &from = buffer.getRole() == Role::State ? oldStates.at(name) : arrays[name];
  auto start = from.begin() + rowIn(buffer, row) * buffer.getRowSize();
  return Elements(start, start + buffer.getRowSize());
}

void Interpreter::storeAt(StoreAtOp op) {
  Elements &into = arrays[op.getBuffer().str()];
  for (auto [value, at] : llvm::zip_equal(get(op.getValues()), get(op.getPositions())))
    if (isInside(at, into.size()))
      into[static_cast<size_t>(at)] = value;
}

void Interpreter::runMap(MapOp op) {
  SmallVector<Elements> results(op->getNumResults(), Elements(op.getRowSize()));
  Block &body = *op.getBlock();
  for (position = 0; position < op.getRowSize(); ++position) {
    for (auto [argument, input] : llvm::zip_equal(body.getArguments(), op.getInputs()))
      values[argument] = {get(input)[position]};
    for (Operation &inner : body.without_terminator())
      if (isa<arith::MulUIExtendedOp>(inner))
        wideProduct(inner);
      else
        values[inner.getResult(0)] = {rounded(scalarOperation(inner), inner.getResult(0).getType())};
    for (auto [result, value] : llvm::zip_equal(results, body.getTerminator()->getOperands()))
      result[position] = scalar(value);
  }
  for (auto [result, elements] : llvm::zip_equal(op.getResults(), results))
    values[result] = elements;
}

Elements Interpreter::reduce(kernel::ReduceOp op) {
  const Elements &input = get(op.getInput());
  Type type = elementOf(op.getInput().getType());
  int64_t count = sizeOf(op.getResult().getType());
  if (op.getKind() == Combine::Sum && isa<FloatType>(type)) {
    std::vector<Elements> groups(count);
    for (auto [e, group] : llvm::enumerate(groupsOf(op.getGroups(), input.size(), count)))
      groups[group].push_back(input[e]);
    Elements sums;
    for (const Elements &members : groups)
      sums.push_back(addInOrder<double>(members, 0.0, [&](double a, double b) { return rounded(a + b, type); }));
    return sums;
  }
  Elements result(count, neutral(op.getKind(), type));
  for (auto [e, group] : llvm::enumerate(groupsOf(op.getGroups(), input.size(), count)))
    result[group] = combine(op.getKind(), result[group], input[e]);
  for (double &value : result)
    value = rounded(value, type);
  return result;
}

Elements Interpreter::groupTopSum(GroupTopSumOp op) {
  const Elements &input = get(op.getInput());
  Type type = elementOf(op.getInput().getType());
  int64_t count = sizeOf(op.getResult().getType());
  SmallVector<Elements> groups(count);
  for (auto [e, group] : llvm::enumerate(groupsOf(op.getGroups(), input.size(), count)))
    groups[group].push_back(input[e]);
  Elements result;
  for (Elements &members : groups) {
    llvm::sort(members, ranksAbove);
    double sum = members[0];
    for (uint64_t n = 1; n < op.getN(); ++n)
      sum = rounded(sum + members[n], type);
    result.push_back(sum);
  }
  return result;
}

void Interpreter::topk(TopkOp op) {
  const Elements &input = get(op.getInput());
  std::vector<int> order(input.size());
  std::iota(order.begin(), order.end(), 0);
  if (op.getMask())
    llvm::erase_if(order, [&](int e) { return get(op.getMask())[e] == 0; });
  llvm::sort(order, [&](int a, int b) {
    return ranksAbove(input[a], input[b]) || (!ranksAbove(input[b], input[a]) && a < b);
  });
  size_t k = sizeOf(op.getIndices().getType());
  Elements indices(k, -1), picked(k, NAN);
  for (size_t n = 0; n < std::min(k, order.size()); ++n) {
    indices[n] = order[n];
    picked[n] = input[order[n]];
  }
  values[op.getIndices()] = indices;
  values[op.getValues()] = picked;
}

void Interpreter::store(StoreOp op, MutableArrayRef<double> into) {
  BufferOp buffer = lookupBuffer(op, op.getBuffer());
  Type type = elementOf(op.getValue().getType());
  for (auto [element, value] : llvm::zip_equal(into, get(op.getValue())))
    element = inMemory(buffer.getAdds() && adds ? rounded(element + value, type) : value, buffer.getType());
}

Elements Interpreter::evaluate(Operation &op, int64_t row) {
  auto part = [&](BufferOp buffer) {
    int64_t size = buffer.getRowSize();
    return MutableArrayRef<double>(arrays[buffer.getSymName().str()]).slice(rowIn(buffer, row) * size, size);
  };
  return llvm::TypeSwitch<Operation *, Elements>(&op)
      .Case<LoadOp>([&](LoadOp loadOp) { return load(lookupBuffer(loadOp, loadOp.getBuffer()), row); })
      .Case<LoadAtOp>([&](LoadAtOp loadOp) {
        BufferOp buffer = lookupBuffer(loadOp, loadOp.getBuffer());
        double token = scalar(loadOp.getToken());
        return isInside(token, tokens) ? load(buffer, static_cast<int64_t>(token)) : Elements(buffer.getRowSize(), 0);
      })
      .Case<StoreAtOp>([&](StoreAtOp storeOp) {
        storeAt(storeOp);
        return Elements();
      })
      .Case<RankOp>([&](RankOp rankOp) { return rank(rankOp); })
      .Case<IndexOp>([&](IndexOp indexOp) { return Elements{index(indexOp.getWhat(), row)}; })
      .Case<StoreOp>([&](StoreOp storeOp) {
        store(storeOp, part(lookupBuffer(storeOp, storeOp.getBuffer())));
        return Elements();
      })
      .Case<AccumulateOp>([&](AccumulateOp accumulate) {
        Combine kind = lookupAccumulator(accumulate, accumulate.getAccumulator()).getCombine();
        for (auto [into, value] :
             llvm::zip_equal((*accumulators)[accumulate.getAccumulator().str()], get(accumulate.getValue())))
          into = combine(kind, into, value);
        return Elements();
      })
      .Case<CountOp>([&](CountOp count) {
        Elements &counts = (*accumulators)[count.getAccumulator().str()];
        for (double index : get(count.getIndices()))
          if (isInside(index, counts.size()))
            ++counts[static_cast<size_t>(index)];
        return Elements();
      })
      .Case<ReadOp>([&](ReadOp read) {
        Elements result = (*accumulators)[read.getAccumulator().str()];
        for (double &value : result)
          value = rounded(value, elementOf(read.getResult().getType()));
        return result;
      })
      .Case<SizeOp>([&](auto) { return Elements{static_cast<double>(size)}; })
      .Case<kernel::ReduceOp>([&](auto reduceOp) { return reduce(reduceOp); })
      .Case<GroupTopSumOp>([&](auto sum) { return groupTopSum(sum); })
      .Default([&](Operation *other) {
        if (isa<ExpandOp, ChosenOp, GatherOp, ScatterOp, SliceOp, ExtractOp, ConcatOp>(other))
          return rearrange(*other);
        return Elements{rounded(scalarOperation(*other), other->getResult(0).getType())};
      });
}

Elements Interpreter::rearrange(Operation &op) {
  return llvm::TypeSwitch<Operation *, Elements>(&op)
      .Case<ExpandOp>([&](ExpandOp expand) {
        Elements result;
        int64_t size = sizeOf(expand.getResult().getType());
        for (int32_t group : groupsOf(expand.getGroups(), size, sizeOf(expand.getInput().getType())))
          result.push_back(get(expand.getInput())[group]);
        return result;
      })
      .Case<ChosenOp>([&](ChosenOp chosen) {
        Elements result(sizeOf(chosen.getResult().getType()), 0);
        for (double index : get(chosen.getIndices()))
          if (isInside(index, result.size()))
            result[static_cast<size_t>(index)] = 1;
        return result;
      })
      .Case<GatherOp>([&](GatherOp gather) {
        Elements result;
        const Elements &input = get(gather.getInput());
        for (double index : get(gather.getIndices()))
          result.push_back(isInside(index, input.size()) ? input[static_cast<size_t>(index)] : 0);
        return result;
      })
      .Case<ScatterOp>([&](ScatterOp scatter) {
        Elements result(sizeOf(scatter.getResult().getType()), 0);
        Type type = elementOf(scatter.getInput().getType());
        for (auto [value, index] : llvm::zip_equal(get(scatter.getInput()), get(scatter.getIndices())))
          if (isInside(index, result.size())) {
            double &sum = result[static_cast<size_t>(index)];
            sum = rounded(sum + value, type);
          }
        return result;
      })
      .Case<SliceOp>([&](SliceOp slice) {
        Elements result = get(slice.getInput());
        result.resize(sizeOf(slice.getResult().getType()));
        return result;
      })
      .Case<ConcatOp>([&](ConcatOp concat) {
        Elements result = get(concat.getFirst());
        llvm::append_range(result, get(concat.getSecond()));
        return result;
      })
      .Case<ExtractOp>([&](ExtractOp extract) { return Elements{get(extract.getInput())[extract.getPosition()]}; })
      .Default([](Operation *) { return Elements(); });
}

static bool compare(arith::CmpFPredicate predicate, double a, double b) {
  using P = arith::CmpFPredicate;
  bool unordered = std::isnan(a) || std::isnan(b);
  switch (predicate) {
  case P::AlwaysFalse:
    return false;
  case P::AlwaysTrue:
    return true;
  case P::OEQ:
    return a == b;
  case P::OGT:
    return a > b;
  case P::OGE:
    return a >= b;
  case P::OLT:
    return a < b;
  case P::OLE:
    return a <= b;
  case P::ONE:
    return !unordered && a != b;
  case P::ORD:
    return !unordered;
  case P::UEQ:
    return unordered || a == b;
  case P::UGT:
    return unordered || a > b;
  case P::UGE:
    return unordered || a >= b;
  case P::ULT:
    return unordered || a < b;
  case P::ULE:
    return unordered || a <= b;
  case P::UNE:
    return unordered || a != b;
  case P::UNO:
    return unordered;
  }
  llvm_unreachable("all predicates are above");
}

static bool compare(arith::CmpIPredicate predicate, int64_t a, int64_t b) {
  using P = arith::CmpIPredicate;
  auto ua = static_cast<uint32_t>(a), ub = static_cast<uint32_t>(b);
  switch (predicate) {
  case P::eq:
    return a == b;
  case P::ne:
    return a != b;
  case P::slt:
    return a < b;
  case P::sle:
    return a <= b;
  case P::sgt:
    return a > b;
  case P::sge:
    return a >= b;
  case P::ult:
    return ua < ub;
  case P::ule:
    return ua <= ub;
  case P::ugt:
    return ua > ub;
  case P::uge:
    return ua >= ub;
  }
  llvm_unreachable("all predicates are above");
}

double Interpreter::scalarOperation(Operation &op) {
  auto x = [&](unsigned n) { return scalar(op.getOperand(n)); };
  auto i = [&](unsigned n) { return static_cast<int64_t>(x(n)); };
  return llvm::TypeSwitch<Operation *, double>(&op)
      .Case<arith::ConstantOp>([](arith::ConstantOp constant) -> double {
        if (auto number = dyn_cast<FloatAttr>(constant.getValue()))
          return number.getValueAsDouble();
        APInt value = cast<IntegerAttr>(constant.getValue()).getValue();
        return static_cast<double>(value.getBitWidth() == 1 ? static_cast<int64_t>(value.getZExtValue())
                                                            : value.getSExtValue());
      })
      .Case<PositionOp>([&](auto) -> double { return position; })
      .Case<arith::AddFOp>([&](auto) { return x(0) + x(1); })
      .Case<arith::SubFOp>([&](auto) { return x(0) - x(1); })
      .Case<arith::MulFOp>([&](auto) { return x(0) * x(1); })
      .Case<arith::DivFOp>([&](auto) { return x(0) / x(1); })
      .Case<arith::NegFOp>([&](auto) { return -x(0); })
      .Case<arith::MaximumFOp>([&](auto) { return combine(Combine::Max, x(0), x(1)); })
      .Case<arith::MinimumFOp>([&](auto) { return combine(Combine::Min, x(0), x(1)); })
      .Case<arith::MaxNumFOp>([&](auto) { return std::fmax(x(0), x(1)); })
      .Case<arith::MinNumFOp>([&](auto) { return std::fmin(x(0), x(1)); })
      .Case<arith::CmpFOp>([&](arith::CmpFOp cmp) -> double { return compare(cmp.getPredicate(), x(0), x(1)); })
      .Case<arith::CmpIOp>([&](arith::CmpIOp cmp) -> double { return compare(cmp.getPredicate(), i(0), i(1)); })
      .Case<arith::SelectOp>([&](auto) { return x(0) != 0 ? x(1) : x(2); })
      .Case<arith::ExtUIOp, arith::UIToFPOp>([&](auto cast) -> double {
        return cast.getIn().getType().isInteger(32) ? static_cast<uint32_t>(i(0)) : x(0);
      })
      .Case<arith::ExtSIOp, arith::ExtFOp, arith::TruncFOp, arith::SIToFPOp>([&](auto) { return x(0); })
      .Case<arith::TruncIOp>([&](arith::TruncIOp cast) -> double {
        return cast.getType().isInteger(1) ? i(0) & 1 : static_cast<int32_t>(i(0));
      })
      .Case<arith::FPToSIOp>([&](auto) { return std::trunc(x(0)); })
      .Case<arith::BitcastOp>([&](arith::BitcastOp cast) -> double {
        if (cast.getType().isF32())
          return llvm::bit_cast<float>(static_cast<int32_t>(i(0)));
        return llvm::bit_cast<int32_t>(static_cast<float>(x(0)));
      })
      .Default([&](Operation *other) { return integerOperation(*other); });
}

double Interpreter::integerOperation(Operation &op) {
  auto x = [&](unsigned n) { return scalar(op.getOperand(n)); };
  auto i = [&](unsigned n) { return static_cast<int64_t>(x(n)); };
  bool wide = op.getNumResults() == 1 && op.getResult(0).getType().isInteger(64);
  auto wrapped = [&](int64_t value) { return wide ? static_cast<double>(value) : static_cast<int32_t>(value); };
  bool truth = op.getNumResults() == 1 && op.getResult(0).getType().isInteger(1);
  auto bits = [&](int64_t value) { return truth ? static_cast<double>(value & 1) : wrapped(value); };
  return llvm::TypeSwitch<Operation *, double>(&op)
      .Case<arith::AddIOp>([&](auto) { return wrapped(i(0) + i(1)); })
      .Case<arith::SubIOp>([&](auto) { return wrapped(i(0) - i(1)); })
      .Case<arith::MulIOp>([&](auto) { return wrapped(i(0) * i(1)); })
      .Case<arith::DivSIOp>([&](auto) { return wrapped(i(0) / i(1)); })
      .Case<arith::RemSIOp>([&](auto) { return wrapped(i(0) % i(1)); })
      .Case<arith::DivUIOp>([&](auto) { return wrapped(static_cast<uint32_t>(i(0)) / static_cast<uint32_t>(i(1))); })
      .Case<arith::RemUIOp>([&](auto) { return wrapped(static_cast<uint32_t>(i(0)) % static_cast<uint32_t>(i(1))); })
      .Case<arith::AndIOp>([&](auto) { return bits(i(0) & i(1)); })
      .Case<arith::OrIOp>([&](auto) { return bits(i(0) | i(1)); })
      .Case<arith::XOrIOp>([&](auto) { return bits(i(0) ^ i(1)); })
      .Case<arith::ShLIOp>([&](auto) { return wrapped(static_cast<uint32_t>(i(0)) << i(1)); })
      .Case<arith::ShRSIOp>([&](auto) { return wrapped(i(0) >> i(1)); })
      .Case<arith::ShRUIOp>([&](auto) { return wrapped(static_cast<uint32_t>(i(0)) >> i(1)); })
      .Case<arith::MaxSIOp>([&](auto) { return std::max(x(0), x(1)); })
      .Case<arith::MinSIOp>([&](auto) { return std::min(x(0), x(1)); })
      .Default([&](Operation *other) { return mathFunction(*other); });
}

double Interpreter::mathFunction(Operation &op) {
  auto x = [&](unsigned n) { return scalar(op.getOperand(n)); };
  return llvm::TypeSwitch<Operation *, double>(&op)
      .Case<math::FmaOp>([&](math::FmaOp fma) -> double {
        if (fma.getType().isF64())
          return std::fma(x(0), x(1), x(2));
        return std::fma(static_cast<float>(x(0)), static_cast<float>(x(1)), static_cast<float>(x(2)));
      })
      .Case<math::AbsFOp>([&](auto) { return std::fabs(x(0)); })
      .Case<math::FloorOp>([&](auto) { return std::floor(x(0)); })
      .Case<math::CeilOp>([&](auto) { return std::ceil(x(0)); })
      .Case<math::CosOp>([&](auto) { return std::cos(x(0)); })
      .Case<math::SqrtOp>([&](auto) { return std::sqrt(x(0)); })
      .Case<math::RsqrtOp>([&](auto) { return 1 / std::sqrt(x(0)); })
      .Case<math::ExpOp>([&](auto) { return std::exp(x(0)); })
      .Case<math::Exp2Op>([&](auto) { return std::exp2(x(0)); })
      .Case<math::LogOp>([&](auto) { return std::log(x(0)); })
      .Case<math::Log1pOp>([&](auto) { return std::log1p(x(0)); })
      .Case<math::TanhOp>([&](auto) { return std::tanh(x(0)); })
      .Case<math::ErfOp>([&](auto) { return std::erf(x(0)); })
      .Default([](Operation *other) -> double {
        other->emitError("is not known to the interpreter of the tests");
        return NAN;
      });
}

void moe::test::interpret(ProgramOp program, int64_t tokens, Arrays &arrays, bool adds, CallContext *context) {
  CallContext own;
  Interpreter(program, tokens, arrays, adds, context ? *context : own).run();
}
