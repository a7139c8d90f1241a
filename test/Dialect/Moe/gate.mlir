// RUN: moe-opt %s --verify-roundtrip | FileCheck %s
// RUN: moe-opt %s | moe-opt | FileCheck %s
// RUN: moe-opt %s --mlir-print-op-generic | moe-opt | FileCheck %s
// moe.gate. A gate is a symbol with a body, which may be empty.
// CHECK: moe.gate @empty {
// CHECK: moe.gate @router attributes {paper = "2401.06066"} {
// CHECK: moe.gate @back backward_of @empty {
// CHECK: moe.gate @once whole_batch "'y' of each token needs 'm'" {
// CHECK: moe.gate @all backward_of @empty gradient ["x"] whole_batch "" attributes {a} {
moe.gate @empty {}

moe.gate @router attributes {paper = "2401.06066"} {
  moe.axis @token
  moe.axis @expert size 64
  %x = moe.input "x" : tensor<?x64xf32, #moe.axes<token, expert>>
  %r = moe.topk %x over expert : tensor<?x64xf32, #moe.axes<token, expert>> -> !moe.selection<[token], expert, r.slot, 6>
  moe.output "route" = %r : !moe.selection<[token], expert, r.slot, 6>
}

moe.gate @back backward_of @empty {}

moe.gate @once whole_batch "'y' of each token needs 'm'" {}

moe.gate @all backward_of @empty gradient ["x"] whole_batch "" attributes {a} {
  %x = moe.input "x" : tensor<f32>
}
