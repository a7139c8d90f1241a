// Gates whose tokens have layers, and gates whose pieces come in pieces, from the spec: every variant against the
// interpreter, layers as one array and as one array each.
#include "test/Support/GateCall.h"
#include "gtest/gtest.h"
#include <algorithm>
#include <cstring>
#include <random>

namespace moe::test {
namespace {

const char *const stacked = R"(gate stacked {
  axis layer[3]
  axis token
  axis expert[12]
  axis device[4] of expert
  param alpha : f32 = 0.01
  input logits : float[layer, token, expert]
  input weight : f32[token]
  input bias : f32[layer, expert]
  s = softmax(logits, expert)
  route = topk(s + bias, 2, expert)
  share = normalize(s[route], route.slot)
  f = count(route, token)
  loss z = 0.001 * mean(logsumexp(logits, expert) ** 2)
  loss balance = alpha * mean(sum(mean(s, token) * f, expert)) / size(token)
  output load = f
  output spread = mean(std(s, expert), token)
  metric greatest = max(s * detach(weight))
  output share
  output route
  output scaled : bf16 = s * detach(weight)
})";

/// Capacity in each layer, which takes a second pass.
const char *const limited = R"(gate limited {
  axis layer[4]
  axis token
  axis group of token by 8
  axis expert[6]
  input logits : float[layer, token, expert]
  s = sigmoid(logits)
  best = topk(s, 2, expert)
  route = limit(best, capacity = 3, over = expert, per = group)
  loss l = mean(cv2(count(route, token), expert))
  loss g = mean(mean(s, token -> group) ** 2)
  output kept = count(route, token)
  output route
  output weight = s[route]
  output groups = mean(s, token -> group)
})";

/// The queues of an expert are those of each layer; ties and priorities too.
const char *const queued = R"(gate queued {
  axis layer[5]
  axis token
  axis expert[6]
  input logits : float[layer, token, expert]
  s = softmax(logits, expert)
  best = topk(s, 2, expert)
  first = limit(best, capacity = 0.2 * size(token), over = expert)
  great = limit(best, capacity = 0.25 * size(token), over = expert, priority = s[best])
  loss l = mean(sum(s[great], best.slot))
  metric missing = sum(dropped(first)) + sum(dropped(great))
  output first
  output great
})";

const char *const nested = R"(gate nested {
  axis token
  axis group of token by 8
  axis sequence of group by $SEQUENCE
  axis expert[6]
  input logits : float[token, expert]
  $INPUT
  s = softmax(logits, expert)
  route = topk(s, 2, expert)
  p = mean(s, token -> group)
  q = max(p, group -> sequence)
  r = count(route, token -> sequence)
  loss one = mean(sum(p ** 2, expert))
  loss two = mean(sum(q * r, expert))
  metric greatest = max(q)
  output route
  output p
  output q
  output r
  output back = s * expand(q, sequence -> token)
})";

std::string replaced(std::string text, llvm::StringRef from, llvm::StringRef to) {
  return text.replace(text.find(from.str()), from.size(), to.str());
}

/// Ordinary numbers in all inputs; offsets that never decrease.
void fillAll(const moe_gate &gate, std::vector<Buffer> &arrays, uint32_t seed, int64_t finer) {
  std::mt19937 random(seed);
  for (uint32_t i = 0; i < gate.array_count; ++i) {
    if (gate.arrays[i].role != MOE_INPUT)
      continue;
    if (gate.arrays[i].dtype != MOE_I32) {
      fill(arrays[i], Data::Ordinary, seed + i);
      continue;
    }
    std::vector<int64_t> bounds;
    for (int64_t e = 0; e < arrays[i].count(); ++e)
      bounds.push_back(static_cast<int64_t>(random() % static_cast<unsigned>(finer + 1)));
    std::sort(bounds.begin(), bounds.end());
    bounds.front() = 0;
    bounds.back() = finer;
    for (int64_t e = 0; e < arrays[i].count(); ++e)
      arrays[i].set(e, static_cast<double>(bounds[static_cast<size_t>(e)]));
  }
}

/// `counts`: tokens, pieces of level 1, ….
void checkAll(const Gate &gate, const std::vector<int64_t> &counts, int64_t byOffsets = 0) {
  const moe_gate &g = gate.descriptor();
  int64_t tokens = counts[0];
  std::vector<Buffer> arrays = makeBuffers(g, counts);
  fillAll(g, arrays, static_cast<uint32_t>(tokens) + 1, counts[1]);
  reference::Arrays expected = gate.interpret(arrays, tokens);
  for (const std::string &isa : runnableIsas())
    for (uint32_t threads : {1u, 3u}) {
      rt::Executable executable = rt::Executable::cpu(g, threads, isa.c_str());
      GateCall call(executable, tokens, byOffsets);
      std::vector<Buffer> results = arrays;
      call.layersApart = threads == 3;
      call.run(results, tokens);
      expectAgreement(gate, results, expected, 1e-5,
                      std::string(g.name) + ", T = " + std::to_string(tokens) + ", " + isa + ", " +
                          std::to_string(threads) + " threads");
    }
}

