"""ST-MoE (2202.08906): top-2, balance loss by first choices, router z-loss (eq. 5)."""

from common import counts, gathered, logsumexp, normalised, only_logits as inputs, softmax_rows, topk_rows

LOSSES = ["balance", "z"]
CASES = [
    {"T": 24, "D": {"E": 8}, "P": {"c_balance": 0.01, "c_z": 0.001}, "grad": True},
    {"T": 1000, "D": {"E": 32}, "P": {"c_balance": 0.01, "c_z": 0.001}},
    {"T": 77, "D": {"E": 20, "k": 3}, "P": {"c_balance": 2.0, "c_z": 0.5}},
]


def gate(x, c, p, call):
    B, N = x["logits"].shape
    s = softmax_rows(x["logits"])
    route = topk_rows(s, c.get("k", 2))
    f = counts(route[:, :1], N) / B
    return {"weight": normalised(gathered(s, route)), "route": route,
            "balance": p["c_balance"] * N * (f * s.sum(axis=0) / B).sum(),
            "z": p["c_z"] * sum(logsumexp(row) ** 2 for row in x["logits"]) / B}
