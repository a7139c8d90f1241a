// Compilation of generated CUDA as host C++ and its execution on fibers.
#include "test/Emulator/Executor.h"
#include "compiler/Conversion/MoeKernelToCUDA/MoeKernelToCUDA.h"
#include <boost/context/fiber.hpp>
#include <cstdio>
#include <cstdlib>
#include <dlfcn.h>
#include <fstream>
#include <sstream>
#include <unistd.h>

using namespace moe::emulator;
namespace context = boost::context;

namespace {

/// As in HostPrelude.h, which generated code sees.
struct Services {
  struct {
    unsigned x;
  } thread, block, grid;
  void *engine;
  void (*access)(void *, const void *, unsigned, bool);
  uint64_t (*exchange)(void *, int, uint64_t, int);
  void (*syncBlock)(void *);
};

using Invoke = void (*)(void **);

/// Runs the threads of one block, each until it waits for others, over and over.
class Engine {
public:
  Engine(Services **current, Invoke invoke, void **arguments, const std::vector<Buffer> &buffers, unsigned threads)
      : current(current), invoke(invoke), arguments(arguments), buffers(buffers), threads(threads),
        warps((threads + 31) / 32) {}

  std::string runGrid(unsigned blocks) {
    for (unsigned block = 0; block < blocks && error.empty(); ++block)
      runBlock(block, blocks);
    return error;
  }

private:
  enum class State { Running, WaitsForWarp, WaitsForBlock, Done };
  struct Thread {
    context::fiber fiber;
    Services services;
    State state = State::Running;
    uint64_t value = 0, result = 0;
    int kind = 0, from = 0;
  };
  struct Warp {
    unsigned waiting = 0;
  };

  void runBlock(unsigned block, unsigned blocks);
  bool openBarriers();
  void openWarp(unsigned warp);
  void fail(const std::string &message) {
    if (error.empty())
      error = message;
  }
  std::string here() const { return "thread " + std::to_string(running) + " of block " + std::to_string(blockNumber); }
  void wait(State state) {
    all[running].state = state;
    back = std::move(back).resume();
  }
  void checkAccess(const void *address, unsigned bytes, bool write);

  static void onAccess(void *engine, const void *address, unsigned bytes, bool write) {
    static_cast<Engine *>(engine)->checkAccess(address, bytes, write);
  }
  static uint64_t onExchange(void *pointer, int kind, uint64_t value, int from) {
    Engine &engine = *static_cast<Engine *>(pointer);
    unsigned self = engine.running;
    Thread &thread = engine.all[self];
    thread.kind = kind, thread.value = value, thread.from = from;
    engine.wait(State::WaitsForWarp);
    return engine.all[self].result;
  }
  static void onSyncBlock(void *engine) { static_cast<Engine *>(engine)->wait(State::WaitsForBlock); }

  Services **current;
  Invoke invoke;
  void **arguments;
  const std::vector<Buffer> &buffers;
  unsigned threads, warps;
  std::vector<Thread> all;
  context::fiber back; ///< the scheduler, while a thread runs
  unsigned running = 0, blockNumber = 0;
  std::string error;
};

} // namespace

void Engine::checkAccess(const void *address, unsigned bytes, bool write) {
  auto start = reinterpret_cast<uintptr_t>(address);
  if (start % bytes != 0)
    fail("misaligned access of " + std::to_string(bytes) + " bytes by " + here());
  for (const Buffer &buffer : buffers) {
    auto first = reinterpret_cast<uintptr_t>(buffer.data);
    if (start < first || start + bytes > first + buffer.bytes)
      continue;
    if (write && !buffer.writable)
      fail("write to '" + buffer.name + "', which is an input, by " + here());
    return;
  }
  std::ostringstream text;
  text << (write ? "write" : "read") << " of " << bytes << " bytes outside of all buffers by " << here();
  for (const Buffer &buffer : buffers) {
    auto offset = static_cast<int64_t>(start - reinterpret_cast<uintptr_t>(buffer.data));
    if (offset >= -64 && offset < static_cast<int64_t>(buffer.bytes) + 4096)
      text << ", at byte " << offset << " of '" << buffer.name << "' (" << buffer.bytes << " bytes)";
  }
  fail(text.str());
  back = std::move(back).resume(); // never resumed: the block is given up
}

void Engine::openWarp(unsigned warp) {
  for (unsigned lane = 0; lane < 32; ++lane) {
    Thread &thread = all[warp * 32 + lane];
    if (thread.kind != all[warp * 32].kind)
      fail("warp " + std::to_string(warp) + " of block " + std::to_string(blockNumber) +
           " meets in different shuffles or barriers");
    thread.result = all[warp * 32 + thread.from].value;
  }
  for (unsigned lane = 0; lane < 32; ++lane)
    all[warp * 32 + lane].state = State::Running;
}

