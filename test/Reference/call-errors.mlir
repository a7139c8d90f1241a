// RUN: moe-opt %s --moe-interpret --split-input-file --verify-diagnostics
// What a call may have wrong: the array, the index and what was expected.

// expected-error @+1 {{'moe.axis' offsets 'cu_seqlens' have 1 at index 0, expected 0}}
moe.gate @first {
  moe.axis @token
  moe.axis @sequence of @token offsets "cu_seqlens"
  %o = moe.input "cu_seqlens" : tensor<?xi32, #moe.axes<sequence.bound>>
  %x = moe.input "x" : tensor<?xf32, #moe.axes<token>>
  check.given "cu_seqlens" = dense<[1, 2]> : tensor<2xi32>
  check.given "x" = dense<0.0> : tensor<2xf32>
}

// -----
// expected-error @+1 {{'moe.axis' offsets 'cu_seqlens' have 1 at index 2, expected at least 2, the offset before it}}
moe.gate @decreasing {
  moe.axis @token
  moe.axis @sequence of @token offsets "cu_seqlens"
  %o = moe.input "cu_seqlens" : tensor<?xi32, #moe.axes<sequence.bound>>
  %x = moe.input "x" : tensor<?xf32, #moe.axes<token>>
  check.given "cu_seqlens" = dense<[0, 2, 1, 2]> : tensor<4xi32>
  check.given "x" = dense<0.0> : tensor<2xf32>
}

// -----
// expected-error @+1 {{'moe.axis' offsets 'cu_seqlens' have 3 at index 1, expected 2, the number of tokens}}
moe.gate @last {
  moe.axis @token
  moe.axis @sequence of @token offsets "cu_seqlens"
  %o = moe.input "cu_seqlens" : tensor<?xi32, #moe.axes<sequence.bound>>
  %x = moe.input "x" : tensor<?xf32, #moe.axes<token>>
  check.given "cu_seqlens" = dense<[0, 3]> : tensor<2xi32>
  check.given "x" = dense<0.0> : tensor<2xf32>
}

// -----
// expected-error @+1 {{'moe.axis' offsets 'cu_seqlens' have no element, expected one more than there are pieces}}
moe.gate @no_offsets {
  moe.axis @token
  moe.axis @sequence of @token offsets "cu_seqlens"
  %o = moe.input "cu_seqlens" : tensor<?xi32, #moe.axes<sequence.bound>>
  %x = moe.input "x" : tensor<?xf32, #moe.axes<token>>
  check.given "cu_seqlens" = dense<> : tensor<0xi32>
  check.given "x" = dense<> : tensor<0xf32>
}

// -----
// expected-error @+1 {{'moe.input' input 'cu_seqlens' is missing}}
moe.gate @missing_offsets {
  moe.axis @token
  moe.axis @sequence of @token offsets "cu_seqlens"
  %w = moe.input "w" : tensor<?xf32, #moe.axes<sequence>>
  %o = moe.input "cu_seqlens" : tensor<?xi32, #moe.axes<sequence.bound>>
  check.given "w" = dense<0.0> : tensor<2xf32>
}

// -----
// expected-error @+1 {{'moe.input' input 'w' has size 3 on axis 'sequence', expected 1}}
moe.gate @other_pieces {
  moe.axis @token
  moe.axis @sequence of @token offsets "cu_seqlens"
  %w = moe.input "w" : tensor<?xf32, #moe.axes<sequence>>
  %o = moe.input "cu_seqlens" : tensor<?xi32, #moe.axes<sequence.bound>>
  check.given "w" = dense<0.0> : tensor<3xf32>
  check.given "cu_seqlens" = dense<0> : tensor<2xi32>
}

// -----
// expected-error @+1 {{'moe.axis' 'sequence' has pieces of 4 tokens, which do not divide the 6 tokens}}
moe.gate @length {
  moe.axis @token
  moe.axis @sequence of @token length 4
  %x = moe.input "x" : tensor<?xf32, #moe.axes<token>>
  check.given "x" = dense<0.0> : tensor<6xf32>
}

// -----
// expected-error @+1 {{'moe.axis' axis 'token' has no size: no input has it, and no token count is given}}
moe.gate @no_tokens {
  moe.axis @token
  moe.axis @sequence of @token length 4
}

// -----
// expected-error @+1 {{'moe.axis' placement 'host_of_expert' has 3 at index 1, expected 0 to 2}}
moe.gate @placement {
  moe.axis @expert size 2
  moe.axis @host size 3 of @expert placement "host_of_expert"
  %h = moe.input "host_of_expert" : tensor<2xi32, #moe.axes<expert>>
  check.given "host_of_expert" = dense<[2, 3]> : tensor<2xi32>
}

// -----
// expected-error @+1 {{'moe.axis' placement 'host_of_expert' has -1 at index 0, expected 0 to 2}}
moe.gate @negative_placement {
  moe.axis @expert size 2
  moe.axis @host size 3 of @expert placement "host_of_expert"
  %h = moe.input "host_of_expert" : tensor<2xi32, #moe.axes<expert>>
  check.given "host_of_expert" = dense<[-1, 2]> : tensor<2xi32>
}

