// RUN: moe-opt %s --moe-apply-mask --canonicalize --cse --split-input-file | FileCheck %s
// moe-apply-mask: what masks, empty pieces and empty slots become.

// NaN in padding reaches nothing: the input is 0 there. Reductions see their neutral element, the selection is empty, the
// size is a sum, the output 0.
// CHECK-LABEL: @masked
// CHECK: %[[X:.*]] = moe.input "x"
// CHECK: %[[V:.*]] = moe.input "valid"
// CHECK: %[[W:.*]] = moe.broadcast %[[V]]
// CHECK: %[[XV:.*]] = arith.select %[[W]], %[[X]], %
// CHECK: %[[N:.*]] = arith.extui %[[V]]
// CHECK: %[[SIZE:.*]] = moe.reduce sum %[[N]] over [token]
// CHECK: moe.mask token by %[[V]] applied
// CHECK: %[[R:.*]] = moe.topk %[[XV]] over expert
// CHECK: %[[F:.*]] = moe.filter %[[R]] by %
// CHECK: %[[M:.*]] = arith.select %[[W]], %[[XV]], %[[LEAST:.*]] : tensor
// CHECK: moe.reduce max %[[M]] over [token]
// CHECK: arith.sitofp %[[SIZE]]
// CHECK-NOT: moe.reduce mean
// CHECK-NOT: moe.size
// CHECK: moe.output "route" = %[[F]]
// CHECK: %[[Y:.*]] = arith.select %[[W]], %{{.*}}, %
// CHECK: moe.output "y" = %[[Y]]
moe.gate @masked {
  moe.axis @token
  moe.axis @expert size 4
  %x = moe.input "x" : tensor<?x4xf32, #moe.axes<token, expert>>
  %v = moe.input "valid" : tensor<?xi1, #moe.axes<token>>
  moe.mask token by %v : tensor<?xi1, #moe.axes<token>>
  %r = moe.topk %x over expert : tensor<?x4xf32, #moe.axes<token, expert>> -> !moe.selection<[token], expert, r.slot, 2>
  %m = moe.reduce max %x over [token] : tensor<?x4xf32, #moe.axes<token, expert>> -> tensor<4xf32, #moe.axes<expert>>
  %p = moe.reduce mean %x over [token] : tensor<?x4xf32, #moe.axes<token, expert>> -> tensor<4xf32, #moe.axes<expert>>
  %b = moe.broadcast %p : tensor<4xf32, #moe.axes<expert>> to tensor<?x4xf32, #moe.axes<token, expert>>
  %y = arith.subf %x, %b : tensor<?x4xf32, #moe.axes<token, expert>>
  moe.metric "m" = %m : tensor<4xf32, #moe.axes<expert>>
  moe.output "route" = %r : !moe.selection<[token], expert, r.slot, 2>
  moe.output "y" = %y : tensor<?x4xf32, #moe.axes<token, expert>>
}

// -----

// Packed sequences may be empty: a mean over them counts the others. Pieces of one length never are: nothing changes.
// CHECK-LABEL: @pieces
// CHECK: %[[HELD:.*]] = moe.size token to sequence
// CHECK: %[[ANY:.*]] = arith.cmpi sgt, %[[HELD]], %
// CHECK: %[[ONES:.*]] = arith.extui %[[ANY]]
// CHECK: %[[COUNT:.*]] = moe.reduce sum %[[ONES]] over [sequence]
// CHECK: %[[MEAN:.*]] = moe.reduce mean %{{.*}} over [token] to sequence
// CHECK: %[[N:.*]] = arith.sitofp %[[COUNT]]
// CHECK: %[[KEPT:.*]] = arith.select %[[ANY]], %[[MEAN]], %
// CHECK: %[[SUM:.*]] = moe.reduce sum %[[KEPT]] over [sequence]
// CHECK: arith.divf %[[SUM]], %[[N]]
moe.gate @pieces {
  moe.axis @token
  moe.axis @sequence of @token offsets "o"
  %o = moe.input "o" : tensor<?xi32, #moe.axes<sequence.bound>>
  %x = moe.input "x" : tensor<?xf32, #moe.axes<token>>
  %s = moe.reduce mean %x over [token] to sequence : tensor<?xf32, #moe.axes<token>> -> tensor<?xf32, #moe.axes<sequence>>
  %m = moe.reduce mean %s over [sequence] : tensor<?xf32, #moe.axes<sequence>> -> tensor<f32>
  moe.loss "l" = %m : tensor<f32>
}

// -----

// CHECK-LABEL: @pieces_of_one_length
// CHECK: moe.reduce mean %{{.*}} over [token] to sequence
// CHECK-NEXT: moe.reduce mean %{{.*}} over [sequence]
moe.gate @pieces_of_one_length {
  moe.axis @token
  moe.axis @sequence of @token length 4
  %x = moe.input "x" : tensor<?xf32, #moe.axes<token>>
  %s = moe.reduce mean %x over [token] to sequence : tensor<?xf32, #moe.axes<token>> -> tensor<?xf32, #moe.axes<sequence>>
  %m = moe.reduce mean %s over [sequence] : tensor<?xf32, #moe.axes<sequence>> -> tensor<f32>
  moe.loss "l" = %m : tensor<f32>
}

// -----

