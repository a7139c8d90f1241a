// The derived backward program against finite differences of the interpreter in f64: for every differentiable function
// of the language and for every example, the directional derivative along random directions. A gate's objective is
// sum(grad * output) over its float outputs plus sum(scale * loss), which is what the backward program differentiates.
#include "compiler/Transforms/Differentiate.h"
#include "compiler/Frontend/Frontend.h"
#include "compiler/InitAll.h"
#include "compiler/Reference/Interpreter.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/MLIRContext.h"
#include "mlir/IR/Verifier.h"
#include "llvm/Support/MemoryBuffer.h"
#include "gtest/gtest.h"
#include <random>

using namespace mlir;
namespace moe {
namespace {

using reference::Array;
using reference::Arrays;

class BothWays {
public:
  explicit BothWays(const std::string &text) {
    DialectRegistry registry;
    registerAllDialects(registry);
    context.appendDialectRegistry(registry);
    llvm::SourceMgr sources;
    sources.AddNewSourceBuffer(llvm::MemoryBuffer::getMemBufferCopy(text, "gate.moe"), llvm::SMLoc());
    SourceMgrDiagnosticHandler handler(sources, &context, llvm::errs());
    forward = importGate(sources, &context, {});
    if (!forward)
      return;
    backward = forward->clone();
    if (failed(differentiate(gate(*backward))) || failed(verify(*backward)))
      backward = {};
  }

  bool valid() { return forward && backward; }

  static GateOp gate(ModuleOp module) { return *module.getOps<GateOp>().begin(); }

  Arrays evaluate(ModuleOp module, const Arrays &inputs, int64_t tokens) {
    reference::EvaluationOptions options;
    options.tokenCount = tokens;
    llvm::Expected<Arrays> results = reference::evaluate(gate(module), inputs, options);
    if (results)
      return std::move(*results);
    ADD_FAILURE() << llvm::toString(results.takeError());
    return {};
  }

  /// Random values for the inputs of `module` that `given` lacks, on `tokens` tokens.
  void addInputs(ModuleOp module, Arrays &given, int64_t tokens, std::mt19937 &engine) {
    std::normal_distribution<double> normal;
    for (auto input : gate(module).getBody().getOps<InputOp>()) {
      Array &array = given[input.getName().str()];
      if (!array.data.empty())
        continue;
      for (auto [axis, size] : llvm::zip_equal(axesOf(input.getType()), input.getType().getShape())) {
        array.axes.push_back(axis.str());
        array.sizes.push_back(ShapedType::isDynamic(size) ? tokens : size);
      }
      for (int64_t i = 0; i < array.count(); ++i)
        array.data.push_back(static_cast<float>(normal(engine)));
    }
  }

  /// sum(grad_NAME * output NAME) + sum(scale_NAME * loss NAME).
  double objective(const Arrays &inputs, const Arrays &gradients, int64_t tokens) {
    Arrays results = evaluate(*forward, inputs, tokens);
    double sum = 0;
    for (Operation &op : gate(*forward).getBody().front()) {
      if (!isa<LossOp, OutputOp>(op))
        continue;
      std::string name = op.getAttrOfType<StringAttr>("name").str();
      auto weights = gradients.find((isa<LossOp>(op) ? "scale_" : "grad_") + name);
      if (weights == gradients.end())
        continue;
      for (int64_t i = 0; i < results[name].count(); ++i)
        sum += weights->second.data[i] * results[name].data[i];
    }
    return sum;
  }

