// The systems under examples/systems, and gates that use what these do not, on every instruction set and thread count:
// sequences of every length, padding, capacity, placements, states and their steps, random numbers. What the compiled
// gate writes agrees with the interpreter.
#include "test/Support/GateCall.h"
#include "llvm/ADT/StringRef.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Path.h"
#include "gtest/gtest.h"
#include <random>

namespace moe::test {
namespace {

/// A spec: a path under examples/, or the text itself.
struct Spec {
  std::string name, path, text;
};
void PrintTo(const Spec &spec, std::ostream *os) { *os << spec.name; }

std::vector<Spec> systems() {
  std::vector<Spec> all;
  std::error_code error;
  for (llvm::sys::fs::directory_iterator it(MOE_SOURCE_DIR "/examples/systems", error), end; it != end && !error;
       it.increment(error))
    if (llvm::sys::path::extension(it->path()) == ".moe")
      all.push_back({llvm::sys::path::stem(it->path()).str(), it->path(), ""});
  std::sort(all.begin(), all.end(), [](const Spec &a, const Spec &b) { return a.name < b.name; });
  return all;
}

/// Gates that use what the systems do not: name and text.
const std::pair<const char *, const char *> gates[] = {{"padded_sequences", R"(gate padded_sequences {
  axis token
  axis expert[12]
  axis device[3] of expert = [0, 1, 2, 0, 1, 2, 2, 2, 2, 0, 0, 1]
  axis sequence of token by offsets
  param factor : f32 = 1.25
  input offsets : i32[sequence + 1]
  input valid : bool[token]
  input logits : float[token, expert]
  input exempt : bool[token]
  mask token by valid
  s = softmax(logits, expert)
  r = topk(s, 3, expert)
  kept = limit(r, capacity = factor * 3 * size(token) / 12, over = expert, priority = s[r])
  own = limit(r, capacity = 4, over = device, order = slot, per = sequence, exempt = exempt)
  w = normalize(s[kept], r.slot)
  f = count(own, token -> sequence) / size(token -> sequence)
  loss balance = mean(sum(f * mean(s, token -> sequence), expert))
  loss spread = cv2(count(kept))
  metric lost = mean(dropped(own))
  metric sequences = size(sequence)
  metric longest = max(size(token -> sequence))
  output kept
  output own
  output w
})"},
                                                       {"rerouted", R"(gate rerouted {
  axis token
  axis expert[6]
  input valid : bool[token]
  input logits : float[token, expert]
  mask token by valid
  r = topk(logits, 2, expert)
  kept = limit(r, capacity = size(token) / 4, over = expert, overflow = next logits, rounds = 3)
  w = softmax(logits, expert)[kept]
  loss balance = sum(mean(w, r.slot)) / size(token)
  output kept
  output w
})"},
                                                       {"dispatch", R"(gate dispatch {
  axis token
  axis expert[10]
  input valid : bool[token]
  input logits : float[token, expert]
  mask token by valid
  r = topk(logits, 2, expert)
  good = filter(r, logits[r] > 0)
  plan = permute(good, pad = 4)
  all = append(good, 10, 11)
  w = where(logits[good] > 1, logits[good], 1)
  output order = plan.order
  output offset = plan.offset
  output position = plan.position
  output all
  output back = scatter(w, good)
  metric load = count(good)
  metric mean_weight = mean(w)
})"},
                                                       {"placed", R"(gate placed {
  axis token
  axis expert[12]
  axis host[4] of expert by home
  axis sequence of token by 5
  input home : i32[expert]
  input logits : float[token, expert]
  s = sigmoid(logits)
  hosts = topk(max(s, expert -> host), 2, host)
  r = topk(s, 3, expert, among = hosts)
  kept = limit(r, capacity = size(token) / 2, over = host)
  loss spread = sum(sum(mean(s, token), expert -> host) * sum(count(kept), expert -> host))
  metric per_host = sum(count(kept), expert -> host)
  metric fullest = max(count(kept, token -> sequence))
  output kept
})"},
                                                       {"positions", R"(gate positions {
  axis token
  axis expert[8]
  axis sequence of token by offsets
  input offsets : i32[sequence + 1]
  input valid : bool[token]
  input logits : float[token, expert]
  mask token by valid
  r = topk(logits, 1, expert)
  before = shift(detach(logits), token, 2)
  d = logits - before
  loss smooth = mean(d * d)
  metric place = max(index(token))
  metric low = mean(quantile(logits, 0.25, expert))
  output changed = d
})"},
                                                       {"noisy", R"(gate noisy {
  axis token
  axis expert[9]
  state load : f32[expert] = 1
  input logits : float[token, expert]
  noisy = logits + 0.1 * normal(token, expert)
  r = topk(noisy, 2, expert)
  coin = where(uniform(token) < 0.3, 1, 0)
  loss balance = sum(count(r) * load) / size(token)
  metric heads = mean(coin)
  update load = 0.9 * load + 0.1 * count(r) / size(token)
  output r
  output noisy
})"}};

std::vector<Spec> programs() {
  std::vector<Spec> all;
  for (auto [name, text] : gates)
    all.push_back({name, "", text});
  return all;
}

/// Bounds of `pieces` pieces of `tokens` tokens, some of them empty.
std::vector<int64_t> boundsOf(int64_t pieces, int64_t tokens, std::mt19937 &random) {
  std::vector<int64_t> bounds{0, tokens};
  for (int64_t i = 1; i < pieces; ++i)
    bounds.push_back(random() % 4 ? static_cast<int64_t>(random() % (tokens + 1)) : bounds[random() % bounds.size()]);
  std::sort(bounds.begin(), bounds.end());
  return bounds;
}

