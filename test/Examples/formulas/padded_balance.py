"""load_balancing_loss_func of published Mixtral, OLMoE and Qwen code, with an attention mask; NaN in the padding."""

from common import counts, gathered, logits, normalised, softmax_rows, topk_rows
import numpy as np

LOSSES = ["balance"]
CASES = [
    {"T": 30, "D": {"E": 8}, "P": {}, "grad": True, "padding": 0.3},
    {"T": 250, "D": {"E": 8, "L": 3}, "P": {}, "padding": 0.5},
    {"T": 3000, "D": {"E": 8, "L": 1}, "P": {}, "padding": 0.5},
    {"T": 40, "D": {"E": 8}, "P": {}, "padding": 1.0, "grad": True},  # nothing but padding
    {"T": 19, "D": {"E": 16, "k": 3, "L": 5}, "P": {}, "padding": 0.0, "grad": True},
]


def inputs(case, rng):
    T, L, E = case["T"], case["D"].get("L", 2), case["D"]["E"]
    x = logits(rng, L * T, E).reshape(L, T, E)
    valid = rng.random(T) >= case["padding"]
    x[:, ~valid] = np.where(rng.random(x[:, ~valid].shape) < 0.5, np.nan, np.inf)
    return {"logits": x, "valid": valid}


def gate(x, c, p, call):
    L, T, E = x["logits"].shape
    k = c.get("k", 2)
    valid = x["valid"]
    weight, route = np.zeros((L, T, k)), np.full((L, T, k), -1)
    if not valid.any():
        return {"weight": weight, "route": route, "balance": 0.0}
    s = softmax_rows(x["logits"][:, valid].reshape(-1, E))  # concatenated
    picked = topk_rows(s, k)
    weight[:, valid], route[:, valid] = normalised(gathered(s, picked)).reshape(L, -1, k), picked.reshape(L, -1, k)
    loss = 0.0
    for j in range(k):  # tokens_per_expert [k, E] times router_prob_per_expert [E]
        tokens_per_expert = counts(picked[:, j:j + 1], E) / len(s)
        loss += (tokens_per_expert * s.sum(axis=0) / len(s)).sum()
    return {"weight": weight, "route": route, "balance": E * loss}