  MLIRContext context{MLIRContext::Threading::DISABLED};
  OwningOpRef<ModuleOp> forward, backward;
};

/// Compares the derived gradient with central differences along `directions` random directions.
void checkGradient(const std::string &text, int64_t tokens = 9, int directions = 4) {
  BothWays gate(text);
  ASSERT_TRUE(gate.valid());
  std::mt19937 engine(7);
  std::normal_distribution<double> normal;
  Arrays inputs, all;
  gate.addInputs(*gate.forward, inputs, tokens, engine);
  all = inputs;
  gate.addInputs(*gate.backward, all, tokens, engine);
  for (auto param : BothWays::gate(*gate.backward).getBody().getOps<ParamOp>())
    if (param.getName().starts_with("scale_"))
      all[param.getName().str()].data = {static_cast<float>(normal(engine))};
  Arrays gradients = gate.evaluate(*gate.backward, all, tokens);
  for (int direction = 0; direction < directions; ++direction) {
    Arrays plus = inputs, minus = inputs;
    double derived = 0, size = 0;
    for (auto &[name, array] : inputs)
      for (int64_t i = 0; i < array.count(); ++i) {
        // Inputs are f32: the differences are taken between what is really evaluated.
        double along = normal(engine);
        plus[name].data[i] = static_cast<float>(array.data[i] + along * 1e-3);
        minus[name].data[i] = static_cast<float>(array.data[i] - along * 1e-3);
        auto gradient = gradients.find("grad_" + name); // none: nothing depends on it
        double term =
            gradient == gradients.end() ? 0 : gradient->second.data[i] * (plus[name].data[i] - minus[name].data[i]);
        derived += term;
        size += std::fabs(term);
      }
    double measured = gate.objective(plus, all, tokens) - gate.objective(minus, all, tokens);
    EXPECT_NEAR(derived, measured, 2e-3 * size + 1e-9) << text;
  }
}

std::string pointwise(const std::string &expression) {
  return "gate g {\n axis token\n axis expert[6]\n input logits : float[token, expert]\n input other : float[token, "
         "expert]\n y = " +
         expression + "\n loss l = mean(y * index_weight)\n output y\n}";
}

TEST(Differentiate, EveryPointwiseFunction) {
  for (const char *expression : {"exp(logits)",
                                 "log(1 + logits * logits)",
                                 "sqrt(1 + abs(logits))",
                                 "rsqrt(2 + logits * logits) + other",
                                 "relu(logits)",
                                 "sigmoid(3 * logits)",
                                 "softplus(logits)",
                                 "tanh(logits)",
                                 "erf(logits)",
                                 "normal_cdf(logits)",
                                 "clamp(logits, -0.5, 0.5)",
                                 "min(logits, other)",
                                 "max(logits, other)",
                                 "where(logits > other, logits * logits, other)",
                                 "logits / (2 + abs(other))",
                                 "logits - other * logits",
                                 "(1 + abs(logits)) ** other",
                                 "-logits ** 3",
                                 "abs(logits) * sign(other)",
                                 "floor(logits) * other"}) {
    std::string text = pointwise(expression);
    text.replace(text.find("index_weight"), 12, "other");
    SCOPED_TRACE(expression);
    checkGradient(text);
  }
}

TEST(Differentiate, EveryReduction) {
  for (const char *kind : {"sum", "mean", "max", "min", "var", "std", "cv2", "logsumexp"})
    for (const char *over : {"expert", "expert -> device", "expert -> rack", "token", "token, expert"}) {
      SCOPED_TRACE(std::string(kind) + " over " + over);
      checkGradient(std::string("gate g {\n axis token\n axis expert[6]\n axis device[3] of expert\n axis rack[2] of "
                                "expert = [0, 1, 1, 0, 1, 1]\n"
                                " input logits : float[token, expert]\n s = sigmoid(logits)\n r = ") +
                    kind + "(s, " + over +
                    ")\n loss l = " + (std::string(over) == "token, expert" ? "r * r" : "sum(r * r)") + "\n}");
    }
}

TEST(Differentiate, FunctionsAlongAnAxis) {
  for (const char *expression :
       {"softmax(logits, expert)", "normalize(sigmoid(logits), expert)", "standardize(logits, expert, 1e-3)",
        "expand(max(logits, expert -> device), device -> expert)", "softmax(logits, token)",
        "logits - mean(logits, token)"}) {
    SCOPED_TRACE(expression);
    checkGradient(std::string("gate g {\n axis token\n axis expert[6]\n axis device[3] of expert\n input logits : "
                              "float[token, expert]\n y = ") +
                  expression + "\n loss l = sum(y ** 2)\n output y\n}");
  }
}

TEST(Differentiate, Selections) {
  checkGradient(R"(gate g {
  axis token
  axis expert[8]
  input logits : float[token, expert]
  input bias : f32[expert]
  s = softmax(logits, expert)
  route = topk(s + bias, 3, expert)
  one = first(route, 1)
  w = normalize(s[route], route.slot)
  v = softmax(logits[route], route.slot)
  b = bias[route]
  loss top = mean(kth(s, 2, expert)) + mean(sum_top(s, 3, expert)) + sum(s[one])
  output w
  output v
  output b
})");
}

TEST(Differentiate, EveryExample) {
  for (const char *name : {"switch", "deepseek_moe", "deepseek_v2", "deepseek_v3"}) {
    SCOPED_TRACE(name);
    auto file = llvm::MemoryBuffer::getFile(std::string(MOE_SOURCE_DIR "/examples/") + name + ".moe");
    ASSERT_TRUE(file);
    checkGradient((*file)->getBuffer().str(), 5, 2);
  }
}

// d cv2(z) / d z_k = (2 / N) (z_k / mu^2 - nu / mu^3), nu = mean(z^2).
TEST(Differentiate, Cv2HasTheClosedForm) {
  BothWays gate("gate g {\n axis expert[4]\n input z : f32[expert]\n loss l = cv2(z)\n}");
  ASSERT_TRUE(gate.valid());
  Arrays inputs;
  inputs["z"] = Array{{"expert"}, {4}, reference::ElementKind::Float, {1, 2, 4, 9}, {}};
  Arrays gradients = gate.evaluate(*gate.backward, inputs, 1);
  double mu = 4, nu = (1 + 4 + 16 + 81) / 4.0;
  for (int k = 0; k < 4; ++k)
    EXPECT_NEAR(gradients["grad_z"].data[k], 2 / 4.0 * (inputs["z"].data[k] / (mu * mu) - nu / (mu * mu * mu)), 1e-12);
}

// L = alpha sum(f P): dL/dx_tj = s_tj (g_tj - sum_i g_ti s_ti) with g = alpha f / T; counts have no gradient.
TEST(Differentiate, BalanceLossHasTheClosedForm) {
  BothWays gate(R"(gate g {
  axis token
  axis expert[3]
  input logits : float[token, expert]
  s = softmax(logits, expert)
  route = topk(s, 1, expert)
  f = count(route) * 3 / size(token)
  loss l = 0.5 * sum(f * mean(s, token))
})");
  ASSERT_TRUE(gate.valid());
  Arrays inputs;
  inputs["logits"] = Array{{"token", "expert"}, {2, 3}, reference::ElementKind::Float, {1, 0, -1, 2, 0.5, 3}, {}};
  Arrays gradients = gate.evaluate(*gate.backward, inputs, 2);
  const double f[] = {1.5, 0, 1.5};
  for (int t = 0; t < 2; ++t) {
    double s[3], total = 0, dot = 0;
    for (int e = 0; e < 3; ++e)
      total += s[e] = std::exp(inputs["logits"].data[t * 3 + e]);
    for (int e = 0; e < 3; ++e)
      dot += (s[e] /= total) * 0.5 * f[e] / 2;
    for (int e = 0; e < 3; ++e)
      EXPECT_NEAR(gradients["grad_logits"].data[t * 3 + e], s[e] * (0.5 * f[e] / 2 - dot), 1e-7);
  }
}

