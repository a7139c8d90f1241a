"""Scores sqrt(softplus(x)), a bias that selects, weights normalised and scaled."""

from common import counts, gathered, logits, normalised, softplus, topk_rows
import numpy as np

LOSSES = ["balance"]
P = {"scale": 1.5, "alpha": 0.0001}
CASES = [
    {"T": 24, "D": {"E": 8, "k": 3}, "P": P, "grad": True},
    {"T": 600, "D": {"E": 64, "k": 6}, "P": {"scale": 1.0, "alpha": 1.0}},
]


def inputs(case, rng):
    E = case["D"]["E"]
    return {"logits": logits(rng, case["T"], E), "bias": (0.05 * rng.normal(size=E)).astype(np.float32)}


def gate(x, c, p, call):
    T, E = x["logits"].shape
    s = np.sqrt(softplus(x["logits"]))
    route = topk_rows(s + x["bias"], c["k"])
    f = counts(route, E) * E / (c["k"] * T)
    return {"weight": normalised(gathered(s, route)) * p["scale"], "route": route,
            "balance": p["alpha"] * (f * normalised(s).sum(axis=0) / T).sum(), "max_load": f.max()}