// -----
// expected-error @+1 {{'moe.state' state 'bias' has size 3 on axis 'expert', expected 2}}
moe.gate @state {
  moe.axis @expert size 2
  %b = moe.state "bias" = 0.0 : tensor<2xf32, #moe.axes<expert>>
  check.given "bias" = dense<0.0> : tensor<3xf32>
}

// -----
// expected-error @+1 {{'moe.gate' has no input, parameter or state named 'bias'}}
moe.gate @unknown {
  check.given "bias" = dense<0.0> : tensor<f32>
}

// -----
// expected-error @+1 {{'moe.axis' 'sequence' has pieces of 4 elements of 'group', which do not divide the 6 elements of 'group'}}
moe.gate @length_of_pieces {
  moe.axis @token
  moe.axis @group of @token length 2
  moe.axis @sequence of @group length 4
  %x = moe.input "x" : tensor<?xf32, #moe.axes<token>>
  check.given "x" = dense<0.0> : tensor<12xf32>
}

// -----
// expected-error @+1 {{'moe.axis' 'quarter' has 4 pieces, which do not divide the 6 tokens}}
moe.gate @number_of_pieces {
  moe.axis @token
  moe.axis @quarter of @token count 4
  %x = moe.input "x" : tensor<?xf32, #moe.axes<token>>
  check.given "x" = dense<0.0> : tensor<6xf32>
}

// -----
// expected-error @+1 {{'moe.axis' offsets 'documents' have 4 at index 2, expected 3, the number of elements of 'sequence'}}
moe.gate @offsets_of_pieces {
  moe.axis @token
  moe.axis @sequence of @token length 2
  moe.axis @document of @sequence offsets "documents"
  %o = moe.input "documents" : tensor<?xi32, #moe.axes<document.bound>>
  %x = moe.input "x" : tensor<?xf32, #moe.axes<token>>
  check.given "documents" = dense<[0, 1, 4]> : tensor<3xi32>
  check.given "x" = dense<0.0> : tensor<6xf32>
}

// -----
// expected-error @+1 {{'moe.axis' offsets 'bounds' have 0 at index 2, expected at least 2, the offset before it}}
moe.gate @offsets_below_pieces {
  moe.axis @token
  moe.axis @sequence of @token offsets "bounds"
  moe.axis @document of @sequence length 1
  %o = moe.input "bounds" : tensor<?xi32, #moe.axes<sequence.bound>>
  %x = moe.input "x" : tensor<?xf32, #moe.axes<token>>
  check.given "bounds" = dense<[0, 2, 0, 6]> : tensor<4xi32>
  check.given "x" = dense<0.0> : tensor<6xf32>
}

// -----
// expected-error @+1 {{'moe.input' input 'w' has size 2 on axis 'document', expected 3}}
moe.gate @other_pieces_of_pieces {
  moe.axis @token
  moe.axis @sequence of @token length 2
  moe.axis @document of @sequence length 1
  %x = moe.input "x" : tensor<?xf32, #moe.axes<token>>
  %w = moe.input "w" : tensor<?xf32, #moe.axes<document>>
  check.given "x" = dense<0.0> : tensor<6xf32>
  check.given "w" = dense<0.0> : tensor<2xf32>
}

// -----
// expected-error @+1 {{'moe.input' input 'x' has rank 1, expected 2}}
moe.gate @no_layers {
  moe.axis @token layers 2
  %x = moe.input "x" layered "layer" : tensor<?xf32, #moe.axes<token>>
  check.given "x" = dense<0.0> : tensor<6xf32>
}

// -----
// expected-error @+1 {{'moe.input' input 'x' has size 3 on axis 'layer', expected 2}}
moe.gate @more_layers {
  moe.axis @token layers 2
  %x = moe.input "x" layered "layer" : tensor<?xf32, #moe.axes<token>>
  check.given "x" = dense<0.0> : tensor<3x6xf32>
}

// -----
// expected-error @+1 {{'moe.input' input 'same' has size 12 on axis 'token', expected 6}}
moe.gate @rows_of_all_layers {
  moe.axis @token layers 2
  %x = moe.input "x" layered "layer" : tensor<?xf32, #moe.axes<token>>
  %y = moe.input "same" : tensor<?xf32, #moe.axes<token>>
  check.given "x" = dense<0.0> : tensor<2x6xf32>
  check.given "same" = dense<0.0> : tensor<12xf32>
}

// -----
// expected-error @+1 {{'moe.axis' 'sequence' has pieces of 4 tokens, which do not divide the 6 tokens}}
moe.gate @pieces_over_layers {
  moe.axis @token layers 2
  moe.axis @sequence of @token length 4
  %x = moe.input "x" layered "layer" : tensor<?xf32, #moe.axes<token>>
  check.given "x" = dense<0.0> : tensor<2x6xf32>
}

// -----
// expected-error @+1 {{'moe.input' input 'x' has size 2 on axis 'layer', expected 3}}
moe.gate @layers_before_tokens {
  moe.axis @layer size 3
  moe.axis @token
  %x = moe.input "x" : tensor<3x?xf32, #moe.axes<layer, token>>
  check.given "x" = dense<0.0> : tensor<2x6xf32>
}