/// The inputs and states of a call: bounds, groups in range, indices that are mostly so, truth values, numbers.
void fillInputs(const moe_gate &gate, std::vector<Buffer> &arrays, Data data, int64_t tokens, uint32_t seed) {
  std::mt19937 random(seed);
  auto all = [&](Buffer &buffer, auto &&value) {
    for (int64_t i = 0; i < buffer.count(); ++i)
      buffer.set(i, value());
  };
  for (uint32_t i = 0; i < gate.array_count; ++i) {
    const moe_array &array = gate.arrays[i];
    Buffer &buffer = arrays[i];
    if (array.role != MOE_INPUT && array.role != MOE_STATE)
      continue;
    if (array.rank == 1 && array.sizes[0] == MOE_PIECES_PLUS_1) {
      std::vector<int64_t> bounds = boundsOf(buffer.count() - 1, tokens, random);
      for (int64_t e = 0; e < buffer.count(); ++e)
        buffer.set(e, static_cast<double>(bounds[e]));
    } else if (array.dtype == MOE_BOOL) {
      uint32_t share = random() % 5; // of the true ones, none among them
      all(buffer, [&] { return random() % 4 < share; });
    } else if (array.dtype == MOE_I32) {
      int32_t first = array.sizes[0] == MOE_TOKENS ? -2 : 0;
      all(buffer, [&] { return static_cast<int32_t>(random() % 4) + first; });
    } else {
      fill(buffer, array.role == MOE_STATE ? Data::Ordinary : data, random());
    }
  }
}

/// The pieces of a call of about this many tokens; rounds these up to whole ones.
int64_t piecesOf(const moe_gate &gate, int64_t &tokens) {
  for (uint32_t i = 0; i < gate.axis_count; ++i) {
    if (gate.axes[i].length > 0) {
      tokens = (tokens + gate.axes[i].length - 1) / gate.axes[i].length * gate.axes[i].length;
      return tokens / gate.axes[i].length;
    }
    if (gate.axes[i].offsets)
      return tokens / 7 + 2;
  }
  return 0;
}

/// The step after a call: states as the interpreter has updated them.
void checkStep(const Gate &gate, GateCall &call, const std::vector<Buffer> &arrays, const reference::Arrays &expected,
               const std::string &what) {
  const moe_gate &forward = gate.descriptor(), &step = *forward.step;
  std::vector<Buffer> states = makeBuffers(step, 0);
  for (uint32_t i = 0; i < step.array_count; ++i)
    for (uint32_t j = 0; j < forward.array_count; ++j)
      if (llvm::StringRef(step.arrays[i].name) == forward.arrays[j].name)
        states[i] = arrays[j];
  call.step(states);
  for (uint32_t i = 0; i < step.array_count; ++i) {
    auto want = expected.find(step.arrays[i].name);
    if (step.arrays[i].role != MOE_STATE || want == expected.end())
      continue;
    for (int64_t e = 0; e < states[i].count(); ++e)
      EXPECT_TRUE(reference::withinTolerance(states[i].get(e), want->second.data[e], want->second.terms[e], 1e-5))
          << what << ": state '" << step.arrays[i].name << "' differs at " << e << ": got " << states[i].get(e)
          << ", expected " << want->second.data[e];
  }
}

void check(Gate &gate, Data data, int64_t tokens, uint32_t seed) {
  int64_t pieces = piecesOf(gate.descriptor(), tokens);
  std::vector<Buffer> arrays = makeBuffers(gate.descriptor(), tokens, pieces);
  fillInputs(gate.descriptor(), arrays, data, tokens, seed);
  gate.seed = 0x9e3779b97f4a7c15u * seed;
  gate.firstToken = (int64_t(1) << 32) - tokens / 2;
  gate.offset = seed;
  reference::Arrays expected = gate.interpret(arrays, tokens);
  for (const std::string &isa : runnableIsas())
    for (uint32_t threads : {1u, 3u}) {
      std::string what = std::string(gate.descriptor().name) + ", data " + std::to_string(static_cast<int>(data)) +
                         ", T = " + std::to_string(tokens) + ", " + isa + ", " + std::to_string(threads) + " threads";
      rt::Executable executable = rt::Executable::cpu(gate.descriptor(), threads, isa.c_str());
      GateCall call(executable, tokens, pieces);
      call.seed = gate.seed;
      call.firstToken = gate.firstToken;
      call.offset = gate.offset;
      std::vector<Buffer> results = arrays;
      call.run(results, tokens);
      expectAgreement(gate, results, expected, 1e-5, what);
      if (gate.descriptor().step)
        checkStep(gate, call, arrays, expected, what);
    }
}

class Systems : public testing::TestWithParam<Spec> {};

TEST_P(Systems, AgreeWithTheInterpreter) {
  std::unique_ptr<Gate> gate =
      GetParam().text.empty() ? Gate::load(GetParam().path, {}) : Gate::loadText(GetParam().text);
  ASSERT_TRUE(gate);
  uint32_t seed = 1;
  for (Data data : {Data::Ordinary, Data::Ties, Data::NaNs})
    for (int64_t tokens : {0, 1, 23, 130}) {
      check(*gate, data, tokens, seed++);
      if (HasFailure())
        return;
    }
  check(*gate, Data::Ordinary, 700, seed);
}

std::string nameOf(const testing::TestParamInfo<Spec> &info) { return info.param.name; }
INSTANTIATE_TEST_SUITE_P(Published, Systems, testing::ValuesIn(systems()), nameOf);
INSTANTIATE_TEST_SUITE_P(Others, Systems, testing::ValuesIn(programs()), nameOf);

} // namespace
} // namespace moe::test
