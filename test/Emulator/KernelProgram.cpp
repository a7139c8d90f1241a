// Texts of programs, their inputs, and comparison.
#include "test/Emulator/KernelProgram.h"
#include "mlir/IR/DialectRegistry.h"
#include "mlir/Parser/Parser.h"
#include "gtest/gtest.h"
#include <cmath>
#include <cstdio>
#include <fstream>
#include <random>

using namespace mlir;
using namespace moe;
using namespace moe::test;

std::ostream &moe::test::operator<<(std::ostream &out, const Shape &shape) {
  return out << shape.file << " E=" << shape.experts << " G=" << shape.groups << " H=" << shape.keptGroups
             << " K=" << shape.slots << " N=" << shape.top << " " << shape.type << " lanes=" << shape.lanes;
}

/// What moe-opt makes of a spec, with logits of `shape.type`.
static std::string lowerSpec(const Shape &shape) {
  std::string command = std::string(MOE_OPT) + " --emit=kernel " + MOE_SOURCE_DIR + "/" + shape.file +
                        " --dtype logits=" + shape.type + " --mlir-print-debuginfo";
  if (shape.experts)
    command += " -D E=" + std::to_string(shape.experts) + " -D k=" + std::to_string(shape.slots) +
               " -D D=" + std::to_string(shape.groups);
  std::string text;
  FILE *pipe = popen(command.c_str(), "r");
  char buffer[4096];
  while (size_t bytes = fread(buffer, 1, sizeof(buffer), pipe))
    text.append(buffer, bytes);
  return pclose(pipe) == 0 ? text : "";
}

std::string moe::test::programText(const Shape &shape) {
  if (llvm::StringRef(shape.file).ends_with(".moe"))
    return lowerSpec(shape);
  std::ifstream file(std::string(MOE_TEST_DIR) + "/" + shape.file);
  std::string text(std::istreambuf_iterator<char>(file), {});
  std::string groups;
  for (int e = 0; e < shape.experts; ++e)
    groups +=
        (e ? ", " : "") + std::to_string(e < shape.groups ? shape.groups - 1 - e : e * e % std::max(1, shape.groups));
  auto replace = [&](const std::string &name, const std::string &value) {
    for (size_t at = 0; (at = text.find(name, at)) != std::string::npos; at += value.size())
      text.replace(at, name.size(), value);
  };
  // Lines that are about offsets stand there only where there are some.
  auto drop = [&](const std::string &mark) {
    for (size_t at; (at = text.find(mark)) != std::string::npos;) {
      size_t start = text.rfind('\n', at) + 1;
      text.erase(start, text.find('\n', at) + 1 - start);
    }
  };
  bool outerOffsets = llvm::StringRef(shape.outer).starts_with("offsets");
  if (shape.pieces)
    drop(" // by offsets");
  if (!outerOffsets)
    drop(" // by outer offsets");
  if (shape.pieces && !outerOffsets)
    drop(" // by any offsets");
  replace("$OUTER", shape.outer);
  replace("$Z", std::to_string(shape.layers));
  replace("$PIECES", shape.pieces ? "piece_length " + std::to_string(shape.pieces) : "piece_offsets @cu_seqlens");
  replace("$GROUPS", groups);
  replace("$E", std::to_string(shape.experts));
  replace("$G", std::to_string(shape.groups));
  replace("$H", std::to_string(shape.keptGroups));
  replace("$K", std::to_string(shape.slots));
  replace("$L", std::to_string(shape.slots - 1));
  replace("$B", std::to_string(2 * shape.slots));
  replace("$M", std::to_string(shape.experts + shape.slots));
  replace("$N", std::to_string(shape.top));
  replace("$T", shape.type);
  replace("$R", shape.type == std::string("f64") ? "f64" : "f32");
  return text;
}

