"""JetMoE (2404.07413): dropless top-2, balance loss, z-loss, and the dispatch plan with segments of whole blocks."""

from common import counts, logsumexp, only_logits as inputs, softmax, softmax_rows, topk_rows
import numpy as np

LOSSES = ["balance", "z"]
PLANS = ["order", "offset"]  # outputs that have rows also without tokens
P = {"alpha": 0.01, "beta": 0.001}
CASES = [
    {"T": 24, "D": {"E": 8, "block": 4}, "P": P, "grad": True},
    {"T": 301, "D": {"E": 16, "block": 16}, "P": P, "skew": 1.0},
    {"T": 3000, "D": {"E": 16, "block": 128}, "P": P},
    {"T": 50, "D": {"E": 8, "block": 1}, "P": P},
]


def gate(x, c, p, call):
    T, E = x["logits"].shape
    k, block = 2, c["block"]
    route = topk_rows(x["logits"], k)
    position, offset = np.full((T, k), -1), [0]
    order = np.full(T * k + E * (block - 1), -1)
    for e in range(E):
        row = offset[-1]
        for t in range(T):
            for j in range(k):
                if route[t, j] == e:
                    position[t, j], order[row] = row, t * k + j
                    row += 1
        offset.append(offset[-1] + -(-(row - offset[-1]) // block) * block)
    s = softmax_rows(x["logits"])
    return {"weight": np.array([softmax(x["logits"][t, route[t]]) for t in range(T)]), "route": route,
            "order": order, "offset": np.array(offset), "position": position,
            "balance": p["alpha"] * E * (counts(route, E) / (k * T) * s.sum(axis=0) / T).sum(),
            "z": p["beta"] * sum(logsumexp(row) ** 2 for row in x["logits"]) / T}
