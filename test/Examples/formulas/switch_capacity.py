"""Switch Transformer (2101.03961), eqs. 1-6, with expert capacity."""

from common import counts, gathered, limit, only_logits as inputs, softmax_rows, topk_rows

LOSSES = ["balance"]
P = {"alpha": 0.01, "capacity_factor": 1.25}
CASES = [
    {"T": 32, "D": {"E": 8}, "P": P, "grad": True},
    {"T": 333, "D": {"E": 16}, "P": P, "skew": 1.0},
    {"T": 5000, "D": {"E": 16}, "P": P, "skew": 1.0},
    {"T": 40, "D": {"E": 8}, "P": {"alpha": 0.5, "capacity_factor": 0.0}},  # no room at all
    {"T": 40, "D": {"E": 8}, "P": {"alpha": 0.5, "capacity_factor": 100.0}},  # room for everybody
]


def gate(x, c, p, call):
    T, N = x["logits"].shape
    probability = softmax_rows(x["logits"])
    best = topk_rows(probability, 1)
    route = limit(best, p["capacity_factor"] * T / N)
    f, P_i = counts(best, N) / T, probability.sum(axis=0) / T
    return {"weight": gathered(probability, route), "route": route, "balance": p["alpha"] * N * (f * P_i).sum(),
            "drop_rate": (route < 0).sum() / T}
