// What a call with layers reports: arrays with the layers in front, whether these stand before the tokens or have been
// folded into them; status words that count tokens in each layer. A gate without tokens.
#include "test/Unit/Reference/Gate.h"
#include <gtest/gtest.h>

using namespace moe;
using namespace moe::test;
using reference::Array;
using reference::Arrays;
using reference::ElementKind;

namespace {

constexpr double inf = std::numeric_limits<double>::infinity();
constexpr double nan = std::numeric_limits<double>::quiet_NaN();

const char *const before = R"(
moe.gate @before {
  moe.axis @layer size 2
  moe.axis @token
  moe.axis @expert size 2
  moe.axis @pick size 1
  moe.axis @sequence of @token length 3
  %x = moe.input "x" : tensor<2x?x2xf32, #moe.axes<layer, token, expert>>
  %same = moe.input "same" : tensor<?xf32, #moe.axes<token>>
  %i = moe.input "i" : tensor<2x?x1xi32, #moe.axes<layer, token, pick>>
  %r = moe.topk %x over expert : tensor<2x?x2xf32, #moe.axes<layer, token, expert>> -> !moe.selection<[layer, token], expert, r.slot, 1>
  %g = moe.forced %i : tensor<2x?x1xi32, #moe.axes<layer, token, pick>> -> !moe.selection<[layer, token], expert, g.slot, 1>
  %s = moe.reduce sum %x over [token] to sequence : tensor<2x?x2xf32, #moe.axes<layer, token, expert>> -> tensor<2x?x2xf32, #moe.axes<layer, sequence, expert>>
  %t = moe.reduce sum %x over [token] : tensor<2x?x2xf32, #moe.axes<layer, token, expert>> -> tensor<2x2xf32, #moe.axes<layer, expert>>
  %twice = arith.addf %same, %same : tensor<?xf32, #moe.axes<token>>
  %all = moe.reduce sum %x over [layer, token, expert] : tensor<2x?x2xf32, #moe.axes<layer, token, expert>> -> tensor<f32>
  moe.output "route" = %r : !moe.selection<[layer, token], expert, r.slot, 1>
  moe.output "given" = %g : !moe.selection<[layer, token], expert, g.slot, 1>
  moe.output "sum" = %s : tensor<2x?x2xf32, #moe.axes<layer, sequence, expert>>
  moe.output "of" = %t : tensor<2x2xf32, #moe.axes<layer, expert>>
  moe.output "twice" = %twice : tensor<?xf32, #moe.axes<token>>
  moe.loss "all" = %all : tensor<f32>
})";

/// The same, as moe-fold-layers leaves it.
const char *const folded = R"(
moe.gate @folded {
  moe.axis @token layers 2
  moe.axis @expert size 2
  moe.axis @pick size 1
  moe.axis @sequence of @token length 3
  moe.axis @layer of @sequence count 2
  %x = moe.input "x" layered "layer" : tensor<?x2xf32, #moe.axes<token, expert>>
  %same = moe.input "same" : tensor<?xf32, #moe.axes<token>>
  %i = moe.input "i" layered "layer" : tensor<?x1xi32, #moe.axes<token, pick>>
  %r = moe.topk %x over expert : tensor<?x2xf32, #moe.axes<token, expert>> -> !moe.selection<[token], expert, r.slot, 1>
  %g = moe.forced %i : tensor<?x1xi32, #moe.axes<token, pick>> -> !moe.selection<[token], expert, g.slot, 1>
  %s = moe.reduce sum %x over [token] to sequence : tensor<?x2xf32, #moe.axes<token, expert>> -> tensor<?x2xf32, #moe.axes<sequence, expert>>
  %t = moe.reduce sum %x over [token] to layer : tensor<?x2xf32, #moe.axes<token, expert>> -> tensor<?x2xf32, #moe.axes<layer, expert>>
  %twice = arith.addf %same, %same : tensor<?xf32, #moe.axes<token>>
  %all = moe.reduce sum %x over [token, expert] : tensor<?x2xf32, #moe.axes<token, expert>> -> tensor<f32>
  moe.output "route" = %r layered "layer" : !moe.selection<[token], expert, r.slot, 1>
  moe.output "given" = %g layered "layer" : !moe.selection<[token], expert, g.slot, 1>
  moe.output "sum" = %s layered "layer" : tensor<?x2xf32, #moe.axes<sequence, expert>>
  moe.output "of" = %t : tensor<?x2xf32, #moe.axes<layer, expert>>
  moe.output "twice" = %twice : tensor<?xf32, #moe.axes<token>>
  moe.loss "all" = %all : tensor<f32>
})";

/// Three tokens in each of two layers.
Arrays run(const char *text, std::vector<double> x, std::vector<double> same, std::vector<double> route,
           std::optional<int64_t> tokens = std::nullopt) {
  Gate gate(text);
  if (!gate.parsed()) {
    ADD_FAILURE() << "the gate does not parse";
    return {};
  }
  auto count = static_cast<int64_t>(same.size());
  reference::EvaluationOptions options;
  options.tokenCount = tokens;
  auto results = reference::evaluate(*gate,
                                     {{"x", {{}, {2, count, 2}, ElementKind::Float, std::move(x), {}}},
                                      {"same", {{}, {count}, ElementKind::Float, std::move(same), {}}},
                                      {"i", {{}, {2, count, 1}, ElementKind::Integer, std::move(route), {}}}},
                                     options);
  if (results)
    return std::move(*results);
  ADD_FAILURE() << llvm::toString(results.takeError());
  return {};
}

