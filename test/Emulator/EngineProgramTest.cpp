// From CUDA text to code of the host: what is refused and how, many sources at a time, numbers as the device has them,
// and a prelude that has all that the device prelude has.
#include "test/Emulator/EngineRun.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include <bit>
#include <chrono>
#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <limits>
#include <random>
#include <regex>
#include <set>

namespace moe::emulator::test {
namespace {

using testing::AllOf;
using testing::HasSubstr;

TEST(EngineProgram, UnknownCuda) {
  struct Refused {
    const char *body, *names;
  };
  for (Refused refused :
       {Refused{"out[0] = __ballot_sync(0xffffffffu, 1);", "__ballot_sync"},
        Refused{"__threadfence_system();", "__threadfence_system"}, Refused{"moe_store1(out, threadIdx.y, 1);", "y"},
        Refused{"asm(\"trap;\");", "the_emulator_does_not_know_inline_PTX"},
        Refused{"moe_store16(out, 0, 1);", "moe_store16"}, Refused{"printf(\"%d\", 1);", "printf"}}) {
    Kernels kernels(std::string("extern \"C\" __global__ void kernel(int *out) {\n  ") + refused.body + "\n}\n");
    EXPECT_EQ(kernels.program, nullptr) << refused.body;
    EXPECT_THAT(kernels.message, AllOf(HasSubstr("kernels.cu: "), HasSubstr("does not know of CUDA is an error here"),
                                       HasSubstr(refused.names)));
    // A compiler may show a macro where it is defined.
    if (std::string(refused.body).find("asm") == std::string::npos)
      EXPECT_THAT(kernels.message, HasSubstr("kernels.cu:5"));
  }
}

std::string refusal(const char *text) {
  moe_emulator_source source = {"gate.cu", text};
  moe_emulator_program *program = nullptr;
  char *message = nullptr;
  EXPECT_EQ(engine().compile(&source, 1, &program, &message), 1u);
  EXPECT_EQ(program, nullptr);
  std::string what = message ? message : "";
  engine().free_text(message);
  return what;
}

TEST(EngineProgram, NotGenerated) {
  EXPECT_THAT(refusal("__global__ void kernel() {}"), AllOf(HasSubstr("gate.cu: "), HasSubstr("no device prelude")));
  EXPECT_THAT(refusal("//===-- end of moe device prelude ---===//\n//===-- moe device prelude ---===//\n"),
              HasSubstr("no device prelude"));
  EXPECT_THAT(refusal("//===-- moe device prelude ---===//\n//===-- end of moe device prelude ---===//\nint x;"),
              HasSubstr("no kernel"));
  EXPECT_THAT(refusal(""), HasSubstr("no device prelude"));
  EXPECT_THAT(refusal("//===-- moe device prelude ---===//\n//===-- end of moe device prelude ---===//\n"
                      "// as __global__ void kernel() does\n"),
              HasSubstr("no kernel"));
}

TEST(EngineProgram, NoCompiler) {
  const char *before = std::getenv("MOE_HOST_CXX");
  const std::string kept = before ? before : "";
  setenv("MOE_HOST_CXX", "no-such-compiler", 1);
  Kernels kernels("extern \"C\" __global__ void kernel(int *out) {}\n");
  if (before)
    setenv("MOE_HOST_CXX", kept.c_str(), 1);
  else
    unsetenv("MOE_HOST_CXX");
  EXPECT_THAT(kernels.message, AllOf(HasSubstr("cannot run 'no-such-compiler'"), HasSubstr("set MOE_HOST_CXX")));
}

TEST(EngineProgram, InterfaceOfAnotherVersion) {
  EXPECT_EQ(moe_emulator_interface(MOE_EMULATOR_VERSION + 1), nullptr);
  EXPECT_EQ(engine().version, static_cast<uint32_t>(MOE_EMULATOR_VERSION));
}

/// Sources with the same names in one run of the compiler; one of them is wrong, and only that one is refused.
TEST(EngineProgram, ManyAtOnce) {
  constexpr size_t count = 40, wrong = 17;
  std::vector<std::string> texts;
  std::vector<moe_emulator_source> sources;
  for (size_t n = 0; n < count; ++n)
    texts.push_back("//===-- moe device prelude ---===//\n//===-- end of moe device prelude ---===//\n" + rowsText() +
                    "struct layout { static MOE_DEVICE int number() { return " + std::to_string(n) + "; } };\n" +
                    "extern \"C\" __global__ void __launch_bounds__(32, 1) kernel(int *out) {\n" +
                    "  __shared__ unsigned shared[32];\n" + "  moe_put(shared, threadIdx.x, layout::number());\n" +
                    (n == wrong ? "  not_there();\n" : "") +
                    "  moe_store1(out, threadIdx.x, moe_get<int>(shared, threadIdx.x));\n}\n");
  for (const std::string &text : texts)
    sources.push_back({"gate.cu", text.c_str()});
  std::vector<moe_emulator_program *> programs(count);
  std::vector<char *> messages(count);
  EXPECT_EQ(engine().compile(sources.data(), count, programs.data(), messages.data()), 1u);
  for (size_t n = 0; n < count; ++n) {
    EXPECT_EQ(programs[n] == nullptr, n == wrong);
    EXPECT_EQ(messages[n] == nullptr, n != wrong);
    if (n != wrong) {
      Kernels kernels("");
      kernels.program = programs[n];
      CallMemory memory;
      int *out = memory.output<int>("out", 32);
      EXPECT_EQ(memory.run(kernels, "kernel", 1, 32).text(), "");
      EXPECT_EQ(out[31], static_cast<int>(n));
    } else {
      EXPECT_THAT(std::string(messages[n]), HasSubstr("not_there"));
    }
    engine().free_text(messages[n]);
  }
}

/// Nothing stays in the folder for temporary files.
TEST(EngineProgram, RemovesItsFiles) {
  const std::filesystem::path folder = std::filesystem::path(MOE_TEST_OUTPUT_DIR) / "temporary";
  std::filesystem::create_directories(folder);
  const char *before = std::getenv("TMPDIR");
  const std::string kept = before ? before : "";
  setenv("TMPDIR", folder.c_str(), 1);
  Kernels good("extern \"C\" __global__ void kernel(int *out) {}\n"),
      bad("extern \"C\" __global__ void kernel() { x }\n");
  if (before)
    setenv("TMPDIR", kept.c_str(), 1);
  else
    unsetenv("TMPDIR");
  EXPECT_NE(good.program, nullptr);
  EXPECT_EQ(bad.program, nullptr);
  EXPECT_TRUE(std::filesystem::is_empty(folder));
}

//===-- The prelude
//---------------------------------------------------------------------------------------------------===//

std::string readText(const std::string &path) {
  std::ifstream file(std::string(MOE_SOURCE_DIR) + "/" + path);
  return std::string(std::istreambuf_iterator<char>(file), {});
}

std::set<std::string> names(const std::string &text, const char *pattern) {
  std::set<std::string> found;
  const std::regex regex(pattern);
  for (std::sregex_iterator match(text.begin(), text.end(), regex), end; match != end; ++match)
    found.insert((*match)[1]);
  return found;
}

/// Every function and macro of the device prelude has its like. (That they mean the same is what the other tests and
/// the generated kernels show.)
TEST(EngineProgram, PreludeIsComplete) {
  const std::string device = readText("runtime/device/prelude.cuh");
  const std::string host =
      readText("runtime/emulator/prelude/Language.h") + readText("runtime/emulator/prelude/HostPrelude.h");
  std::set<std::string> functions = names(device, R"((?:MOE_DEVICE [\w *]*?|MOE_FUNCTION\()\b(moe_\w+)[(,])");
  EXPECT_GE(functions.size(), 55u);
  // What a helper macro makes stands with its stem.
  std::string made = host;
  for (const char *width : {"2", "4", "8"})
    made += std::string(" moe_load") + width + "( moe_store" + width + "(";
  for (const std::string &name : functions)
    EXPECT_TRUE(std::regex_search(made, std::regex("\\b" + name + "[(,]")))
        << name << " is not in the emulator's prelude";
  for (const std::string &name : names(device, R"(#define (MOE_\w+))"))
    if (name != "MOE_FUNCTION")
      EXPECT_TRUE(std::regex_search(host, std::regex("#define " + name + "\\b"))) << name;
}

//===-- Numbers
//-------------------------------------------------------------------------------------------------------===//

const Kernels &numbers() {
  static const Kernels made(R"cuda(
extern "C" __global__ void from_half(const unsigned short *in, unsigned *out, int count) {
  for (int n = threadIdx.x; n < count; n += blockDim.x)
    moe_store1(out, n, moe_bits(moe_f16(static_cast<unsigned>(moe_load1(in, n)) << 16 | 0x1234u, 1)));
}
extern "C" __global__ void to_half(const float *in, unsigned *out, int count) {
  for (int n = threadIdx.x; n < count; n += blockDim.x) {
    const float x = moe_load1(in, n);
    const unsigned packed = moe_pack_f16(x, -x), one = moe_to_f16(x);
    moe_store1(out, n, (packed & 0xffffu) == one ? packed : 0xdeadu);
  }
}
extern "C" __global__ void to_bf16(const float *in, unsigned *out, int count) {
  for (int n = threadIdx.x; n < count; n += blockDim.x) {
    const float x = moe_load1(in, n);
    const unsigned packed = moe_pack_bf16(x, -x), one = moe_to_bf16(x);
    moe_store1(out, n, (packed & 0xffffu) == one ? packed : 0xdeadu);
  }
}
extern "C" __global__ void extremes(const float *in, unsigned *out, int count) {
  for (int n = threadIdx.x; n < count * count; n += blockDim.x) {
    const float a = moe_load1(in, n / count), b = moe_load1(in, n % count);
    moe_store1(out, 4 * n, moe_bits(moe_max(a, b)));
    moe_store1(out, 4 * n + 1, moe_bits(moe_min(a, b)));
    moe_store1(out, 4 * n + 2, moe_bits(moe_maxnum(a, b)));
    moe_store1(out, 4 * n + 3, moe_bits(moe_minnum(a, b)));
  }
}
)cuda",
                            true);
  return made;
}

template <typename T>
std::vector<unsigned> convert(const char *kernel, const std::vector<T> &values, size_t results = 0) {
  EXPECT_EQ(numbers().message, "");
  CallMemory memory;
  memory.input("in", values);
  const size_t count = results ? results : values.size();
  unsigned *out = memory.output<unsigned>("out", count);
  memory.value(static_cast<int>(values.size()));
  EXPECT_EQ(memory.run(numbers(), kernel, 1, 256).text(), "");
  return std::vector<unsigned>(out, out + count);
}

/// The value of a format with `mantissa` bits and this exponent bias, from its definition.
double decode(unsigned bits, int mantissa, int exponentBits) {
  const int exponent = static_cast<int>(bits >> mantissa) & ((1 << exponentBits) - 1),
            bias = (1 << (exponentBits - 1)) - 1;
  const double fraction = bits & ((1u << mantissa) - 1);
  const double sign = bits >> (mantissa + exponentBits) & 1 ? -1 : 1;
  if (exponent == (1 << exponentBits) - 1)
    return fraction != 0 ? std::numeric_limits<double>::quiet_NaN() : sign * std::numeric_limits<double>::infinity();
  if (exponent == 0)
    return sign * std::ldexp(fraction, 1 - bias - mantissa);
  return sign * std::ldexp(fraction + std::ldexp(1, mantissa), exponent - bias - mantissa);
}

/// To nearest, ties to even, by search among all numbers of the format.
unsigned encode(float value, int mantissa, int exponentBits, const std::vector<double> &positive) {
  if (std::isnan(value))
    return 0x7fff;
  const unsigned sign = std::signbit(value) ? 0x8000 : 0;
  const double magnitude = std::fabs(static_cast<double>(value));
  auto above = std::lower_bound(positive.begin(), positive.end(), magnitude);
  auto number = static_cast<unsigned>(above - positive.begin());
  if (*above == magnitude)
    return sign | number;
  // Beyond the greatest number the next one would be where infinity stands.
  const double upper = std::isinf(*above) ? std::ldexp(1, 1 << (exponentBits - 1)) : *above,
               lower = positive[number - 1];
  const double low = magnitude - lower, high = upper - magnitude;
  const bool up = low > high || (low == high && (number & 1) == 0);
  return sign | (up ? number : number - 1);
}

TEST(EngineNumbers, EveryHalf) {
  std::vector<unsigned short> halves(65536);
  for (unsigned n = 0; n < 65536; ++n)
    halves[n] = static_cast<unsigned short>(n);
  std::vector<unsigned> bits = convert("from_half", halves);
  for (unsigned n = 0; n < 65536; ++n) {
    const double expected = decode(n, 10, 5);
    const unsigned wanted = std::isnan(expected) ? 0x7fffffff : std::bit_cast<unsigned>(static_cast<float>(expected));
    ASSERT_EQ(bits[n], wanted) << std::hex << n;
  }
}

/// Every half and its neighbours in float, ties between halves and their neighbours, and numbers from everywhere.
std::vector<float> samples(int mantissa, int exponentBits) {
  std::vector<float> values;
  const unsigned infinity = ((1u << exponentBits) - 1) << mantissa;
  for (unsigned n = 0; n < infinity; n += mantissa == 10 ? 1 : 7) {
    const double here = decode(n, mantissa, exponentBits);
    double next = decode(n + 1, mantissa, exponentBits);
    if (std::isinf(next))
      next = std::ldexp(1, 1 << (exponentBits - 1));
    for (double value : {here, (here + next) / 2}) {
      const auto rounded = static_cast<float>(value);
      for (float near : {rounded, std::nextafter(rounded, -1e38f), std::nextafter(rounded, 1e38f)})
        values.push_back(n % 2 ? near : -near);
    }
  }
  std::mt19937 random(7);
  for (int n = 0; n < 100000; ++n)
    values.push_back(std::bit_cast<float>(static_cast<uint32_t>(random())));
  for (uint32_t bits : {0x7f800000u, 0xff800000u, 0x7f800001u, 0xffffffffu, 0x7fc00000u, 1u, 0x80000001u, 0x7f7fffffu})
    values.push_back(std::bit_cast<float>(bits));
  return values;
}

void expectConversion(const char *kernel, int mantissa, int exponentBits) {
  std::vector<double> positive;
  for (unsigned n = 0; n <= ((1u << exponentBits) - 1) << mantissa; ++n)
    positive.push_back(decode(n, mantissa, exponentBits));
  const std::vector<float> values = samples(mantissa, exponentBits);
  const std::vector<unsigned> packed = convert(kernel, values);
  for (size_t n = 0; n < values.size(); ++n) {
    const unsigned low = encode(values[n], mantissa, exponentBits, positive);
    const unsigned high = encode(-values[n], mantissa, exponentBits, positive);
    ASSERT_EQ(packed[n], low | high << 16) << values[n] << " " << std::hex << std::bit_cast<unsigned>(values[n]);
  }
}

TEST(EngineNumbers, ToHalf) { expectConversion("to_half", 10, 5); }
TEST(EngineNumbers, ToBf16) { expectConversion("to_bf16", 7, 8); }

/// PTX: -0 is less than +0; max.NaN gives the one NaN 0x7fffffff for any NaN, max gives the other number.
TEST(EngineNumbers, Extremes) {
  const float nan = std::bit_cast<float>(0xffc12345u), infinity = std::numeric_limits<float>::infinity();
  const std::vector<float> values = {nan, -infinity, -1.5f, -0.0f, 0.0f, 1.5f, infinity};
  const size_t count = values.size();
  const std::vector<unsigned> bits = convert("extremes", values, 4 * count * count);
  for (size_t a = 0; a < count; ++a)
    for (size_t b = 0; b < count; ++b) { // the numbers are in order, the NaN comes first
      const unsigned *result = &bits[4 * (a * count + b)];
      const bool anyNan = a == 0 || b == 0;
      auto expected = [&](size_t n) { return std::bit_cast<unsigned>(values[n]); };
      EXPECT_EQ(result[0], anyNan ? 0x7fffffff : expected(std::max(a, b))) << a << " " << b;
      EXPECT_EQ(result[1], anyNan ? 0x7fffffff : expected(std::min(a, b))) << a << " " << b;
      if (a == 0 && b == 0) {
        EXPECT_TRUE(std::isnan(std::bit_cast<float>(result[2])) && std::isnan(std::bit_cast<float>(result[3])));
        continue;
      }
      EXPECT_EQ(result[2], expected(std::max(a, b))) << a << " " << b;
      EXPECT_EQ(result[3], expected(a == 0 || b == 0 ? std::max(a, b) : std::min(a, b))) << a << " " << b;
    }
}

} // namespace
} // namespace moe::emulator::test
