"""Compares what docs/language.md says of pieces of pieces, layers and bitmaps, written out in loops, with what specs
compute.

usage: levels.py nested|layers DIRECTORY oracle|cpu|emulator

Each spec is run as it is and with the line `mask token by valid`, on calls with documents that are empty, groups that are
masked altogether, and none at all.
"""

import os
import sys

import numpy as np
from meaning import logsumexp, over, run


def words(bits):
    """The i32 words of a list of bools: element e is bit e % 32 of word e / 32."""
    packed = [sum(1 << (e % 32) for e, bit in enumerate(bits) if bit and e // 32 == w) for w in range(-(-len(bits) // 32))]
    return np.array(packed, np.uint32).astype(np.int32)


def best(scores, k):
    return [int(e) for e in np.argsort(-scores, kind="stable")[:k]]


def place(call, route, capacity, per=lambda t: 0):
    """Which of the slots find room, in the order of tokens."""
    taken, fits = {}, np.full((len(call["valid"]), 2), -1)
    for t in call["tokens"]:
        for j, e in enumerate(route[t]):
            taken[e, per(t)] = taken.get((e, per(t)), 0) + 1
            if taken[e, per(t)] <= capacity:
                fits[t, j] = e
    return fits


def nested_data(tokens, cuts, rng):
    return {
        "x": rng.integers(-8, 9, (tokens, 40)).astype(np.float32) / 4,
        "y": rng.normal(size=tokens).astype(np.float32),
        "offsets": np.array([0, *cuts, tokens // 8] if tokens else [0], np.int32),
        "tone": rng.normal(size=len(cuts) + 1 if tokens else 0).astype(np.float32),
        "valid": np.repeat(rng.random(tokens // 4) < 0.7, 4) & (rng.random(tokens) < 0.8),
    }


def nested(call):
    x, y, count, tokens = call["x"], call["y"].astype(np.float64), len(call["y"]), call["tokens"]
    pieces, offsets = count // 8, call["offsets"]
    documents = [range(8 * begin, 8 * end) for begin, end in zip(offsets, offsets[1:])]
    document_of = {t: d for d, span in enumerate(documents) for t in span}
    members = [[t for t in span if t in tokens] for span in documents]
    in_group = [[t for t in range(4 * g, 4 * g + 4) if t in tokens] for g in range(2 * pieces)]
    in_sequence = [[t for t in range(8 * s, 8 * s + 8) if t in tokens] for s in range(pieces)]
    of_document = [over(y[m], np.mean) for m in members]
    route = {t: best(x[t], 2) for t in tokens}
    keep = {t: [e for e in route[t] if x[t, e] > 1.5] for t in tokens}
    r = {
        "by_sequence": np.array([[over(x[m, e], np.mean) for e in range(40)] for m in in_sequence]).reshape(pieces, 40),
        "worst": np.array([max([np.mean(y[m]) for m in in_group[2 * s : 2 * s + 2] if m], default=-np.inf) for s in range(pieces)]),
        "spread": np.array([over(y[m], np.var) for m in members], float) * call["tone"],
        "lse": np.array([over(y[m], logsumexp) for m in members]),
        "load": np.array([[sum(e in route[t] for t in m) for e in range(40)] for m in members]).reshape(-1, 40),
        "weight": np.array([over([x[t, e] for t in m for e in keep[t]], np.mean) for m in members]),
        "tokens_in": np.array([len(m) for m in in_sequence]),
        "groups_in": np.array([sum(bool(m) for m in in_group[2 * s : 2 * s + 2]) for s in range(pieces)]),
        "sequences_in": np.array([sum(bool(in_sequence[s]) for s in range(a, b)) for a, b in zip(offsets, offsets[1:])]),
        "documents": np.array(sum(map(bool, members))),
        "groups": np.array(sum(map(bool, in_group))),
        "average": np.array(over([v for v, m in zip(of_document, members) if m], np.mean)),
        "centred": np.zeros(count), "place": np.zeros(count), "before": np.zeros(count),
        "groups_of": np.array([of_document[document_of[4 * g]] for g in range(2 * pieces)]),
        "fits": place(call, route, 1, lambda t: t // 4),
        "quarter": np.zeros(4) if tokens else np.full(4, np.nan),
        "who": np.zeros((count, 2)), "high": np.zeros((count, 2)), "small": np.zeros((count, 1)),
    }
    for t in tokens:
        first = documents[document_of[t]][0]
        r["centred"][t] = y[t] - of_document[document_of[t]]
        r["place"][t] = t - first
        r["before"][t] = y[t - 1] if t % 4 and t - 1 in tokens else 0
        r["quarter"][min((t - first) * 4 // len(members[document_of[t]]), 3)] += y[t]
        r["who"][t] = words([e in keep[t] for e in range(40)])
        r["high"][t] = words(x[t] > 1)
        r["small"][t] = words([e in keep[t] and x[t, e] < 1.75 for e in route[t]])
    return r


def layers_data(tokens, _cuts, rng):
    return {
        "x": rng.integers(-8, 9, (3, tokens, 6)).astype(np.float32) / 4,
        "shared": rng.normal(size=(tokens, 6)).astype(np.float32),
        "y": rng.normal(size=tokens).astype(np.float32),
        "bias": rng.integers(-2, 3, (3, 6)).astype(np.float32) / 8,
        "scale": rng.normal(size=3).astype(np.float32),
        "valid": np.repeat(rng.random(tokens // 2) < 0.7, 2) & (rng.random(tokens) < 0.8),
    }


def layers(call):
    x, y, bias, count, tokens = call["x"].astype(np.float64), call["y"], call["bias"], len(call["y"]), call["tokens"]
    s = x * call["shared"] + bias[:, None]
    pairs = [[t for t in (2 * p, 2 * p + 1) if t in tokens] for p in range(count // 2)]
    each = np.array([[over(s[l, tokens, e], np.mean) for e in range(6)] for l in range(3)])
    r = {name: np.zeros((3, count, n)) for name, n in (("s", 6), ("weight", 2), ("centred", 1), ("before", 6), ("who", 1))}
    r |= {
        "kept": np.full((3, count, 2), -1), "fits": np.full((3, count, 2), -1), "loads": np.zeros((3, 6)),
        "by_pair": np.array([[[over(x[l, m, e], np.mean) for e in range(6)] for m in pairs] for l in range(3)]).reshape(3, -1, 6),
        "each": each,
        "whole": np.array([over(s[:, tokens, e].ravel(), np.mean) for e in range(6)]),
        "alone": np.array([over(call["shared"][tokens, e], np.mean) for e in range(6)]),
        "tokens": np.array(len(tokens)), "pairs": np.array(sum(map(bool, pairs))),
        "most": np.array([over(s[:, tokens, e].ravel(), np.max) for e in range(6)]),
        "greatest": np.array(each.sum(axis=1).max()),
        "z": np.array(over([logsumexp(s[l, t]) ** 2 for l in range(3) for t in tokens], np.mean, 0)),
    }
    for l in range(3):
        route = {t: best(x[l, t] + bias[l], 2) for t in tokens}
        r["fits"][l] = place(call, route, 1, lambda t: t // 2)
        for t in tokens:
            keep = [j for j, e in enumerate(route[t]) if x[l, t, e] > 0.25]
            total = sum(np.exp(x[l, t, route[t][j]]) for j in keep)
            r["s"][l, t] = s[l, t]
            for j in keep:
                r["kept"][l, t, j] = route[t][j]
                r["weight"][l, t, j] = np.exp(x[l, t, route[t][j]]) / total * call["scale"][l]
            for e in route[t]:
                r["loads"][l, e] += 1
            r["centred"][l, t] = y[t] - x[l, t, route[t][0]]
            r["before"][l, t] = x[l, t - 1] if t % 2 and t - 1 in tokens else 0
            r["who"][l, t] = words([e in [route[t][j] for j in keep] for e in range(6)])
    r["load"] = r["loads"].sum(axis=0)
    return r


CASES = {
    "nested": (nested, nested_data, [(40, [2, 2]), (16, []), (24, [0, 2]), (0, []), (96, [5, 6, 11])]),
    "layers": (layers, layers_data, [(14, []), (2, []), (0, []), (130, [])]),
}


def main():
    name, directory, device = sys.argv[1:]
    compute, data, calls = CASES[name]
    os.makedirs(directory, exist_ok=True)
    with open(os.path.join(os.path.dirname(__file__), name + ".moe"), encoding="utf-8") as file:
        text = file.read()
    rng, values = np.random.default_rng(11), 0
    for masked in (False, True):
        path = os.path.join(directory, "spec.moe")
        with open(path, "w", encoding="utf-8") as file:
            file.write(text.replace("# HERE", "mask token by valid") if masked else text)
        for tokens, cuts in calls:
            call = data(tokens, cuts, rng)
            run(path, directory, device, call)
            call["tokens"] = [t for t in range(tokens) if call["valid"][t] or not masked]
            for array, value in compute(call).items():
                got = np.load(os.path.join(directory, array + ".npy"))
                values += 1
                if got.shape != np.shape(value) or not np.allclose(got, value, rtol=1e-5, atol=1e-5, equal_nan=True):
                    sys.exit(f"{array}, {device}, {tokens} tokens, masked {masked}: got\n{got}\nexpected\n{value}")
    print(f"{values} arrays agree")


main()
