// The `moe_gate` descriptor of runtime/include/moe/runtime.h as LLVM constant data.
#pragma once
#include "compiler/Target/Target.h"

namespace moe {

/// The functions of one variant, by pass.
struct VariantFunctions {
  std::string isa;
  struct Pass {
    llvm::Function *rows, *pieces, *finish; ///< `pieces` is null where the pass has no such region
  };
  llvm::SmallVector<Pass> passes;
};

/// One axis of the descriptor.
struct AxisInfo {
  std::string name;
  int64_t size;                   ///< -1: known at run time
  std::string of;                 ///< the finer axis that this one groups; "" without
  llvm::SmallVector<int32_t> map; ///< group of every element of the finer axis; empty for equal contiguous blocks
  int64_t length = 0;             ///< of pieces: tokens in each; 0: not so
  std::string offsets;            ///< of pieces: the input of their offsets; "": not so
  int64_t count = 0;              ///< of pieces: how many equal ones; 0: not so

  bool isPieces() const { return length || !offsets.empty() || count; }
};

/// The axes of a program: its `moe.axes` attribute (dictionaries with `name`, `size`, and optionally `of`, `map`,
/// `length`, `offsets` and `count`; `moe.whole_batch` is a text), then those that only its buffers name. Where the
/// program has pieces, one axis says so.
llvm::SmallVector<AxisInfo> axesOf(kernel::ProgramOp program);

/// What a descriptor says beside what the program itself says.
struct DescriptorParts {
  llvm::SmallVector<VariantFunctions> variants;
  uint64_t scratchBytes = 0;
  const CudaCode *cuda = nullptr;       ///< null: without CUDA kernels
  llvm::Constant *cudaSource = nullptr; ///< the text that these kernels stand in; null as `cuda`
  llvm::Constant *backward = nullptr;   ///< descriptor of the backward program; null: none
  llvm::Constant *step = nullptr;       ///< descriptor of the step program; null: none
};

/// Adds a null-terminated text to the module.
llvm::Constant *addText(llvm::Module &module, llvm::StringRef text);

/// Adds the external constant `moe_gate_<name>` to the module.
llvm::GlobalVariable *addDescriptor(llvm::Module &module, kernel::ProgramOp program, const DescriptorParts &parts);

} // namespace moe
