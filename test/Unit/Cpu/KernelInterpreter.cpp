// One function per kind of operation; no layout, no vectors.
#include "test/Unit/Cpu/KernelInterpreter.h"
#include "llvm/ADT/TypeSwitch.h"
#include <cmath>
#include <limits>

using namespace mlir;
using namespace moe;
using namespace moe::test;

namespace {

class Interpreter {
public:
  Interpreter(kernel::ProgramOp program, int64_t tokens, Arrays &arrays)
      : program(program), tokens(tokens), arrays(arrays) {}
  void run();

private:
  void runRegion(Region &region);
  void visit(Operation &op);
  bool visitMemory(Operation &op);
  void map(kernel::MapOp op);
  void reduce(kernel::ReduceOp op);
  void topSum(kernel::GroupTopSumOp op);
  void topk(kernel::TopkOp op);
  double scalar(Operation &op, llvm::function_ref<double(Value)> operand);
  double &accumulated(StringRef name, size_t index) { return accumulators[name.str()][index]; }

  kernel::ProgramOp program;
  int64_t tokens, token = 0;
  Arrays &arrays;
  std::map<std::string, Elements> accumulators;
  llvm::DenseMap<Value, Elements> values;
};

} // namespace

static bool isF32(Type type) { return type.isF32(); }
static double inType(Type type, double value) {
  return isF32(type) ? static_cast<double>(static_cast<float>(value)) : value;
}

static double combine(kernel::Combine kind, double left, double right) {
  switch (kind) {
  case kernel::Combine::Sum:
    return left + right;
  case kernel::Combine::Max:
    return std::isnan(left) || std::isnan(right) ? NAN : std::max(left, right);
  case kernel::Combine::Min:
    return std::isnan(left) || std::isnan(right) ? NAN : std::min(left, right);
  case kernel::Combine::MaxNum:
    return right > left ? right : left;
  }
  llvm_unreachable("all kinds are covered");
}

static double neutral(kernel::Combine kind, Type type) {
  if (kind == kernel::Combine::Sum)
    return 0;
  bool low = kind != kernel::Combine::Min;
  if (type.isInteger())
    return low ? std::numeric_limits<int32_t>::min() : std::numeric_limits<int32_t>::max();
  return low ? -INFINITY : INFINITY;
}

/// NaN below every number.
static bool isBefore(double left, double right) { return std::isnan(right) ? !std::isnan(left) : left > right; }

void Interpreter::run() {
  for (auto accumulator : program.getOps<kernel::AccumulatorOp>())
    accumulators[accumulator.getSymName().str()].assign(accumulator.getCount(),
                                                        neutral(accumulator.getCombine(), accumulator.getType()));
  for (auto buffer : program.getOps<kernel::BufferOp>())
    if (buffer.getRole() != kernel::Role::Input && buffer.getRole() != kernel::Role::Param)
      arrays[buffer.getSymName().str()].assign(buffer.getRowSize() * (buffer.isPerToken() ? tokens : 1), 0);
  for (auto pass : program.getOps<kernel::PassOp>()) {
    for (token = 0; token < tokens; ++token)
      runRegion(pass.getRows());
    runRegion(pass.getFinish());
  }
}

void Interpreter::runRegion(Region &region) {
  values.clear();
  for (Operation &op : region.front())
    visit(op);
}

