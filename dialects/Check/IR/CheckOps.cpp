// Registration and verifiers of the check dialect.
#include "dialects/Check/IR/Check.h"
#include "mlir/IR/Builders.h"
#include "mlir/IR/TypeUtilities.h"

using namespace mlir;
using namespace moe;
using namespace moe::check;

#include "dialects/Check/IR/CheckDialect.cpp.inc"
#define GET_OP_CLASSES
#include "dialects/Check/IR/CheckOps.cpp.inc"

void CheckDialect::initialize() {
  addOperations<
#define GET_OP_LIST
#include "dialects/Check/IR/CheckOps.cpp.inc"
      >();
}

/// The numbers are of the right kind and as many as the value has elements, as far as its type says.
static LogicalResult verifyExpected(Operation *op, Type type, ElementsAttr expected, bool isFloat) {
  if (isa<FloatType>(expected.getElementType()) != isFloat)
    return op->emitOpError("expects ") << (isFloat ? "floats" : "integers") << ", not " << expected.getElementType();
  auto tensor = dyn_cast<RankedTensorType>(type);
  if (expected.isSplat() || !tensor || !tensor.hasStaticShape())
    return success();
  if (tensor.getNumElements() != expected.getNumElements())
    return op->emitOpError("expects ") << expected.getNumElements() << " numbers for " << tensor.getNumElements()
                                       << " elements";
  return success();
}

LogicalResult GivenOp::verify() {
  for (auto other : (*this)->getBlock()->getOps<GivenOp>())
    if (other != *this && other.getName() == getName() && other->isBeforeInBlock(*this))
      return emitOpError("gives '") << getName() << "' a second time";
  Type type = getElements().getElementType();
  if (!isa<FloatType>(type) && !type.isSignlessInteger())
    return emitOpError("gives elements of type ") << type << ", expected floats or integers";
  return success();
}

LogicalResult ExpectCloseOp::verify() {
  return verifyExpected(*this, getValue().getType(), getExpected(), /*isFloat=*/true);
}

LogicalResult ExpectEqOp::verify() {
  return verifyExpected(*this, getValue().getType(), getExpected(), /*isFloat=*/false);
}
