// Runs the host's C++ compiler.
#pragma once
#include <string>
#include <vector>

namespace moe::emulator {

/// A folder of our own for temporary files, removed with all that is in it.
class TemporaryFolder {
public:
  TemporaryFolder();
  ~TemporaryFolder();
  TemporaryFolder(const TemporaryFolder &) = delete;
  /// Empty: there is none, see `error`.
  const std::string &path() const { return folder; }
  std::string error;

private:
  std::string folder;
};

/// Compiles the C++ text in a file to a shared library, fast or to fast code. "" or why not.
std::string compileLibrary(const std::string &source, const std::string &library, bool optimised);

/// The compiler that compileLibrary runs, with its flags: $MOE_HOST_CXX, else the one that built this library, else
/// c++.
std::vector<std::string> hostCompiler();

} // namespace moe::emulator