double Interpreter::scalar(Operation &op, llvm::function_ref<double(Value)> operand) {
  auto x = [&](unsigned i) { return operand(op.getOperand(i)); };
  Type type = op.getResult(0).getType();
  double result = llvm::TypeSwitch<Operation *, double>(&op)
                      .Case([&](arith::ConstantOp o) {
                        if (auto number = dyn_cast<FloatAttr>(o.getValue()))
                          return number.getValueAsDouble();
                        APInt bits = cast<IntegerAttr>(o.getValue()).getValue();
                        return static_cast<double>(bits.getBitWidth() == 1 ? bits.getZExtValue() : bits.getSExtValue());
                      })
                      .Case<arith::AddFOp, arith::AddIOp>([&](auto) { return x(0) + x(1); })
                      .Case<arith::SubFOp, arith::SubIOp>([&](auto) { return x(0) - x(1); })
                      .Case<arith::MulFOp, arith::MulIOp>([&](auto) { return x(0) * x(1); })
                      .Case([&](arith::DivFOp) { return x(0) / x(1); })
                      .Case([&](math::ExpOp) { return std::exp(x(0)); })
                      .Case([&](math::LogOp) { return std::log(x(0)); })
                      .Case<arith::SIToFPOp, arith::ExtUIOp, arith::ExtFOp, arith::TruncFOp>([&](auto) { return x(0); })
                      .Case([&](arith::SelectOp) { return x(0) != 0 ? x(1) : x(2); })
                      .Case([&](arith::CmpFOp o) {
                        switch (o.getPredicate()) {
                        case arith::CmpFPredicate::OGT:
                          return double(x(0) > x(1));
                        case arith::CmpFPredicate::OLT:
                          return double(x(0) < x(1));
                        case arith::CmpFPredicate::UNE:
                          return double(!(x(0) == x(1)));
                        default:
                          llvm::report_fatal_error("the tests do not use this comparison");
                        }
                      })
                      .Case([&](arith::CmpIOp o) {
                        switch (o.getPredicate()) {
                        case arith::CmpIPredicate::eq:
                          return double(x(0) == x(1));
                        case arith::CmpIPredicate::slt:
                          return double(x(0) < x(1));
                        default:
                          llvm::report_fatal_error("the tests do not use this comparison");
                        }
                      })
                      .Default([](Operation *other) -> double {
                        llvm::report_fatal_error("the tests do not use " + other->getName().getStringRef());
                      });
  return inType(type, result);
}

void Interpreter::map(kernel::MapOp op) {
  for (Value result : op.getResults())
    values[result].clear();
  for (int64_t e = 0; e < op.getRowSize(); ++e) {
    llvm::DenseMap<Value, double> local;
    for (auto [argument, input] : llvm::zip_equal(op.getBlock()->getArguments(), op.getInputs()))
      local[argument] = values[input][e];
    auto operand = [&](Value value) { return local.contains(value) ? local[value] : values[value][0]; };
    for (Operation &inner : *op.getBlock()) {
      if (auto yield = dyn_cast<kernel::YieldOp>(inner)) {
        for (auto [result, value] : llvm::zip_equal(op.getResults(), yield.getValues()))
          values[result].push_back(operand(value));
      } else {
        double value = isa<kernel::PositionOp>(inner) ? static_cast<double>(e) : scalar(inner, operand);
        local[inner.getResult(0)] = value;
      }
    }
  }
}

void Interpreter::reduce(kernel::ReduceOp op) {
  auto row = cast<kernel::RowType>(op.getInput().getType());
  auto result = dyn_cast<kernel::RowType>(op.getResult().getType());
  int64_t count = result ? result.getSize() : 1;
  SmallVector<int32_t> groups = kernel::groupsOf(result ? op.getGroups() : std::nullopt, row.getSize(), count);
  Elements out(count, neutral(op.getKind(), row.getElementType()));
  for (int64_t e = 0; e < row.getSize(); ++e)
    out[groups[e]] = combine(op.getKind(), out[groups[e]], values[op.getInput()][e]);
  values[op.getResult()] = out;
}

void Interpreter::topSum(kernel::GroupTopSumOp op) {
  auto row = cast<kernel::RowType>(op.getInput().getType()), result = cast<kernel::RowType>(op.getResult().getType());
  SmallVector<int32_t> groups = kernel::groupsOf(op.getGroups(), row.getSize(), result.getSize());
  Elements out;
  for (int64_t group = 0; group < result.getSize(); ++group) {
    Elements members;
    for (int64_t e = 0; e < row.getSize(); ++e)
      if (groups[e] == group)
        members.push_back(values[op.getInput()][e]);
    std::sort(members.begin(), members.end(), isBefore);
    double sum = members[0];
    for (size_t i = 1; i < op.getN(); ++i)
      sum = inType(row.getElementType(), sum + members[i]);
    out.push_back(sum);
  }
  values[op.getResult()] = out;
}

void Interpreter::topk(kernel::TopkOp op) {
  const Elements &x = values[op.getInput()];
  std::vector<int64_t> order;
  for (size_t e = 0; e < x.size(); ++e)
    if (!op.getMask() || values[op.getMask()][e] != 0)
      order.push_back(e);
  std::sort(order.begin(), order.end(),
            [&](int64_t a, int64_t b) { return isBefore(x[a], x[b]) || (!isBefore(x[b], x[a]) && a < b); });
  Elements indices, best;
  for (int64_t j = 0; j < cast<kernel::RowType>(op.getIndices().getType()).getSize(); ++j) {
    bool isThere = j < static_cast<int64_t>(order.size());
    indices.push_back(isThere ? order[j] : -1);
    best.push_back(isThere ? x[order[j]] : NAN);
  }
  values[op.getIndices()] = indices;
  values[op.getValues()] = best;
}

