// The stages below moe_kernel: CUDA text and code, LLVM IR, machine code, header.
#include "compiler/API/Compiler.h"
#include "moe/runtime.h"
#include "tools/moe-opt/Stage.h"
#include "llvm/Support/WithColor.h"

using namespace mlir;
using namespace moe;

/// The gates of the module. Their backward programs are part of their sources.
static SmallVector<kernel::ProgramOp> gatesOf(ModuleOp module) {
  return llvm::filter_to_vector(module.getOps<kernel::ProgramOp>(),
                                [](kernel::ProgramOp program) { return ownerOf(program).empty(); });
}

/// The one gate of the module: a cubin or PTX text is one translation unit.
static FailureOr<kernel::ProgramOp> onlyGate(ModuleOp module, StringRef stage) {
  SmallVector<kernel::ProgramOp> gates = gatesOf(module);
  if (gates.size() != 1)
    return module.emitError("--emit=") << stage << " takes one gate, and the input has " << gates.size();
  return gates.front();
}

/// NVRTC on the generated source. The compiler's log, with registers, stack and spills of each kernel, goes to standard
/// error when `report` is set or the compilation fails.
static LogicalResult compileCuda(kernel::ProgramOp program, const CudaCode &cuda, const DriverOptions &options,
                                 raw_ostream &output) {
  char *code = nullptr, *log = nullptr;
  size_t bytes = 0;
  moe_status status = moe_compile_cuda(cuda.source.c_str(), program.getSymName().str().c_str(), options.arch.c_str(),
                                       options.stage == "ptx", &code, &bytes, &log);
  if (status != MOE_OK)
    llvm::WithColor::error() << "--emit=" << options.stage << ": " << moe_last_error() << "\n";
  if (log && (options.report || status != MOE_OK))
    llvm::errs() << log;
  if (code)
    output.write(code, options.stage == "ptx" ? strnlen(code, bytes) : bytes);
  moe_free(code);
  moe_free(log);
  return success(status == MOE_OK);
}

static LogicalResult report(llvm::Error error) {
  if (!error)
    return success();
  llvm::WithColor::error() << llvm::toString(std::move(error)) << "\n";
  return failure();
}

/// Machine code in the form that the stage names.
static LogicalResult writeMachineCode(ModuleOp module, const DriverOptions &options,
                                      const llvm::StringMap<CudaCode> &cuda, raw_ostream &output) {
  StringRef stage = options.stage;
  CpuOptions cpu;
  cpu.optimise = stage != "llvm";
  llvm::Expected<GateModule> gates = compileGates(module, cpu, cuda);
  if (!gates)
    return report(gates.takeError());
  if (stage == "llvm") {
    output << emitLLVM(*gates);
    return success();
  }
  if (stage == "so")
    return options.output == "-" ? report(llvm::createStringError("--emit=so needs a file to write to: -o NAME.so"))
                                 : report(emitSharedObject(*gates, options.output));
  llvm::Expected<std::string> code = stage == "asm" ? emitAssembly(*gates) : emitObject(*gates);
  if (!code)
    return report(code.takeError());
  output << *code;
  return success();
}

LogicalResult moe::emitTarget(ModuleOp module, const DriverOptions &options, raw_ostream &output) {
  StringRef stage = options.stage;
  if (stage == "header") {
    output << emitHeader(module);
    return success();
  }
  llvm::Expected<llvm::StringMap<CudaCode>> all = emitCudaOfAll(module);
  if (!all)
    return report(all.takeError());
  llvm::StringMap<CudaCode> &cuda = *all;
  if (stage == "cuda") {
    for (kernel::ProgramOp gate : gatesOf(module))
      output << cuda[gate.getSymName()].source;
    return success();
  }
  if (stage == "ptx" || stage == "cubin") {
    FailureOr<kernel::ProgramOp> gate = onlyGate(module, stage);
    return succeeded(gate) ? compileCuda(*gate, cuda[gate->getSymName()], options, output) : failure();
  }
  return writeMachineCode(module, options, cuda, output);
}
