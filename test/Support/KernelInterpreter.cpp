// One function per kind of operation; no layout, no vectors.
#include "test/Support/KernelInterpreter.h"
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
  Interpreter(ProgramOp program, int64_t tokens, Arrays &arrays, bool adds)
      : program(program), tokens(tokens), arrays(arrays), adds(adds) {}
  void run();

private:
  using Scope = llvm::DenseMap<Value, Elements>;

  void runBlock(Block &block, int64_t row);
  Elements evaluate(Operation &op, int64_t row);
  void store(StoreOp op, MutableArrayRef<double> into);
  /// expand, chosen, gather, scatter, slice, extract.
  Elements rearrange(Operation &op);
  void runMap(MapOp op);
  double scalarOperation(Operation &op);
  double integerOperation(Operation &op);
  double mathFunction(Operation &op);
  Elements reduce(kernel::ReduceOp op);
  Elements groupTopSum(GroupTopSumOp op);
  void topk(TopkOp op);
  const Elements &get(Value value) { return values[value]; }
  double scalar(Value value) { return values[value][0]; }

  ProgramOp program;
  int64_t tokens;
  Arrays &arrays;
  bool adds;
  Scope values;
  std::map<std::string, Elements> accumulators;
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
bool isInside(double index, size_t size) { return index >= 0 && index < static_cast<double>(size); }

/// In memory, where 16-bit floats have fewer digits.
double inMemory(double value, Type type) {
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

void Interpreter::run() {
  for (auto accumulator : program.getOps<AccumulatorOp>())
    accumulators[accumulator.getSymName().str()].assign(accumulator.getCount(),
                                                        neutral(accumulator.getCombine(), accumulator.getType()));
  for (auto buffer : program.getOps<BufferOp>())
    if (buffer.getRole() != Role::Input && buffer.getRole() != Role::Param)
      arrays[buffer.getSymName().str()].resize(buffer.getRowSize() * (buffer.isPerToken() ? tokens : 1));
  for (auto pass : program.getOps<PassOp>()) {
    for (int64_t row = 0; row < tokens; ++row)
      runBlock(pass.getRows().front(), row);
    runBlock(pass.getFinish().front(), 0);
  }
}

void Interpreter::runBlock(Block &block, int64_t row) {
  for (Operation &op : block) {
    if (auto map = dyn_cast<MapOp>(op))
      runMap(map);
    else if (auto topkOp = dyn_cast<TopkOp>(op))
      topk(topkOp);
    else if (Elements result = evaluate(op, row); op.getNumResults() == 1)
      values[op.getResult(0)] = std::move(result);
  }
}

void Interpreter::runMap(MapOp op) {
  SmallVector<Elements> results(op->getNumResults(), Elements(op.getRowSize()));
  Block &body = *op.getBlock();
  for (position = 0; position < op.getRowSize(); ++position) {
    for (auto [argument, input] : llvm::zip_equal(body.getArguments(), op.getInputs()))
      values[argument] = {get(input)[position]};
    for (Operation &inner : body.without_terminator())
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
    int64_t size = buffer.getRowSize(), start = buffer.isPerToken() ? row * size : 0;
    return MutableArrayRef<double>(arrays[buffer.getSymName().str()]).slice(start, size);
  };
  return llvm::TypeSwitch<Operation *, Elements>(&op)
      .Case<LoadOp>([&](LoadOp load) {
        auto from = part(lookupBuffer(load, load.getBuffer()));
        return Elements(from.begin(), from.end());
      })
      .Case<StoreOp>([&](StoreOp storeOp) {
        store(storeOp, part(lookupBuffer(storeOp, storeOp.getBuffer())));
        return Elements();
      })
      .Case<AccumulateOp>([&](AccumulateOp accumulate) {
        Combine kind = lookupAccumulator(accumulate, accumulate.getAccumulator()).getCombine();
        for (auto [into, value] :
             llvm::zip_equal(accumulators[accumulate.getAccumulator().str()], get(accumulate.getValue())))
          into = combine(kind, into, value);
        return Elements();
      })
      .Case<CountOp>([&](CountOp count) {
        Elements &counts = accumulators[count.getAccumulator().str()];
        for (double index : get(count.getIndices()))
          if (isInside(index, counts.size()))
            ++counts[static_cast<size_t>(index)];
        return Elements();
      })
      .Case<ReadOp>([&](ReadOp read) {
        Elements result = accumulators[read.getAccumulator().str()];
        for (double &value : result)
          value = rounded(value, elementOf(read.getResult().getType()));
        return result;
      })
      .Case<SizeOp>([&](auto) { return Elements{static_cast<double>(tokens)}; })
      .Case<kernel::ReduceOp>([&](auto reduceOp) { return reduce(reduceOp); })
      .Case<GroupTopSumOp>([&](auto sum) { return groupTopSum(sum); })
      .Default([&](Operation *other) {
        if (isa<ExpandOp, ChosenOp, GatherOp, ScatterOp, SliceOp, ExtractOp>(other))
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
        return value.getBitWidth() == 1 ? value.getZExtValue() : value.getSExtValue();
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
      .Case<arith::ExtUIOp, arith::ExtFOp, arith::TruncFOp, arith::SIToFPOp, arith::UIToFPOp>(
          [&](auto) { return x(0); })
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
  auto wrapped = [](int64_t value) { return static_cast<double>(static_cast<int32_t>(value)); };
  bool truth = op.getNumResults() == 1 && op.getResult(0).getType().isInteger(1);
  auto bits = [&](int64_t value) { return truth ? static_cast<double>(value & 1) : wrapped(value); };
  return llvm::TypeSwitch<Operation *, double>(&op)
      .Case<arith::AddIOp>([&](auto) { return wrapped(i(0) + i(1)); })
      .Case<arith::SubIOp>([&](auto) { return wrapped(i(0) - i(1)); })
      .Case<arith::MulIOp>([&](auto) { return wrapped(i(0) * i(1)); })
      .Case<arith::DivSIOp>([&](auto) { return wrapped(i(0) / i(1)); })
      .Case<arith::RemSIOp>([&](auto) { return wrapped(i(0) % i(1)); })
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

void moe::test::interpret(ProgramOp program, int64_t tokens, Arrays &arrays, bool adds) {
  Interpreter(program, tokens, arrays, adds).run();
}
