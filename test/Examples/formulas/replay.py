"""Routing replay: experts from outside, -1 where a slot is empty; weights and loss of the present scores."""

from common import counts, gathered, logits, softmax_rows
import numpy as np

LOSSES = ["balance"]
CASES = [
    {"T": 24, "D": {"E": 8, "k": 3}, "P": {"alpha": 0.01}, "grad": True},
    {"T": 300, "D": {"E": 64, "k": 4}, "P": {"alpha": 1.0}},
    {"T": 50, "D": {"E": 16, "k": 1}, "P": {"alpha": 1.0}},  # hash routing
]


def inputs(case, rng):
    T, E, k = case["T"], case["D"]["E"], case["D"]["k"]
    experts = np.array([rng.permutation(E)[:k] for _ in range(T)], dtype=np.int32).reshape(T, k)
    if k > 1:
        experts[rng.random((T, k)) < 0.2] = -1
        experts[:, 0] = np.maximum(experts[:, 0], 0)
    for row in experts:  # an expert once in a row
        for j in range(k):
            if row[j] >= 0 and row[j] in row[:j]:
                row[j] = -1
    return {"logits": logits(rng, T, E), "experts": experts}


def gate(x, c, p, call):
    T, E = x["logits"].shape
    k = c["k"]
    s = softmax_rows(x["logits"])
    route = x["experts"].astype(np.int64)
    weight = np.zeros((T, k))
    for t in range(T):
        total = sum(s[t, e] for e in route[t] if e >= 0)
        for j, e in enumerate(route[t]):
            weight[t, j] = s[t, e] / total if e >= 0 else 0.0
    return {"weight": weight, "route": route,
            "balance": p["alpha"] * E * (counts(route, E) / (k * T) * s.sum(axis=0) / T).sum()}