/// Buffers and accumulators; false when `op` is something else.
bool Interpreter::visitMemory(Operation &op) {
  return llvm::TypeSwitch<Operation *, bool>(&op)
      .Case([&](kernel::LoadOp o) {
        kernel::BufferOp buffer = kernel::lookupBuffer(o, o.getBuffer());
        const Elements &array = arrays[o.getBuffer().str()];
        size_t size = buffer.getRowSize(), first = buffer.isPerToken() ? token * size : 0;
        values[o.getResult()].assign(array.begin() + first, array.begin() + first + size);
        return true;
      })
      .Case([&](kernel::StoreOp o) {
        kernel::BufferOp buffer = kernel::lookupBuffer(o, o.getBuffer());
        const Elements &value = values[o.getValue()];
        llvm::copy(value,
                   arrays[o.getBuffer().str()].begin() + (buffer.isPerToken() ? token * buffer.getRowSize() : 0));
        return true;
      })
      .Case([&](kernel::SizeOp o) {
        values[o.getResult()] = {static_cast<double>(tokens)};
        return true;
      })
      .Case([&](kernel::AccumulateOp o) {
        kernel::AccumulatorOp accumulator = kernel::lookupAccumulator(o, o.getAccumulator());
        for (auto [i, value] : llvm::enumerate(values[o.getValue()]))
          accumulated(o.getAccumulator(), i) =
              combine(accumulator.getCombine(), accumulated(o.getAccumulator(), i), value);
        return true;
      })
      .Case([&](kernel::CountOp o) {
        for (double index : values[o.getIndices()])
          if (index >= 0)
            ++accumulated(o.getAccumulator(), static_cast<size_t>(index));
        return true;
      })
      .Case([&](kernel::ReadOp o) {
        values[o.getResult()] = accumulators[o.getAccumulator().str()];
        return true;
      })
      .Default([](Operation *) { return false; });
}

void Interpreter::visit(Operation &op) {
  auto sizeOf = [](Value row) { return cast<kernel::RowType>(row.getType()).getSize(); };
  llvm::TypeSwitch<Operation *>(&op)
      .Case([&](kernel::MapOp o) { map(o); })
      .Case([&](kernel::ReduceOp o) { reduce(o); })
      .Case([&](kernel::GroupTopSumOp o) { topSum(o); })
      .Case([&](kernel::TopkOp o) { topk(o); })
      .Case([&](kernel::ExpandOp o) {
        Elements out;
        for (int32_t group : kernel::groupsOf(o.getGroups(), sizeOf(o.getResult()), sizeOf(o.getInput())))
          out.push_back(values[o.getInput()][group]);
        values[o.getResult()] = out;
      })
      .Case([&](kernel::ChosenOp o) {
        Elements out(sizeOf(o.getResult()), 0);
        for (double index : values[o.getIndices()])
          if (index >= 0)
            out[static_cast<size_t>(index)] = 1;
        values[o.getResult()] = out;
      })
      .Case([&](kernel::GatherOp o) {
        Elements out;
        for (double index : values[o.getIndices()])
          out.push_back(index < 0 ? 0 : values[o.getInput()][static_cast<size_t>(index)]);
        values[o.getResult()] = out;
      })
      .Case([&](kernel::SliceOp o) {
        Elements out = values[o.getInput()];
        out.resize(sizeOf(o.getResult()));
        values[o.getResult()] = out;
      })
      .Case([&](kernel::ExtractOp o) {
        double element = values[o.getInput()][o.getPosition()];
        values[o.getResult()] = {element};
      })
      .Default([&](Operation *other) {
        if (visitMemory(op))
          return;
        double value = scalar(*other, [&](Value operand) { return values[operand][0]; });
        values[other->getResult(0)] = {value};
      });
}

void moe::test::interpret(kernel::ProgramOp program, int64_t tokens, Arrays &arrays) {
  Interpreter(program, tokens, arrays).run();
}
