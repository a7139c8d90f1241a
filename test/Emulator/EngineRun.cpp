// Calls of the engine's C interface.
#include "test/Emulator/EngineRun.h"
#include <fstream>
#include <sstream>

namespace moe::emulator::test {

const moe_emulator_functions &engine() { return *moe_emulator_interface(MOE_EMULATOR_VERSION); }

const std::string &rowsText() {
  static const std::string text = [] {
    std::ifstream file(MOE_SOURCE_DIR "/runtime/device/rows.cuh");
    return std::string(std::istreambuf_iterator<char>(file), {});
  }();
  return text;
}

Kernels::Kernels(const std::string &text, bool withRows) {
  std::string source = "//===-- moe device prelude ---===//\nwhat stands here is left out\n"
                       "//===-- end of moe device prelude ---===//\n";
  if (withRows)
    source += rowsText();
  source += text;
  moe_emulator_source one = {"kernels.cu", source.c_str()};
  char *why = nullptr;
  engine().compile(&one, 1, &program, &why);
  message = why ? why : "";
  engine().free_text(why);
}

Kernels::~Kernels() { engine().free_program(program); }

std::string Outcome::text() const {
  std::string all;
  for (const Finding &finding : findings)
    all += finding.text + "\n";
  return all;
}

bool Outcome::has(moe_emulator_finding_kind kind) const {
  for (const Finding &finding : findings)
    if (finding.kind == kind)
      return true;
  return false;
}

void *CallMemory::add(const char *name, moe_emulator_use use, size_t bytes, size_t defined, size_t elementBytes,
                      size_t rowBytes, size_t offset) {
  memory.push_back(std::make_unique<char[]>(bytes + 256 + offset));
  char *start = memory.back().get();
  start += 256 - reinterpret_cast<uintptr_t>(start) % 256 + offset;
  buffers.push_back({name, start, bytes, use, static_cast<uint32_t>(elementBytes), rowBytes, defined, 0});
  pointers.push_back(std::make_unique<void *>(start));
  arguments.push_back(pointers.back().get());
  return start;
}

unsigned *CallMemory::workspace(size_t words, size_t header) {
  void *data = add("workspace", MOE_EMULATOR_READ_WRITE, words * 4, header * 4);
  buffers.back().restored_bytes = header * 4;
  return static_cast<unsigned *>(data);
}

void CallMemory::value(int number) {
  numbers.push_back(std::make_unique<int>(number));
  arguments.push_back(numbers.back().get());
}

Outcome CallMemory::run(const Kernels &kernels, const char *kernel, unsigned blocks, unsigned threads, uint64_t seed,
                        uint32_t sharedBytes) {
  moe_emulator_call *call = engine().begin(buffers.data(), buffers.size());
  moe_emulator_launch launch = {kernel, blocks, threads, sharedBytes, arguments.data(), seed, 0};
  engine().launch(call, kernels.program, &launch);
  engine().finish(call);
  const moe_emulator_report &report = *engine().report(call);
  Outcome outcome;
  for (size_t n = 0; n < report.finding_count; ++n)
    outcome.findings.push_back({report.findings[n].kind, report.findings[n].times, report.findings[n].text});
  if (report.kernel_count) {
    outcome.kernel = report.kernels[0];
    outcome.buffers.assign(outcome.kernel.buffers, outcome.kernel.buffers + buffers.size());
  }
  outcome.kernel.kernel = nullptr; // both are the call's
  outcome.kernel.buffers = nullptr;
  engine().free_call(call);
  return outcome;
}

} // namespace moe::emulator::test
