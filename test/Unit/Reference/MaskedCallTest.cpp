// What a call reports when some tokens are masked, or all of them: outputs, losses, metrics, states, status words.
#include "test/Unit/Reference/Gate.h"
#include <gtest/gtest.h>

using namespace moe;
using namespace moe::test;
using reference::Array;
using reference::Arrays;
using reference::ElementKind;

namespace {

constexpr double nan = std::numeric_limits<double>::quiet_NaN();

std::string text(const std::string &applied) {
  return R"(
moe.gate @g {
  moe.axis @token
  moe.axis @expert size 2
  moe.axis @sequence of @token length 2
  %x = moe.input "x" : tensor<?x2xf32, #moe.axes<token, expert>>
  %w = moe.input "w" : tensor<?xf32, #moe.axes<sequence>>
  %v = moe.input "valid" : tensor<?xi1, #moe.axes<token>>
  moe.mask token by %v )" +
         applied + R"( : tensor<?xi1, #moe.axes<token>>
  %b = moe.state "bias" = 2.0 : tensor<2xf32, #moe.axes<expert>>
  %r = moe.topk %x over expert : tensor<?x2xf32, #moe.axes<token, expert>> -> !moe.selection<[token], expert, r.slot, 1>
  %m = moe.chosen %r : !moe.selection<[token], expert, r.slot, 1> -> tensor<?x2xi1, #moe.axes<token, expert>>
  %i = arith.extui %m : tensor<?x2xi1, #moe.axes<token, expert>> to tensor<?x2xi32, #moe.axes<token, expert>>
  %n = moe.reduce sum %i over [token] : tensor<?x2xi32, #moe.axes<token, expert>> -> tensor<2xi32, #moe.axes<expert>>
  %s = moe.reduce sum %x over [token] : tensor<?x2xf32, #moe.axes<token, expert>> -> tensor<2xf32, #moe.axes<expert>>
  %a = moe.reduce mean %x over [token, expert] : tensor<?x2xf32, #moe.axes<token, expert>> -> tensor<f32>
  %per = moe.reduce sum %x over [token] to sequence : tensor<?x2xf32, #moe.axes<token, expert>> -> tensor<?x2xf32, #moe.axes<sequence, expert>>
  %u = arith.addf %b, %s : tensor<2xf32, #moe.axes<expert>>
  moe.update "bias" = %u : tensor<2xf32, #moe.axes<expert>>
  moe.loss "mean" = %a : tensor<f32>
  moe.metric "sum" = %s : tensor<2xf32, #moe.axes<expert>>
  moe.metric "load" = %n : tensor<2xi32, #moe.axes<expert>>
  moe.output "route" = %r : !moe.selection<[token], expert, r.slot, 1>
  moe.output "same" = %x : tensor<?x2xf32, #moe.axes<token, expert>>
  moe.output "mask" = %m : tensor<?x2xi1, #moe.axes<token, expert>>
  moe.output "per" = %per : tensor<?x2xf32, #moe.axes<sequence, expert>>
})";
}

Array array(std::vector<int64_t> sizes, std::vector<double> data) {
  return {{}, std::move(sizes), ElementKind::Float, std::move(data), {}};
}

Arrays run(std::vector<double> x, std::vector<double> valid, const std::string &applied = "") {
  Gate gate(text(applied));
  auto tokens = static_cast<int64_t>(valid.size());
  std::vector<double> w(valid.size() / 2, nan); // of no token
  auto results = reference::evaluate(*gate, {{"x", array({tokens, 2}, std::move(x))},
                                             {"w", array({tokens / 2}, w)},
                                             {"valid", array({tokens}, std::move(valid))},
                                             {"bias", array({2}, {10, 20})}});
  if (results)
    return *results;
  ADD_FAILURE() << llvm::toString(results.takeError());
  return {};
}

TEST(MaskedCall, ReportsNothingOfMaskedTokens) {
  Arrays r = run({1, 2, nan, nan, nan, 4, 6, 5}, {1, 0, 0, 1});
  EXPECT_EQ(r["mean"].data, std::vector<double>{3.5});
  EXPECT_EQ(r["sum"].data, (std::vector<double>{7, 7}));
  EXPECT_EQ(r["load"].data, (std::vector<double>{1, 1}));
  EXPECT_EQ(r["bias"].data, (std::vector<double>{17, 27}));
  EXPECT_EQ(r["route"].data, (std::vector<double>{1, -1, -1, 0}));
  EXPECT_EQ(r["same"].data, (std::vector<double>{1, 2, 0, 0, 0, 0, 6, 5}));
  EXPECT_EQ(r["mask"].data, (std::vector<double>{0, 1, 0, 0, 0, 0, 1, 0}));
  EXPECT_EQ(r["per"].data, (std::vector<double>{1, 2, 6, 5}));
  EXPECT_EQ(r["empty"].data, std::vector<double>{0});
  EXPECT_EQ(r["nonfinite_tokens"].data, std::vector<double>{0});
}

