#!/bin/sh
# round_trip.sh SPEC DIR: the moe and the kernel stage of SPEC, read back in, give the same bytes.
set -e
gate=$(basename "$1" .moe)
moe-opt "$1" --emit=moe -o "$2/$gate.moe.mlir"
moe-opt "$2/$gate.moe.mlir" --emit=moe | cmp - "$2/$gate.moe.mlir"
moe-opt "$2/$gate.moe.mlir" | cmp - "$2/$gate.moe.mlir"
moe-opt "$1" --emit=kernel -o "$2/$gate.kernel.mlir"
moe-opt "$2/$gate.moe.mlir" --emit=kernel -o "$2/$gate.from_moe.mlir"
moe-opt "$2/$gate.kernel.mlir" --emit=kernel | cmp - "$2/$gate.kernel.mlir"
