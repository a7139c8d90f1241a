// A call in the emulator: the gate's CUDA source, run on the host thread by thread. What a kernel may touch is told to
// the emulator piece by piece, so that a finding can name the array; the pieces of the workspace are pieces too.
#include "../emulator/emulator.h"
#include "CudaLibraries.h"
#include "Descriptor.h"
#include "Error.h"
#include "KernelCall.h"

#include <cstring>
#include <deque>
#include <memory>
#include <mutex>

namespace moe::rt {
namespace {

/// Objects of the emulator, released with their owner.
struct FreeProgram {
  const moe_emulator_functions *emulator;
  void operator()(moe_emulator_program *program) const { emulator->free_program(program); }
};
struct FreeCall {
  const moe_emulator_functions *emulator;
  void operator()(moe_emulator_call *call) const { emulator->free_call(call); }
};

/// What a call may touch. An array that comes by layer is a buffer for each of them.
struct Memory {
  std::vector<moe_emulator_buffer> buffers;
  std::vector<const char *> arrays; ///< what each buffer is, or is a layer of
  std::deque<std::string> names;    ///< of layers

  void add(const moe_emulator_buffer &buffer) {
    buffers.push_back(buffer);
    arrays.push_back(buffer.name);
  }
};

class EmulatorExecutable final : public moe_executable {
public:
  EmulatorExecutable(const moe_gate &gate, const moe_emulator_functions &emulator)
      : moe_executable(gate), emulator(emulator), compiled(nullptr, FreeProgram{&emulator}) {}

  moe_status prepare();
  moe_status setOptions(const moe_emulator_options &wanted);
  moe_status traffic(moe_traffic *rows, uint32_t &count) const;

  uint64_t programBytes(const Program &program, const Extent &extent) const override {
    return kernelWorkspaceBytes(program, extent);
  }
  uint64_t accumulatorOffset(const Program &program) const override { return kernelAccumulatorOffset(program); }
  moe_status initWorkspace(void *workspace, uint64_t bytes, void *stream) const override;
  moe_status run(const Program &program, const moe_call &call) const override;

private:
  moe_status checkBlocks(const moe_gate &program, uint32_t blocks) const;
  void keepTraffic(const moe_gate &program, uint32_t first, const moe_emulator_report &found,
                   const Memory &memory) const;