TEST(MaskedCall, CountsNonFiniteTokensThatAreNotMasked) {
  Arrays r = run({1, 2, nan, nan, nan, 4, 6, 5}, {1, 0, 1, 1});
  EXPECT_EQ(r["nonfinite_tokens"].data, std::vector<double>{1});
}

/// Not even the NaN of a masked token reaches what is reported of a call without a valid one.
TEST(MaskedCall, WithoutValidTokenIsEmpty) {
  Arrays r = run({nan, nan, nan, nan}, {0, 0});
  EXPECT_EQ(r["empty"].data, std::vector<double>{1});
  EXPECT_EQ(r["nonfinite_tokens"].data, std::vector<double>{0});
  EXPECT_EQ(r["mean"].data, std::vector<double>{0});
  EXPECT_TRUE(std::isnan(r["sum"].data[0]) && std::isnan(r["sum"].data[1]));
  EXPECT_EQ(r["load"].data, (std::vector<double>{0, 0}));
  EXPECT_EQ(r["bias"].data, (std::vector<double>{10, 20}));
  EXPECT_EQ(r["route"].data, (std::vector<double>{-1, -1}));
  EXPECT_EQ(r["same"].data, (std::vector<double>{0, 0, 0, 0}));
}

TEST(MaskedCall, WithoutTokensKeepsStates) {
  Arrays r = run({}, {});
  EXPECT_EQ(r["empty"].data, std::vector<double>{1});
  EXPECT_EQ(r["bias"].data, (std::vector<double>{10, 20}));
}

/// After moe-apply-mask, the operations themselves leave masked tokens out; these here do not.
TEST(MaskedCall, AppliedMaskIsAboutStatusOnly) {
  Arrays r = run({1, 2, 3, 4, nan, 4, 6, 5}, {1, 0, 0, 1}, "applied");
  EXPECT_EQ(r["same"].data[2], 3);
  EXPECT_EQ(r["route"].data, (std::vector<double>{1, 1, 1, 0}));
  EXPECT_EQ(r["nonfinite_tokens"].data, std::vector<double>{0});
  EXPECT_EQ(r["empty"].data, std::vector<double>{0});
  Arrays none = run({1, 2, 3, 4}, {0, 0}, "applied");
  EXPECT_EQ(none["empty"].data, std::vector<double>{1});
  EXPECT_EQ(none["mean"].data, std::vector<double>{0});
  EXPECT_EQ(none["bias"].data, (std::vector<double>{10, 20}));
}

/// Tokens with an index that is neither -1 nor an element, in one of two selections of the caller.
TEST(MaskedCall, CountsTokensWithIndicesOutOfRange) {
  Gate gate(R"(
moe.gate @g {
  moe.axis @token
  moe.axis @expert size 3
  moe.axis @pick size 2
  moe.axis @sequence of @token offsets "cu_seqlens"
  %o = moe.input "cu_seqlens" : tensor<?xi32, #moe.axes<sequence.bound>>
  %i = moe.input "i" : tensor<?x2xi32, #moe.axes<token, pick>>
  %j = moe.input "j" : tensor<?x2xi32, #moe.axes<token, pick>>
  %v = moe.input "valid" : tensor<?xi1, #moe.axes<token>>
  moe.mask token by %v : tensor<?xi1, #moe.axes<token>>
  %r = moe.forced %i : tensor<?x2xi32, #moe.axes<token, pick>> -> !moe.selection<[token], expert, r.slot, 2>
  %q = moe.forced %j : tensor<?x2xi32, #moe.axes<token, pick>> -> !moe.selection<[token], expert, q.slot, 2>
  moe.output "r" = %r : !moe.selection<[token], expert, r.slot, 2>
})");
  auto results = reference::evaluate(*gate, {{"cu_seqlens", array({3}, {0, 4, 5})},
                                             {"i", array({5, 2}, {0, 3, -1, 2, -2, -2, 1, 1, 9, 9})},
                                             {"j", array({5, 2}, {3, 4, 0, 0, 0, 0, 0, 1000, 0, 0})},
                                             {"valid", array({5}, {1, 1, 1, 1, 0})}});
  ASSERT_TRUE(static_cast<bool>(results)) << llvm::toString(results.takeError());
  EXPECT_EQ((*results)["out_of_range"].data, std::vector<double>{3});
  EXPECT_EQ((*results)["bad_offsets"].data, std::vector<double>{0});
  EXPECT_EQ((*results)["r"].data, (std::vector<double>{0, -1, -1, 2, -1, -1, 1, 1, -1, -1}));
}

} // namespace
