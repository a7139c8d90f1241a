// Gates of several passes in micro-batches: what is accumulated over several calls, whose capacities and plans are
// their own, against one call and against the sum of the calls; and the refusal of gates whose tokens need the whole
// batch.
#include "test/Support/GateCall.h"
#include "gtest/gtest.h"
#include <algorithm>
#include <cmath>
#include <cstring>
#include <numeric>

namespace moe::test {
namespace {

/// GShard's capacity in groups of 64 tokens: no call that holds whole groups changes it.
const char *const grouped = R"(gate grouped {
  axis token
  axis group of token by 64
  axis expert[8]
  param alpha : f32 = 0.5
  input logits : float[token, expert]
  s = softmax(logits, expert)
  best = topk(s, 2, expert)
  route = limit(best, capacity = 10, over = expert, order = slot, per = group)
  weight = s[route] / sum(s[best], best.slot)
  f = count(first(best, 1), token -> group) / 64
  loss balance = alpha * mean(f * mean(s, token -> group))
  loss z = 0.001 * mean(logsumexp(logits, expert) ** 2)
  loss kept = 0.01 * mean(sum(weight, route.slot), token)
  metric filled = count(route)
  metric greatest = max(s)
  metric dropped_count = sum(dropped(route))
  output weight
  output route
})";

/// Capacity of each call.
const char *const limited = R"(gate limited {
  axis token
  axis expert[8]
  input logits : float[token, expert]
  s = softmax(logits, expert)
  best = topk(s, 2, expert)
  route = limit(best, capacity = 0.2 * size(token), over = expert)
  weight = s[route]
  loss balance = sum(mean(s, token) * count(best)) / size(token)
  metric chosen_count = count(best)
  metric dropped_count = sum(dropped(route))
  output weight
  output route
})";

/// A dispatch plan, which is that of each call.
const char *const planned = R"(gate planned {
  axis token
  axis expert[8]
  input logits : float[token, expert]
  s = softmax(logits, expert)
  route = limit(topk(s, 2, expert), capacity = 0.2 * size(token), over = expert)
  plan = permute(route, pad = 4)
  loss balance = sum(mean(s, token) * count(route))
  metric filled = count(route)
  output route
  output position = plan.position
  output offset = plan.offset
  output order = plan.order
})";

const char *const centered = R"(gate centered {
  axis token
  axis expert[8]
  input logits : float[token, expert]
  y = logits - mean(logits, token)
  loss l = mean(y ** 2)
  output y
})";

/// `count` rows of each array with tokens, from `first` on.
std::vector<Buffer> sliceOf(const moe_gate &gate, const std::vector<Buffer> &all, int64_t first, int64_t count) {
  std::vector<Buffer> slice = all;
  for (uint32_t i = 0; i < gate.array_count; ++i)
    if (gate.arrays[i].rank && gate.arrays[i].sizes[0] == MOE_TOKENS) {
      size_t row = all[i].bytes.size() / static_cast<size_t>(std::max<int64_t>(all[i].sizes[0], 1));
      auto begin = all[i].bytes.begin() + static_cast<ptrdiff_t>(row * static_cast<size_t>(first));
      slice[i].sizes[0] = count;
      slice[i].bytes.assign(begin, begin + static_cast<ptrdiff_t>(row * static_cast<size_t>(count)));
    }
  return slice;
}

/// Puts the tokens of a slice where they belong; takes over what has none.
void join(const moe_gate &gate, std::vector<Buffer> &all, const std::vector<Buffer> &slice, int64_t first) {
  for (uint32_t i = 0; i < gate.array_count; ++i)
    if (!gate.arrays[i].rank || gate.arrays[i].sizes[0] != MOE_TOKENS)
      all[i] = slice[i];
    else if (slice[i].sizes[0] > 0)
      std::copy(slice[i].bytes.begin(), slice[i].bytes.end(),
                all[i].bytes.begin() +
                    static_cast<ptrdiff_t>(slice[i].bytes.size() / static_cast<size_t>(slice[i].sizes[0]) *
                                           static_cast<size_t>(first)));
}

std::vector<Buffer> inputsOf(const moe_gate &gate, int64_t tokens) {
  std::vector<Buffer> arrays = makeBuffers(gate, tokens, tokens / 64);
  fill(bufferOf(gate, arrays, "logits", true), Data::Ordinary, 17);
  return arrays;
}

void expectSameBits(const moe_gate &gate, std::vector<Buffer> &got, std::vector<Buffer> &want, const char *name) {
  EXPECT_EQ(bufferOf(gate, got, name, false).bytes, bufferOf(gate, want, name, false).bytes) << name;
}

double scalarOf(const moe_gate &gate, std::vector<Buffer> &arrays, const char *name) {
  return bufferOf(gate, arrays, name, false).get(0);
}