KernelProgram::KernelProgram(const Shape &shape) : context(MLIRContext::Threading::DISABLED) {
  DialectRegistry registry;
  registerCompilerDialects(registry);
  context.appendDialectRegistry(registry);
  module = parseSourceString<ModuleOp>(programText(shape), &context);
  if (!module) {
    ADD_FAILURE() << shape << " does not parse";
    return;
  }
  program = *module->getOps<kernel::ProgramOp>().begin();
  if (shape.lanes)
    program->setAttr("moe_kernel.cuda_lanes", IntegerAttr::get(IntegerType::get(&context, 64), shape.lanes));
  auto made = CompiledGate::fromKernel(*module);
  if (!made) {
    ADD_FAILURE() << shape << ": " << llvm::toString(made.takeError());
    return;
  }
  compiled = std::move(*made);
  try {
    executable = rt::Executable::emulator(gate());
  } catch (const rt::Error &error) {
    ADD_FAILURE() << shape << ": " << error.what();
  }
}

/// `great`: a large finite value.
static double draw(std::mt19937 &random, Rows rows, double great) {
  double value = std::normal_distribution<double>()(random);
  // Equal values, and some that differ from them in the last bit only.
  if (rows == Rows::Ties)
    return random() % 4 ? std::round(value) : std::nextafter(static_cast<float>(std::round(value)), INFINITY);
  if (rows == Rows::Special) {
    const double special[] = {NAN, INFINITY, -INFINITY, 0.0, -0.0, great, -great};
    unsigned choice = random() % 40;
    return choice < 7 ? special[choice] : value;
  }
  return value;
}

/// Random elements of one input; some rows have equal elements only, unless they are plain.
static void fillRows(Buffer &buffer, Rows rows, std::mt19937 &random) {
  bool isFloat = buffer.dtype != MOE_BOOL && buffer.dtype != MOE_I32 && buffer.dtype != MOE_I64;
  for (int64_t i = 0; i < buffer.count(); ++i)
    buffer.set(i, buffer.dtype == MOE_BOOL ? static_cast<double>(random() % 4 == 0)
                  : !isFloat               ? static_cast<double>(random() % 100)
                                           : draw(random, rows, buffer.dtype == MOE_F64 ? 1e4 : 1e30));
  int64_t size = buffer.sizes.empty() ? 1 : buffer.sizes.back();
  if (rows == Rows::Plain || !isFloat || buffer.sizes.size() < 2)
    return;
  for (int64_t row = 3; row < buffer.sizes[0]; row += 7)
    for (int64_t e = 1; e < size; ++e)
      buffer.set(row * size + e, buffer.get(row * size));
}

std::vector<int64_t> KernelProgram::countsOf(const Arrays &arrays, int64_t tokens) {
  std::vector<int64_t> counts{tokens};
  auto divide = [&](auto op) {
    counts.push_back(op.getLength()    ? counts.back() / static_cast<int64_t>(*op.getLength())
                     : op.getOffsets() ? static_cast<int64_t>(arrays.at(op.getOffsets()->str()).size()) - 1
                                       : static_cast<int64_t>(*op.getCount()));
  };
  if (program.hasPieces())
    divide(program);
  for (auto pieces : program.getOps<kernel::PiecesOp>())
    divide(pieces);
  return counts;
}

Arrays KernelProgram::inputs(int64_t tokens, Rows rows, unsigned seed, const std::vector<int> &bounds,
                             const std::vector<int> &outer) {
  std::mt19937 random(seed);
  Arrays arrays;
  arrays["cu_seqlens"] = Elements(bounds.begin(), bounds.end());
  arrays["cu_documents"] = Elements(outer.begin(), outer.end());
  for (const char *name : {"cu_seqlens", "cu_documents"})
    if (arrays[name].empty())
      arrays[name] = {0};
  const Arrays offsets = arrays;
  std::vector<Buffer> buffers = makeBuffers(gate(), countsOf(arrays, tokens));
  arrays.clear();
  for (uint32_t i = 0; i < gate().array_count; ++i) {
    const moe_array &array = gate().arrays[i];
    if (array.role == MOE_PARAM)
      arrays[array.name] = {static_cast<float>(array.init)};
    if (array.role != MOE_INPUT && array.role != MOE_STATE)
      continue;
    fillRows(buffers[i], array.role == MOE_STATE ? Rows::Plain : rows, random);
    auto known = offsets.find(array.name);
    for (int64_t e = 0; e < buffers[i].count(); ++e) {
      if (known != offsets.end())
        buffers[i].set(e, known->second[static_cast<size_t>(e)]);
      arrays[array.name].push_back(buffers[i].get(e));
    }
  }
  return arrays;
}

