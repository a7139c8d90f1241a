// The way from text to a descriptor: frontend, pipelines, CUDA text, CPU code, LLJIT.
#include "compiler/API/Compiler.h"
#include "compiler/Pipelines/Pipelines.h"
#include "compiler/Transforms/Differentiate.h"
#include "dialects/Moe/IR/Moe.h"
#include "dialects/MoeKernel/IR/MoeKernel.h"
#include "mlir/IR/Diagnostics.h"
#include "mlir/Parser/Parser.h"
#include "mlir/Pass/PassManager.h"
#include "llvm/ExecutionEngine/Orc/CompileUtils.h"
#include "llvm/ExecutionEngine/Orc/LLJIT.h"
#include "llvm/Support/MemoryBuffer.h"

using namespace mlir;
using namespace moe;

static llvm::Error makeError(const Twine &text) {
  return llvm::createStringError(llvm::inconvertibleErrorCode(), text);
}

CompiledGate::CompiledGate() = default;
CompiledGate::~CompiledGate() = default;

void moe::registerCompilerDialects(DialectRegistry &registry) {
  registry.insert<MoeDialect, kernel::MoeKernelDialect, arith::ArithDialect, math::MathDialect>();
  registerUpstreamAdjoints(registry);
}

LogicalResult moe::lowerToKernel(ModuleOp module, bool forwardOnly) {
  if (module.getOps<GateOp>().empty())
    return success();
  PassManager manager(module.getContext());
  MoePipelineOptions pipeline;
  pipeline.forwardOnly = forwardOnly;
  buildMoePipeline(manager, pipeline);
  buildKernelPipeline(manager);
  return manager.run(module);
}

llvm::Expected<llvm::StringMap<CudaCode>> moe::emitCudaOfAll(ModuleOp kernels) {
  llvm::StringMap<CudaCode> all;
  for (auto program : kernels.getOps<kernel::ProgramOp>()) {
    FailureOr<CudaCode> code = emitCuda(program);
    if (failed(code))
      return makeError("gate '" + program.getSymName() +
                       "' has no CUDA form; the diagnostics say which operation is in the way");
    all[program.getSymName()] = std::move(*code);
  }
  return all;
}

/// The name of the program to compile: the chosen one, or the only one.
static llvm::Expected<std::string> chooseProgram(ModuleOp kernels, StringRef chosen) {
  SmallVector<std::string> names;
  for (auto program : kernels.getOps<kernel::ProgramOp>()) {
    StringRef owner = ownerOf(program);
    if (owner.empty())
      names.push_back(program.getSymName().str());
    else if (program.getSymName() == chosen)
      return makeError("'" + chosen + "' is the " + (program.getBackwardOf() ? "backward" : "step") + " of gate '" +
                       owner + "', and compiled with it: name the gate");
  }
  if (names.empty())
    return makeError("the module holds no gate");
  if (chosen.empty() && names.size() > 1)
    return makeError("the module holds " + Twine(names.size()) + " gates (" + llvm::join(names, ", ") +
                     "); name the one to compile");
  if (!chosen.empty() && !llvm::is_contained(names, chosen))
    return makeError("the module holds no gate '" + chosen + "', only " + llvm::join(names, ", "));
  return chosen.empty() ? names.front() : chosen.str();
}

llvm::Expected<std::unique_ptr<CompiledGate>> CompiledGate::fromKernel(ModuleOp kernels,
                                                                       const CompileOptions &options) {
  auto name = chooseProgram(kernels, options.name);
  if (!name)
    return name.takeError();
  CpuOptions cpu = options.cpu;
  if (cpu.isas.empty()) {
    cpu.isas = runnableIsas();
    if (cpu.isas.empty())
      return makeError("this machine runs none of the instruction set variants " + llvm::join(nativeIsas(), ", "));
    cpu.isas.resize(1);
  }
  llvm::StringMap<CudaCode> cuda;
  if (options.cuda) {
    auto code = emitCudaOfAll(kernels);
    if (!code)
      return code.takeError();
    cuda = std::move(*code);
  }
  auto gates = compileGates(kernels, cpu, cuda);
  if (!gates)
    return gates.takeError();

  std::unique_ptr<CompiledGate> result(new CompiledGate());
  llvm::orc::JITTargetMachineBuilder machine(gates->machine->getTargetTriple());
  machine.setRelocationModel(llvm::Reloc::PIC_);
  auto jit = llvm::orc::LLJITBuilder().setJITTargetMachineBuilder(std::move(machine)).create();
  if (!jit)
    return jit.takeError();
  result->jit = std::move(*jit);
  if (llvm::Error error =
          result->jit->addIRModule(llvm::orc::ThreadSafeModule(std::move(gates->module), std::move(gates->context))))
    return std::move(error);
  auto symbol = result->jit->lookup(descriptorSymbol(*name));
  if (!symbol)
    return symbol.takeError();
  result->descriptor = symbol->toPtr<const moe_gate *>();
  return std::move(result);
}

/// A module of moe_kernel programs from a spec or from MLIR text, or null after errors.
static OwningOpRef<ModuleOp> readKernels(llvm::SourceMgr &sources, StringRef name, MLIRContext &context,
                                         const FrontendOptions &frontend, bool forwardOnly) {
  OwningOpRef<ModuleOp> module = name.ends_with(".mlir") || name.ends_with(".mlirbc")
                                     ? parseSourceFile<ModuleOp>(sources, &context)
                                     : importGate(sources, &context, frontend);
  if (!module || failed(lowerToKernel(*module, forwardOnly)))
    return nullptr;
  return module;
}

static llvm::Expected<std::unique_ptr<CompiledGate>> compileBuffer(std::unique_ptr<llvm::MemoryBuffer> buffer,
                                                                   const FrontendOptions &frontend,
                                                                   const CompileOptions &options,
                                                                   llvm::raw_ostream &diagnostics) {
  std::string name = buffer->getBufferIdentifier().str();
  llvm::SourceMgr sources;
  sources.AddNewSourceBuffer(std::move(buffer), llvm::SMLoc());
  DialectRegistry registry;
  registerCompilerDialects(registry);
  MLIRContext context(registry, MLIRContext::Threading::DISABLED);
  SourceMgrDiagnosticHandler handler(sources, &context, diagnostics);
  OwningOpRef<ModuleOp> kernels = readKernels(sources, name, context, frontend, options.forwardOnly);
  if (!kernels)
    return makeError("'" + name + "' could not be compiled");
  return CompiledGate::fromKernel(*kernels, options);
}

llvm::Expected<std::unique_ptr<CompiledGate>> CompiledGate::fromSpecFile(StringRef path,
                                                                         const FrontendOptions &frontend,
                                                                         const CompileOptions &options,
                                                                         llvm::raw_ostream &diagnostics) {
  auto buffer = llvm::MemoryBuffer::getFile(path, /*IsText=*/true);
  if (!buffer)
    return makeError("cannot read '" + path + "': " + buffer.getError().message());
  return compileBuffer(std::move(*buffer), frontend, options, diagnostics);
}

llvm::Expected<std::unique_ptr<CompiledGate>> CompiledGate::fromSpecText(StringRef text, StringRef name,
                                                                         const FrontendOptions &frontend,
                                                                         const CompileOptions &options,
                                                                         llvm::raw_ostream &diagnostics) {
  return compileBuffer(llvm::MemoryBuffer::getMemBufferCopy(text, name), frontend, options, diagnostics);
}