TEST(Accumulation, MicroBatchesOfWholeGroupsAreOneCall) {
  auto gate = Gate::loadText(grouped);
  ASSERT_TRUE(gate);
  const moe_gate &g = gate->descriptor();
  ASSERT_GT(g.pass_count, 1u);
  ASSERT_EQ(g.whole_batch, nullptr);
  constexpr int64_t tokens = 64 * 40, parts[] = {64 * 3, 0, 64, 64 * 36};
  for (uint32_t threads : {1u, 3u}) {
    rt::Executable executable = rt::Executable::cpu(g, threads);
    GateCall once(executable, tokens), several(executable, tokens);
    std::vector<Buffer> whole = inputsOf(g, tokens), joined = whole;
    const std::vector<Buffer> inputs = whole;
    once.run(whole, tokens);
    int64_t first = 0;
    for (int64_t count : parts) {
      std::vector<Buffer> slice = sliceOf(g, inputs, first, count);
      several.run(slice, count, first ? MOE_ACCUMULATE : MOE_ACCUMULATE | MOE_RESET);
      join(g, joined, slice, first);
      first += count;
    }
    ASSERT_EQ(first, tokens);
    std::vector<Buffer> last = sliceOf(g, inputs, 0, 0);
    several.run(last, 0, MOE_FINISH);
    join(g, joined, last, 0);
    for (const char *name : {"route", "weight", "filled", "dropped_count", "greatest"})
      expectSameBits(g, joined, whole, name);
    EXPECT_GT(scalarOf(g, whole, "dropped_count"), 0);
    for (const char *name : {"balance", "z", "kept"})
      EXPECT_NEAR(scalarOf(g, joined, name), scalarOf(g, whole, name), 2e-6 * std::fabs(scalarOf(g, whole, name)))
          << name;
    expectAgreement(*gate, joined, gate->interpret(inputs, tokens), 1e-5, "micro-batches");
  }
}

TEST(Accumulation, CapacityOfEachCallAddsUp) {
  auto gate = Gate::loadText(limited);
  ASSERT_TRUE(gate);
  const moe_gate &g = gate->descriptor();
  ASSERT_GT(g.pass_count, 1u);
  constexpr int64_t tokens = 3000, half = 1300;
  rt::Executable executable = rt::Executable::cpu(g, 2);
  GateCall call(executable, tokens);
  std::vector<Buffer> inputs = inputsOf(g, tokens);
  std::vector<Buffer> one = sliceOf(g, inputs, 0, half), two = sliceOf(g, inputs, half, tokens - half);
  std::vector<Buffer> first = one, second = two, whole = inputs;
  call.run(one, half);
  call.run(two, tokens - half);
  call.run(whole, tokens);
  call.run(first, half, MOE_ACCUMULATE | MOE_RESET);
  call.run(second, tokens - half, MOE_ACCUMULATE | MOE_FINISH);
  expectSameBits(g, first, one, "route");
  expectSameBits(g, second, two, "route");
  double dropped = scalarOf(g, one, "dropped_count") + scalarOf(g, two, "dropped_count");
  EXPECT_GT(dropped, 0);
  EXPECT_EQ(scalarOf(g, second, "dropped_count"), dropped);
  expectSameBits(g, second, whole, "chosen_count");
  EXPECT_NEAR(scalarOf(g, second, "balance"), scalarOf(g, whole, "balance"), 2e-6 * scalarOf(g, whole, "balance"));
}

TEST(Accumulation, PlansAreThoseOfEachCall) {
  auto gate = Gate::loadText(planned);
  ASSERT_TRUE(gate);
  const moe_gate &g = gate->descriptor();
  constexpr int64_t tokens = 2500, half = 1100;
  rt::Executable executable = rt::Executable::cpu(g, 2);
  GateCall call(executable, tokens);
  auto partOf = [&](int64_t first, int64_t count) {
    std::vector<Buffer> all = inputsOf(g, tokens), part = makeBuffers(g, count);
    const std::vector<uint8_t> &from = bufferOf(g, all, "logits", true).bytes;
    auto begin = from.begin() + first * 8 * static_cast<int64_t>(sizeof(float));
    bufferOf(g, part, "logits", true).bytes.assign(begin, begin + count * 8 * static_cast<int64_t>(sizeof(float)));
    return part;
  };
  std::vector<Buffer> one = partOf(0, half), two = partOf(half, tokens - half), first = one, second = two;
  call.run(one, half);
  call.run(two, tokens - half);
  call.run(first, half, MOE_ACCUMULATE | MOE_RESET);
  call.run(second, tokens - half, MOE_ACCUMULATE | MOE_FINISH);
  expectAgreement(*gate, one, gate->interpret(one, half), 1e-5, "the first part");
  expectAgreement(*gate, two, gate->interpret(two, tokens - half), 1e-5, "the second part");
  for (const char *name : {"route", "position", "offset", "order"}) {
    expectSameBits(g, first, one, name);
    expectSameBits(g, second, two, name);
  }
  const Buffer &filled = bufferOf(g, second, "filled", false);
  for (int64_t e = 0; e < 8; ++e)
    EXPECT_EQ(filled.get(e), bufferOf(g, one, "filled", false).get(e) + bufferOf(g, two, "filled", false).get(e));
}

