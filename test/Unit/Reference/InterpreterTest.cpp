// The interpreter's contract beyond single operations: binding, empty calls, status words, f32 selections, tolerances.
#include "test/Unit/Reference/Gate.h"
#include <gtest/gtest.h>

using namespace moe;
using namespace moe::test;
using reference::Array;
using reference::Arrays;
using reference::ElementKind;
using reference::EvaluationOptions;

namespace {

constexpr double inf = std::numeric_limits<double>::infinity();
constexpr double nan = std::numeric_limits<double>::quiet_NaN();

const char *const text = R"(
moe.gate @g {
  moe.axis @token
  moe.axis @expert size 3
  %alpha = moe.param "alpha" = 5.0e-01 : tensor<f32>
  %b = moe.input "logits" : tensor<?x3xbf16, #moe.axes<token, expert>>
  %x = arith.extf %b : tensor<?x3xbf16, #moe.axes<token, expert>> to tensor<?x3xf32, #moe.axes<token, expert>>
  %r = moe.topk %x over expert : tensor<?x3xf32, #moe.axes<token, expert>> -> !moe.selection<[token], expert, r.slot, 2>
  %w = moe.gather %x[%r] : tensor<?x3xf32, #moe.axes<token, expert>>, !moe.selection<[token], expert, r.slot, 2> -> tensor<?x2xf32, #moe.axes<token, r.slot>>
  %s = moe.reduce sum %x over [token, expert] : tensor<?x3xf32, #moe.axes<token, expert>> -> tensor<f32>
  %l = arith.mulf %alpha, %s : tensor<f32>
  %n = moe.size token : tensor<i32>
  %p = moe.reduce mean %x over [token, expert] : tensor<?x3xf32, #moe.axes<token, expert>> -> tensor<f32>
  moe.loss "mean" = %p : tensor<f32>
  moe.loss "total" = %l : tensor<f32>
  moe.metric "sum" = %s : tensor<f32>
  moe.metric "tokens" = %n : tensor<i32>
  moe.output "route" = %r : !moe.selection<[token], expert, r.slot, 2>
  moe.output "weight" = %w : tensor<?x2xf32, #moe.axes<token, r.slot>>
})";

Array array(std::vector<std::string> axes, std::vector<int64_t> sizes, std::vector<double> data) {
  return {std::move(axes), std::move(sizes), ElementKind::Float, std::move(data), {}};
}

std::string errorOf(const Arrays &inputs, const EvaluationOptions &options = {}) {
  Gate gate(text);
  auto results = reference::evaluate(*gate, inputs, options);
  return results ? "no error" : llvm::toString(results.takeError());
}

TEST(Interpreter, ReturnsLossesMetricsOutputsAndStatus) {
  Gate gate(text);
  // 1.00390625 is halfway between two bf16 numbers; the even one is 1.
  auto results =
      reference::evaluate(*gate, {{"logits", array({"token", "expert"}, {2, 3}, {1.00390625, 2, 3, 6, 5, 4})}});
  ASSERT_TRUE(static_cast<bool>(results)) << llvm::toString(results.takeError());
  Arrays &r = *results;
  EXPECT_EQ(r["total"].data, std::vector<double>{10.5});
  EXPECT_EQ(r["total"].terms, std::vector<double>{10.5});
  EXPECT_EQ(r["sum"].data, std::vector<double>{21});
  EXPECT_EQ(r["mean"].data, std::vector<double>{3.5});
  EXPECT_EQ(r["tokens"].data, std::vector<double>{2});
  EXPECT_EQ(r["tokens"].kind, ElementKind::Integer);
  EXPECT_EQ(r["route"].data, (std::vector<double>{2, 1, 0, 1}));
  EXPECT_EQ(r["route"].sizes, (std::vector<int64_t>{2, 2}));
  EXPECT_EQ(r["route"].axes, (std::vector<std::string>{"token", "r.slot"}));
  EXPECT_EQ(r["weight"].data, (std::vector<double>{3, 2, 6, 5}));
  EXPECT_EQ(r["empty"].data, std::vector<double>{0});
  EXPECT_EQ(r["nonfinite_tokens"].data, std::vector<double>{0});
}

