// Gradients against finite differences of the interpreter in f64.
#pragma once
#include "Gates.h"

namespace moe::test {

/// sum(grad_NAME * output NAME) + sum(scale_NAME * loss NAME), over what is not masked.
inline double objective(GateOp gate, const Arrays &inputs, const Arrays &weights, const Call &call) {
  Arrays results = Gates::evaluate(gate, inputs, call);
  double sum = 0;
  for (mlir::Operation &op : gate.getBody().front()) {
    if (!mlir::isa<LossOp, OutputOp>(op))
      continue;
    std::string name = op.getAttrOfType<mlir::StringAttr>("name").str();
    auto given = weights.find((mlir::isa<LossOp>(op) ? "scale_" : "grad_") + name);
    if (given != weights.end())
      for (int64_t i = 0; i < results[name].count(); ++i)
        if (std::isfinite(given->second.data[i])) // NaN comes for masked tokens, too
          sum += given->second.data[i] * results[name].data[i];
  }
  return sum;
}

/// Random values for the scales of the losses.
inline void addScales(GateOp backward, Arrays &given, std::mt19937 &engine) {
  std::normal_distribution<double> normal;
  for (auto param : backward.getBody().getOps<ParamOp>())
    if (param.getName().starts_with("scale_"))
      given[param.getName().str()] =
          Array{{}, {}, reference::ElementKind::Float, {static_cast<float>(normal(engine))}, {}};
}

inline void expectNoGradientWhereMasked(const Arrays &inputs, const Arrays &gradients, const Call &call) {
  for (auto &[name, array] : inputs) {
    auto gradient = gradients.find("grad_" + name);
    if (gradient == gradients.end() || call.valid.empty() || array.axes.empty() || array.axes[0] != "token")
      continue;
    int64_t row = array.count() / call.tokens; // tokens come first
    for (int64_t i = 0; i < array.count(); ++i)
      if (!call.valid[i / row])
        EXPECT_EQ(gradient->second.data[i], 0) << name << i;
  }
}

/// Central differences of `forward` by steps of about `step` along random directions; `weights` has the gradients that
/// come in.
inline void expectDifferences(GateOp forward, const Arrays &inputs, const Arrays &weights, const Arrays &gradients,
                              const Call &call, double step, const std::string &what) {
  std::mt19937 engine(9);
  std::normal_distribution<double> normal;
  for (int direction = 0; direction < 3; ++direction) {
    Arrays plus = inputs, minus = inputs;
    double derived = 0, size = 0;
    for (auto &[name, array] : inputs)
      for (int64_t i = 0; array.kind == reference::ElementKind::Float && i < array.count(); ++i) {
        if (std::isnan(array.data[i]))
          continue;
        double along = normal(engine);
        plus[name].data[i] = static_cast<float>(array.data[i] + along * step);
        minus[name].data[i] = static_cast<float>(array.data[i] - along * step);
        auto gradient = gradients.find("grad_" + name);
        double term =
            gradient == gradients.end() ? 0 : gradient->second.data[i] * (plus[name].data[i] - minus[name].data[i]);
        derived += term;
        size += std::fabs(term);
      }
    double measured = objective(forward, plus, weights, call) - objective(forward, minus, weights, call);
    EXPECT_NEAR(derived, measured, 4e-3 * size + 1e-9) << what;
  }
}

} // namespace moe::test