  const moe_emulator_functions &emulator;
  std::unique_ptr<moe_emulator_program, FreeProgram> compiled;
  moe_emulator_options options = {sizeof(moe_emulator_options), 0, 0};
  mutable WorkspaceTable workspaces;
  mutable std::mutex mutex; // of lastTraffic
  mutable std::vector<moe_traffic> lastTraffic;
};

moe_status EmulatorExecutable::prepare() {
  std::string name = std::string(gate.name) + ".cu";
  moe_emulator_source source = {name.c_str(), gate.cuda_source};
  moe_emulator_program *made = nullptr;
  char *message = nullptr;
  size_t refused = emulator.compile(&source, 1, &made, &message);
  compiled.reset(made);
  std::string text = message ? message : "";
  emulator.free_text(message);
  if (refused == 0)
    return MOE_OK;
  return fail(MOE_COMPILE_FAILED, "the emulator cannot compile '%s':\n%s", name.c_str(), text.c_str());
}

moe_status EmulatorExecutable::setOptions(const moe_emulator_options &wanted) {
  if (wanted.struct_size != sizeof(moe_emulator_options))
    return fail(MOE_VERSION_MISMATCH,
                "moe_emulator_options has %u bytes, this runtime reads %zu: set struct_size = "
                "sizeof(moe_emulator_options)",
                wanted.struct_size, sizeof(moe_emulator_options));
  if (moe_status status = checkBlocks(gate, wanted.blocks))
    return status;
  if (gate.backward) // a step is one block in any case
    if (moe_status status = checkBlocks(*gate.backward, wanted.blocks))
      return status;
  options = wanted;
  return MOE_OK;
}

moe_status EmulatorExecutable::checkBlocks(const moe_gate &program, uint32_t blocks) const {
  for (uint32_t i = 0; i < program.cuda_kernel_count; ++i)
    if (blocks > program.cuda_kernels[i].max_blocks)
      return fail(MOE_INVALID_ARGUMENT, "a grid of %u blocks was asked for, kernel '%s' runs with at most %u", blocks,
                  program.cuda_kernels[i].name, program.cuda_kernels[i].max_blocks);
  return MOE_OK;
}

moe_status EmulatorExecutable::initWorkspace(void *workspace, uint64_t bytes, void *) const {
  std::memset(workspace, 0, workspaceBytes(0, 0));
  workspaces.add(workspace, bytes);
  return MOE_OK;
}

moe_status checkPointers(const Program &program, const moe_call &call) {
  return forEachPointer(program, call, [](const moe_array &array, const void *data) {
    return checkKernelAlignment(array, data, "CUDA");
  });
}

//===-- What a call may touch
//-----------------------------------------------------------------------------------------===//

moe_emulator_buffer bytesAt(const char *name, void *data, uint64_t bytes, uint64_t defined) {
  moe_emulator_buffer buffer = {};
  buffer.name = name;
  buffer.data = data;
  buffer.bytes = bytes;
  buffer.use = MOE_EMULATOR_READ_WRITE;
  buffer.defined_bytes = defined;
  return buffer;
}

moe_emulator_buffer bufferOf(const moe_array &array, void *data, const Extent &extent, moe_emulator_use use,
                             bool defined) {
  uint64_t bytes = arrayBytes(array, extent);
  moe_emulator_buffer buffer = bytesAt(array.name, data, bytes, defined ? bytes : 0);
  buffer.use = use;
  buffer.element_bytes = static_cast<uint32_t>(moe_dtype_bytes(static_cast<moe_dtype>(array.dtype)));
  buffer.row_bytes = hasRunTimeAxis(array) ? rowBytes(array) : 0;
  return buffer;
}

/// The header with the tickets, coefficients, what kernels before the last have collected, partials.
void addWorkspace(const Program &program, const moe_call &call, Memory &to) {
  char *workspace = static_cast<char *>(call.workspace);
  const moe_gate &gate = program.gate;
  moe_emulator_buffer header = bytesAt("tickets", workspace, MOE_WORKSPACE_HEADER_BYTES, MOE_WORKSPACE_HEADER_BYTES);
  header.restored_bytes = header.bytes;
  header.element_bytes = sizeof(uint32_t);
  to.add(header);
  Extent extent = program.extentOf(call);
  for (uint32_t i = 0; i < gate.array_count; ++i)
    if (gate.arrays[i].role == MOE_COEFFICIENT && elementCount(gate.arrays[i], extent))
      to.add(bufferOf(gate.arrays[i], arrayPointer(program, call, i, kernelCarriedOffset(program)), extent,
                      MOE_EMULATOR_READ_WRITE, false));
  uint64_t start = MOE_WORKSPACE_HEADER_BYTES + gate.coefficient_bytes;
  if (gate.pass_count > 1) {
    to.add(bytesAt("collected", workspace + start, gate.accumulator_bytes, 0));
    start += gate.accumulator_bytes;
  }
  to.add(bytesAt("partials", workspace + start, gate.cuda_workspace_bytes - start, 0));
}

/// One buffer for each layer of an array.
void addLayers(const Program &program, const moe_call &call, uint32_t index, moe_emulator_buffer whole, Memory &to) {
  const moe_array &array = program.gate.arrays[index];
  bool isLayered = array.flags & MOE_ARRAY_LAYERED;
  uint32_t layers = isLayered ? program.gate.layers : 1;
  for (uint32_t layer = 0; layer < layers; ++layer) {
    moe_emulator_buffer buffer = whole;
    buffer.data = layerPointer(program, call, index, layer);
    buffer.bytes /= layers;
    buffer.defined_bytes /= layers;
    if (isLayered)
      buffer.name = to.names.emplace_back(print("%s[%u]", array.name, layer)).c_str();
    to.add(buffer);
    to.arrays.back() = array.name;
  }
}

/// Arrays that the phase does not touch are left out, so that an access to one is a finding.
Memory memoryOf(const Program &program, const moe_call &call) {
  Extent extent = program.extentOf(call);
  Memory memory;
  for (uint32_t i = 0; i < program.gate.array_count; ++i) {
    const moe_array &array = program.gate.arrays[i];
    void *data = arrayPointer(program, call, i, kernelCarriedOffset(program));
    bool byLayer = isByLayer(program.gate, array);
    if (array.role == MOE_PARAM || array.role == MOE_COEFFICIENT || elementCount(array, extent) == 0 ||
        !isNeeded(array, call.phase) || !(byLayer ? layerPointer(program, call, i, 0) : data))
      continue;
    bool changes = (array.role == MOE_STATE && program.kind == ProgramKind::Step) ||
                   ((array.flags & MOE_ARRAY_ADDS) && (call.phase & MOE_ADD));
    bool isReadOnly = !changes && (isRead(array) || (array.role == MOE_SAVED && program.isBackward));
    moe_emulator_use use = isReadOnly ? MOE_EMULATOR_READ : changes ? MOE_EMULATOR_READ_WRITE : MOE_EMULATOR_WRITE_ONCE;
    moe_emulator_buffer buffer = bufferOf(array, data, extent, use, isReadOnly || changes);
    if (byLayer)
      addLayers(program, call, i, buffer, memory);
    else
      memory.add(buffer);
  }
  if (uint64_t bytes = program.gate.accumulator_bytes; call.accumulators)
    memory.add(bytesAt("accumulators", call.accumulators, bytes, call.phase & MOE_RESET ? 0 : bytes));
  addWorkspace(program, call, memory);
  return memory;
}

//===-- What came of it
//-----------------------------------------------------------------------------------------------===//

void count(moe_transfer &into, const moe_emulator_traffic &counted) {
  into.bytes += counted.bytes;
  into.distinct_bytes += counted.distinct_bytes;
  into.requests += counted.requests;
  into.sectors += counted.sectors;
  into.ideal_sectors += counted.ideal_sectors;
}

/// Layers of one array stand side by side, and count as one.
void EmulatorExecutable::keepTraffic(const moe_gate &program, uint32_t first, const moe_emulator_report &found,
                                     const Memory &memory) const {
  std::vector<moe_traffic> rows;
  for (size_t pass = 0; pass < found.kernel_count; ++pass)
    for (size_t i = 0; i < memory.buffers.size(); ++i) {
      const moe_emulator_counts &counts = found.kernels[pass].buffers[i];
      if (!counts.loads.requests && !counts.stores.requests)
        continue;
      const char *kernel = program.cuda_kernels[first + pass].name;
      if (rows.empty() || rows.back().kernel != kernel || rows.back().array != memory.arrays[i])
        rows.push_back({kernel, memory.arrays[i], {}, {}});
      count(rows.back().load, counts.loads);
      count(rows.back().store, counts.stores);
    }
  std::lock_guard lock(mutex);
  lastTraffic = std::move(rows);
}

/// The findings as one failure. What was to be written and was not is one too.
moe_status failureOf(const moe_gate &gate, uint32_t first, const moe_emulator_report &found, const Memory &memory) {
  std::string texts;
  size_t count = found.finding_count;
  bool isComplete = found.kernel_count == gate.pass_count - first;
  for (size_t i = 0; i < found.finding_count; ++i) {
    const moe_emulator_finding &finding = found.findings[i];
    isComplete &= finding.kind != MOE_EMULATOR_BARRIER && finding.kind != MOE_EMULATOR_WARP &&
                  finding.kind != MOE_EMULATOR_LAUNCH; // these end a kernel
    texts += "\n" + std::string(finding.text);
    if (finding.times > 1)
      texts += print("\n  (%llu times)", static_cast<unsigned long long>(finding.times));
  }
  for (size_t i = 0; isComplete && i < memory.buffers.size(); ++i)
    if (uint64_t bytes = found.kernels[found.kernel_count - 1].buffers[i].undefined_bytes;
        bytes && memory.buffers[i].use == MOE_EMULATOR_WRITE_ONCE) {
      texts += print("\nnever written: %llu of the %llu bytes of '%s'", static_cast<unsigned long long>(bytes),
                     static_cast<unsigned long long>(memory.buffers[i].bytes), memory.buffers[i].name);
      ++count;
    }
  if (count == 0)
    return MOE_OK;
  return fail(MOE_FINDING, "gate '%s' in the emulator: %zu finding%s%s", gate.name, count, count == 1 ? "" : "s",
              texts.c_str());
}

moe_status EmulatorExecutable::run(const Program &program, const moe_call &call) const {
  if (moe_status status = workspaces.check(call))
    return status;
  if (moe_status status = checkPointers(program, call))
    return status;
  Memory memory = memoryOf(program, call);
  std::unique_ptr<moe_emulator_call, FreeCall> emulated(emulator.begin(memory.buffers.data(), memory.buffers.size()),
                                                        FreeCall{&emulator});
  KernelParameters parameters(program, call);
  size_t findings = 0;
  const uint32_t first = firstPass(program.gate, call.phase);
  for (uint32_t pass = first; pass < program.gate.pass_count && findings == 0; ++pass) {
    const moe_cuda_kernel &kernel = program.gate.cuda_kernels[pass];
    moe_emulator_launch launch = {};
    launch.kernel = kernel.name;
    launch.blocks = options.blocks && call.phase != MOE_FINISH ? options.blocks : parameters.blocks(kernel);
    launch.threads = kernel.threads;
    launch.shared_bytes = kernel.shared_bytes;
    launch.arguments = parameters.data(kernel);
    launch.seed = options.seed;
    findings = emulator.launch(emulated.get(), compiled.get(), &launch);
  }
  emulator.finish(emulated.get());
  const moe_emulator_report &found = *emulator.report(emulated.get());
  keepTraffic(program.gate, first, found, memory);
  return failureOf(program.gate, first, found, memory);
}

moe_status EmulatorExecutable::traffic(moe_traffic *rows, uint32_t &count) const {
  std::lock_guard lock(mutex);
  for (uint32_t i = 0; rows && i < count && i < lastTraffic.size(); ++i)
    rows[i] = lastTraffic[i];
  count = static_cast<uint32_t>(lastTraffic.size());
  return MOE_OK;
}

moe_status notEmulated() {
  return fail(MOE_INVALID_ARGUMENT, "the executable is not one of the emulator: prepare it with moe_prepare_emulator");
}

moe_status prepareEmulator(const moe_gate &gate, const moe_emulator_options *options, moe_executable **out) {
  if (gate.cuda_kernel_count == 0)
    return fail(MOE_UNSUPPORTED, "gate '%s' has no CUDA source for the emulator: it was compiled for the CPU only",
                gate.name);
  const moe_emulator_functions *emulator = nullptr;
  if (moe_status status = openEmulator(emulator))
    return status;
  auto executable = std::make_unique<EmulatorExecutable>(gate, *emulator);
  if (moe_status status = checkLayerPointers(*executable))
    return status;
  if (options)
    if (moe_status status = executable->setOptions(*options))
      return status;
  if (moe_status status = executable->prepare())
    return status;
  *out = executable.release();
  return MOE_OK;
}

} // namespace
} // namespace moe::rt

