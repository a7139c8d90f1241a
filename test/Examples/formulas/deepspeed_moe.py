"""DeepSpeed-MoE (2201.05596), top-1 gate of its code: random token selection, l_aux = E * sum(mean(gates) * mean(mask))."""

from common import counts, gathered, limit, only_logits as inputs, softmax_rows, topk_rows, uniform
import numpy as np

LOSSES = ["balance"]
CASES = [
    {"T": 32, "D": {"E": 8}, "P": {"capacity_factor": 1.0}, "grad": True},
    {"T": 300, "D": {"E": 16}, "P": {"capacity_factor": 0.7}, "skew": 1.0, "seed": 2**63 + 3, "offset": 1},
    {"T": 3000, "D": {"E": 16}, "P": {"capacity_factor": 1.0}, "seed": 7},
]


def gate(x, c, p, call):
    T, E = x["logits"].shape
    gates = softmax_rows(x["logits"])
    best = topk_rows(gates, 1)
    order = np.array([[uniform(call, 0, t)] for t in range(T)])
    route = limit(best, p["capacity_factor"] * T / E, priority=order)
    me, ce = gates.sum(axis=0) / T, counts(best, E) / T
    return {"weight": gathered(gates, route), "route": route, "balance": E * (me * ce).sum(), "load": counts(route, E)}