Arrays KernelProgram::interpret(const Arrays &inputs, int64_t tokens, CallContext *context) {
  Arrays arrays = inputs;
  test::interpret(program, tokens, arrays, false, context);
  return arrays;
}

void KernelProgram::run(GateCall &call, Arrays &arrays, int64_t tokens, uint32_t phase, const std::string &what) {
  std::vector<Buffer> buffers = makeBuffers(gate(), countsOf(arrays, tokens));
  for (uint32_t i = 0; i < gate().array_count; ++i)
    if (gate().arrays[i].role == MOE_INPUT || gate().arrays[i].role == MOE_STATE)
      for (int64_t e = 0; e < buffers[i].count(); ++e)
        buffers[i].set(e, arrays.at(gate().arrays[i].name).at(static_cast<size_t>(e)));
  EXPECT_EQ(findingsOf(call, buffers, tokens, phase), "") << what;
  for (uint32_t i = 0; i < gate().array_count; ++i) {
    uint32_t role = gate().arrays[i].role;
    if (role == MOE_INPUT || role == MOE_PARAM || role == MOE_COEFFICIENT || role == MOE_SAVED || role == MOE_STATE)
      continue;
    Elements &elements = arrays[gate().arrays[i].name];
    elements.clear();
    for (int64_t e = 0; e < buffers[i].count(); ++e)
      elements.push_back(buffers[i].get(e));
  }
}

Arrays KernelProgram::interpretStep(const Arrays &states, int64_t tokens, CallContext &context) {
  Arrays arrays = states;
  for (auto step : module->getOps<kernel::ProgramOp>())
    if (step.getStepOf())
      test::interpret(step, tokens, arrays, false, &context);
  return arrays;
}

void KernelProgram::runStep(GateCall &call, Arrays &arrays, const std::string &what) {
  const moe_gate &step = *gate().step;
  std::vector<Buffer> buffers = makeBuffers(step, 0);
  auto forEach = [&](auto &&visit) {
    for (uint32_t i = 0; i < step.array_count; ++i)
      if (step.arrays[i].role == MOE_STATE)
        for (int64_t e = 0; e < buffers[i].count(); ++e)
          visit(buffers[i], e, arrays.at(step.arrays[i].name).at(static_cast<size_t>(e)));
  };
  forEach([](Buffer &buffer, int64_t e, double &value) { buffer.set(e, value); });
  try {
    call.step(buffers);
  } catch (const rt::Error &error) {
    ADD_FAILURE() << what << ": " << error.what();
  }
  forEach([](Buffer &buffer, int64_t e, double &value) { value = buffer.get(e); });
}

/// The nearest value that memory of that type holds.
static double stored(double value, moe_dtype dtype) {
  Buffer one;
  one.dtype = dtype;
  one.bytes.resize(8);
  one.set(0, value);
  return one.get(0);
}

void KernelProgram::expectSame(const Arrays &expected, const Arrays &actual, const std::string &what) {
  for (uint32_t i = 0; i < gate().array_count; ++i) {
    const moe_array &array = gate().arrays[i];
    if (array.role == MOE_INPUT || array.role == MOE_PARAM || array.role == MOE_COEFFICIENT ||
        array.role == MOE_SAVED || array.role == MOE_STATE)
      continue;
    const Elements &want = expected.at(array.name), &have = actual.at(array.name);
    ASSERT_EQ(want.size(), have.size()) << array.name;
    bool exact = array.dtype == MOE_BOOL || array.dtype == MOE_I16 || array.dtype == MOE_I32 || array.dtype == MOE_I64;
    for (size_t n = 0; n < want.size(); ++n) {
      double wanted = stored(want[n], static_cast<moe_dtype>(array.dtype));
      bool same = wanted == have[n] || (std::isnan(wanted) && std::isnan(have[n])) ||
                  (!exact && std::fabs(wanted - have[n]) <= 2e-5 * (1 + std::fabs(wanted)));
      ASSERT_TRUE(same) << what << ": " << array.name << "[" << n << "] is " << have[n] << ", expected " << wanted;
    }
  }
}
