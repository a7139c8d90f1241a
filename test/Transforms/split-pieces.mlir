// RUN: moe-opt %s --moe-split-pieces --cse --split-input-file | FileCheck %s
// moe-split-pieces: from tokens to pieces of pieces, and back, one level at a time.

// CHECK-LABEL: @levels
// CHECK: %[[X:.*]] = moe.input "x"
// CHECK: %[[A:.*]] = moe.reduce max %[[X]] over [token] to sequence
// CHECK: %[[B:.*]] = moe.reduce max %[[A]] over [sequence] to document
// CHECK: %[[C:.*]] = moe.reduce max %[[B]] over [document] to book
// CHECK: %[[D:.*]] = moe.expand %[[C]] from book to document
// CHECK: %[[E:.*]] = moe.expand %[[D]] from document to sequence
// CHECK: %[[F:.*]] = moe.expand %[[E]] from sequence to token
// CHECK: moe.output "f" = %[[F]]
// CHECK: %[[S:.*]] = moe.size token to sequence
// CHECK: %[[N:.*]] = moe.reduce sum %[[S]] over [sequence] to document
// CHECK: moe.output "n" = %[[N]]
moe.gate @levels {
  moe.axis @token
  moe.axis @expert size 4
  moe.axis @sequence of @token offsets "o"
  moe.axis @document of @sequence length 2
  moe.axis @book of @document count 3
  %o = moe.input "o" : tensor<?xi32, #moe.axes<sequence.bound>>
  %x = moe.input "x" : tensor<?x4xf32, #moe.axes<token, expert>>
  %r = moe.reduce max %x over [token] to book : tensor<?x4xf32, #moe.axes<token, expert>> -> tensor<?x4xf32, #moe.axes<book, expert>>
  %f = moe.expand %r from book to token : tensor<?x4xf32, #moe.axes<book, expert>> to tensor<?x4xf32, #moe.axes<token, expert>>
  moe.output "f" = %f : tensor<?x4xf32, #moe.axes<token, expert>>
  %n = moe.size token to document : tensor<?xi32, #moe.axes<document>>
  moe.output "n" = %n : tensor<?xi32, #moe.axes<document>>
}

// -----

// Neighbouring levels, and pieces that are all combined at once, stay as they are.
// CHECK-LABEL: @neighbours
// CHECK: moe.reduce sum %{{.*}} over [token] to sequence
// CHECK-NEXT: moe.reduce sum %{{.*}} over [sequence] :
// CHECK-NEXT: moe.size sequence to document
moe.gate @neighbours {
  moe.axis @token
  moe.axis @sequence of @token length 4
  moe.axis @document of @sequence length 2
  %x = moe.input "x" : tensor<?xf32, #moe.axes<token>>
  %s = moe.reduce sum %x over [token] to sequence : tensor<?xf32, #moe.axes<token>> -> tensor<?xf32, #moe.axes<sequence>>
  %l = moe.reduce sum %s over [sequence] : tensor<?xf32, #moe.axes<sequence>> -> tensor<f32>
  %n = moe.size sequence to document : tensor<?xi32, #moe.axes<document>>
  moe.output "n" = %n : tensor<?xi32, #moe.axes<document>>
  moe.loss "l" = %l : tensor<f32>
}

// -----

// Positions in a document: with sequences of one length from their numbers, else from the first position.
// CHECK-LABEL: @index_by_length
// CHECK-DAG: %[[EIGHT:.*]] = arith.constant dense<8>
// CHECK-DAG: %[[I:.*]] = moe.index token to sequence
// CHECK-DAG: %[[S:.*]] = moe.index sequence to document
// CHECK: %[[E:.*]] = moe.expand %[[S]] from sequence to token
// CHECK: arith.muli %[[E]]
// CHECK: arith.addi %[[I]]
moe.gate @index_by_length {
  moe.axis @token
  moe.axis @sequence of @token length 8
  moe.axis @document of @sequence offsets "o"
  %o = moe.input "o" : tensor<?xi32, #moe.axes<document.bound>>
  %i = moe.index token to document : tensor<?xi32, #moe.axes<token>>
  moe.output "i" = %i : tensor<?xi32, #moe.axes<token>>
}

// -----

// CHECK-LABEL: @index_by_offsets
// CHECK: %[[I:.*]] = moe.index token :
// CHECK: %[[S:.*]] = moe.reduce min %[[I]] over [token] to sequence
// CHECK: %[[D:.*]] = moe.reduce min %[[S]] over [sequence] to document
// CHECK: %[[E:.*]] = moe.expand %[[D]] from document to sequence
// CHECK: %[[T:.*]] = moe.expand %[[E]] from sequence to token
// CHECK: arith.subi %[[I]], %[[T]]
moe.gate @index_by_offsets {
  moe.axis @token
  moe.axis @sequence of @token offsets "o"
  moe.axis @document of @sequence length 2
  %o = moe.input "o" : tensor<?xi32, #moe.axes<sequence.bound>>
  %i = moe.index token to document : tensor<?xi32, #moe.axes<token>>
  moe.output "i" = %i : tensor<?xi32, #moe.axes<token>>
}
