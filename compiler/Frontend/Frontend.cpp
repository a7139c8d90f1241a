// The four steps of the frontend in order: see Frontend.h.
#include "compiler/Frontend/Frontend.h"
#include "compiler/Frontend/Lower.h"
#include "compiler/Frontend/Parser.h"
#include "llvm/Support/MemoryBuffer.h"

using namespace mlir;
using namespace moe::frontend;

OwningOpRef<ModuleOp> moe::importGate(llvm::SourceMgr &sources, MLIRContext *context, const FrontendOptions &options) {
  context->loadDialect<MoeDialect, arith::ArithDialect, math::MathDialect>();
  Diagnostics diags(sources, context);
  StringRef text = sources.getMemoryBuffer(sources.getMainFileID())->getBuffer();
  std::vector<Token> tokens = lex(text, diags);
  if (diags.tooMany(tokens.back().loc()))
    return nullptr;
  std::unique_ptr<Gate> gate = Parser(tokens, diags).parseGate();
  if (!gate)
    return nullptr;
  Sema sema(*gate, options, diags);
  sema.run();
  if (diags.failed())
    return nullptr;
  return Lower(*gate, diags, context).run();
}