/// Forward of each micro-batch keeps what its backward reads; all share the coefficients of one finish.
TEST(Accumulation, GradientsOfMicroBatchesAreThoseOfOneCall) {
  auto gate = Gate::loadText(grouped);
  ASSERT_TRUE(gate);
  const moe_gate &g = gate->descriptor();
  ASSERT_TRUE(g.backward);
  constexpr int64_t tokens = 64 * 30, parts[] = {64 * 5, 64 * 24, 64}, experts = 8;
  std::vector<Buffer> inputs = inputsOf(g, tokens);
  std::vector<float> logits(tokens * experts), weight(tokens * 2), grad(tokens * 2), whole(logits.size()),
      split(logits.size());
  std::memcpy(logits.data(), bufferOf(g, inputs, "logits", true).bytes.data(), logits.size() * sizeof(float));
  for (size_t i = 0; i < grad.size(); ++i)
    grad[i] = static_cast<float>(static_cast<int>(i % 7) - 3) / 4096;
  std::vector<int32_t> route(tokens * 2), filled(experts);
  float balance, z, kept, greatest;
  int32_t dropped, empty, nonfinite;
  rt::Executable executable = rt::Executable::cpu(g, 2);
  rt::Call call(executable, tokens);
  call.output("balance", &balance, {}).output("z", &z, {}).output("kept", &kept, {}).output("greatest", &greatest, {});
  call.output("filled", filled.data(), {experts}).output("dropped_count", &dropped, {});
  call.output("empty", &empty, {}).output("nonfinite_tokens", &nonfinite, {});
  rt::Block coefficients(executable.coefficientBytes());
  auto bind = [&](int64_t first, int64_t count, rt::Block &saved) {
    call.input("logits", logits.data() + first * experts, {count, experts});
    call.output("weight", weight.data() + first * 2, {count, 2});
    call.output("route", route.data() + first * 2, {count, 2});
    call.keep(saved.data(), saved.bytes(), coefficients.data(), coefficients.bytes());
  };
  rt::Backward backward(call);
  auto runBackward = [&](int64_t first, int64_t count, std::vector<float> &into) {
    backward.input("grad_weight", grad.data() + first * 2, {count, 2});
    backward.output("grad_logits", into.data() + first * experts, {count, experts});
    backward.run(count);
  };
  rt::Block all(executable.savedBytes(tokens));
  bind(0, tokens, all);
  call.forward(tokens);
  runBackward(0, tokens, whole);
  std::vector<rt::Block> saved;
  call.reset();
  int64_t first = 0;
  for (int64_t count : parts) {
    bind(first, count, saved.emplace_back(executable.savedBytes(count)));
    call.accumulate(count);
    first += count;
  }
  call.finish();
  first = 0;
  for (size_t i = 0; i < saved.size(); ++i) {
    bind(first, parts[i], saved[i]);
    runBackward(first, parts[i], split);
    first += parts[i];
  }
  float most = 0;
  for (size_t i = 0; i < whole.size(); ++i) {
    most = std::max(most, std::fabs(whole[i]));
    ASSERT_NEAR(split[i], whole[i], 1e-9 + 1e-5 * std::fabs(whole[i])) << i;
  }
  EXPECT_GT(most, 0);
}

TEST(Accumulation, WhatNeedsTheWholeBatchSaysWhy) {
  auto gate = Gate::loadText(centered);
  ASSERT_TRUE(gate);
  const moe_gate &g = gate->descriptor();
  ASSERT_NE(g.whole_batch, nullptr);
  rt::Executable executable = rt::Executable::cpu(g, 1);
  GateCall call(executable, 100);
  std::vector<Buffer> whole = inputsOf(g, 100), again = whole;
  call.run(whole, 100);
  try {
    call.run(again, 100, MOE_ACCUMULATE);
    FAIL() << "expected a failure";
  } catch (const rt::Error &error) {
    EXPECT_EQ(error.status(), MOE_UNSUPPORTED);
    EXPECT_NE(std::string(error.what()).find(g.whole_batch), std::string::npos) << error.what();
  }
  call.collects = false; // recomputation
  call.run(again, 100, MOE_ACCUMULATE);
  expectSameBits(g, again, whole, "y");
}

} // namespace
} // namespace moe::test
