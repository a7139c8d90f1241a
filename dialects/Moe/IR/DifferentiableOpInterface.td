// Each operation states its own adjoint.
#ifndef MOE_DIFFERENTIABLE_OP_INTERFACE_TD
#define MOE_DIFFERENTIABLE_OP_INTERFACE_TD
include "mlir/IR/OpBase.td"

def DifferentiableOpInterface : OpInterface<"DifferentiableOpInterface"> {
  let cppNamespace = "::moe";
  let description = [{
    An operation with one result y = f(a, b, …) that knows how a gradient with respect to y becomes gradients with
    respect to its operands. An operation whose derivative is zero wherever it exists (sign, floor, comparisons,
    selections, counts) has no part in a gradient and does not implement the interface; `stopsGradient` in Adjoint.h
    lists them, so that a function without an adjoint is an error and never a silent zero.
  }];
  let methods = [
    InterfaceMethod<[{
      Adds to the gradient of each float operand: (dy/da)^T times `adjoint.gradient()`, in forms that neither overflow nor
      cancel where the function itself does not.
    }], "void", "buildAdjoint", (ins "::moe::AdjointBuilder &":$adjoint)>
  ];
}
#endif