TEST(Layers, AgreeWithTheInterpreter) {
  auto gate = Gate::loadText(stacked);
  ASSERT_TRUE(gate);
  EXPECT_EQ(gate->descriptor().layers, 3u);
  for (int64_t tokens : {0, 1, 17, 400, 1100})
    checkAll(*gate, {tokens, 3});
}

TEST(Layers, WithCapacityInGroups) {
  auto gate = Gate::loadText(limited);
  ASSERT_TRUE(gate);
  EXPECT_GT(gate->descriptor().pass_count, 1u);
  for (int64_t tokens : {0, 8, 40, 1600})
    checkAll(*gate, {tokens, tokens / 8, 4});
}

TEST(Layers, WithQueuesOfEachLayer) {
  auto gate = Gate::loadText(queued);
  ASSERT_TRUE(gate);
  for (int64_t tokens : {0, 1, 30, 900, 2100})
    checkAll(*gate, {tokens, 5, 5});
}

/// The same bits where every layer is an array of its own.
TEST(Layers, OneArrayEach) {
  auto gate = Gate::loadText(stacked);
  ASSERT_TRUE(gate);
  constexpr int64_t layers = 3, tokens = 777, experts = 12;
  std::vector<float> logits(layers * tokens * experts), weight(tokens), bias(layers * experts), gates[2];
  std::mt19937 random(5);
  std::normal_distribution<float> normal;
  for (std::vector<float> *all : {&logits, &weight, &bias})
    for (float &value : *all)
      value = normal(random);
  std::vector<int32_t> routes[2], loads[2];
  std::vector<rt::bf16> scaled[2];
  std::vector<float> spread[2];
  float z[2], balance[2], greatest[2];
  int32_t word;
  rt::Executable executable = rt::Executable::cpu(gate->descriptor(), 2);
  for (int by = 0; by < 2; ++by) {
    rt::Call call(executable, tokens);
    gates[by].resize(layers * tokens * 2), routes[by].resize(layers * tokens * 2), loads[by].resize(layers * experts);
    scaled[by].resize(logits.size()), spread[by].resize(layers);
    call.input("weight", weight.data(), {tokens}).input("bias", bias.data(), {layers, experts});
    const float *inputs[layers];
    float *outputs[layers];
    for (int64_t layer = 0; layer < layers; ++layer) {
      inputs[layer] = logits.data() + (by ? layer : 0) * tokens * experts;
      outputs[layer] = gates[by].data() + layer * tokens * 2;
    }
    std::vector<float> last(inputs[2], inputs[2] + (by ? tokens * experts : 0)); // really somewhere else
    if (by) {
      inputs[2] = last.data();
      call.inputLayers("logits", inputs, {layers, tokens, experts});
      call.outputLayers("share", outputs, {layers, tokens, 2});
    } else {
      call.input("logits", logits.data(), {layers, tokens, experts});
      call.output("share", gates[by].data(), {layers, tokens, 2});
    }
    call.output("route", routes[by].data(), {layers, tokens, 2});
    call.output("scaled", scaled[by].data(), {layers, tokens, experts});
    call.output("z", &z[by], {}).output("balance", &balance[by], {}).output("greatest", &greatest[by], {});
    call.output("load", loads[by].data(), {layers, experts}).output("spread", spread[by].data(), {layers});
    call.output("empty", &word, {}).output("nonfinite_tokens", &word, {});
    call.forward(tokens);
  }
  EXPECT_EQ(gates[0], gates[1]);
  EXPECT_EQ(routes[0], routes[1]);
  EXPECT_EQ(loads[0], loads[1]);
  EXPECT_EQ(spread[0], spread[1]);
  EXPECT_EQ(0, std::memcmp(scaled[0].data(), scaled[1].data(), scaled[0].size() * 2));
  EXPECT_EQ(z[0], z[1]);
  EXPECT_EQ(balance[0], balance[1]);
  EXPECT_EQ(greatest[0], greatest[1]);
}

TEST(NestedPieces, ByLength) {
  auto gate = Gate::loadText(replaced(replaced(nested, "$SEQUENCE", "4"), "$INPUT", ""));
  ASSERT_TRUE(gate);
  for (int64_t tokens : {0, 32, 320, 3200})
    checkAll(*gate, {tokens, tokens / 8, tokens / 32});
}

TEST(NestedPieces, ByOffsets) {
  auto gate =
      Gate::loadText(replaced(replaced(nested, "$SEQUENCE", "offsets"), "$INPUT", "input offsets : i32[sequence + 1]"));
  ASSERT_TRUE(gate);
  for (auto [tokens, sequences] : {std::pair<int64_t, int64_t>(8, 1), {32, 7}, {320, 3}, {3200, 90}, {16000, 11}})
    checkAll(*gate, {tokens, tokens / 8, sequences}, sequences);
}

} // namespace
} // namespace moe::test
