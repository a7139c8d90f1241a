"""GShard (2006.16668), algorithm 1, line by line: one group at a time, first choices, then second ones."""

from common import fixed_pieces, only_logits as inputs, softmax, topk, uniform
import math
import numpy as np

LOSSES = ["balance"]
CASES = [
    {"T": 24, "D": {"E": 8, "S": 8}, "P": {"alpha": 0.01}, "grad": True},
    {"T": 192, "D": {"E": 8, "S": 64}, "P": {"alpha": 1.0}, "skew": 1.0, "seed": 99},
    {"T": 4096, "D": {"E": 16, "S": 512}, "P": {"alpha": 1.0}, "seed": 5, "offset": 7},
    {"T": 24, "D": {"E": 32, "S": 12}, "P": {"alpha": 0.01}},  # 2 S / E < 1: no room at all
]


def gate(x, c, p, call):
    T, E = x["logits"].shape
    S = c["S"]
    capacity = math.floor(2 * S / E)
    weight, route = np.zeros((T, 2)), np.full((T, 2), -1)
    losses = []
    for group in fixed_pieces(T, S):
        gates = {s: softmax(x["logits"][s]) for s in group}
        best = {s: topk(gates[s], 2) for s in group}
        c_e = np.zeros(E, dtype=int)
        for s in group:
            e1, e2 = best[s]
            g1 = gates[s][e1] / (gates[s][e1] + gates[s][e2])
            if c_e[e1] < capacity:
                weight[s, 0], route[s, 0] = g1, e1
            c_e[e1] += 1
        mean_gate = sum(gates[s] for s in group) / S
        losses.append(sum(c_e[e] / S * mean_gate[e] for e in range(E)) / E)
        for s in group:
            e1, e2 = best[s]
            g2 = gates[s][e2] / (gates[s][e1] + gates[s][e2])
            if c_e[e2] < capacity and 2 * g2 > uniform(call, 0, s):
                weight[s, 1], route[s, 1] = g2, e2
            c_e[e2] += 1
    return {"weight": weight, "route": route, "balance": p["alpha"] * sum(losses) / len(losses)}
