// Gates that no paper has: together they use every function that is lowered, on several axis structures, in one and in
// several passes over the tokens. Each must agree with the interpreter on every variant.
#include "test/Support/Gate.h"
#include "gtest/gtest.h"

namespace moe::test {
namespace {

struct Program {
  const char *name;
  const char *text;
};

void PrintTo(const Program &program, std::ostream *os) { *os << program.name; }

const Program programs[] = {
    {"pointwise", R"(gate pointwise {
  axis token
  axis expert[20]
  input logits : float[token, expert]
  a = exp(-abs(logits)) + log(1 + abs(logits)) * sqrt(abs(logits)) - sign(logits)
  b = relu(logits) + sigmoid(logits) + softplus(logits) + tanh(logits) + erf(logits) + normal_cdf(logits)
  c = floor(logits) + ceil(logits) + clamp(logits, -1, 1) + min(logits, 0.5) * max(logits, -0.5)
  d = where(logits > 0 and not (logits > 1) or logits == -0.5, logits ** 2, 1 / (1 + logits ** 2))
  e = rsqrt(1 + logits ** 2) + mod(logits, 3) + abs(logits) ** 1.5
  loss one = sum(mean(a, token))
  loss two = sum(mean(b, token)) + sum(mean(e, token))
  metric three = mean(c * d, token)
  output a
  output d
})"},
    {"uneven_groups", R"(gate uneven_groups {
  axis token
  axis expert[7]
  axis device[3] of expert = [0, 0, 1, 2, 2, 2, 1]
  input logits : float[token, expert]
  s = sigmoid(logits)
  g = topk(max(s, expert -> device), 2, device)
  route = topk(s, 3, expert, among = g)
  weight = normalize(s[route], route.slot)
  n = sum(max(chosen(route), expert -> device), token)
  loss l = sum(mean(count(route), expert -> device) * mean(mean(s, token), expert -> device)) + cv2(sum(s, token))
  metric reach = n
  metric spread = mean(std(s, expert -> device), token)
  output weight
  output route
  output g
})"},
    {"nested", R"(gate nested {
  axis token
  axis expert[24]
  axis device[8] of expert
  axis node[2] of device
  input logits : float[token, expert]
  input bias : f32[expert]
  s = sigmoid(logits)
  b = s + bias
  groups = topk(sum_top(b, 2, expert -> node), 1, node)
  route = topk(b, 4, expert, among = groups)
  weight = softmax(logits[route], route.slot) * 2.5
  up = expand(max(logits, expert -> device), device -> expert)
  loss z = mean(logsumexp(logits, expert) ** 2)
  loss n = sum(mean(expand(mean(s, expert -> node), node -> device), token) * sum(mean(s, token), expert -> device))
  metric near = mean(logits == up)
  metric best = mean(argmax(logits, expert))
  metric third = mean(kth(s, 3, expert))
  output weight
  output route
})"},
    {"two_passes", R"(gate two_passes {
  axis token
  axis expert[10]
  input logits : float[token, expert]
  s = softmax(logits, expert)
  m = mean(s, token)
  loss spread = mean((s - m) ** 2)
  metric v = max(var(s, token))
  metric all = max(s, token)
  metric low = min(s)
  output s
})"},
    {"three_passes", R"(gate three_passes {
  axis token
  axis expert[5]
  input logits : float[token, expert]
  l = logsumexp(logits, token)
  t = softmax(logits, token)
  loss a = sum(l) * 0.01 + sum(std(t, token))
  metric l2 = l
})"},
    {"several_routes", R"(gate several_routes {
  const E = 33
  axis token
  axis expert[E]
  input logits : float[token, expert]
  p = standardize(logits, expert, 1e-5)
  s = softmax(3 * p, expert)
  plain = topk(s, 4, expert)
  one = first(plain, 1)
  wide = topk(-logits, 17, expert)
  f1 = count(one) / size(token)
  f2 = count(wide)
  w = s[wide]
  loss a = size(expert) * sum(f1 * mean(s, token)) + detach(cv2(mean(s, token)))
  metric both = sum(chosen(plain) and chosen(wide))
  metric load = f2
  metric used = sum(f2 > 0)
  output w
  output one
  output wide
})"},
    {"one_expert", R"(gate one_expert {
  axis token
  axis expert[1]
  input logits : float[token, expert]
  s = softmax(logits, expert)
  route = topk(s, 1, expert)
  w = s[route]
  loss a = sum(count(route) * mean(s, token))
  loss b = var(mean(s, token)) + cv2(count(route))
  output w
  output route
})"},
    {"all_experts", R"(gate all_experts {
  axis token
  axis expert[40]
  input logits : float[token, expert]
  route = topk(logits, 40, expert)
  w = softmax(logits, expert)[route]
  output w
  output route
})"},
    {"scalars_per_token", R"(gate scalars_per_token {
  axis token
  axis expert[6]
  input logits : float[token, expert]
  input importance : f32[token]
  param scale : f32 = 3
  p = softmax(logits * importance, expert)
  h = logsumexp(logits * importance, expert) - sum(p * logits * importance, expert)
  loss entropy = scale * mean(h * importance)
  metric hi = max(h)
  metric lo = min(importance)
  output h
})"},
    {"large", R"(gate large {
  axis token
  axis expert[1000]
  axis node[8] of expert
  input logits : float[token, expert]
  s = softmax(logits, expert)
  route = topk(logits, 20, expert)
  w = s[route]
  loss a = sum(sum(count(route), expert -> node) * mean(mean(s, token), expert -> node)) / size(token)
  output w
  output route
})"},
};

class Programs : public testing::TestWithParam<Program> {};

TEST_P(Programs, AgreeWithTheInterpreterOnEveryVariant) {
  for (const char *dtype : {"f32", "bf16"}) {
    FrontendOptions options;
    options.dtypes["logits"] = dtype;
    std::unique_ptr<Gate> gate = Gate::loadText(GetParam().text, options);
    ASSERT_TRUE(gate);
    uint32_t seed = 100;
    for (Data data : allData)
      for (int64_t tokens : {0, 1, 5, 16, 33, 400})
        checkOnAllVariants(*gate, data, tokens, {1, 3}, seed += 10);
  }
}

INSTANTIATE_TEST_SUITE_P(All, Programs, testing::ValuesIn(programs),
                         [](const auto &info) { return std::string(info.param.name); });

} // namespace
} // namespace moe::test