// A logit of -100 gives a finite, right gradient.
TEST(Differentiate, ExtremeLogitsGiveFiniteGradients) {
  BothWays gate("gate g {\n axis expert[2]\n input x : f32[expert]\n loss l = sum(sigmoid(x) + softplus(x)) + "
                "logsumexp(x) + sum(softmax(x, expert) ** 2)\n}");
  ASSERT_TRUE(gate.valid());
  Arrays inputs;
  inputs["x"] = Array{{"expert"}, {2}, reference::ElementKind::Float, {-100, 100}, {}};
  Arrays gradients = gate.evaluate(*gate.backward, inputs, 1);
  EXPECT_NEAR(gradients["grad_x"].data[0], 0, 1e-40);
  EXPECT_NEAR(gradients["grad_x"].data[1], 2, 1e-12);
}

TEST(Differentiate, DetachStopsTheGradient) {
  BothWays gate("gate g {\n axis expert[2]\n input x : f32[expert]\n loss l = sum(detach(x) * x)\n}");
  ASSERT_TRUE(gate.valid());
  Arrays inputs;
  inputs["x"] = Array{{"expert"}, {2}, reference::ElementKind::Float, {3, -4}, {}};
  EXPECT_EQ(gate.evaluate(*gate.backward, inputs, 1)["grad_x"].data, (std::vector<double>{3, -4}));
}

TEST(Differentiate, GreatestOfGroups) {
  for (const char *n : {"1", "2", "3", "4"})
    checkGradient(
        std::string(
            "gate g {\n axis token\n axis expert[8]\n axis node[2] of expert\n input x : float[token, expert]\n") +
        " loss l = mean(sum_top(x, " + n + ", expert -> node)**2)\n}");
}

TEST(Differentiate, TiesAmongTheGreatestShareTheirGradient) {
  BothWays gate("gate g {\n axis expert[6]\n axis node[2] of expert = [0, 0, 0, 0, 1, 1]\n input x : f32[expert]\n"
                " loss l = sum(sum_top(x, 2, expert -> node))\n}");
  ASSERT_TRUE(gate.valid());
  Arrays inputs;
  double infinity = std::numeric_limits<double>::infinity();
  inputs["x"] = Array{{"expert"}, {6}, reference::ElementKind::Float, {3, 5, 3, 3, infinity, -infinity}, {}};
  std::vector<double> shares = gate.evaluate(*gate.backward, inputs, 1)["grad_x"].data;
  for (int i : {0, 2, 3})
    EXPECT_NEAR(shares[i], 1.0 / 3, 1e-12);
  for (int i : {1, 4, 5})
    EXPECT_EQ(shares[i], 1);
}

TEST(Differentiate, WhatOnlySelectsHasNoGradient) {
  BothWays gate("gate g {\n axis token\n axis expert[4]\n input x : float[token, expert]\n input bias : f32[expert]\n"
                " route = topk(x + bias, 2, expert)\n output w = x[route]\n}");
  ASSERT_TRUE(gate.valid());
  std::vector<std::string> names;
  for (auto output : BothWays::gate(*gate.backward).getBody().getOps<OutputOp>())
    names.push_back(output.getName().str());
  EXPECT_EQ(names, std::vector<std::string>{"grad_x"});
}

} // namespace
} // namespace moe
