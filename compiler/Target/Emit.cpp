// What is written from a compiled module: object, assembly, LLVM IR, shared object, C header.
#include "compiler/Target/Descriptor.h"
#include "llvm/ADT/StringSet.h"
#include "llvm/IR/LegacyPassManager.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/FileUtilities.h"
#include "llvm/Support/Program.h"

using namespace mlir;
using namespace moe;

static llvm::Error makeError(const Twine &text) {
  return llvm::createStringError(llvm::inconvertibleErrorCode(), text);
}

static llvm::Expected<std::string> emitFile(GateModule &gates, llvm::CodeGenFileType type) {
  SmallString<0> bytes;
  llvm::raw_svector_ostream stream(bytes);
  llvm::legacy::PassManager passes;
  if (gates.machine->addPassesToEmitFile(passes, stream, nullptr, type))
    return makeError("LLVM cannot write this kind of file for " + gates.machine->getTargetTriple().str());
  passes.run(*gates.module);
  return std::string(bytes);
}

llvm::Expected<std::string> moe::emitObject(GateModule &gates) {
  return emitFile(gates, llvm::CodeGenFileType::ObjectFile);
}
llvm::Expected<std::string> moe::emitAssembly(GateModule &gates) {
  return emitFile(gates, llvm::CodeGenFileType::AssemblyFile);
}

std::string moe::emitLLVM(const GateModule &gates) {
  std::string text;
  llvm::raw_string_ostream stream(text);
  gates.module->print(stream, nullptr);
  return text;
}

/// The C compiler driver, which knows how to link a shared object here.
static llvm::Expected<std::string> findLinker() {
  SmallVector<StringRef> names;
  if (const char *chosen = std::getenv("CC"); chosen && *chosen)
    names.push_back(chosen);
  names.append({"cc", "clang", "gcc"});
  for (StringRef name : names)
    if (auto path = llvm::sys::findProgramByName(name))
      return *path;
  return makeError("a shared object needs a linker, and none of $CC, cc, clang, gcc is on the path; install one, or "
                   "write an object file (--emit=obj)");
}

llvm::Error moe::emitSharedObject(GateModule &gates, StringRef path) {
  auto linker = findLinker();
  if (!linker)
    return linker.takeError();
  auto object = emitObject(gates);
  if (!object)
    return object.takeError();
  SmallString<64> temporary;
  int descriptor;
  if (std::error_code error = llvm::sys::fs::createTemporaryFile("moe", "o", descriptor, temporary))
    return makeError("no temporary file for the object: " + error.message());
  llvm::FileRemover remove(temporary);
  {
    llvm::raw_fd_ostream stream(descriptor, /*shouldClose=*/true);
    stream << *object;
    stream.close();
    if (stream.has_error())
      return makeError("cannot write '" + temporary + "': " + stream.error().message());
  }
  std::string message;
  std::string output = path.str();
  StringRef arguments[] = {*linker, "-shared", "-o", output, temporary};
  if (llvm::sys::ExecuteAndWait(*linker, arguments, std::nullopt, {}, 0, 0, &message) != 0)
    return makeError("'" + *linker + "' could not link '" + path + "'" + (message.empty() ? "" : ": " + message));
  return llvm::Error::success();
}

//===-- C header
//----------------------------------------------------------------------------------------------------===//

/// An identifier of C: what is not a letter or a digit becomes '_'.
static std::string identifier(StringRef name, bool upper) {
  std::string result;
  for (char c : name)
    result += llvm::isAlnum(c) ? (upper ? llvm::toUpper(c) : c) : '_';
  return result;
}

static std::string shapeText(kernel::BufferOp buffer) {
  std::string text = "[";
  if (auto layer = buffer.getLayered())
    text += layer->str() + " = " +
            std::to_string(buffer->getParentOfType<kernel::ProgramOp>().getLayers().value_or(1)) + ", ";
  for (auto [i, name] : llvm::enumerate(buffer.getAxes().getAsValueRange<StringAttr>())) {
    text += (i ? ", " : "") + name.str();
    if (buffer.getSizes()[i] >= 0)
      text += " = " + std::to_string(buffer.getSizes()[i]);
  }
  return text + "]";
}

static void printProgram(llvm::raw_ostream &out, kernel::ProgramOp program) {
  std::string prefix = "MOE_" + identifier(program.getSymName(), true) + "_";
  out << "\nextern const moe_gate " << descriptorSymbol(program.getSymName()) << ";\n\n";
  StringRef kind = program.getBackwardOf() ? "backward" : "step";
  if (StringRef owner = ownerOf(program); !owner.empty())
    out << "/* The " << kind << " of " << owner << ", " << descriptorSymbol(owner) << "." << kind
        << ": positions in moe_call.bindings for moe_run_" << kind << ". */\nenum {\n";
  else
    out << "/* Positions in moe_call.bindings. */\nenum {\n";
  llvm::StringSet<> taken;
  size_t position = 0;
  for (auto buffer : program.getOps<kernel::BufferOp>()) {
    std::string name = identifier(buffer.getSymName(), true);
    while (!taken.insert(name).second)
      name += "_";
    out << "  " << prefix << name << " = " << position++ << ", /* " << kernel::stringifyRole(buffer.getRole()) << " "
        << buffer.getType();
    if (!buffer.getSizes().empty())
      out << " " << shapeText(buffer);
    if (buffer.getInit())
      out << ", default " << llvm::format("%g", buffer.getInit()->convertToDouble());
    if (buffer.getRole() == kernel::Role::Coefficient || buffer.getRole() == kernel::Role::Saved)
      out << ", not bound";
    if (buffer.getAdds())
      out << ", MOE_ADD adds to it";
    out << " */\n";
  }
  out << "  " << prefix << "ARRAY_COUNT = " << position << "\n};\n";
  if (!ownerOf(program).empty())
    return; // the axes are those of its gate
  out << "\n";
  out << "/* Sizes of the axes; those known at run time are not among them. */\nenum {\n";
  for (const AxisInfo &axis : axesOf(program))
    if (int64_t size = axis.count ? axis.count : axis.size; size >= 0)
      out << "  " << prefix << "SIZE_" << identifier(axis.name, true) << " = " << size << ",\n";
  out << "  " << prefix << "AXIS_COUNT = " << axesOf(program).size() << "\n};\n";
}

std::string moe::emitHeader(ModuleOp kernels) {
  std::string text;
  llvm::raw_string_ostream out(text);
  std::string guard = "MOE_GATE";
  for (auto program : kernels.getOps<kernel::ProgramOp>())
    guard += "_" + identifier(program.getSymName(), true);
  out << "/* Made by moe-opt --emit=header. Link the object of --emit=obj and libmoe_runtime. */\n";
  out << "#ifndef " << guard << "_H\n#define " << guard << "_H\n#include \"moe/runtime.h\"\n\n";
  out << "#ifdef __cplusplus\nextern \"C\" {\n#endif\n";
  for (auto program : kernels.getOps<kernel::ProgramOp>())
    printProgram(out, program);
  out << "\n#ifdef __cplusplus\n}\n#endif\n#endif\n";
  return text;
}
