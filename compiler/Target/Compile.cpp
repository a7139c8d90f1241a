// moe_kernel to an LLVM module with instruction set variants, optimised.
//
// The conversion runs once; each variant is a clone of its functions with other target attributes (and, for AVX-512,
// one instruction where others need nine), so that one object holds all of them. Since the code is vector code already,
// LLVM neither vectorises nor unrolls here: that would only cost compile time. Functions are compiled without knowledge
// of library functions, so that no loop becomes a call.
#include "compiler/Conversion/MoeKernelToLLVM/MoeKernelToLLVM.h"
#include "compiler/Target/Avx512.h"
#include "compiler/Target/Descriptor.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Target/LLVMIR/Dialect/Builtin/BuiltinToLLVMIRTranslation.h"
#include "mlir/Target/LLVMIR/Dialect/LLVMIR/LLVMToLLVMIRTranslation.h"
#include "mlir/Target/LLVMIR/Export.h"
#include "llvm/IR/Verifier.h"
#include "llvm/MC/TargetRegistry.h"
#include "llvm/Passes/PassBuilder.h"
#include "llvm/Support/TargetSelect.h"
#include "llvm/TargetParser/Host.h"
#include "llvm/TargetParser/Triple.h"
#include "llvm/Transforms/Utils/Cloning.h"

using namespace mlir;
using namespace moe;

namespace {

/// An instruction set variant.
struct Isa {
  StringLiteral name;
  llvm::Triple::ArchType arch;
  StringLiteral cpu, tune, vectorBits;
  /// What the machine must have (names of LLVM's host features).
  ArrayRef<StringLiteral> features;
};

} // namespace

/// No more than what the runtime asks the machine for (runtime/src/CpuFeatures.cpp) before it takes a variant.
static constexpr StringLiteral avx512Features[] = {"avx512f", "avx512bw", "avx512dq", "avx512vl",
                                                   "avx2",    "fma",      "f16c"};
static constexpr StringLiteral avx2Features[] = {"avx2", "fma", "f16c"};

/// Best first. An architecture without an entry of its own compiles for its own baseline.
static ArrayRef<Isa> isas() {
  static const Isa table[] = {
      {"avx512", llvm::Triple::x86_64, "x86-64-v2", "skylake-avx512", "512", avx512Features},
      {"avx2", llvm::Triple::x86_64, "x86-64-v2", "skylake", "256", avx2Features},
  };
  return table;
}

static llvm::Triple hostTriple() { return llvm::Triple(llvm::sys::getDefaultTargetTriple()); }

std::vector<std::string> moe::nativeIsas() {
  std::vector<std::string> names;
  for (const Isa &isa : isas())
    if (isa.arch == hostTriple().getArch())
      names.push_back(isa.name.str());
  if (names.empty())
    names.push_back("generic");
  return names;
}

std::vector<std::string> moe::runnableIsas() {
  llvm::StringMap<bool> host = llvm::sys::getHostCPUFeatures();
  std::vector<std::string> names = nativeIsas();
  llvm::erase_if(names, [&](const std::string &name) {
    const Isa *isa = llvm::find_if(isas(), [&](const Isa &other) { return other.name == name; });
    return isa != isas().end() && !llvm::all_of(isa->features, [&](StringRef feature) { return host.lookup(feature); });
  });
  return names;
}

std::string moe::descriptorSymbol(StringRef program) { return ("moe_gate_" + program).str(); }

static llvm::Error makeError(const Twine &text) {
  return llvm::createStringError(llvm::inconvertibleErrorCode(), text);
}

static llvm::Error checkIsas(ArrayRef<std::string> names) {
  std::vector<std::string> native = nativeIsas();
  for (const std::string &name : names)
    if (!llvm::is_contained(native, name))
      return makeError("unknown instruction set '" + name + "'; this machine's architecture has " +
                       llvm::join(native, ", "));
  return llvm::Error::success();
}

static llvm::Expected<std::unique_ptr<llvm::TargetMachine>> makeMachine() {
  llvm::InitializeNativeTarget();
  llvm::InitializeNativeTargetAsmPrinter();
  std::string message;
  const llvm::Target *target = llvm::TargetRegistry::lookupTarget(hostTriple(), message);
  if (!target)
    return makeError("LLVM has no code generator for this machine: " + message);
  return std::unique_ptr<llvm::TargetMachine>(target->createTargetMachine(
      hostTriple(), "", "", llvm::TargetOptions(), llvm::Reloc::PIC_, std::nullopt, llvm::CodeGenOptLevel::Default));
}

