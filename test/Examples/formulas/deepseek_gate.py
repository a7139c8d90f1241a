"""MoEGate of modeling_deepseek.py, with its two flags."""

from common import counts, fixed_pieces, gathered, only_logits as inputs, softmax_rows, topk_rows

LOSSES = ["aux"]
CASES = [{"T": 24, "D": {"E": 8, "k": 3, "L": 8, "norm": norm, "seq": seq}, "P": {"alpha": 0.001}, "grad": True}
         for norm in (0, 1) for seq in (0, 1)]
CASES += [{"T": 640, "D": {"E": 64, "k": 6, "L": 128, "norm": norm, "seq": seq}, "P": {"alpha": 1.0}}
          for norm in (0, 1) for seq in (0, 1)]


def gate(x, c, p, call):
    T, E = x["logits"].shape
    k, L = c["k"], c["L"]
    s = softmax_rows(x["logits"])
    route = topk_rows(s, k)
    weight = gathered(s, route)
    if c["norm"]:
        weight = weight / (weight.sum(axis=1, keepdims=True) + 1e-20)
    if c["seq"]:
        each = [(counts(route, E, piece) / (L * k / E) * s[list(piece)].sum(axis=0) / L).sum() for piece in fixed_pieces(T, L)]
        aux = sum(each) / len(each)
    else:
        aux = (counts(route, E) * E / (T * k) * s.sum(axis=0) / T).sum()
    return {"weight": weight, "route": route, "aux": p["alpha"] * aux}
