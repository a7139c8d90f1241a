"""OpenMoE (2402.01739): top-2, balance loss, squared z-loss, capacity by position, drop rate by position in the sequence."""

from common import counts, gathered, limit, logsumexp, only_logits as inputs, softmax_rows, topk_rows
import numpy as np

LOSSES = ["balance", "z"]
P = {"alpha": 0.01, "beta": 0.0001, "capacity_factor": 1.25}
CASES = [
    {"T": 32, "D": {"E": 8, "L": 16}, "P": P, "grad": True},
    {"T": 192, "D": {"E": 8, "L": 64}, "P": P, "skew": 1.0},
    {"T": 4096, "D": {"E": 16, "L": 1024}, "P": P, "skew": 0.3},
    {"T": 75, "D": {"E": 8, "L": 25}, "P": {"alpha": 0.01, "beta": 0.1, "capacity_factor": 0.6}, "skew": 1.0},
]


def gate(x, c, p, call):
    T, E = x["logits"].shape
    k, L = 2, c["L"]
    s = softmax_rows(x["logits"])
    best = topk_rows(s, k)
    route = limit(best, p["capacity_factor"] * k * L / E, piece_of=[t // L for t in range(T)])
    lost, tokens = np.zeros(8), np.zeros(8)
    for t in range(T):
        part = (t % L) * 8 // L
        tokens[part] += 1
        lost[part] += (route[t] < 0).sum() / k
    return {"weight": gathered(s, route), "route": route,
            "balance": p["alpha"] * E * (counts(best, E) / (k * T) * s.sum(axis=0) / T).sum(),
            "z": p["beta"] * sum(logsumexp(row) ** 2 for row in x["logits"]) / T, "drop_rate": lost / tokens}
