// RUN: moe-opt %s --verify-roundtrip | FileCheck %s
// RUN: moe-opt %s | moe-opt | FileCheck %s
// RUN: moe-opt %s --mlir-print-op-generic | moe-opt | FileCheck %s
// moe.axis. Run-time and static sizes; equal blocks, maps, placements, and groups of groups; pieces of tokens, and of
// pieces, in each way; layers.
// CHECK: moe.axis @token
// CHECK: moe.axis @sequence of @token length 4096
// CHECK: moe.axis @expert size 6
// CHECK: moe.axis @device size 2 of @expert
// CHECK: moe.axis @rack size 3 of @expert map [0, 0, 1, 2, 2, 2]
// CHECK: moe.axis @site size 1 of @rack
// CHECK: moe.axis @host size 7 of @expert placement "host_of_expert"
// CHECK: moe.axis @single size 1
// CHECK: moe.axis @huge size 1048576
// CHECK: moe.axis @token
// CHECK: moe.axis @sequence of @token offsets "cu_seqlens"
// CHECK: moe.axis @token layers 4
// CHECK: moe.axis @group of @token length 64
// CHECK: moe.axis @sequence of @group offsets "bounds"
// CHECK: moe.axis @document of @sequence offsets "documents"
// CHECK: moe.axis @half of @document count 2
// CHECK: moe.axis @third of @half length 3
// CHECK: moe.axis @all of @third count 1
// CHECK: moe.axis @layer of @token count 9223372036854775807
moe.gate @g {
  moe.axis @token
  moe.axis @sequence of @token length 4096
  moe.axis @expert size 6
  moe.axis @device size 2 of @expert
  moe.axis @rack size 3 of @expert map [0, 0, 1, 2, 2, 2]
  moe.axis @site size 1 of @rack
  moe.axis @host size 7 of @expert placement "host_of_expert"
  moe.axis @single size 1
  moe.axis @huge size 1048576
  %h = moe.input "host_of_expert" : tensor<6xi32, #moe.axes<expert>>
}
moe.gate @packed {
  moe.axis @token
  moe.axis @sequence of @token offsets "cu_seqlens"
  %o = moe.input "cu_seqlens" : tensor<?xi32, #moe.axes<sequence.bound>>
}
moe.gate @nested {
  moe.axis @token layers 4
  moe.axis @group of @token length 64
  moe.axis @sequence of @group offsets "bounds"
  moe.axis @document of @sequence offsets "documents"
  moe.axis @half of @document count 2
  moe.axis @third of @half length 3
  moe.axis @all of @third count 1
  %b = moe.input "bounds" : tensor<?xi32, #moe.axes<sequence.bound>>
  %d = moe.input "documents" : tensor<?xi32, #moe.axes<document.bound>>
}
moe.gate @count {
  moe.axis @token
  moe.axis @layer of @token count 9223372036854775807
}
