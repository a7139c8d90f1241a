// moe-fold-layers against the interpreter: a gate whose arrays have layers before the tokens, and the same gate on the
// rows of all layers, make the same of the same arrays of the caller; and the gradients of the folded backward program
// are the finite differences of the gate as it was written.
#include "Gradients.h"

using namespace mlir;
namespace moe::test {
namespace {

const char *const declarations = R"(gate g {
  axis layer[3]
  axis token
  axis expert[4]
  axis sequence of token by 2
  axis document of sequence by 2
  input x : f32[layer, token, expert]
  input v : f32[token]
  input e : f32[token, expert]
  input w : f32[layer]
  input bias : f32[layer, expert]
  input prior : f32[layer, sequence, expert]
)";
const char *const mask = "  input valid : bool[token]\n  mask token by valid\n";

/// The declarations that `body` uses.
std::string specOf(const std::string &body, bool masked) {
  std::string text;
  std::istringstream lines(declarations);
  for (std::string line; std::getline(lines, line);) {
    std::istringstream words(line);
    std::string keyword, name;
    words >> keyword >> name;
    auto uses = [&](const std::string &what, const std::string &in) {
      size_t at = in.find(what);
      for (; at != std::string::npos; at = in.find(what, at + 1))
        if (!std::isalnum(in[at + what.size()]) && (at == 0 || !std::isalnum(in[at - 1])))
          return true;
      return false;
    };
    bool optional = keyword == "input" || name == "sequence" || name == "document";
    bool needed = uses(name, body) || (name == "sequence" && (uses("document", body) || uses("prior", body)));
    if (!optional || needed)
      text += line + "\n";
  }
  return text + (masked ? mask : "") + body + "}\n";
}

std::vector<Call> callsOf(bool masked) {
  std::vector<Call> calls;
  std::vector<double> all(8, 1), some{1, 0, 1, 1, 0, 0, 1, 1}, none(8, 0);
  for (const std::vector<double> &valid : {all, some, none}) {
    if (!masked && !calls.empty())
      break;
    Call call;
    call.tokens = 8;
    if (masked)
      call.valid = valid;
    calls.push_back(call);
  }
  return calls;
}

void fold(Gates &gates) {
  gates.run(createMoeExpandLimit(), createMoeDecompose());
  gates.run(createMoeFoldLayers(), createMoeSplitPieces());
}

/// Nothing has the axis of layers in front of tokens or pieces any more.
void expectFolded(GateOp gate, const std::string &text) {
  AxisOp tokens = lookupAxis(gate, "token"), layer = lookupAxis(gate, "layer");
  EXPECT_EQ(tokens.getLayers().value_or(0), 3u) << text;
  EXPECT_TRUE(!layer || layer.getCount().value_or(0) == 3u) << text;
}

void checkSame(const std::string &body) {
  for (bool masked : {false, true}) {
    std::string text = specOf(body, masked);
    Gates gates(text);
    ASSERT_TRUE(gates.before);
    gates.run(createMoeApplyMask());
    fold(gates);
    expectFolded(Gates::gate(*gates.after), text + gates.text());
    std::mt19937 engine(3);
    for (const Call &call : callsOf(masked)) {
      Arrays inputs;
      Gates::addInputs(*gates.before, inputs, call, engine);
      expectSame(Gates::evaluate(*gates.before, inputs, call), Gates::evaluate(*gates.after, inputs, call),
                 "\n" + text + gates.text());
    }
  }
}

void checkGradient(const std::string &body) {
  for (bool masked : {false, true}) {
    std::string text = specOf(body, masked);
    Gates gates(text);
    ASSERT_TRUE(gates.before);
    gates.run(createMoeApplyMask(), createMoeExpandLimit());
    gates.differentiate();
    Call call = callsOf(masked)[0];
    if (masked) // a token of each sequence: a mean over none is no number
      call.valid = {1, 0, 1, 1, 0, 1, 1, 1};
    std::mt19937 engine(5);
    Arrays inputs, all;
    Gates::addInputs(*gates.before, inputs, call, engine);
    all = inputs;
    Gates::addInputs(*gates.after, all, call, engine);
    addScales(Gates::gate(*gates.after), all, engine);
    fold(gates);
    expectFolded(Gates::gate(*gates.after), text + gates.text());
    Arrays gradients = Gates::evaluate(*gates.after, all, call);
    expectDifferences(Gates::gate(*gates.before), inputs, all, gradients, call, 1e-3, text + gates.text());
  }
}

/// Bodies whose gradients exist for every float input that they use.
const char *const smooth[] = {
    // one loss over the rows of all layers
    "  p = softmax(x, expert)\n  r = topk(p, 2, expert)\n  w2 = normalize(p[r], r.slot)\n"
    "  loss l = sum(count(r) / (size(token) * size(layer)) * mean(p, layer, token))\n  output w2\n",
    // a loss of each layer, weighted by an array of layers
    "  p = softmax(x, expert)\n  loss l = sum(w * sum(mean(p, token) * max(x, token), expert)) / size(layer)\n",
    // what a layer has, back at its rows; a mean over layers; a bias of layers; an output of layers
    "  m = mean(x, token)\n  y = (x - m) * x + bias\n  output y\n  output m\n  loss l = mean(var(x * x, token))\n",
    // over everything at once, and over layers and tokens
    "  loss a = logsumexp(x) + mean(x ** 2) + std(x)\n  loss b = sum(max(x, layer, token) ** 2)\n",
    // sequences and documents of each layer
    "  s = mean(x, token -> sequence) * prior\n  d = max(x * x, token -> document)\n"
    "  loss l = mean(s ** 2) + mean(d)\n  output s\n  z = x * expand(mean(x, token -> document), document -> token)\n"
    "  output z\n",
    // along the rows of a layer
    "  y = shift(x * x, token, 1)\n  output y\n",
    "  y = shift(x * x, token, 1) * expand(sum(x, token -> sequence), sequence -> token)\n  output y\n",
};

/// Bodies with values of the tokens that are the same for all layers.
const char *const shared[] = {
    "  output y = x * v + e\n  loss l = mean(v) + max(v) * min(v) + sum(mean(e, token) ** 2)\n  metric n = "
    "size(token)\n",
    "  output i = index(token) + 0 * v\n  output j = x * index(token)\n  loss l = sum(x * index(token))\n",
    "  output k = x * index(layer)\n  metric n = size(token) * size(layer)\n",
    "  output s = expand(sum(v, token -> document), document -> token) * x\n  metric n = size(sequence)\n"
    "  metric m = size(document)\n  loss l = mean(mean(v, token -> sequence) ** 2) + sum(mean(v, token -> document))\n",
    "  output q = index(token -> document) * x\n  output o = size(token -> document) * max(x, token -> document)\n",
    "  r = topk(x, 2, expert)\n  output g = e[r]\n  output f = filter(r, x[r] > 0)\n  output h = bias[r]\n"
    "  a = append(r, 4)\n  output a\n  output b = count(r, token) * bias\n",
    "  r = topk(x, 2, expert)\n  k = limit(r, capacity = 3, over = expert)\n  output k\n  output y = x[k]\n",
    "  r = topk(x, 2, expert)\n  output k = limit(r, capacity = size(token) / 4, over = expert, order = slot, per = "
    "sequence)\n",
    "  r = topk(x, 2, expert)\n  output k = limit(r, capacity = 3, over = expert, overflow = next x, rounds = 2, "
    "exempt = v > 1)\n",
    "  r = topk(e, 2, expert)\n  k = limit(r, capacity = 3, over = expert)\n  output k\n  output y = x * sum(e[k], "
    "r.slot)\n"
    "  loss l = sum(count(k) ** 2)\n",
};

TEST(FoldLayers, SameValues) {
  for (const char *body : smooth)
    checkSame(body);
  for (const char *body : shared)
    checkSame(body);
}

TEST(FoldLayers, SameGradients) {
  for (const char *body : smooth)
    checkGradient(body);
}

} // namespace
} // namespace moe::test