/// The module of `kernels` in the LLVM dialect. The programs are copied into it: the conversion consumes them.
static llvm::Expected<OwningOpRef<ModuleOp>> convert(ModuleOp kernels) {
  OwningOpRef<ModuleOp> module = ModuleOp::create(kernels.getLoc());
  OpBuilder builder = OpBuilder::atBlockEnd(module->getBody());
  for (auto program : kernels.getOps<kernel::ProgramOp>())
    builder.clone(*program);
  PassManager manager(kernels.getContext());
  manager.enableVerifier(false);
  buildMoeKernelToLLVMPipeline(manager);
  if (failed(manager.run(*module)))
    return makeError("the CPU code could not be made; the diagnostics say which operation is in the way");
  return module;
}

/// Gives a function the attributes of a variant. Its vectors are as wide as written: 16 lanes of f32.
static void setIsa(llvm::Function &function, StringRef name) {
  function.addFnAttr(llvm::Attribute::NoUnwind);
  function.addFnAttr("no-builtins");
  const Isa *isa = llvm::find_if(isas(), [&](const Isa &other) { return other.name == name; });
  if (isa == isas().end())
    return;
  function.addFnAttr("target-cpu", isa->cpu);
  function.addFnAttr("target-features", "+" + llvm::join(isa->features, ",+"));
  function.addFnAttr("tune-cpu", isa->tune);
  function.addFnAttr("prefer-vector-width", isa->vectorBits);
  function.addFnAttr("min-legal-vector-width", isa->vectorBits);
}

/// Clones the functions of a program for each variant; the originals are removed.
static SmallVector<VariantFunctions> makeVariants(llvm::Module &module, kernel::ProgramOp program,
                                                  ArrayRef<std::string> names) {
  SmallVector<VariantFunctions> variants;
  size_t passCount = llvm::range_size(program.getOps<kernel::PassOp>());
  for (const std::string &name : names) {
    VariantFunctions variant{name, {}};
    auto clone = [&](const std::string &function) -> llvm::Function * {
      llvm::Function *original = module.getFunction(function);
      if (!original)
        return nullptr; // a pass without pieces
      llvm::ValueToValueMapTy map;
      llvm::Function *copy = llvm::CloneFunction(original, map);
      copy->setName(function + "_" + name);
      copy->setLinkage(llvm::GlobalValue::InternalLinkage);
      setIsa(*copy, name);
      if (name == "avx512")
        useAvx512Scaling(*copy);
      return copy;
    };
    for (size_t pass = 0; pass < passCount; ++pass) {
      PassFunctionNames names = functionNames(program.getSymName(), pass);
      variant.passes.push_back({clone(names.rows), clone(names.pieces), clone(names.finish)});
    }
    variants.push_back(std::move(variant));
  }
  for (size_t pass = 0; pass < passCount; ++pass)
    for (const std::string &name : functionNames(program.getSymName(), pass).all())
      if (llvm::Function *function = module.getFunction(name))
        function->eraseFromParent();
  return variants;
}

static void optimise(llvm::Module &module, llvm::TargetMachine &machine) {
  llvm::PipelineTuningOptions tuning;
  tuning.LoopVectorization = tuning.SLPVectorization = tuning.LoopInterleaving = tuning.LoopUnrolling = false;
  llvm::PassBuilder builder(&machine, tuning);
  llvm::LoopAnalysisManager loops;
  llvm::FunctionAnalysisManager functions;
  llvm::CGSCCAnalysisManager components;
  llvm::ModuleAnalysisManager modules;
  builder.registerModuleAnalyses(modules);
  builder.registerCGSCCAnalyses(components);
  builder.registerFunctionAnalyses(functions);
  builder.registerLoopAnalyses(loops);
  builder.crossRegisterProxies(loops, functions, components, modules);
  builder.buildPerModuleDefaultPipeline(llvm::OptimizationLevel::O2).run(module, modules);
}

/// Bytes of scratch that the functions of a program need, from their attributes in the converted module.
static uint64_t scratchOf(ModuleOp converted, kernel::ProgramOp program) {
  uint64_t bytes = 64;
  for (auto [index, pass] : llvm::enumerate(program.getOps<kernel::PassOp>()))
    for (const std::string &name : functionNames(program.getSymName(), index).all())
      if (auto function = converted.lookupSymbol(name))
        if (auto scratch = function->getAttrOfType<IntegerAttr>(scratchBytesAttr))
          bytes = std::max<uint64_t>(bytes, scratch.getInt());
  return llvm::alignTo(bytes, 64);
}

kernel::ProgramOp moe::backwardOf(ModuleOp kernels, kernel::ProgramOp program) {
  for (auto other : kernels.getOps<kernel::ProgramOp>())
    if (other.getBackwardOf() == program.getSymName())
      return other;
  return nullptr;
}

