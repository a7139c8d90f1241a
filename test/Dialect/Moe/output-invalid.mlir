// RUN: moe-opt %s --split-input-file --verify-diagnostics
// What moe.output refuses.

// a selection stored as floats
moe.gate @g {
  moe.axis @token
  moe.axis @expert size 64
  moe.axis @device size 8 of @expert
  moe.axis @rack size 3 of @device map [0, 0, 1, 1, 2, 2, 2, 2]
  %x = moe.input "x" : tensor<?x64xf32, #moe.axes<token, expert>>
  %r = moe.topk %x over expert : tensor<?x64xf32, #moe.axes<token, expert>> -> !moe.selection<[token], expert, r.slot, 6>
  // expected-error@+1 {{'moe.output' op stores '!moe.selection<[token], expert, r.slot, 6>' as 'bf16'; only f32 can be stored as bf16 or f16, and i32 and selections as i16 or i64}}
  moe.output "o" = %r store bf16 : !moe.selection<[token], expert, r.slot, 6>
}

// -----

// f32 stored as integers
moe.gate @g {
  moe.axis @token
  moe.axis @expert size 64
  moe.axis @device size 8 of @expert
  moe.axis @rack size 3 of @device map [0, 0, 1, 1, 2, 2, 2, 2]
  %x = moe.input "x" : tensor<?x64xf32, #moe.axes<token, expert>>
  // expected-error@+1 {{'moe.output' op stores 'tensor<?x64xf32, #moe.axes<token, expert>>' as 'i32'; only f32 can be stored as bf16 or f16, and i32 and selections as i16 or i64}}
  moe.output "o" = %x store i32 : tensor<?x64xf32, #moe.axes<token, expert>>
}

// -----

// f32 stored as a type that is no element
moe.gate @g {
  moe.axis @token
  moe.axis @expert size 64
  moe.axis @device size 8 of @expert
  moe.axis @rack size 3 of @device map [0, 0, 1, 1, 2, 2, 2, 2]
  %x = moe.input "x" : tensor<?x64xf32, #moe.axes<token, expert>>
  // expected-error@+1 {{'moe.output' op stores 'tensor<?x64xf32, #moe.axes<token, expert>>' as 'tensor<f32>'; only f32 can be stored as bf16 or f16, and i32 and selections as i16 or i64}}
  moe.output "o" = %x store tensor<f32> : tensor<?x64xf32, #moe.axes<token, expert>>
}

// -----

// bf16 stored wider
moe.gate @g {
  moe.axis @token
  moe.axis @expert size 64
  moe.axis @device size 8 of @expert
  moe.axis @rack size 3 of @device map [0, 0, 1, 1, 2, 2, 2, 2]
  %a = moe.input "a" : tensor<?x64xbf16, #moe.axes<token, expert>>
  // expected-error@+1 {{'moe.output' op stores 'tensor<?x64xbf16, #moe.axes<token, expert>>' as 'f32'; only f32 can be stored as bf16 or f16, and i32 and selections as i16 or i64}}
  moe.output "o" = %a store f32 : tensor<?x64xbf16, #moe.axes<token, expert>>
}

// -----

// floats as integers of 16 bits
moe.gate @g {
  moe.axis @token
  moe.axis @expert size 64
  %x = moe.input "x" : tensor<?x64xf32, #moe.axes<token, expert>>
  %r = moe.topk %x over expert : tensor<?x64xf32, #moe.axes<token, expert>> -> !moe.selection<[token], expert, r.slot, 2>
  // expected-error@+1 {{'moe.output' op stores 'tensor<?x64xf32, #moe.axes<token, expert>>' as 'i16'; only f32 can be stored as bf16 or f16, and i32 and selections as i16 or i64}}
  moe.output "o" = %x store i16 : tensor<?x64xf32, #moe.axes<token, expert>>
}

// -----

// truth values as integers
moe.gate @g {
  moe.axis @token
  moe.axis @expert size 64
  %x = moe.input "x" : tensor<?x64xf32, #moe.axes<token, expert>>
  %r = moe.topk %x over expert : tensor<?x64xf32, #moe.axes<token, expert>> -> !moe.selection<[token], expert, r.slot, 2>
  %c = moe.chosen %r : !moe.selection<[token], expert, r.slot, 2> -> tensor<?x64xi1, #moe.axes<token, expert>>
  // expected-error@+1 {{'moe.output' op stores 'tensor<?x64xi1, #moe.axes<token, expert>>' as 'i64'; only f32 can be stored as bf16 or f16, and i32 and selections as i16 or i64}}
  moe.output "o" = %c store i64 : tensor<?x64xi1, #moe.axes<token, expert>>
}

// -----

// a selection as bytes
moe.gate @g {
  moe.axis @token
  moe.axis @expert size 64
  %x = moe.input "x" : tensor<?x64xf32, #moe.axes<token, expert>>
  %r = moe.topk %x over expert : tensor<?x64xf32, #moe.axes<token, expert>> -> !moe.selection<[token], expert, r.slot, 2>
  // expected-error@+1 {{'moe.output' op stores '!moe.selection<[token], expert, r.slot, 2>' as 'i8'; only f32 can be stored as bf16 or f16, and i32 and selections as i16 or i64}}
  moe.output "o" = %r store i8 : !moe.selection<[token], expert, r.slot, 2>
}

// -----

// layers of what has no tokens
moe.gate @g {
  moe.axis @token layers 2
  %x = moe.input "x" layered "layer" : tensor<?xf32, #moe.axes<token>>
  %s = moe.reduce sum %x over [token] : tensor<?xf32, #moe.axes<token>> -> tensor<f32>
  // expected-error@+1 {{'moe.output' op is layered, which only an array of tokens or their pieces can be}}
  moe.output "s" = %s layered "layer" : tensor<f32>
}

// -----

// layers that the tokens do not have
moe.gate @g {
  moe.axis @token
  moe.axis @expert size 4
  %x = moe.input "x" : tensor<?x4xf32, #moe.axes<token, expert>>
  %r = moe.topk %x over expert : tensor<?x4xf32, #moe.axes<token, expert>> -> !moe.selection<[token], expert, r.slot, 2>
  // expected-error@+1 {{'moe.output' op is layered, but 'token' has no layers}}
  moe.output "r" = %r layered "layer" : !moe.selection<[token], expert, r.slot, 2>
}
