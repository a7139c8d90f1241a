// The C interface: checks what the caller says, one launch at a time, and reports.
#include "Launch.h"
#include "Program.h"

#include <chrono>
#include <cstring>
#include <deque>
#include <mutex>

using namespace moe::emulator;

struct moe_emulator_program {
  std::unique_ptr<Program> program;
};

struct moe_emulator_call {
  struct KernelCounts {
    std::string name;
    std::vector<moe_emulator_counts> buffers;
    LaunchCounts launch;
    uint64_t nanoseconds;
  };
  CallState state;
  std::deque<KernelCounts> kernels;
  std::vector<moe_emulator_kernel_report> shown;
  moe_emulator_report report;
};

namespace {

/// Of everything that runs: there is one set of fibers.
std::mutex &theMutex() {
  static std::mutex mutex;
  return mutex;
}

char *copyText(const std::string &text) {
  if (text.empty())
    return nullptr;
  char *copy = static_cast<char *>(std::malloc(text.size() + 1));
  if (copy)
    std::memcpy(copy, text.c_str(), text.size() + 1);
  return copy;
}

size_t compileSources(const moe_emulator_source *sources, size_t count, moe_emulator_program **programs,
                      char **messages) {
  std::vector<std::string> texts;
  std::vector<std::unique_ptr<Program>> compiled = compile(sources, count, texts);
  size_t failed = 0;
  for (size_t n = 0; n < count; ++n) {
    failed += !compiled[n];
    programs[n] = compiled[n] ? new moe_emulator_program{std::move(compiled[n])} : nullptr;
    messages[n] = programs[n] ? nullptr : copyText(texts[n]);
  }
  return failed;
}

void freeProgram(moe_emulator_program *program) {
  std::lock_guard lock(theMutex());
  delete program;
}

moe_emulator_call *beginCall(const moe_emulator_buffer *buffers, size_t count) {
  auto *call = new moe_emulator_call();
  for (size_t n = 0; n < count; ++n)
    call->state.buffers.emplace_back(buffers[n], static_cast<int>(n));
  return call;
}

/// "" or why the launch cannot be.
std::string checkLaunch(const Program &program, const moe_emulator_launch &launch) {
  if (!program.find(launch.kernel))
    return std::string("there is no kernel '") + launch.kernel + "' in this program; it has " + program.kernelNames();
  if (launch.threads == 0 || launch.threads > 1024 || launch.threads % 32)
    return std::string("kernel '") + launch.kernel + "': " + std::to_string(launch.threads) +
           " threads per block, expected a multiple of 32 up to 1024";
  if (launch.blocks == 0)
    return std::string("kernel '") + launch.kernel + "': a grid of 0 blocks, expected at least 1";
  return "";
}

size_t launchKernel(moe_emulator_call *call, moe_emulator_program *program, const moe_emulator_launch *launch) {
  std::lock_guard lock(theMutex());
  CallState &state = call->state;
  if (std::string wrong = checkLaunch(*program->program, *launch); !wrong.empty()) {
    state.findings.add(MOE_EMULATOR_LAUNCH, -1, 0, 0, [&] { return wrong; });
    return state.findings.size();
  }
  program->program->compileAgainIfWorthIt();
  const auto begin = std::chrono::steady_clock::now();
  Launch run(state, *program->program, *program->program->find(launch->kernel), *launch);
  run.run();
  const std::chrono::nanoseconds passed = std::chrono::steady_clock::now() - begin;
  program->program->ran(static_cast<uint64_t>(passed.count()));
  moe_emulator_call::KernelCounts counts{launch->kernel, {}, run.counts, static_cast<uint64_t>(passed.count())};
  for (Buffer &buffer : state.buffers)
    counts.buffers.push_back(buffer.endLaunch());
  call->kernels.push_back(std::move(counts));
  return state.findings.size();
}

size_t finishCall(moe_emulator_call *call) {
  CallState &state = call->state;
  for (const Buffer &buffer : state.buffers)
    if (int64_t at = buffer.notRestored(); at >= 0)
      state.findings.add(MOE_EMULATOR_NOT_RESTORED, buffer.number(), 0, 0, [&] { return buffer.notRestoredText(at); });
  return state.findings.size();
}

const moe_emulator_report *reportCall(moe_emulator_call *call) {
  call->shown.clear();
  for (const moe_emulator_call::KernelCounts &kernel : call->kernels)
    call->shown.push_back({kernel.name.c_str(), kernel.buffers.data(), kernel.launch.sharedLoads,
                           kernel.launch.sharedStores, kernel.launch.sharedBytes, kernel.launch.shuffles,
                           kernel.launch.warpBarriers, kernel.launch.blockBarriers, kernel.nanoseconds});
  const std::vector<moe_emulator_finding> &findings = call->state.findings.view();
  call->report = {findings.size(), findings.data(), call->shown.size(), call->shown.data()};
  return &call->report;
}

const moe_emulator_functions functions = {
    MOE_EMULATOR_VERSION, compileSources, freeProgram, [](char *text) { std::free(text); },          beginCall,
    launchKernel,         finishCall,     reportCall,  [](moe_emulator_call *call) { delete call; },
};

} // namespace

extern "C" __attribute__((visibility("default"))) const moe_emulator_functions *
moe_emulator_interface(uint32_t version) {
  return version == MOE_EMULATOR_VERSION ? &functions : nullptr;
}
