// The polynomials of ExpandMath.cpp, evaluated in f32 by the interpreter, against the C library in f64: every function
// over a dense sample of all f32 bit patterns, in units of the last place. The bounds are those of docs/numerics.md.
#include "test/Unit/Reference/Gate.h"
#include <cmath>
#include <cstring>
#include <gtest/gtest.h>
#include <random>

using namespace moe;
using namespace moe::test;
using reference::Array;

namespace {

float fromBits(uint32_t bits) {
  float x;
  std::memcpy(&x, &bits, sizeof x);
  return x;
}

/// |got - want| in units of the last place of want in f32; 0 for equal NaN or infinities, huge where only one is.
double ulps(double got, double want) {
  constexpr double wrong = 1e30;
  if (std::isnan(want) || std::isnan(got))
    return std::isnan(want) && std::isnan(got) ? 0 : wrong;
  float rounded = static_cast<float>(want);
  if (std::isinf(rounded) || std::isinf(got)) {
    bool nextToOverflow =
        std::isinf(rounded) && !std::isinf(want) && std::fabs(got) == std::numeric_limits<float>::max();
    return got == rounded ? 0 : nextToOverflow ? 1 : wrong;
  }
  if (rounded == 0 && std::signbit(got) != std::signbit(want))
    return wrong;
  int exponent;
  std::frexp(rounded, &exponent);
  return std::fabs(got - want) / std::ldexp(1.0, std::max(exponent - 24, -149));
}

struct Worst {
  double error = 0;
  float x = 0, y = 0, got = 0;
};

/// Sixteen arguments per token.
Array rows(const std::vector<float> &values) {
  Array array;
  array.axes = {"token", "expert"};
  array.sizes = {static_cast<int64_t>(values.size() / 16), 16};
  array.data.assign(values.begin(), values.end());
  return array;
}

std::string gateText(const std::string &inputs, const std::string &expression) {
  const std::string type = "tensor<?x16xf32, #moe.axes<token, expert>>";
  std::string text = "moe.gate @f {\n moe.axis @token\n moe.axis @expert size 16\n" + inputs + "%v = " + expression +
                     "\n %r = moe.topk %v over expert : TYPE -> !moe.selection<[token], expert, r.slot, 1>\n "
                     "moe.output \"v\" = %v : TYPE\n}";
  for (size_t at; (at = text.find("TYPE")) != std::string::npos;)
    text.replace(at, 4, type);
  return text;
}

/// The greatest error of a function of one argument; `values` holds a multiple of sixteen.
Worst measure(const std::string &op, double (*want)(double), const std::vector<float> &values) {
  Gate gate(gateText("%x = moe.input \"x\" : TYPE\n", op + " %x : TYPE"));
  Worst worst;
  EXPECT_TRUE(gate.parsed() && gate.expandSelectionMath());
  reference::EvaluationOptions options;
  options.float32Selections = true;
  constexpr size_t chunk = 1 << 15;
  for (size_t begin = 0; begin < values.size(); begin += chunk) {
    std::vector<float> part(values.begin() + begin, values.begin() + std::min(values.size(), begin + chunk));
    auto results = reference::evaluate(*gate, {{"x", rows(part)}}, options);
    EXPECT_TRUE(static_cast<bool>(results)) << llvm::toString(results.takeError());
    const std::vector<double> &got = (*results)["v"].data;
    for (size_t i = 0; i < part.size(); ++i)
      if (double error = ulps(got[i], want(part[i])); error > worst.error)
        worst = {error, part[i], 0, static_cast<float>(got[i])};
  }
  return worst;
}

/// Every 9973rd bit pattern, and the places where something changes.
std::vector<float> sample() {
  std::vector<float> values;
  for (uint64_t bits = 0; bits <= 0xffffffffu; bits += 9973)
    values.push_back(fromBits(static_cast<uint32_t>(bits)));
  const float inf = INFINITY;
  for (float x : {0.0f,   1.0f,        88.72283f,     88.722839f,      88.73f, 87.4f,       103.97f, 103.9721f,
                  104.0f, 10.0543f,    127.9999f,     128.0f,          149.0f, 149.5f,      150.0f,  0.6f,
                  0.92f,  0.59999996f, 3.4028235e38f, 1.17549435e-38f, 1e-45f, 0.34657359f, inf,     NAN})
    for (float signedX :
         {x, -x, std::nextafter(x, inf), std::nextafter(x, -inf), -std::nextafter(x, inf), -std::nextafter(x, -inf)})
      values.push_back(signedX);
  values.resize((values.size() + 15) / 16 * 16, 1.0f);
  return values;
}

/// 1 / (1 + exp(-x)), which is 0 in f32 once exp(-x) overflows, although the true value is a denormal number there.
double sigmoidWhereExpIsFinite(double x) {
  double exp = std::exp(-x);
  return exp > std::numeric_limits<float>::max() ? 0 : 1 / (1 + exp);
}

struct Function {
  const char *op;
  double (*want)(double);
  double bound;
};

class ExpandMath : public testing::TestWithParam<Function> {};

TEST_P(ExpandMath, StaysWithinItsBoundOverAllFloats) {
  Worst worst = measure(GetParam().op, GetParam().want, sample());
  EXPECT_LE(worst.error, GetParam().bound) << GetParam().op << "(" << worst.x << ") is " << worst.got;
  RecordProperty("ulp", std::to_string(worst.error));
}

INSTANTIATE_TEST_SUITE_P(Functions, ExpandMath,
                         testing::Values(Function{"math.exp", [](double x) { return std::exp(x); }, 0.95},
                                         Function{"math.exp2", [](double x) { return std::exp2(x); }, 0.95},
                                         Function{"math.expm1", [](double x) { return std::expm1(x); }, 1.6},
                                         Function{"math.log", [](double x) { return std::log(x); }, 0.95},
                                         Function{"math.log1p", [](double x) { return std::log1p(x); }, 0.95},
                                         Function{"math.tanh", [](double x) { return std::tanh(x); }, 1.5},
                                         Function{"math.erf", [](double x) { return std::erf(x); }, 1.2},
                                         Function{"math.erfc", [](double x) { return std::erfc(x); }, 4.0},
                                         Function{"math.rsqrt", [](double x) { return 1 / std::sqrt(x); }, 1.5},
                                         Function{"moe.sigmoid", sigmoidWhereExpIsFinite, 2.5}),
                         [](const testing::TestParamInfo<Function> &info) {
                           return std::string(info.param.op).substr(std::string(info.param.op).find('.') + 1);
                         });

TEST(ExpandMathPow, StaysWithinItsBound) {
  std::vector<float> xs, ys;
  const float special[] = {0.0f,  -0.0f,  1.0f,        -1.0f,        INFINITY, -INFINITY, NAN,    2.0f,
                           -2.0f, 3.0f,   -3.0f,       0.5f,         -0.5f,    1.5f,      1e-45f, -1e-45f,
                           3e38f, -3e38f, 0.99999994f, -0.99999994f, 1e10f,    -1e10f};
  for (float x : special)
    for (float y : special) {
      xs.push_back(x);
      ys.push_back(y);
    }
  std::mt19937_64 random(1);
  while (xs.size() < 400000) {
    float x = fromBits(static_cast<uint32_t>(random() & 0x7fffffff)); // a positive number or NaN
    double spread = (static_cast<double>(random()) / 1.8446744e19 - 0.5) * (xs.size() % 2 ? 4 : 300);
    float y = static_cast<float>(spread / (1 + std::fabs(std::log(std::fabs(static_cast<double>(x))))));
    if (xs.size() % 11 == 0)
      y = std::rint(y * 3);
    xs.push_back(xs.size() % 5 ? x : -x);
    ys.push_back(y);
  }
  xs.resize(xs.size() / 16 * 16);
  ys.resize(xs.size());
  Gate gate(gateText("%x = moe.input \"x\" : TYPE\n%y = moe.input \"y\" : TYPE\n", "math.powf %x, %y : TYPE"));
  ASSERT_TRUE(gate.parsed() && gate.expandSelectionMath());
  reference::EvaluationOptions options;
  options.float32Selections = true;
  auto results = reference::evaluate(*gate, {{"x", rows(xs)}, {"y", rows(ys)}}, options);
  ASSERT_TRUE(static_cast<bool>(results));
  for (size_t i = 0; i < xs.size(); ++i)
    ASSERT_LE(ulps((*results)["v"].data[i], std::pow(static_cast<double>(xs[i]), static_cast<double>(ys[i]))), 2.0)
        << "pow(" << xs[i] << ", " << ys[i] << ") is " << (*results)["v"].data[i];
}

TEST(ExpandMathPow, SmallConstantPowersAreProducts) {
  Gate gate(gateText("%x = moe.input \"x\" : TYPE\n%c = arith.constant dense<3.0> : tensor<f32>\n%y = moe.broadcast %c "
                     ": tensor<f32> to TYPE\n",
                     "math.powf %x, %y : TYPE"));
  ASSERT_TRUE(gate.parsed() && gate.expandSelectionMath());
  int products = 0, others = 0;
  (*gate).walk([&](mlir::Operation *op) {
    products += mlir::isa<mlir::arith::MulFOp>(op);
    others += mlir::isa<mlir::math::FmaOp, mlir::math::PowFOp, mlir::arith::DivFOp>(op);
  });
  EXPECT_EQ(products, 2);
  EXPECT_EQ(others, 0);
}

} // namespace
