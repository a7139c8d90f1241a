"""Mixtral 8x7B (2401.04088): softmax over the kept logits, its code's balance loss, repetition of consecutive tokens."""

from common import counts, only_logits as inputs, softmax, softmax_rows, topk_rows
import numpy as np

LOSSES = ["balance"]
CASES = [
    {"T": 24, "D": {"E": 8}, "P": {"alpha": 0.02}, "grad": True},
    {"T": 500, "D": {"E": 8}, "P": {"alpha": 1.0}},
    {"T": 3000, "D": {"E": 8}, "P": {"alpha": 1.0}},
    {"T": 90, "D": {"E": 20, "k": 3}, "P": {"alpha": 0.02}},
]


def gate(x, c, p, call):
    T, E = x["logits"].shape
    route = topk_rows(x["logits"], c.get("k", 2))
    mean_probability = softmax_rows(x["logits"]).sum(axis=0) / T
    return {"weight": np.array([softmax(x["logits"][t, route[t]]) for t in range(T)]), "route": route,
            "balance": p["alpha"] * E * (counts(route, E) / T * mean_probability).sum(),
            "repeat_first": sum(route[t, 0] == route[t - 1, 0] for t in range(1, T)) / (T - 1),
            "repeat_any": sum(bool(set(route[t]) & set(route[t - 1])) for t in range(1, T)) / (T - 1)}
