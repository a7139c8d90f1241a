// A libFuzzer target for the frontend: any bytes, as the text of a spec. Besides what the sanitizers see, it holds the
// frontend to its contract: either a module that verifies, or at least one error.
#include "compiler/Frontend/Frontend.h"
#include "dialects/Moe/IR/Moe.h"
#include "mlir/IR/Diagnostics.h"
#include "mlir/IR/MLIRContext.h"
#include "mlir/IR/Verifier.h"
#include "llvm/Support/MemoryBuffer.h"
#include <cstdio>
#include <cstdlib>

using namespace mlir;

static void require(bool holds, const char *what) {
  if (holds)
    return;
  std::fprintf(stderr, "contract broken: %s\n", what);
  std::abort();
}

/// The context keeps what it has seen (names, types, locations), so that a fresh one is made now and then.
static MLIRContext &freshContext() {
  constexpr unsigned kLifetime = 2000;
  static std::unique_ptr<MLIRContext> current;
  static unsigned age = 0;
  if (!current || ++age > kLifetime) {
    current = std::make_unique<MLIRContext>(MLIRContext::Threading::DISABLED);
    age = 0;
  }
  return *current;
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  MLIRContext &context = freshContext();
  llvm::SourceMgr sources;
  StringRef text(reinterpret_cast<const char *>(data), size);
  sources.AddNewSourceBuffer(llvm::MemoryBuffer::getMemBufferCopy(text, "fuzz.moe"), llvm::SMLoc());
  unsigned errors = 0;
  ScopedDiagnosticHandler handler(&context, [&](Diagnostic &diagnostic) {
    std::string message = diagnostic.str();
    require(!message.empty(), "a diagnostic says something");
    errors += diagnostic.getSeverity() == DiagnosticSeverity::Error;
  });
  OwningOpRef<ModuleOp> module = moe::importGate(sources, &context, {});
  if (!module)
    require(errors > 0, "a spec that is refused has an error");
  else
    require(errors == 0 && succeeded(verify(*module)), "a spec without errors makes a module that verifies");
  return 0;
}
