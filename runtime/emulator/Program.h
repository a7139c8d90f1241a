// Generated CUDA as code of the host: the text for the host's compiler, and the compiled library.
#pragma once
#include "Findings.h"
#include "emulator.h"
#include "prelude/Machine.h"

#include <memory>
#include <string>
#include <vector>

namespace moe::emulator {

/// A compiled translation unit, of one or several sources.
class Library;

/// A variable in shared memory: where its name points to. Its bytes are elsewhere, once per block.
struct SharedVariableInfo {
  std::string name;
  const char *address;
  uint64_t bytes;
  bool dynamic; ///< as large as the launch says
};

struct Kernel {
  std::string name;
  void (*invoke)(void **arguments);
};

/// Compiled fast at first. Code that runs for long is compiled again, to fast code.
class Program {
public:
  Program(std::shared_ptr<Library> library, unsigned number, const moe_emulator_source &source, uint32_t firstOwnLine);
  ~Program();

  /// A launch took so long.
  void ran(uint64_t nanoseconds) { nanosecondsRun += nanoseconds; }
  /// Before a launch.
  void compileAgainIfWorthIt();

  const Kernel *find(const std::string &name) const;
  /// "'a', 'b'".
  std::string kernelNames() const;
  /// From now on the code calls these.
  void bind(const moe_services *services) const;
  /// Where the code finds the coordinates of the thread that runs.
  const moe_coordinates **running() const;
  /// Sorted by address; the addresses of all sources of the library.
  const std::vector<SharedVariableInfo> &sharedVariables() const;
  const char *sharedBegin() const;
  const char *sharedEnd() const;

  const SourceLines lines;
  /// Where the kernels begin; before it stand helpers that all gates share.
  const uint32_t firstOwnLine;

private:
  void use(std::shared_ptr<Library> loaded, unsigned number);

  const std::string name, text;
  std::shared_ptr<Library> library;
  std::vector<Kernel> kernels;
  uint64_t nanosecondsRun = 0;
  bool optimised = false;
};

/// Compiles sources, several to a translation unit. `messages[i]` says why programs[i] is null.
std::vector<std::unique_ptr<Program>> compile(const moe_emulator_source *sources, size_t count,
                                              std::vector<std::string> &messages);

} // namespace moe::emulator
