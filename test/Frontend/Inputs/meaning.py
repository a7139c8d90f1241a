"""Compares what docs/language.md says, written out in loops, with what a spec computes.

usage: meaning.py SPEC.moe DIRECTORY oracle|cpu|emulator

The spec is run as it is and with the line `mask token by valid`, on calls with sequences that are empty, groups without
an expert, tokens without a filled slot, and none at all.
"""

import os
import subprocess
import sys

import numpy as np

EXPERTS, DEVICES, NODES = 6, 3, [0, 0, 1]


def data(tokens, cuts, rng):
    """One call. Scores are coarse, so that there are ties and zeros."""
    return {
        "x": rng.integers(-8, 9, (tokens, EXPERTS)).astype(np.float32) / 4,
        "y": rng.normal(size=tokens).astype(np.float32),
        "replay": rng.integers(-1, EXPERTS + 1, (tokens, 2)).astype(np.int32),
        "device_of": rng.choice([0, 2] if tokens % 2 else [0, 1, 2], EXPERTS).astype(np.int32),
        "offsets": np.array([0, *cuts, tokens], np.int32),
        "valid": rng.random(tokens) < 0.7,
    }


def over(values, how, nothing=np.nan):
    """A reduction of a list; over nothing what the page says."""
    return how(np.array(values, np.float64)) if len(values) else nothing


def logsumexp(values):
    return np.log(np.sum(np.exp(values)))