// A topk fills all its slots, so its validity says nothing; a forced selection may leave some empty.
// CHECK-LABEL: @slots
// CHECK: %[[W:.*]] = moe.gather
// CHECK: %[[A:.*]] = moe.softmax %[[W]] over r.slot : tensor
// CHECK: %[[F:.*]] = moe.forced
// CHECK: %[[U:.*]] = moe.gather %{{.*}}[%[[F]]]
// CHECK: %[[H:.*]] = moe.filled %[[F]]
// CHECK: %[[I:.*]] = arith.select %[[H]], %[[U]], %[[LEAST:.*]] : tensor
// CHECK: %[[S:.*]] = moe.softmax %[[I]] over f.slot : tensor
// CHECK: %[[B:.*]] = arith.select %[[H]], %[[S]], %
// CHECK: moe.output "a" = %[[A]]
// CHECK: moe.output "b" = %[[B]]
moe.gate @slots {
  moe.axis @token
  moe.axis @expert size 4
  moe.axis @f.slot size 2
  %x = moe.input "x" : tensor<?x4xf32, #moe.axes<token, expert>>
  %i = moe.input "i" : tensor<?x2xi32, #moe.axes<token, f.slot>>
  %r = moe.topk %x over expert : tensor<?x4xf32, #moe.axes<token, expert>> -> !moe.selection<[token], expert, r.slot, 2>
  %w = moe.gather %x[%r] : tensor<?x4xf32, #moe.axes<token, expert>>, !moe.selection<[token], expert, r.slot, 2> -> tensor<?x2xf32, #moe.axes<token, r.slot>>
  %a = moe.softmax %w over r.slot valid %r : !moe.selection<[token], expert, r.slot, 2> : tensor<?x2xf32, #moe.axes<token, r.slot>>
  %f = moe.forced %i : tensor<?x2xi32, #moe.axes<token, f.slot>> -> !moe.selection<[token], expert, f.slot, 2>
  %u = moe.gather %x[%f] : tensor<?x4xf32, #moe.axes<token, expert>>, !moe.selection<[token], expert, f.slot, 2> -> tensor<?x2xf32, #moe.axes<token, f.slot>>
  %b = moe.softmax %u over f.slot valid %f : !moe.selection<[token], expert, f.slot, 2> : tensor<?x2xf32, #moe.axes<token, f.slot>>
  moe.output "a" = %a : tensor<?x2xf32, #moe.axes<token, r.slot>>
  moe.output "b" = %b : tensor<?x2xf32, #moe.axes<token, f.slot>>
}

// -----

// Documents of one length of packed sequences may be without tokens, too: their number, and reductions over them, are
// about those that have some.
// CHECK-LABEL: @documents
// CHECK: %[[HELD:.*]] = moe.size token to sequence
// CHECK: %[[OF:.*]] = moe.reduce sum %[[HELD]] over [sequence] to document
// CHECK: %[[ANY:.*]] = arith.cmpi sgt, %[[OF]], %
// CHECK: %[[ONES:.*]] = arith.extui %[[ANY]] : {{.*}} to tensor<?xi32, #moe.axes<document>>
// CHECK: %[[COUNT:.*]] = moe.reduce sum %[[ONES]] over [document]
// CHECK: %[[MOST:.*]] = moe.reduce max %{{.*}} over [token] to document
// CHECK: %[[KEPT:.*]] = arith.select %[[ANY]], %[[MOST]], %
// CHECK: moe.reduce sum %[[KEPT]] over [document]
// CHECK: moe.metric "n" = %[[COUNT]]
moe.gate @documents {
  moe.axis @token
  moe.axis @sequence of @token offsets "o"
  moe.axis @document of @sequence length 2
  %o = moe.input "o" : tensor<?xi32, #moe.axes<sequence.bound>>
  %x = moe.input "x" : tensor<?xf32, #moe.axes<token>>
  %s = moe.reduce max %x over [token] to document : tensor<?xf32, #moe.axes<token>> -> tensor<?xf32, #moe.axes<document>>
  %m = moe.reduce mean %s over [document] : tensor<?xf32, #moe.axes<document>> -> tensor<f32>
  %n = moe.size document : tensor<i32>
  moe.loss "l" = %m : tensor<f32>
  moe.metric "n" = %n : tensor<i32>
}

// -----

// With a mask, what each level holds is counted from the tokens that count.
// CHECK-LABEL: @masked_documents
// CHECK: %[[ONES:.*]] = arith.extui %{{.*}} : tensor<?xi1, #moe.axes<token>> to tensor<?xi32, #moe.axes<token>>
// CHECK: %[[HELD:.*]] = moe.reduce sum %[[ONES]] over [token] to sequence
// CHECK: %[[ANY:.*]] = arith.cmpi sgt, %[[HELD]], %
// CHECK: %[[SEQUENCES:.*]] = arith.extui %[[ANY]] : {{.*}} to tensor<?xi32, #moe.axes<sequence>>
// CHECK: %[[N:.*]] = moe.reduce sum %[[SEQUENCES]] over [sequence] to document
// CHECK: moe.output "n" = %[[N]]
moe.gate @masked_documents {
  moe.axis @token
  moe.axis @sequence of @token length 4
  moe.axis @document of @sequence length 2
  %v = moe.input "valid" : tensor<?xi1, #moe.axes<token>>
  moe.mask token by %v : tensor<?xi1, #moe.axes<token>>
  %n = moe.size sequence to document : tensor<?xi32, #moe.axes<document>>
  moe.output "n" = %n : tensor<?xi32, #moe.axes<document>>
}
