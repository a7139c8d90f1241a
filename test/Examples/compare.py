"""Runs an example with moe-run and compares everything it writes with reference.py.

usage: compare.py GATE [--spec FILE.moe] [-D NAME=VALUE]… [--param NAME=VALUE]… [--dtype f32|bf16|f16] [--tokens T]…
                  [--kind normal|ties|equal|infinite|nan]… [--logits FILE.npy] [--work DIRECTORY] [--run-options …]

Logits are made here (or read from a file), rounded to the storage type, and given to moe-run as .npy files; the reference
sees the same rounded numbers. Routes must be equal, in order. Exempt is a token only if two float64 scores that decide its
route differ by less than 5e-7 and scores are compared as computed (sigmoid): there float32 may order them otherwise; more
than 1 % of such tokens is an error. Everything else is evaluated at moe-run's own route and must agree within 1e-5 of the
sum of the absolute terms; NaN equals NaN.
"""

import argparse
import itertools
import os
import subprocess
import sys
import zlib

import numpy as np

sys.dont_write_bytecode = True  # nothing is written into the source tree
import reference  # noqa: E402
from reference import GAP, TOLERANCE  # noqa: E402


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


def make_inputs(gate, c, options, tokens, kind, directory):
    """Writes the .npy files; the command line that names them, and the numbers in float64."""
    rng = np.random.default_rng(zlib.crc32(f"{options.gate} {options.dtype} {tokens} {kind}".encode()))
    arguments, numbers = [], {}
    for name, shape in gate.inputs(c).items():
        path = os.path.join(directory, f"input.{name}.npy")
        shape = tuple(tokens if size == "T" else size for size in shape)
        if name == "logits":
            made = np.load(options.logits) if options.logits else make_logits(kind, shape, rng)
            array, numbers[name] = stored(made, options.dtype)
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
        raise Mismatch(f"{name}{list(index)}: got {got[index]!r}, expected {np.asarray(value)[index]!r} within {TOLERANCE:g} "
                       f"of {np.asarray(scale)[index]!r}")
    with np.errstate(invalid="ignore", divide="ignore"):
        error = np.abs(got - value) / scale
    return float(np.nanmax(np.where(np.isfinite(error), error, 0.0), initial=0.0))


def check_empty(name, got, is_loss):
    """A call without tokens: losses are 0, metrics NaN, outputs have no rows."""
    if got.ndim == 0 and not (got == 0 if is_loss else np.isnan(got)):
        raise Mismatch(f"{name} of a call without tokens: got {got!r}, expected {'0' if is_loss else 'NaN'}")
    if got.ndim and got.shape[0] != 0:
        raise Mismatch(f"{name} of a call without tokens has shape {got.shape}")


def run_and_check(gate, c, p, options, tokens, kind):
    directory = os.path.join(options.work, f"{options.gate}-{options.dtype}-{tokens}-{kind}")
    os.makedirs(directory, exist_ok=True)
    arguments, x = make_inputs(gate, c, options, tokens, kind, directory)
    for item in options.define:
        arguments += ["-D", item]
    for item in options.param:
        arguments += ["--param", item]
    if options.dtype != "f32":
        arguments += ["--dtype", f"logits={options.dtype}"]
    command = ["moe-run", options.spec, "--no-chart", "--save", directory, *arguments, *options.run_options]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise Mismatch(f"{' '.join(command)} ended with {done.returncode}\n{done.stderr}")

    def got(name):
        return np.load(os.path.join(directory, name + ".npy"))

    route = got("route").astype(np.int64)
    close = check_routes(route, x, gate, c)
    if len(route) == 0:
        shapes = gate.values({n: np.zeros((1,) + a.shape[1:]) if n == "logits" else a for n, a in x.items()},
                             np.zeros((1,) + route.shape[1:], dtype=np.int64), c, p)
        for name in shapes:
            check_empty(name, got(name), "balance" in name)
        return f"{directory}: no tokens, as expected"
    errors = {name: check_value(name, got(name).astype(np.float64), *pair) for name, pair in gate.values(x, route, c, p).items()}
    return (f"{options.gate} {options.dtype} T={len(route)} {kind}: same routes ({close} too close to call), "
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
    parser.add_argument("--dtype", default="f32", choices=["f32", "bf16", "f16"])
    parser.add_argument("--tokens", type=int, nargs="+", default=[1000])
    parser.add_argument("--kind", nargs="+", default=["normal"], choices=["normal", "ties", "equal", "infinite", "nan"])
    parser.add_argument("--logits")
    parser.add_argument("--work", default=".")
    parser.add_argument("--run-options", nargs=argparse.REMAINDER, default=[])
    return parser.parse_args()


def main():
    options = parse()
    gate = reference.GATES[options.gate]
    root = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
    options.spec = options.spec or os.path.join(root, "examples", options.gate + ".moe")
    c = overridden(gate.consts, options.define, int)
    p = overridden(gate.params, options.param, float)
    failures = 0
    for tokens, kind in itertools.product(options.tokens, options.kind):
        try:
            print(run_and_check(gate, c, p, options, tokens, kind))
        except Mismatch as mismatch:
            failures += 1
            print(f"FAILED {options.gate} {options.dtype} T={tokens} {kind}: {mismatch}")
    sys.exit(1 if failures else 0)


if __name__ == "__main__":
    main()
