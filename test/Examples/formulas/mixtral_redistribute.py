"""Mixtral's router with capacity: overflow goes to the next-best expert with room; softmax over what a token got."""

from common import counts, gathered, limit_next, only_logits as inputs, softmax_filled, softmax_rows, topk_rows

LOSSES = ["balance"]
P = {"alpha": 0.02, "capacity_factor": 1.0}
CASES = [
    {"T": 24, "D": {"E": 8}, "P": P, "grad": True},
    {"T": 200, "D": {"E": 8}, "P": P, "skew": 1.0},
    {"T": 50, "D": {"E": 8}, "P": {"alpha": 1.0, "capacity_factor": 0.6}, "skew": 2.0},
]


def gate(x, c, p, call):
    T, E = x["logits"].shape
    k = c.get("k", 2)
    best = topk_rows(x["logits"], k)
    route = limit_next(best, p["capacity_factor"] * k * T / E, x["logits"], 3, by_slot=True)
    mean_probability = softmax_rows(x["logits"]).sum(axis=0) / T
    return {"weight": softmax_filled(gathered(x["logits"], route), route), "route": route,
            "balance": p["alpha"] * E * (counts(best, E) / T * mean_probability).sum(),
            "load_before": counts(best, E), "load_after": counts(route, E)}
