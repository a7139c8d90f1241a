"""Runs an example with moe-run and compares everything it writes with reference.py.

usage: compare.py GATE [--spec FILE.moe] [-D NAME=VALUE]… [--param NAME=VALUE]… [--dtype f32|bf16|f16 …] [--tokens T …]
                  [--kind normal|ties|equal|infinite|nan …] [--threads N …] [--logits FILE.npy] [--work DIRECTORY]

Every combination of types, numbers of tokens, kinds of logits and thread counts is one run. Logits are made here (or read
from a file), rounded to the storage type, and given to moe-run as .npy files; the reference sees the same rounded numbers.
Routes must be equal, in order. Exempt is a token only if two float64 scores that decide its route differ by less than 5e-7
and scores are compared as computed (sigmoid): there float32 may order them otherwise; more than 1 % of such tokens is an
error. Everything else is evaluated at moe-run's own route and must agree within 1e-5 of the sum of the absolute terms; NaN
equals NaN. The status words must count the tokens with a NaN or an infinity, and say whether there was no token.
"""

import argparse
import collections
import itertools
import os
import subprocess
import sys
import zlib

import numpy as np

sys.dont_write_bytecode = True  # nothing is written into the source tree
import reference  # noqa: E402
from reference import GAP, TOLERANCE  # noqa: E402


Case = collections.namedtuple("Case", "dtype tokens kind threads")


class Mismatch(Exception):
    pass


def round_to_bf16(x):
    """float32 to the bits of bfloat16, to nearest even; NaN stays NaN."""
    bits = np.ascontiguousarray(x, dtype=np.float32).view(np.uint32)
    rounded = (bits + 0x7FFF + ((bits >> 16) & 1)) >> 16
    return np.where(np.isnan(x), 0x7FC0, rounded).astype(np.uint16)


def stored(x, dtype):
    """(array to save, the numbers it holds in float64)"""
    x = x.astype(np.float32)
    if dtype == "bf16":
        bits = round_to_bf16(x)
        return bits, (bits.astype(np.uint32) << 16).view(np.float32).astype(np.float64)
    if dtype == "f16":
        x = x.astype(np.float16)
    return x, x.astype(np.float64)


def make_logits(kind, shape, rng):
    x = rng.normal(size=shape) * 2.0 - 0.6 * np.log(1.0 + rng.permutation(shape[1]))
    if kind == "ties":
        return rng.integers(-3, 4, size=shape) / 2.0
    if kind == "equal":
        return np.repeat(rng.integers(-8, 9, size=(shape[0], 1)) / 4.0, shape[1], axis=1)
    if kind == "infinite":
        x[rng.random(shape) < 0.02] = -np.inf
        x[rng.random(shape) < 0.001] = np.inf
    if kind == "nan":
        x[rng.random(shape) < 0.002] = np.nan
    return x


def make_inputs(gate, c, options, case, directory):
    """Writes the .npy files; the command line that names them, and the numbers in float64."""
    rng = np.random.default_rng(zlib.crc32(f"{options.gate} {case.dtype} {case.tokens} {case.kind}".encode()))
    arguments, numbers = [], {}
    for name, shape in gate.inputs(c).items():
        path = os.path.join(directory, f"input.{name}.npy")
        shape = tuple(case.tokens if size == "T" else size for size in shape)
        if name == "logits":
            made = np.load(options.logits) if options.logits else make_logits(case.kind, shape, rng)
            array, numbers[name] = stored(made, case.dtype)
        else:
            array, numbers[name] = stored(rng.normal(size=shape) * 0.1, "f32")
        np.save(path, array)
        arguments += ["--input", f"{name}={path}"]
    return arguments, numbers


def check_routes(route, x, gate, c):
    expected, gap = gate.route(x, c)
    if route.shape != expected.shape:
        raise Mismatch(f"route has shape {route.shape}, expected {expected.shape}")
    undecided = (gap > 0) & (gap < GAP)
    different = (route != expected).any(axis=1) & ~undecided
    if different.any():
        t = int(np.nonzero(different)[0][0])
        raise Mismatch(f"{different.sum()} tokens have another route; token {t}: got {route[t].tolist()}, expected "
                       f"{expected[t].tolist()}, logits there {x['logits'][t][expected[t]].tolist()}")
    if undecided.sum() > 0.01 * len(route) + 1:
        raise Mismatch(f"{undecided.sum()} of {len(route)} tokens are too close to call")
    return int(undecided.sum())


def check_value(name, got, value, scale):
    if got.shape != np.shape(value):
        raise Mismatch(f"{name} has shape {got.shape}, expected {np.shape(value)}")
    with np.errstate(invalid="ignore"):
        good = (np.abs(got - value) <= TOLERANCE * scale) | (got == value) | (np.isnan(got) & np.isnan(value))
    if not np.all(good):
        where = np.argwhere(~good)[0] if np.ndim(value) else []
        index = tuple(int(i) for i in where)
        raise Mismatch(f"{name}{list(index)}: got {got[index]:.9g}, expected {np.asarray(value)[index]:.9g} within "
                       f"{TOLERANCE:g} of {np.asarray(scale)[index]:.9g}")
    with np.errstate(invalid="ignore", divide="ignore"):
        error = np.abs(got - value) / scale
    return float(np.nanmax(np.where(np.isfinite(error), error, 0.0), initial=0.0))


