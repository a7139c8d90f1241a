// Positions and messages: see Diagnostics.h.
#include "compiler/Frontend/Diagnostics.h"
#include "mlir/IR/Location.h"
#include "llvm/Support/MemoryBuffer.h"

using namespace moe::frontend;

static constexpr unsigned kMaxErrors = 50;

mlir::Location Diagnostics::locate(llvm::SMLoc loc) const {
  const llvm::MemoryBuffer *buffer = sources.getMemoryBuffer(sources.getMainFileID());
  auto file = mlir::StringAttr::get(context, buffer->getBufferIdentifier());
  if (!loc.isValid())
    return mlir::FileLineColLoc::get(file, 1, 1);
  auto [line, column] = sources.getLineAndColumn(loc, sources.getMainFileID());
  return mlir::FileLineColLoc::get(file, line, column);
}

mlir::InFlightDiagnostic Diagnostics::error(llvm::SMLoc loc) {
  ++errors;
  return mlir::emitError(locate(loc));
}

mlir::InFlightDiagnostic Diagnostics::warning(llvm::SMLoc loc) { return mlir::emitWarning(locate(loc)); }

bool Diagnostics::tooMany(llvm::SMLoc loc) {
  if (errors < kMaxErrors)
    return false;
  if (!stopped)
    mlir::emitError(locate(loc)) << "too many errors; the rest of the file is not looked at";
  stopped = true;
  return true;
}

/// Whether two neighbouring letters changed places.
static bool isSwapped(llvm::StringRef a, llvm::StringRef b) {
  size_t i = 0;
  while (i < a.size() && i < b.size() && a[i] == b[i])
    ++i;
  return a.size() == b.size() && i + 1 < a.size() && a[i] == b[i + 1] && a[i + 1] == b[i] &&
         a.drop_front(i + 2) == b.drop_front(i + 2);
}

void NearMiss::consider(llvm::StringRef candidate) {
  if (name.size() > 64 || candidate.size() > 64) // nobody mistypes such a name, and the distance is quadratic
    return;
  unsigned limit = std::max<unsigned>(1, name.size() / 3);
  unsigned d = name.edit_distance(candidate, /*AllowReplacements=*/true, limit);
  if (isSwapped(name, candidate))
    d = 1;
  if (name.equals_insensitive(candidate))
    d = 0;
  if (d <= limit && d < distance && d < std::max(name.size(), candidate.size())) {
    distance = d;
    best = candidate.str();
  }
}

std::string NearMiss::text() const { return best.empty() ? std::string() : "; did you mean '" + best + "'?"; }
