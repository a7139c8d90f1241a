"""Skywork-MoE (2406.06563), section 4: gating logit normalisation, and the coefficient that follows the drop rate."""

from common import counts, gathered, logits, softmax_rows, topk_rows
import math
import numpy as np

LOSSES = ["balance"]
P = {"beta": 0.99, "xi": 0.2, "capacity_factor": 1.0}
CASES = [
    {"T": 24, "D": {"E": 8}, "P": P, "grad": True},
    {"T": 400, "D": {"E": 16, "lambda": 2}, "P": P, "skew": 1.0},
    {"T": 60, "D": {"E": 16}, "P": {"beta": 0.5, "xi": 2.0, "capacity_factor": 0.0}},
]


def inputs(case, rng):
    return {"logits": logits(rng, case["T"], case["D"]["E"], case.get("skew", 0.5)), "state.alpha": np.float32(0.02)}


def gate(x, c, p, call):
    T, n = x["logits"].shape
    k, scale = 2, c.get("lambda", 1)
    z = np.array([scale * (row - row.mean()) / math.sqrt(((row - row.mean()) ** 2).mean()) for row in x["logits"]])
    g = softmax_rows(z)
    route = topk_rows(g, k)
    room = math.floor(p["capacity_factor"] * k * T / n)
    dropped = sum(max(count - room, 0) for count in counts(route, n)) / (k * T)
    return {"weight": gathered(g, route), "route": route, "drop_rate_seen": dropped,
            "balance": x["state.alpha"] * ((1 / n - g.sum(axis=0) / T) ** 2).sum(),
            "state.alpha": p["beta"] * x["state.alpha"] + (1 - p["beta"]) * p["xi"] * dropped}
