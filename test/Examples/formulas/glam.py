"""GLaM (2112.06905): top-2, capacity factor 1.25, loss alpha * sum(f * p)."""

from common import counts, gathered, limit, only_logits as inputs, softmax_rows, topk_rows

LOSSES = ["balance"]
P = {"alpha": 0.01, "capacity_factor": 1.25}
CASES = [
    {"T": 32, "D": {"E": 8}, "P": P, "grad": True},
    {"T": 257, "D": {"E": 16}, "P": P, "skew": 1.0},
    {"T": 3000, "D": {"E": 16}, "P": P, "skew": 0.3},
    {"T": 19, "D": {"E": 8, "k": 3}, "P": {"alpha": 0.5, "capacity_factor": 0.0}},
]


def gate(x, c, p, call):
    T, E = x["logits"].shape
    k = c.get("k", 2)
    s = softmax_rows(x["logits"])
    best = topk_rows(s, k)
    route = limit(best, p["capacity_factor"] * k * T / E, by_slot=True)
    f = counts(best, E) / (k * T)
    return {"weight": gathered(s, route), "route": route, "balance": p["alpha"] * (f * s.sum(axis=0) / T).sum(),
            "drop_rate": (route < 0).sum() / (k * T)}
