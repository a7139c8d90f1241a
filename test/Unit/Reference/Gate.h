// A gate parsed from text, ready for the interpreter.
#pragma once
#include "compiler/Reference/Interpreter.h"
#include "compiler/Transforms/Passes.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/Parser/Parser.h"
#include "mlir/Pass/PassManager.h"
#include <string>

namespace moe::test {

class Gate {
public:
  explicit Gate(const std::string &text) {
    context.loadDialect<MoeDialect, mlir::arith::ArithDialect, mlir::math::MathDialect>();
    module = mlir::parseSourceString<mlir::ModuleOp>(text, &context);
  }
  /// Runs moe-expand-selection-math.
  bool expandSelectionMath() {
    mlir::PassManager passes(&context);
    passes.addNestedPass<GateOp>(createExpandSelectionMath());
    return mlir::succeeded(passes.run(*module));
  }
  GateOp operator*() { return *module->getOps<GateOp>().begin(); }
  bool parsed() const { return static_cast<bool>(module); }

private:
  mlir::MLIRContext context;
  mlir::OwningOpRef<mlir::ModuleOp> module;
};

} // namespace moe::test