/// Lets threads go on whose partners have all arrived. False when nobody can.
bool Engine::openBarriers() {
  bool progress = false;
  unsigned atBlock = 0, done = 0;
  for (unsigned warp = 0; warp < warps; ++warp) {
    unsigned waiting = 0;
    for (unsigned lane = 0; lane < 32; ++lane) {
      State state = all[warp * 32 + lane].state;
      waiting += state == State::WaitsForWarp;
      atBlock += state == State::WaitsForBlock;
      done += state == State::Done;
    }
    if (waiting == 32) {
      openWarp(warp);
      progress = true;
    }
  }
  if (done == threads)
    return false;
  if (atBlock == threads) {
    for (Thread &thread : all)
      thread.state = State::Running;
    return true;
  }
  if (!progress)
    fail("block " + std::to_string(blockNumber) + " is stuck: " + std::to_string(atBlock) +
         " threads wait for the block, " + std::to_string(threads - atBlock - done) + " for their warp, " +
         std::to_string(done) + " have returned");
  return progress;
}

void Engine::runBlock(unsigned block, unsigned blocks) {
  blockNumber = block;
  all.clear();
  all.resize(threads);
  for (unsigned n = 0; n < threads; ++n) {
    all[n].services = {{n}, {block}, {blocks}, this, onAccess, onExchange, onSyncBlock};
    all[n].fiber = context::fiber([this, n](context::fiber &&scheduler) {
      back = std::move(scheduler);
      invoke(arguments);
      all[n].state = State::Done;
      return std::move(back);
    });
  }
  do {
    for (unsigned n = 0; n < threads && error.empty(); ++n)
      if (all[n].state == State::Running) {
        running = n;
        *current = &all[n].services;
        all[n].fiber = std::move(all[n].fiber).resume();
      }
  } while (error.empty() && openBarriers());
}

//===-- Programs
//----------------------------------------------------------------------------------------------------===//

static std::string withHostPrelude(const std::string &source, const std::vector<std::string> &kernels) {
  size_t begin = source.find(moe::cudaPreludeBegin.str()), end = source.find(moe::cudaPreludeEnd.str());
  if (begin == std::string::npos || end == std::string::npos)
    return "";
  std::string host = "#include \"test/Emulator/HostPrelude.h\"\n" + source.substr(end);
  for (const std::string &kernel : kernels)
    host +=
        "extern \"C\" void " + kernel + "_invoke(void **arguments) { moe_host_invoke(&" + kernel + ", arguments); }\n";
  return host;
}

std::unique_ptr<Program> Program::compile(const std::string &source, const std::vector<std::string> &kernels,
                                          const std::string &folder, std::string &error) {
  static int number = 0;
  std::string stem = folder + "/cuda" + std::to_string(getpid()) + "_" + std::to_string(number++);
  std::ofstream(stem + ".cpp") << withHostPrelude(source, kernels);
  std::string command = std::string(MOE_HOST_CXX) + " -std=c++17 -O1 -shared -fPIC -ffp-contract=off -fwrapv -w -I" +
                        MOE_SOURCE_DIR + " " + stem + ".cpp -o " + stem + ".so > " + stem + ".log 2>&1";
  if (std::system(command.c_str()) != 0) {
    std::ifstream log(stem + ".log");
    error.assign(std::istreambuf_iterator<char>(log), {});
    return nullptr;
  }
  std::unique_ptr<Program> program(new Program());
  program->library = dlopen((stem + ".so").c_str(), RTLD_NOW | RTLD_LOCAL);
  if (!program->library) {
    error = dlerror();
    return nullptr;
  }
  for (const char *suffix : {".cpp", ".so", ".log"})
    std::remove((stem + suffix).c_str());
  return program;
}

Program::~Program() {
  if (library)
    dlclose(library);
}

std::string Program::launch(const std::string &kernel, unsigned blocks, unsigned threads, void **arguments,
                            const std::vector<Buffer> &buffers) {
  auto current = static_cast<Services **>(dlsym(library, "moe_host"));
  auto invoke = reinterpret_cast<Invoke>(dlsym(library, (kernel + "_invoke").c_str()));
  if (!current || !invoke)
    return "there is no kernel '" + kernel + "' in this program";
  return Engine(current, invoke, arguments, buffers, threads).runGrid(blocks);
}
