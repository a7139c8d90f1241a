// The host's compiler as a child process.
#include "HostCompiler.h"

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <filesystem>
#include <fstream>
#include <spawn.h>
#include <sstream>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

namespace moe::emulator {
namespace {

/// More of a compiler's message does not help.
constexpr size_t messageLimit = 6000;

bool canRun(const std::string &program) {
  if (program.find('/') != std::string::npos)
    return access(program.c_str(), X_OK) == 0;
  const char *path = std::getenv("PATH");
  std::istringstream folders(path ? path : "");
  for (std::string folder; std::getline(folders, folder, ':');)
    if (access((folder + "/" + program).c_str(), X_OK) == 0)
      return true;
  return false;
}

/// 0, or an errno: the program could not be started. `exitCode` is -1 if it did not end by itself.
int run(const std::vector<std::string> &command, const std::string &output, int &exitCode) {
  std::vector<char *> arguments;
  for (const std::string &argument : command)
    arguments.push_back(const_cast<char *>(argument.c_str()));
  arguments.push_back(nullptr);
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, output.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600);
  posix_spawn_file_actions_adddup2(&actions, STDOUT_FILENO, STDERR_FILENO);
  pid_t child;
  int failed = posix_spawnp(&child, arguments[0], &actions, nullptr, arguments.data(), environ);
  posix_spawn_file_actions_destroy(&actions);
  if (failed)
    return failed;
  int status = 0;
  while (waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  exitCode = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  return 0;
}

std::string readFile(const std::string &path) {
  std::ifstream file(path, std::ios::binary);
  return std::string(std::istreambuf_iterator<char>(file), {});
}

} // namespace

TemporaryFolder::TemporaryFolder() {
  std::error_code failed;
  std::filesystem::path parent = std::filesystem::temp_directory_path(failed);
  std::string pattern = (parent / "moe-emulator-XXXXXX").string();
  if (!failed && mkdtemp(pattern.data()))
    folder = pattern;
  else
    error = "the emulator needs a folder for temporary files: " +
            (failed ? failed.message() : pattern + ": " + std::strerror(errno)) + "; set TMPDIR to one";
}

TemporaryFolder::~TemporaryFolder() {
  std::error_code ignored;
  if (!folder.empty())
    std::filesystem::remove_all(folder, ignored);
}

std::vector<std::string> hostCompiler() {
  const char *asked = std::getenv("MOE_HOST_CXX");
  if (asked && *asked) {
    std::istringstream words(asked);
    std::vector<std::string> command;
    for (std::string word; words >> word;)
      command.push_back(word);
    return command;
  }
#ifdef MOE_EMULATOR_CXX
  if (canRun(MOE_EMULATOR_CXX))
    return {MOE_EMULATOR_CXX};
#endif
  return {"c++"};
}

std::string compileLibrary(const std::string &source, const std::string &library, bool optimised) {
  std::vector<std::string> command = hostCompiler();
  if (command.empty() || !canRun(command[0]))
    return "the emulator needs a C++ compiler to run generated CUDA on the CPU, and cannot run '" +
           (command.empty() ? "" : command[0]) + "'; set MOE_HOST_CXX to one";
  // Integers wrap and floats are not contracted, as in the code that NVRTC makes. Nothing of the standard libraries is
  // used, but for the functions of <math.h>; without them linking takes a fifth of the time.
  for (const char *flag : {"-x", "c++", "-std=c++17", "-w", "-fPIC", "-shared", "-fvisibility=hidden", "-nostdlib",
                           "-ffp-contract=off", "-fwrapv", "-fno-strict-aliasing", "-fexceptions", "-fno-rtti"})
    command.push_back(flag);
  command.insert(command.end(), {optimised ? "-O1" : "-O0", source, "-o", library, "-lm"});
  const std::string log = library + ".log";
  int exitCode = 0;
  if (int failed = run(command, log, exitCode))
    return "the C++ compiler '" + command[0] + "' could not be started: " + std::strerror(failed);
  if (exitCode == 0)
    return "";
  std::string message = readFile(log);
  if (message.size() > messageLimit)
    message = message.substr(0, messageLimit) + "\n...";
  return "the C++ compiler '" + command[0] +
         "' refused it (what the emulator does not know of CUDA is an error here):\n" + message;
}

} // namespace moe::emulator