TEST(Interpreter, ParametersCanBeGiven) {
  Gate gate(text);
  auto results = reference::evaluate(
      *gate, {{"logits", array({"token", "expert"}, {1, 3}, {1, 2, 3})}, {"alpha", array({}, {}, {2})}});
  ASSERT_TRUE(static_cast<bool>(results));
  EXPECT_EQ((*results)["total"].data, std::vector<double>{12});
}

TEST(Interpreter, WithoutTokensLossesAreZeroAndMetricsNaN) {
  Gate gate(text);
  auto results = reference::evaluate(*gate, {{"logits", array({"token", "expert"}, {0, 3}, {})}});
  ASSERT_TRUE(static_cast<bool>(results)) << llvm::toString(results.takeError());
  EXPECT_EQ((*results)["total"].data, std::vector<double>{0});
  EXPECT_EQ((*results)["mean"].data, std::vector<double>{0}); // the mean of nothing would be NaN
  EXPECT_TRUE(std::isnan((*results)["sum"].data.at(0)));
  EXPECT_EQ((*results)["tokens"].data, std::vector<double>{0});
  EXPECT_EQ((*results)["empty"].data, std::vector<double>{1});
  EXPECT_TRUE((*results)["route"].data.empty());
}

TEST(Interpreter, CountsTokensNotElementsThatAreNotFinite) {
  Gate gate(text);
  auto results = reference::evaluate(
      *gate, {{"logits", array({"token", "expert"}, {4, 3}, {1, nan, inf, 1, 2, 3, -inf, 0, 0, 1, 1, 1})}});
  ASSERT_TRUE(static_cast<bool>(results));
  EXPECT_EQ((*results)["nonfinite_tokens"].data, std::vector<double>{2});
  EXPECT_TRUE(std::isnan((*results)["total"].data.at(0)));
  EXPECT_EQ((*results)["route"].data, (std::vector<double>{2, 0, 2, 1, 1, 2, 0, 1}));
}

TEST(Interpreter, RefusesWrongInputsAndSaysWhich) {
  EXPECT_NE(errorOf({}).find("input 'logits' is missing"), std::string::npos);
  EXPECT_NE(errorOf({{"logits", array({}, {3}, {1, 2, 3})}}).find("has rank 1, expected 2"), std::string::npos);
  EXPECT_NE(errorOf({{"logits", array({}, {1, 4}, {1, 2, 3, 4})}}).find("size 4 on axis 'expert', expected 3"),
            std::string::npos);
  EXPECT_NE(errorOf({{"logits", array({}, {2, 3}, {1, 2, 3})}}).find("has 3 elements, its sizes say 6"),
            std::string::npos);
  EXPECT_NE(errorOf({{"logits", array({}, {1, 3}, {1, 2, 3})}, {"bias", array({}, {}, {0})}})
                .find("no input, parameter or state named 'bias'"),
            std::string::npos);
  EXPECT_NE(errorOf({{"logits", array({}, {1, 3}, {1, 2, 3})}, {"alpha", array({}, {2}, {0, 1})}})
                .find("is a scalar, but 2 elements"),
            std::string::npos);
  EvaluationOptions options;
  options.tokenCount = 2;
  EXPECT_NE(errorOf({{"logits", array({}, {1, 3}, {1, 2, 3})}}, options).find("size 1 on axis 'token', expected 2"),
            std::string::npos);
}

