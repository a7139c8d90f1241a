// A gate of the moe dialect before and after passes, evaluated by the interpreter on the same inputs.
#pragma once
#include "compiler/Frontend/Frontend.h"
#include "compiler/Reference/Interpreter.h"
#include "compiler/Transforms/Differentiate.h"
#include "compiler/Transforms/Passes.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/Verifier.h"
#include "mlir/Parser/Parser.h"
#include "mlir/Pass/PassManager.h"
#include "mlir/Transforms/Passes.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/SourceMgr.h"
#include "gtest/gtest.h"
#include <random>

namespace moe::test {

using reference::Array;
using reference::Arrays;

/// The sizes of a call.
struct Call {
  int64_t tokens = 9;
  std::vector<double> offsets; // of the pieces, where they have some
  std::vector<double> outer;   // offsets of the pieces of these pieces, where they have some
  std::vector<double> valid;   // by token; empty: no mask
};

class Gates {
public:
  /// `text` is a module, or a spec, which begins with `gate`.
  explicit Gates(const std::string &text) {
    mlir::DialectRegistry registry;
    registry.insert<MoeDialect, mlir::arith::ArithDialect, mlir::math::MathDialect>();
    registerUpstreamAdjoints(registry);
    context.appendDialectRegistry(registry);
    context.loadAllAvailableDialects();
    if (llvm::StringRef(text).starts_with("gate ")) {
      llvm::SourceMgr sources;
      sources.AddNewSourceBuffer(llvm::MemoryBuffer::getMemBufferCopy(text, "gate.moe"), llvm::SMLoc());
      mlir::SourceMgrDiagnosticHandler handler(sources, &context);
      before = importGate(sources, &context, {});
    } else {
      before = mlir::parseSourceString<mlir::ModuleOp>(text, &context);
    }
    EXPECT_TRUE(before) << text;
    if (before)
      after = before->clone();
  }

  /// Runs passes on `after`, simplifies and verifies it.
  template <typename... Passes> void run(Passes... passes) {
    mlir::PassManager manager(&context);
    (manager.addNestedPass<GateOp>(std::move(passes)), ...);
    manager.addPass(mlir::createCanonicalizerPass());
    manager.addPass(mlir::createCSEPass());
    EXPECT_TRUE(mlir::succeeded(manager.run(*after)));
  }
  /// Turns `after` into its backward program.
  void differentiate() {
    EXPECT_TRUE(mlir::succeeded(moe::differentiate(gate(*after))));
    EXPECT_TRUE(mlir::succeeded(mlir::verify(*after)));
  }

  static GateOp gate(mlir::ModuleOp module) { return *module.getOps<GateOp>().begin(); }
  std::string text() {
    std::string result;
    llvm::raw_string_ostream stream(result);
    after->print(stream);
    return result;
  }

  static Arrays evaluate(mlir::ModuleOp module, const Arrays &inputs, const Call &call, bool float32 = false) {
    return evaluate(gate(module), inputs, call, float32);
  }
  static Arrays evaluate(GateOp gate, const Arrays &inputs, const Call &call, bool float32 = false) {
    reference::EvaluationOptions options;
    options.tokenCount = call.tokens;
    options.seed = 11;
    options.float32Selections = float32;
    llvm::Expected<Arrays> results = reference::evaluate(gate, inputs, options);
    if (results)
      return std::move(*results);
    ADD_FAILURE() << llvm::toString(results.takeError());
    return {};
  }

  /// Values for the inputs of `module` that `given` lacks. A float is NaN where a token is masked.
  static void addInputs(mlir::ModuleOp module, Arrays &given, const Call &call, std::mt19937 &engine) {
    addInputs(gate(module), given, call, engine);
  }
  static void addInputs(GateOp gate, Arrays &given, const Call &call, std::mt19937 &engine) {
    MaskOp mask = maskOf(gate);
    for (auto input : gate.getBody().getOps<InputOp>()) {
      std::string name = input.getName().str();
      if (given.count(name))
        continue;
      Array &array = given[name];
      for (auto [axis, size] : llvm::zip_equal(axesOf(input.getType()), input.getType().getShape())) {
        array.axes.push_back(axis.str());
        array.sizes.push_back(mlir::ShapedType::isDynamic(size) ? sizeOf(gate, axis.getValue(), call) : size);
      }
      mlir::Type element = input.getType().getElementType();
      array.kind = element.isInteger(1)    ? reference::ElementKind::Boolean
                   : element.isInteger(32) ? reference::ElementKind::Integer
                                           : reference::ElementKind::Float;
      if (!array.axes.empty() && llvm::StringRef(array.axes[0]).ends_with(".bound"))
        array.data = offsetsOf(gate, array.axes[0], call);
      else if (mask && mask.getValid() == input.getResult())
        array.data = call.valid;
      else
        fill(array, call, engine);
    }
  }

  /// The offsets of the first axis of pieces, or of the one that divides it.
  static const std::vector<double> &offsetsOf(GateOp gate, llvm::StringRef bound, const Call &call) {
    return bound.drop_back(llvm::StringRef(".bound").size()) == piecesOf(gate).getSymName() ? call.offsets : call.outer;
  }
  /// The size of a run-time axis.
  static int64_t sizeOf(GateOp gate, llvm::StringRef name, const Call &call) {
    if (name.ends_with(".bound"))
      return offsetsOf(gate, name, call).size();
    int64_t size = call.tokens;
    for (AxisOp axis : pieceAxes(gate)) {
      if (*axis.getOf() == name)
        break;
      if (axis.getOffsets())
        size = (axis == piecesOf(gate) ? call.offsets : call.outer).size() - 1;
      else
        size = axis.getCount() ? *axis.getCount() : size / static_cast<int64_t>(*axis.getLength());
    }
    return size;
  }

  /// Small integers, some of them no element of any axis; coin throws; normal floats, NaN at masked tokens.
  static void fill(Array &array, const Call &call, std::mt19937 &engine) {
    std::normal_distribution<double> normal;
    auto token = llvm::find(array.axes, "token");
    bool onTokens = token != array.axes.end() && !call.valid.empty();
    int64_t row = 1; // elements of one token, in one layer
    for (auto axis = token; onTokens && ++axis != array.axes.end();)
      row *= array.sizes[axis - array.axes.begin()];
    for (int64_t i = 0; i < array.count(); ++i) {
      double value = static_cast<float>(normal(engine));
      if (array.kind == reference::ElementKind::Boolean)
        value = engine() % 2;
      else if (array.kind == reference::ElementKind::Integer)
        value = static_cast<double>(engine() % 5) - 1;
      else if (onTokens && !call.valid[i / row % call.tokens])
        value = std::numeric_limits<double>::quiet_NaN();
      array.data.push_back(value);
    }
  }

  mlir::MLIRContext context{mlir::MLIRContext::Threading::DISABLED};
  mlir::OwningOpRef<mlir::ModuleOp> before, after;
};

inline void expectSame(const Arrays &before, const Arrays &after, const std::string &what) {
  ASSERT_FALSE(before.empty());
  for (auto &[name, array] : before) {
    auto it = after.find(name);
    ASSERT_TRUE(it != after.end()) << name << what;
    ASSERT_EQ(array.data.size(), it->second.data.size()) << name << what;
    for (size_t i = 0; i < array.data.size(); ++i) {
      double terms = i < array.terms.size() ? array.terms[i] : 0;
      EXPECT_TRUE(reference::withinTolerance(it->second.data[i], array.data[i], terms, 1e-6))
          << name << "[" << i << "]: " << array.data[i] << " before, " << it->second.data[i] << " after" << what;
    }
  }
}

} // namespace moe::test
