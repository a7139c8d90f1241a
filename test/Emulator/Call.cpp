// Packing of arrays, and launches as the runtime makes them.
#include "test/Emulator/Call.h"
#include "compiler/Target/Layout.h"
#include <cmath>
#include <cstring>

using namespace mlir;
using namespace moe;
using namespace moe::kernel;
using namespace moe::emulator;

static uint16_t toBf16(float value) {
  auto bits = llvm::bit_cast<uint32_t>(value);
  return std::isnan(value) ? 0x7fff : (bits + 0x7fff + (bits >> 16 & 1)) >> 16;
}

double moe::emulator::representable(double value, Type type) {
  if (type.isBF16())
    return llvm::bit_cast<float>(static_cast<uint32_t>(toBf16(value)) << 16);
  if (type.isF16())
    return static_cast<double>(static_cast<_Float16>(static_cast<float>(value)));
  return type.isF32() ? static_cast<float>(value) : value;
}

template <typename T> static void put(char *into, T value) { std::memcpy(into, &value, sizeof(T)); }
template <typename T> static T take(const char *from) {
  T value;
  std::memcpy(&value, from, sizeof(T));
  return value;
}

static void pack(llvm::ArrayRef<double> elements, Type type, char *into) {
  for (double value : elements) {
    if (type.isF32())
      put<float>(into, value);
    else if (type.isF64())
      put<double>(into, value);
    else if (type.isBF16())
      put<uint16_t>(into, toBf16(value));
    else if (type.isF16())
      put<_Float16>(into, static_cast<_Float16>(static_cast<float>(value)));
    else if (type.isInteger(1))
      put<uint8_t>(into, value != 0);
    else
      put<int32_t>(into, static_cast<int32_t>(value));
    into += elementBytes(type);
  }
}

static Elements unpack(const char *from, Type type, size_t count) {
  Elements elements;
  for (size_t n = 0; n < count; ++n, from += elementBytes(type)) {
    if (type.isF32())
      elements.push_back(take<float>(from));
    else if (type.isF64())
      elements.push_back(take<double>(from));
    else if (type.isBF16())
      elements.push_back(llvm::bit_cast<float>(static_cast<uint32_t>(take<uint16_t>(from)) << 16));
    else if (type.isF16())
      elements.push_back(static_cast<double>(take<_Float16>(from)));
    else if (type.isInteger(1))
      elements.push_back(take<uint8_t>(from));
    else
      elements.push_back(take<int32_t>(from));
  }
  return elements;
}

Call::Call(ProgramOp program, const std::string &folder) : program(program) {
  FailureOr<CudaCode> result = emitCuda(program);
  if (failed(result)) {
    error = "emitCuda failed";
    return;
  }
  code = std::move(*result);
  std::vector<std::string> kernels;
  for (const CudaKernelInfo &kernel : code.kernels)
    kernels.push_back(kernel.name);
  compiled = Program::compile(code.source, kernels, folder, error);
  accumulators.assign(AccumulatorLayout(program).bytes, '\x7f');
  workspace.assign(code.workspaceBytes, '\x7f');
  std::fill_n(workspace.begin(), 64, 0);
}

std::string Call::run(int64_t tokens, unsigned grid, int phase, Arrays &arrays, bool collect) {
  std::fill(workspace.begin() + 64, workspace.end(), '\x7f');
  struct Bound {
    BufferOp op;
    size_t count;
    std::unique_ptr<char[]> memory;
    void *pointer;
    float value;
  };
  std::vector<Bound> bound;
  std::vector<Buffer> buffers{{"accumulators", accumulators.data(), accumulators.size(), true},
                              {"workspace", workspace.data(), workspace.size(), true}};
  for (auto op : program.getOps<BufferOp>()) {
    std::string name = op.getSymName().str();
    size_t count = op.getRowSize() * (op.isPerToken() ? tokens : 1), bytes = count * elementBytes(op.getType());
    // Exactly aligned to 16 bytes, so that wider accesses show.
    std::unique_ptr<char[]> memory(new char[bytes + 64]);
    char *start = memory.get();
    while (reinterpret_cast<uintptr_t>(start) % 32 != 16)
      ++start;
    std::memset(start, 0x7f, bytes);
    bool input = op.getRole() == Role::Input;
    if (input)
      pack(llvm::ArrayRef(arrays[name]).take_front(count), op.getType(), start);
    float value = op.getRole() == Role::Param ? arrays[name][0] : 0;
    buffers.push_back({name, start, bytes, !input});
    bound.push_back({op, count, std::move(memory), start, value});
  }
  void *accumulatorPointer = collect ? accumulators.data() : nullptr, *workspacePointer = workspace.data();
  long long count = tokens;
  for (const CudaKernelInfo &kernel : code.kernels) {
    std::vector<void *> arguments;
    for (Bound &argument : bound)
      arguments.push_back(argument.op.getRole() == Role::Param ? static_cast<void *>(&argument.value)
                                                               : &argument.pointer);
    arguments.insert(arguments.end(), {&accumulatorPointer, &workspacePointer, &count, &phase});
    auto needed = static_cast<unsigned>((tokens + kernel.rowsPerBlock - 1) / kernel.rowsPerBlock);
    unsigned blocks = grid ? grid : std::min(kernel.maxBlocks, std::max(1u, needed));
    std::string finding = compiled->launch(kernel.name, blocks, kernel.threads, arguments.data(), buffers);
    if (!finding.empty())
      return kernel.name + ": " + finding;
  }
  for (Bound &argument : bound)
    if (argument.op.getRole() != Role::Input && argument.op.getRole() != Role::Param)
      arrays[argument.op.getSymName().str()] =
          unpack(static_cast<char *>(argument.pointer), argument.op.getType(), argument.count);
  return "";
}
