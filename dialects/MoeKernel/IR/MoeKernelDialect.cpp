// Registration of the moe_kernel dialect and the syntax of its row type.
#include "dialects/MoeKernel/IR/MoeKernel.h"
#include "mlir/IR/Builders.h"
#include "mlir/IR/DialectImplementation.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace moe::kernel;

#include "dialects/MoeKernel/IR/MoeKernelDialect.cpp.inc"
#include "dialects/MoeKernel/IR/MoeKernelEnums.cpp.inc"
#define GET_TYPEDEF_CLASSES
#include "dialects/MoeKernel/IR/MoeKernelTypes.cpp.inc"

void MoeKernelDialect::initialize() {
  addTypes<
#define GET_TYPEDEF_LIST
#include "dialects/MoeKernel/IR/MoeKernelTypes.cpp.inc"
      >();
  addOperations<
#define GET_OP_LIST
#include "dialects/MoeKernel/IR/MoeKernelOps.cpp.inc"
      >();
}

/// row ::= `row` `<` size `x` element `>`
Type RowType::parse(AsmParser &parser) {
  SmallVector<int64_t> size;
  Type element;
  auto loc = parser.getCurrentLocation();
  if (parser.parseLess() || parser.parseDimensionList(size, /*allowDynamic=*/false) || parser.parseType(element) ||
      parser.parseGreater())
    return {};
  if (size.size() != 1)
    return parser.emitError(loc, "a row has one dimension, not ") << size.size(), Type();
  return RowType::getChecked([&] { return parser.emitError(loc); }, parser.getContext(), size[0], element);
}

void RowType::print(AsmPrinter &printer) const { printer << "<" << getSize() << "x" << getElementType() << ">"; }

LogicalResult RowType::verify(function_ref<InFlightDiagnostic()> emitError, int64_t size, Type element) {
  if (size < 1 || size > maxSize)
    return emitError() << "a row has 1 to " << maxSize << " elements, not " << size;
  if (!element.isF32() && !element.isF64() && !element.isInteger(32) && !element.isInteger(1))
    return emitError() << "the elements of a row are f32, f64, i32 or i1, not " << element;
  return success();
}