/// Node 0 holds 1, 2^-24, 2^-24, node 1 holds 1 + 2^-23: equal in f64, but added from the greatest down in f32 the
/// small ones are lost.
TEST(Interpreter, SelectionsCanBeRoundedToF32StepByStep) {
  Gate gate(R"(
moe.gate @g {
  moe.axis @token
  moe.axis @expert size 6
  moe.axis @node size 2 of @expert
  %x = moe.input "x" : tensor<?x6xf32, #moe.axes<token, expert>>
  %s = moe.sum_top %x, 3 over expert to node : tensor<?x6xf32, #moe.axes<token, expert>> -> tensor<?x2xf32, #moe.axes<token, node>>
  %r = moe.topk %s over node : tensor<?x2xf32, #moe.axes<token, node>> -> !moe.selection<[token], node, r.slot, 1>
  moe.output "r" = %r : !moe.selection<[token], node, r.slot, 1>
})");
  Arrays inputs{{"x", array({"token", "expert"}, {1, 6}, {1, 0x1p-24, 0x1p-24, 1 + 0x1p-23, 0, 0})}};
  EvaluationOptions options;
  auto wide = reference::evaluate(*gate, inputs, options);
  options.float32Selections = true;
  auto narrow = reference::evaluate(*gate, inputs, options);
  ASSERT_TRUE(wide && narrow);
  EXPECT_EQ((*wide)["r"].data, std::vector<double>{0});
  EXPECT_EQ((*narrow)["r"].data, std::vector<double>{1});
}

/// a * b + c where the product needs more than 24 bits, and its sum more than 53: rounding twice gives another number.
TEST(Interpreter, FusedMultiplyAddRoundsOnce) {
  Gate gate(R"(
moe.gate @g {
  moe.axis @token
  moe.axis @expert size 1
  %x = moe.input "x" : tensor<?x1xf32, #moe.axes<token, expert>>
  %y = moe.input "y" : tensor<?x1xf32, #moe.axes<token, expert>>
  %z = moe.input "z" : tensor<?x1xf32, #moe.axes<token, expert>>
  %v = math.fma %x, %y, %z : tensor<?x1xf32, #moe.axes<token, expert>>
  %r = moe.topk %v over expert : tensor<?x1xf32, #moe.axes<token, expert>> -> !moe.selection<[token], expert, r.slot, 1>
  moe.output "v" = %v : tensor<?x1xf32, #moe.axes<token, expert>>
})");
  // x * y = 2^-24 (1 - 2^-46), just below half a unit of z; f64 rounds the sum to the tie, which goes up to 1 + 2^-22.
  Arrays inputs{{"x", array({}, {1, 1}, {0x1p-12 * (1 + 0x1p-23)})},
                {"y", array({}, {1, 1}, {0x1p-12 * (1 - 0x1p-23)})},
                {"z", array({}, {1, 1}, {1 + 0x1p-23})}};
  EvaluationOptions options;
  options.float32Selections = true;
  auto results = reference::evaluate(*gate, inputs, options);
  ASSERT_TRUE(static_cast<bool>(results));
  EXPECT_EQ((*results)["v"].data, std::vector<double>{1 + 0x1p-23});
  // Every target has these bits, so that nothing before them excuses an error after them.
  EXPECT_EQ((*results)["v"].terms, (*results)["v"].data);
}

TEST(Tolerance, IsRelativeToTheTerms) {
  using reference::withinTolerance;
  EXPECT_TRUE(withinTolerance(1.00001, 1, 2, 1e-5));
  EXPECT_FALSE(withinTolerance(1.00003, 1, 2, 1e-5));
  EXPECT_TRUE(withinTolerance(nan, nan, nan, 1e-5));
  EXPECT_FALSE(withinTolerance(1, nan, nan, 1e-5));
  EXPECT_FALSE(withinTolerance(nan, 1, 1, 1e-5));
  EXPECT_TRUE(withinTolerance(inf, inf, inf, 1e-5));
  EXPECT_FALSE(withinTolerance(-inf, inf, inf, 1e-5));
  EXPECT_FALSE(withinTolerance(inf, 1, 1, 1e-5));
  EXPECT_FALSE(withinTolerance(1, inf, inf, 1e-5));
  EXPECT_TRUE(withinTolerance(inf, 1e39, 1e39, 1e-5)); // f32 cannot hold it
  EXPECT_TRUE(withinTolerance(0, 1e-39, 1e-39, 1e-5)); // flushed
  EXPECT_FALSE(withinTolerance(2, 1, inf, 1e-5));      // terms that overflowed allow nothing
}

} // namespace