using namespace moe::rt;

extern "C" moe_status moe_prepare_emulator(const moe_gate *gate, const moe_emulator_options *options,
                                           moe_executable **out) {
  return guarded([&] {
    if (!out)
      return fail(MOE_INVALID_ARGUMENT, "moe_prepare_emulator: `out` is null");
    *out = nullptr;
    moe_status status = moe_check_gate(gate);
    return status ? status : prepareEmulator(*gate, options, out);
  });
}

extern "C" moe_status moe_set_emulator_options(moe_executable *executable, const moe_emulator_options *options) {
  if (!executable || !options)
    return fail(MOE_INVALID_ARGUMENT, "moe_set_emulator_options: `executable` or `options` is null");
  auto *emulated = dynamic_cast<EmulatorExecutable *>(executable);
  return emulated ? emulated->setOptions(*options) : notEmulated();
}

extern "C" moe_status moe_last_traffic(const moe_executable *executable, moe_traffic *rows, uint32_t *count) {
  if (!executable || !count)
    return fail(MOE_INVALID_ARGUMENT, "moe_last_traffic: `executable` or `count` is null");
  const auto *emulated = dynamic_cast<const EmulatorExecutable *>(executable);
  return emulated ? emulated->traffic(rows, *count) : notEmulated();
}