kernel::ProgramOp moe::stepOf(ModuleOp kernels, kernel::ProgramOp program) {
  for (auto other : kernels.getOps<kernel::ProgramOp>())
    if (other.getStepOf() == program.getSymName())
      return other;
  return nullptr;
}

StringRef moe::ownerOf(kernel::ProgramOp program) {
  return program.getBackwardOf() ? *program.getBackwardOf() : program.getStepOf().value_or("");
}

static StringRef kindOf(kernel::ProgramOp program) { return program.getBackwardOf() ? "backward" : "step"; }

/// Every backward and step program is that of one gate of the module, and the only one of that gate.
static llvm::Error checkOwners(ModuleOp kernels) {
  for (auto program : kernels.getOps<kernel::ProgramOp>()) {
    StringRef owner = ownerOf(program), kind = kindOf(program);
    if (owner.empty())
      continue;
    if (program.getBackwardOf() && program.getStepOf())
      return makeError("program '" + program.getSymName() + "' is both a backward and a step");
    auto gate = kernels.lookupSymbol<kernel::ProgramOp>(owner);
    if (!gate)
      return makeError("program '" + program.getSymName() + "' is the " + kind + " of '" + owner +
                       "', which the module does not hold");
    if (!ownerOf(gate).empty())
      return makeError("program '" + program.getSymName() + "' is the " + kind + " of '" + gate.getSymName() +
                       "', which is a " + kindOf(gate) + " itself");
    kernel::ProgramOp first = program.getBackwardOf() ? backwardOf(kernels, gate) : stepOf(kernels, gate);
    if (first != program)
      return makeError("gate '" + gate.getSymName() + "' has two " + kind + " programs, '" + first.getSymName() +
                       "' and '" + program.getSymName() + "'");
  }
  return llvm::Error::success();
}

namespace {

/// Turns the converted functions of programs into variants with a descriptor.
struct DescriptorMaker {
  llvm::Module &module;
  ModuleOp converted;
  ArrayRef<std::string> isas;
  const llvm::StringMap<CudaCode> &cuda;

  /// Adds a gate and, before it, its backward and its step (or null). The CUDA source of the gate holds the kernels of
  /// all of them.
  void add(kernel::ProgramOp program, kernel::ProgramOp backward, kernel::ProgramOp step) {
    auto code = cuda.find(program.getSymName());
    llvm::Constant *source = code == cuda.end() ? nullptr : addText(module, code->second.source);
    llvm::Constant *backwardGate = backward ? addOne(backward, source, nullptr, nullptr) : nullptr;
    llvm::Constant *stepGate = step ? addOne(step, source, nullptr, nullptr) : nullptr;
    addOne(program, source, backwardGate, stepGate);
  }

private:
  llvm::Constant *addOne(kernel::ProgramOp program, llvm::Constant *source, llvm::Constant *backward,
                         llvm::Constant *step) {
    auto code = cuda.find(program.getSymName());
    return addDescriptor(module, program,
                         {makeVariants(module, program, isas), scratchOf(converted, program),
                          code == cuda.end() ? nullptr : &code->second, source, backward, step});
  }
};

} // namespace

llvm::Expected<GateModule> moe::compileGates(ModuleOp kernels, const CpuOptions &options,
                                             const llvm::StringMap<CudaCode> &cuda) {
  std::vector<std::string> names = options.isas.empty() ? nativeIsas() : options.isas;
  if (llvm::Error error = checkIsas(names))
    return error;
  if (llvm::Error error = checkOwners(kernels))
    return error;
  auto machine = makeMachine();
  if (!machine)
    return machine.takeError();
  registerBuiltinDialectTranslation(*kernels.getContext());
  registerLLVMDialectTranslation(*kernels.getContext());
  auto converted = convert(kernels);
  if (!converted)
    return converted.takeError();

  GateModule gates;
  gates.context = std::make_unique<llvm::LLVMContext>();
  gates.module = translateModuleToLLVMIR(**converted, *gates.context, "moe");
  if (!gates.module)
    return makeError("LLVM refuses the CPU code; this is a defect of the compiler");
  gates.machine = std::move(*machine);
  gates.module->setTargetTriple(hostTriple());
  gates.module->setDataLayout(gates.machine->createDataLayout());
  DescriptorMaker maker{*gates.module, **converted, names, cuda};
  for (auto program : kernels.getOps<kernel::ProgramOp>())
    if (ownerOf(program).empty())
      maker.add(program, backwardOf(kernels, program), stepOf(kernels, program));
  if (options.optimise)
    optimise(*gates.module, *gates.machine);
  return std::move(gates);
}
