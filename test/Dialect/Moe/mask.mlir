// RUN: moe-opt %s --verify-roundtrip | FileCheck %s
// RUN: moe-opt %s | moe-opt | FileCheck %s
// RUN: moe-opt %s --mlir-print-op-generic | moe-opt | FileCheck %s
// moe.mask. By an input, or by what is made of one; a mask that has been applied.
// CHECK: moe.mask token by %{{.*}} : tensor<?xi1, #moe.axes<token>>
// CHECK: moe.mask token by %{{.*}} applied : tensor<?xi1, #moe.axes<token>>
moe.gate @g {
  moe.axis @token
  %v = moe.input "valid" : tensor<?xi1, #moe.axes<token>>
  moe.mask token by %v : tensor<?xi1, #moe.axes<token>>
}
moe.gate @applied {
  moe.axis @token
  %x = moe.input "x" : tensor<?xf32, #moe.axes<token>>
  %v = arith.cmpf ord, %x, %x : tensor<?xf32, #moe.axes<token>>
  moe.mask token by %v applied : tensor<?xi1, #moe.axes<token>>
}