struct Layers : testing::TestWithParam<const char *> {};

TEST_P(Layers, StandInFrontOfTheArraysOfTheCaller) {
  Arrays r = run(GetParam(), {1, 2, 4, 3, 5, 6, 10, 20, 40, 30, 50, 60}, {7, 8, 9}, {0, 1, 0, 1, 0, 1});
  EXPECT_EQ(r["route"].data, (std::vector<double>{1, 0, 1, 1, 0, 1}));
  EXPECT_EQ(r["route"].sizes, (std::vector<int64_t>{2, 3, 1}));
  EXPECT_EQ(r["route"].axes, (std::vector<std::string>{"layer", "token", "r.slot"}));
  EXPECT_EQ(r["sum"].data, (std::vector<double>{10, 11, 100, 110}));
  EXPECT_EQ(r["sum"].sizes, (std::vector<int64_t>{2, 1, 2}));
  EXPECT_EQ(r["sum"].terms, r["sum"].data);
  EXPECT_EQ(r["of"].data, (std::vector<double>{10, 11, 100, 110}));
  EXPECT_EQ(r["of"].sizes, (std::vector<int64_t>{2, 2}));
  EXPECT_EQ(r["twice"].data, (std::vector<double>{14, 16, 18}));
  EXPECT_EQ(r["twice"].sizes, (std::vector<int64_t>{3}));
  EXPECT_EQ(r["twice"].terms, r["twice"].data);
  EXPECT_EQ(r["all"].data, std::vector<double>{231});
}

/// Token 0 of the first layer and tokens 0 and 2 of the second one.
TEST_P(Layers, CountTokensThatAreNotFiniteOnceForEachLayer) {
  Arrays r = run(GetParam(), {1, nan, 4, 3, 5, 6, inf, nan, 40, 30, 50, inf}, {7, 8, 9}, {0, 1, 0, 1, 0, 1});
  EXPECT_EQ(r["nonfinite_tokens"].data, std::vector<double>{3});
  EXPECT_EQ(r["out_of_range"].data, std::vector<double>{0});
}

/// What is the same for all layers is not finite in each of them: token 2; token 0 is in the second layer alone.
TEST_P(Layers, CountWhatTheyShareForEach) {
  Arrays r = run(GetParam(), {1, 2, 4, 3, 5, inf, nan, 20, 40, 30, 50, 60}, {7, 8, -inf}, {0, 1, 0, 1, 0, 1});
  EXPECT_EQ(r["nonfinite_tokens"].data, std::vector<double>{3});
}

TEST_P(Layers, CountTokensWithIndicesOutOfRangeOnceForEachLayer) {
  Arrays r = run(GetParam(), {1, 2, 4, 3, 5, 6, 10, 20, 40, 30, 50, 60}, {7, 8, 9}, {2, 1, -1, 7, 0, -2});
  EXPECT_EQ(r["out_of_range"].data, std::vector<double>{3});
  EXPECT_EQ(r["given"].data, (std::vector<double>{-1, 1, -1, -1, 0, -1}));
  EXPECT_EQ(r["nonfinite_tokens"].data, std::vector<double>{0});
}

TEST_P(Layers, MayHaveNoTokens) {
  Arrays r = run(GetParam(), {}, {}, {});
  EXPECT_EQ(r["empty"].data, std::vector<double>{1});
  EXPECT_EQ(r["all"].data, std::vector<double>{0});
  EXPECT_EQ(r["route"].sizes, (std::vector<int64_t>{2, 0, 1}));
  EXPECT_EQ(r["of"].data, (std::vector<double>{0, 0, 0, 0}));
}

TEST_P(Layers, TokenCountIsThatOfOneLayer) {
  Arrays r = run(GetParam(), {1, 2, 4, 3, 5, 6, 10, 20, 40, 30, 50, 60}, {7, 8, 9}, {0, 1, 0, 1, 0, 1}, 3);
  EXPECT_EQ(r["all"].data, std::vector<double>{231});
  Gate gate(GetParam());
  reference::EvaluationOptions options;
  options.tokenCount = 6;
  Array x{{}, {2, 3, 2}, ElementKind::Float, std::vector<double>(12), {}};
  auto results = reference::evaluate(*gate, {{"x", x}}, options);
  ASSERT_FALSE(static_cast<bool>(results));
  EXPECT_NE(llvm::toString(results.takeError()).find("input 'x' has size 3 on axis 'token', expected 6"),
            std::string::npos);
}

INSTANTIATE_TEST_SUITE_P(Form, Layers, testing::Values(before, folded));

/// There is no token to wait for: each step is one.
TEST(WithoutTokens, StatesAreUpdated) {
  Gate gate(R"(
moe.gate @g {
  %s = moe.state "steps" = 2.0 : tensor<f32>
  %one = arith.constant dense<1.0> : tensor<f32>
  %t = arith.addf %s, %one : tensor<f32>
  moe.update "steps" = %t : tensor<f32>
  moe.loss "now" = %s : tensor<f32>
})");
  auto results = reference::evaluate(*gate, {});
  ASSERT_TRUE(static_cast<bool>(results)) << llvm::toString(results.takeError());
  EXPECT_EQ((*results)["steps"].data, std::vector<double>{3});
  EXPECT_EQ((*results)["now"].data, std::vector<double>{2});
  EXPECT_EQ((*results)["empty"].data, std::vector<double>{0});
}

} // namespace