def check_empty(name, got, is_loss):
    """A call without tokens: losses are 0, metrics NaN, outputs have no rows."""
    if got.ndim == 0 and not (got == 0 if is_loss else np.isnan(got)):
        raise Mismatch(f"{name} of a call without tokens: got {got!r}, expected {'0' if is_loss else 'NaN'}")
    if got.ndim and got.shape[0] != 0:
        raise Mismatch(f"{name} of a call without tokens has shape {got.shape}")


def run(arguments, options, case, directory):
    """Runs moe-run; a function that reads a result by name."""
    for item in options.define:
        arguments += ["-D", item]
    for item in options.param:
        arguments += ["--param", item]
    if case.dtype != "f32":
        arguments += ["--dtype", f"logits={case.dtype}"]
    if case.threads:
        arguments += ["--threads", str(case.threads)]
    command = ["moe-run", options.spec, "--no-chart", "--save", directory, *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise Mismatch(f"{' '.join(command)} ended with {done.returncode}\n{done.stderr}")
    return lambda name: np.load(os.path.join(directory, name + ".npy"))


def check_status(got, logits):
    nonfinite = int((~np.isfinite(logits)).any(axis=1).sum())
    if got("status.nonfinite_tokens") != nonfinite or got("status.empty") != (len(logits) == 0):
        raise Mismatch(f"status: got {got('status.nonfinite_tokens')} non-finite tokens, expected {nonfinite}; "
                       f"empty: got {got('status.empty')}")


def check_without_tokens(got, gate, c, p, x, route):
    one = {name: np.zeros((1,) + array.shape[1:]) if name == "logits" else array for name, array in x.items()}
    for name in gate.values(one, np.zeros((1,) + route.shape[1:], dtype=np.int64), c, p):
        check_empty(name, got(name), "balance" in name)


def run_and_check(gate, c, p, options, case):
    directory = os.path.join(options.work, f"{options.gate}-{case.dtype}-{case.tokens}-{case.kind}-{case.threads}")
    os.makedirs(directory, exist_ok=True)
    arguments, x = make_inputs(gate, c, options, case, directory)
    got = run(arguments, options, case, directory)
    check_status(got, x["logits"])
    route = got("route").astype(np.int64)
    close = check_routes(route, x, gate, c)
    if len(route) == 0:
        check_without_tokens(got, gate, c, p, x, route)
        return "no tokens, as expected"
    errors = {name: check_value(name, got(name).astype(np.float64), *pair) for name, pair in gate.values(x, route, c, p).items()}
    return (f"same routes ({close} too close to call), "
            + ", ".join(f"{name} {error:.1e}" for name, error in errors.items()))


def overridden(defaults, pairs, convert):
    values = dict(defaults)
    for pair in pairs:
        name, value = pair.split("=", 1)
        if name not in values:
            sys.exit(f"{name} is not one of {', '.join(values)}")
        values[name] = convert(value)
    return values


def parse():
    parser = argparse.ArgumentParser()
    parser.add_argument("gate", choices=reference.GATES)
    parser.add_argument("--spec")
    parser.add_argument("-D", dest="define", action="append", default=[])
    parser.add_argument("--param", action="append", default=[])
    parser.add_argument("--dtype", nargs="+", default=["f32"], choices=["f32", "bf16", "f16"])
    parser.add_argument("--tokens", type=int, nargs="+", default=[1000])
    parser.add_argument("--kind", nargs="+", default=["normal"], choices=["normal", "ties", "equal", "infinite", "nan"])
    parser.add_argument("--logits")
    parser.add_argument("--work", default=".")
    parser.add_argument("--threads", type=int, nargs="+", default=[0])
    return parser.parse_args()


def main():
    options = parse()
    gate = reference.GATES[options.gate]
    root = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
    options.spec = options.spec or os.path.join(root, "examples", options.gate + ".moe")
    c = overridden(gate.consts, options.define, int)
    p = overridden(gate.params, options.param, float)
    failures = 0
    cases = list(itertools.starmap(Case, itertools.product(options.dtype, options.tokens, options.kind, options.threads)))
    for case in cases:
        what = f"{options.gate} {case.dtype} T={case.tokens} {case.kind}" + (f" {case.threads} threads" if case.threads else "")
        try:
            print(f"{what}: {run_and_check(gate, c, p, options, case)}")
        except Mismatch as mismatch:
            failures += 1
            print(f"FAILED {what}: {mismatch}")
    print(f"{len(cases) - failures} of {len(cases)} runs agree")
    sys.exit(1 if failures else 0)


if __name__ == "__main__":
    main()
