"""The squared coefficient of variation of counts: N / (k T)^2 * sum(T_j^2) - 1."""

from common import counts, cv2, gathered, only_logits as inputs, softmax_rows, topk_rows

LOSSES = ["counts", "importance"]
CASES = [
    {"T": 24, "D": {"E": 8, "k": 1}, "P": {"alpha": 0.01}, "grad": True},
    {"T": 777, "D": {"E": 16, "k": 1}, "P": {"alpha": 0.01}},
    {"T": 50, "D": {"E": 12, "k": 3}, "P": {"alpha": 3.0}},
]


def gate(x, c, p, call):
    T, N = x["logits"].shape
    s = softmax_rows(x["logits"])
    route = topk_rows(s, c["k"])
    value = N / (c["k"] * T) ** 2 * (counts(route, N) ** 2).sum() - 1
    return {"weight": gathered(s, route), "route": route, "counts": p["alpha"] * value, "cv2_of_counts": value,
            "importance": p["alpha"] * cv2(s.sum(axis=0))}