def bucket_of(position, size, pieces):
    """The piece of a position, with integers; where a mask moves it behind the end, the last."""
    return min(position * pieces // size, pieces - 1) if size else pieces - 1


def in_buckets(call, where, sizes, pieces, how, nothing=np.nan):
    values = [[] for _ in range(pieces)]
    for t in call["tokens"]:
        values[bucket_of(where[t], sizes[t], pieces)].append(float(call["y"][t]))
    return np.array([over(v, how, nothing) for v in values])


def slots(call):
    """What happens along the slots of a selection with empty ones."""
    x, count = call["x"], len(call["x"])
    r = {name: np.zeros((count, 2)) for name in ("weight", "ratio", "standard")}
    r |= {name: np.zeros(count) for name in ("average", "second", "positive", "both")}
    r |= {"best": np.zeros(count), "kept": np.full((count, 2), -1.0), "spread": np.zeros((count, EXPERTS))}
    filled = {}
    lost = 0
    for t in call["tokens"]:
        route = np.argsort(-x[t], kind="stable")[:2]
        keep = [j for j in range(2) if x[t, route[j]] > 0]
        filled[t] = w = [float(x[t, route[j]]) for j in keep]
        lost += 2 - len(keep)
        r["average"][t] = over(w, np.mean)
        r["second"][t] = w[1] if len(w) > 1 else np.nan
        r["positive"][t] = sum(v < 1.5 for v in w)
        r["both"][t] = over([v for v in w if v < 1.5], np.max, -np.inf)
        r["best"][t] = keep[0] if keep else 0
        for j in keep:
            v = float(x[t, route[j]])
            r["kept"][t, j] = route[j]
            r["weight"][t, j] = np.exp(v) / sum(np.exp(w))
            r["ratio"][t, j] = v / (sum(w) + 1)
            r["standard"][t, j] = (v - np.mean(w)) / (np.std(w) + 0.5)
            r["spread"][t, route[j]] = v + 1
    r["by_sequence"] = np.array([over([v for t in s for v in filled[t]], np.mean) for s in call["sequences"]])
    r["lost"] = np.array(lost / (2 * len(call["tokens"])) if call["tokens"] else np.nan)
    return r


def groups(call):
    """Groups that are known at run time, sequences, positions."""
    x, count, tokens = call["x"].astype(np.float64), len(call["x"]), call["tokens"]
    node_of = [NODES[d] for d in call["device_of"]]
    members = [[e for e in range(EXPERTS) if node_of[e] == n] for n in range(2)]
    deviations = [[over([x[t, e] for e in m], np.std) for m in members] if t in tokens else [0, 0] for t in range(count)]
    r = {"spread_of": np.array(deviations).reshape(count, 2),
         "by_node": np.array([[over([x[t, e] for t in s for e in m], np.mean) for m in members] for s in call["sequences"]]),
         "experts": np.array([sum(d == e for e in call["device_of"]) for d in range(DEVICES)]),
         "nodes": np.zeros((count, EXPERTS)), "place": np.zeros(count), "before": np.zeros(count), "share": np.zeros(count)}
    for s, (begin, end) in zip(call["sequences"], zip(call["offsets"], call["offsets"][1:])):
        for t in s:
            r["place"][t] = t - begin
            r["before"][t] = call["y"][t - 2] if t - 2 >= begin and t - 2 in tokens else 0
            r["share"][t] = 1 / len(s)
            r["nodes"][t] = [max(x[t, i] for i in members[node_of[e]]) for e in range(EXPERTS)]
    return r


def pieces(call):
    """Buckets of positions, in sequences and in all tokens; quantiles."""
    begin, size = {}, {}
    for s, first in zip(call["sequences"], call["offsets"]):
        begin |= dict.fromkeys(s, first)
        size |= dict.fromkeys(s, len(s))
    tokens = call["tokens"]
    where, everywhere = {t: int(t - begin[t]) for t in tokens}, {t: t for t in tokens}
    whole = dict.fromkeys(tokens, len(tokens))
    means = np.array([over([call["x"][t, e] for t in tokens], np.mean) for e in range(EXPERTS)])
    return {"piece_mean": in_buckets(call, where, size, 3, np.mean), "piece_sum": in_buckets(call, where, size, 3, np.sum, 0),
            "piece_size": in_buckets(call, where, size, 3, len, 0), "all_max": in_buckets(call, everywhere, whole, 4, np.max, -np.inf),
            "all_min": in_buckets(call, everywhere, whole, 4, np.min, np.inf),
            "all_lse": in_buckets(call, everywhere, whole, 4, logsumexp, -np.inf), "percentile": np.quantile(means, 0.35)}


def forced(call):
    """A selection out of an input, with experts behind."""
    r = {"played": np.full((len(call["x"]), 4), -1), "load": np.zeros(EXPERTS, int)}
    for t in call["tokens"]:
        picks = [int(i) if 0 <= i < EXPERTS else -1 for i in call["replay"][t]]
        r["played"][t] = [*picks, 6, 2]
        for e in {e for e in r["played"][t] if 0 <= e < EXPERTS}:
            r["load"][e] += 1
    return r


def expected(call, masked):
    call["tokens"] = [t for t in range(len(call["y"])) if call["valid"][t] or not masked]
    bounds = list(zip(call["offsets"], call["offsets"][1:]))
    call["sequences"] = [[t for t in call["tokens"] if begin <= t < end] for begin, end in bounds]
    r = slots(call) | groups(call) | pieces(call) | forced(call)
    if not call["tokens"]:  # metrics
        for name in ("piece_mean", "piece_sum", "all_max", "all_min", "all_lse", "percentile", "lost"):
            r[name] = np.full(np.shape(r[name]), np.nan)
        for name in ("piece_size", "load", "experts"):
            r[name] = np.zeros(np.shape(r[name]))
    return r


def run(spec, directory, device, call):
    command = ["moe-oracle"] if device == "oracle" else ["moe-run", "--no-chart", f"--device={device}"]
    command += [spec, "--save", directory]
    for name in call:
        np.save(os.path.join(directory, f"in_{name}.npy"), call[name])
        command.append(f"--input={name}={directory}/in_{name}.npy")
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(f"{' '.join(command)}\n{done.stderr}")


def main():
    spec, directory, device = sys.argv[1:]
    os.makedirs(directory, exist_ok=True)
    with open(spec, encoding="utf-8") as file:
        text = file.read()
    rng, values = np.random.default_rng(7), 0
    calls = [(23, [5, 5, 12]), (16, [1, 15]), (1, []), (7, [0, 7]), (0, [0]), (64, [30, 31, 33])]
    for masked in (False, True):
        path = os.path.join(directory, "spec.moe")
        with open(path, "w", encoding="utf-8") as file:
            file.write(text.replace("# HERE", "mask token by valid") if masked else text)
        for tokens, cuts in calls:
            call = data(tokens, cuts, rng)
            run(path, directory, device, call)
            for name, value in expected(call, masked).items():
                got = np.load(os.path.join(directory, name + ".npy"))
                values += 1
                if got.shape != np.shape(value) or not np.allclose(got, value, rtol=1e-5, atol=1e-5, equal_nan=True):
                    sys.exit(f"{name}, {device}, {tokens} tokens, masked {masked}: got\n{got}\nexpected\n{value}")
    print(f"{values} arrays agree")


if __name__ == "__main__":
    main()
