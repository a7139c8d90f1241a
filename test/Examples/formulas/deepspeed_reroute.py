"""DeepSpeed-MoE as reviews give it: overflow goes to the next-best expert with room; alpha * sum |f - 1 / E|."""

from common import counts, gathered, limit_next, only_logits as inputs, softmax_rows, topk_rows

LOSSES = ["balance"]
P = {"alpha": 0.01, "capacity_factor": 1.0}
CASES = [
    {"T": 32, "D": {"E": 8}, "P": P, "grad": True},
    {"T": 200, "D": {"E": 16}, "P": P, "skew": 1.0},
    {"T": 2000, "D": {"E": 16}, "P": P, "skew": 0.3},
    {"T": 30, "D": {"E": 8}, "P": {"alpha": 1.0, "capacity_factor": 0.5}, "skew": 2.0},
]


def gate(x, c, p, call):
    T, E = x["logits"].shape
    s = softmax_rows(x["logits"])
    best = topk_rows(s, 1)
    route = limit_next(best, p["capacity_factor"] * T / E, s, 4)
    f = counts(best, E) / T
    moved = 0  # elements of the two masks that differ
    for t in range(T):
        if route[t, 0] != best[t, 0]:
            moved += 1 if route[t, 0] < 0 else 2
    return {"weight": gathered(s, route), "route": route, "balance": p["alpha"] * abs(f - 1 / E).sum(), "moved": moved / T}
