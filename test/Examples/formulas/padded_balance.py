"""load_balancing_loss_func of published Mixtral, OLMoE and Qwen code, with an attention mask; NaN in the padding."""

from common import counts, gathered, logits, normalised, softmax_rows, topk_rows
import numpy as np

LOSSES = ["balance"]
CASES = [
    {"T": 30, "D": {"E": 8}, "P": {}, "grad": True, "padding": 0.3},
    {"T": 500, "D": {"E": 8}, "P": {}, "padding": 0.5},
    {"T": 3000, "D": {"E": 8}, "P": {}, "padding": 0.5},
    {"T": 40, "D": {"E": 8}, "P": {}, "padding": 1.0, "grad": True},  # nothing but padding
    {"T": 60, "D": {"E": 16, "k": 3}, "P": {}, "padding": 0.0},
]


def inputs(case, rng):
    x = logits(rng, case["T"], case["D"]["E"])
    valid = rng.random(case["T"]) >= case["padding"]
    x[~valid] = np.where(rng.random(x[~valid].shape) < 0.5, np.nan, np.inf)
    return {"logits": x, "valid": valid}


def gate(x, c, p, call):
    T, E = x["logits"].shape
    k = c.get("k", 2)
    real = [t for t in range(T) if x["valid"][t]]
    if not real:
        return {"weight": np.zeros((T, k)), "route": np.full((T, k), -1), "balance": 0.0}
    s = softmax_rows(x["logits"][real])
    picked = topk_rows(s, k)
    weight, route = np.zeros((T, k)), np.full((T, k), -1)
    weight[real], route[real] = normalised(gathered(s, picked)), picked
    loss = 0.0
    for j in range(k):  # tokens_per_expert [k, E] times router_prob_per_expert [E]
        tokens_per_expert = counts(picked[:, j:j + 1], E) / len(real)
        loss += (tokens_per_expert * s.sum(axis=0) / len(real)).sum()
    return {"weight": weight, "route": route, "balance": E * loss}
