// A loaded library of generated code.
#pragma once
#include "Program.h"
#include "prelude/Machine.h"

#include <memory>
#include <string>
#include <vector>

namespace moe::emulator {

class Library {
public:
  /// Null with `error` set.
  static std::shared_ptr<Library> open(const std::string &path, std::string &error);
  ~Library();
  Library(const Library &) = delete;

  const moe_library_table &table() const { return *exported; }
  /// Sorted by address.
  std::vector<SharedVariableInfo> sharedVariables;

private:
  Library() = default;
  void *handle = nullptr;
  const moe_library_table *exported = nullptr;
};

} // namespace moe::emulator
