"""Loss-free balancing (2408.15664) by the size of the error, a running mean of the load, a bias of mean zero."""

from common import counts, gathered, logits, sigmoid, topk_rows
import numpy as np

LOSSES = []
CASES = [
    {"T": 24, "D": {"E": 8, "k": 3}, "P": {"u": 0.01, "momentum": 0.5}, "grad": True},
    {"T": 400, "D": {"E": 64, "k": 6}, "P": {"u": 0.001, "momentum": 0.9}},
    {"T": 100, "D": {"E": 5, "k": 5}, "P": {"u": 0.5, "momentum": 0.0}},
]


def inputs(case, rng):
    E = case["D"]["E"]
    return {"logits": logits(rng, case["T"], E), "state.bias": (0.05 * rng.normal(size=E)).astype(np.float32),
            "state.load": (0.5 + rng.random(E)).astype(np.float32)}


def gate(x, c, p, call):
    T, E = x["logits"].shape
    s = sigmoid(x["logits"])
    route = topk_rows(s + x["state.bias"], c["k"])
    now = counts(route, E) / (c["k"] * T / E)
    load = np.array([p["momentum"] * x["state.load"][i] + (1 - p["momentum"]) * now[i] for i in range(E)])
    bias = np.array([x["state.bias"][i] + p["u"] * (1 - load[i]) for i in range(E)])
    spread = np.sqrt(((load - load.sum() / E) ** 2).sum() / E) / (load.sum() / E)
    return {"weight": gathered(s, route), "route": route, "load_cv": spread, "state.load": load,
            "state.bias": bias - bias.sum() / E}
