// What libmoe_runtime.so needs and exports: no LLVM, no MLIR, no CUDA; the C interface and nothing else.
#include <cstdio>
#include <gtest/gtest.h>
#include <sstream>
#include <string>
#include <vector>

namespace {

std::string outputOf(const std::string &command) {
  std::string text;
  FILE *pipe = popen(command.c_str(), "r");
  char buffer[4096];
  for (size_t count; pipe && (count = fread(buffer, 1, sizeof(buffer), pipe)) > 0;)
    text.append(buffer, count);
  EXPECT_TRUE(pipe && pclose(pipe) == 0) << command;
  return text;
}

TEST(Library, NeedsNoLlvmAndNoCuda) {
  std::string needed = outputOf("readelf -d '" MOE_RUNTIME_LIBRARY "'");
  EXPECT_NE(needed.find("(NEEDED)"), std::string::npos) << "readelf shows no libraries at all";
  EXPECT_NE(needed.find("libmoe_runtime.so.4"), std::string::npos);
  for (const char *library : {"LLVM", "MLIR", "clang", "libcuda", "nvrtc", "cudart", "fmt"})
    EXPECT_EQ(needed.find(library), std::string::npos) << needed;
}

TEST(Library, HasNoSymbolOfLlvmOrMlir) {
  std::string symbols = outputOf("nm -D '" MOE_RUNTIME_LIBRARY "'");
  EXPECT_NE(symbols.find("moe_run"), std::string::npos);
  for (const char *part : {"llvm", "LLVM", "mlir", "MLIR", " U cu", " U nvrtc"})
    EXPECT_EQ(symbols.find(part), std::string::npos) << part;
}

TEST(Library, ExportsTheCInterfaceOnly) {
  std::istringstream symbols(outputOf("nm -D --defined-only '" MOE_RUNTIME_LIBRARY "'"));
  std::vector<std::string> exported;
  for (std::string address, kind, name; symbols >> address >> kind >> name;)
    if (kind == "T" || kind == "D" || kind == "B" || kind == "R")
      exported.push_back(name);
  for (const std::string &name : exported)
    EXPECT_EQ(name.compare(0, 4, "moe_"), 0) << name;
  EXPECT_EQ(exported.size(), 22u);
}

} // namespace
