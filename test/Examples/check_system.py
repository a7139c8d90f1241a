"""Runs a gate of examples/systems with moe-run (or moe-oracle) and compares all that it writes with formulas/NAME.py.

usage: check_system.py NAME [--spec FILE.moe] [--device cpu|emulator|oracle] [--case N …] [--work DIRECTORY]

Integers must be equal. Of each array of numbers, the greatest difference must be within 1e-5 of the greatest expected value.
What moe-run saves and what the formulas compute must be the same set of names. Gradients (cases that say `grad`) are compared
with central differences of the formulas, within 1e-4 of the greatest: of all losses, each scaled up to the others, and of
all outputs times random numbers. Where an input is not finite (padding), the gradient must be 0.
"""

import argparse
import importlib
import os
import subprocess
import sys
import zlib

import numpy as np

sys.dont_write_bytecode = True  # nothing is written into the source tree
HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
sys.path.insert(0, os.path.join(HERE, "formulas"))

VALUES, GRADIENTS, STEP = 1e-5, 1e-4, 1e-5
STATE = "state."


class Mismatch(Exception):
    pass


def is_state(name):
    return name.startswith(STATE)


def widened(x):
    """The numbers that a call sees, in float64; integers and bools as they are."""
    return {name: np.asarray(value, np.float64) if np.asarray(value).dtype.kind == "f" else value for name, value in x.items()}


def call_of(case):
    return {"seed": case.get("seed", 0), "offset": case.get("offset", 0)}


def moe_run(options, case, x, directory, more):
    """Runs one call; a function that reads a result by name, and the names."""
    command = ["moe-run", "--no-chart", f"--device={options.device}"] if options.device != "oracle" else ["moe-oracle"]
    command += [options.spec, "--save", directory, *more]
    for key, value in case["D"].items():
        command += ["-D", f"{key}={value}"]
    for key, value in case["P"].items():
        command += ["--param", f"{key}={value}"]
    for key, value in call_of(case).items():
        if value:
            command += [f"--{key}", str(value)]
    for name, value in x.items():
        path = os.path.join(options.work, f"{name}.npy")
        np.save(path, value)
        if is_state(name):
            command += ["--state", f"{name[len(STATE):]}={path}"]
        else:
            command += ["--input", f"{name}={path}"]
    if any(map(is_state, x)) and "--backward" not in more and options.device != "oracle":
        command += ["--steps", "1"]
    os.makedirs(directory, exist_ok=True)
    for old in os.listdir(directory):
        os.remove(os.path.join(directory, old))
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise Mismatch(f"{' '.join(command)} ended with {done.returncode}\n{done.stderr}")
    states = {name[len(STATE):] for name in x if is_state(name)}
    files = {name[:-4] for name in os.listdir(directory) if name.endswith(".npy") and not name.startswith("status.")}
    names = {STATE + name if name in states else name for name in files}
    return (lambda name: np.load(os.path.join(directory, name.removeprefix(STATE) + ".npy"))), names


def deviation(name, got, expected, tolerance):
    """The greatest difference over the greatest expected value."""
    expected = np.asarray(expected)
    if got.shape != expected.shape:
        raise Mismatch(f"{name} has shape {got.shape}, expected {expected.shape}")
    if not expected.size:
        return 0.0
    if expected.dtype.kind in "iub":
        different = np.argwhere(got.astype(np.float64) != expected)
        if len(different):
            at = tuple(different[0])
            raise Mismatch(f"{name}{[int(i) for i in at]}: got {got[at]}, expected {expected[at]} "
                           f"({len(different)} of {expected.size} differ)")
        return 0.0
    error = np.where(np.isnan(got), np.inf, np.abs(got.astype(np.float64) - expected))
    greatest, at = np.max(np.abs(expected)), np.unravel_index(np.argmax(error), error.shape)
    if not error[at] <= tolerance * greatest:
        raise Mismatch(f"{name}{[int(i) for i in at]}: got {got[at]:.9g}, expected {expected[at]:.9g}, and the greatest is "
                       f"{greatest:.9g}")
    return float(error[at] / greatest) if greatest else 0.0


def check_values(got, names, expected):
    """Compares results by name; the greatest deviation."""
    if names != set(expected):
        raise Mismatch(f"moe-run saved {', '.join(sorted(names))}; the formulas have {', '.join(sorted(expected))}")
    return max(deviation(name, got(name), value, VALUES) for name, value in expected.items())


def differences(module, x, c, p, call, weights):
    """Central differences, by input, of each loss and of the outputs times `weights` (under the name "")."""
    targets = module.LOSSES + [""]

    def evaluate():
        results = module.gate(x, c, p, call)
        values = [float(results[name]) for name in module.LOSSES]
        return np.array(values + [sum((weights[name] * results[name]).sum() for name in weights)]), results.get("route")

    slopes = {}
    for name, array in x.items():
        if np.asarray(array).dtype.kind != "f" or is_state(name):
            continue
        slopes[name] = {target: np.zeros(array.shape) for target in targets}
        for index in np.argwhere(np.isfinite(array)):
            at, value = tuple(index), array[tuple(index)]
            array[at] = value + STEP
            above, route_above = evaluate()
            array[at] = value - STEP
            below, route_below = evaluate()
            array[at] = value
            if not np.array_equal(route_above, route_below):
                raise Mismatch(f"{name}{list(at)} is too close to where the route changes: choose other data")
            for target, slope in zip(targets, (above - below) / (2 * STEP)):
                slopes[name][target][at] = slope
    return slopes


def check_gradients(module, options, case, x, c, p, expected, rng):
    """One backward call with random gradients of the outputs, and scales that make every loss's part as large as theirs."""
    outputs = [name for name, value in expected.items()
               if np.ndim(value) in (2, 3) and value.dtype.kind == "f" and not is_state(name)]
    weights = {name: rng.normal(size=expected[name].shape).astype(np.float32).astype(np.float64) for name in outputs}
    slopes = differences(module, widened(x), c, p, call_of(case), weights)

    def greatest(target):
        return max(np.abs(slope[target]).max() for slope in slopes.values())

    trained = [name for name in module.LOSSES if greatest(name)]  # the others have no scale: no gradient reaches them
    scales = {name: float(np.float32((greatest("") or 1.0) / greatest(name))) for name in trained}
    arguments = ["--backward"]
    for name in outputs:
        path = os.path.join(options.work, f"grad.{name}.npy")
        np.save(path, weights[name].astype(np.float32))
        arguments += ["--grad", f"{name}={path}"]
    for name, scale in scales.items():
        arguments += ["--scale", f"{name}={scale!r}"]
    got, names = moe_run(options, case, x, os.path.join(options.work, "backward"), arguments)
    worst = 0.0
    for name, slope in slopes.items():
        total = slope[""] + sum(scales[loss] * slope[loss] for loss in scales)
        if f"grad_{name}" in names or np.any(total != 0):  # an input that nothing depends on may have no gradient
            worst = max(worst, deviation(f"grad_{name}", got(f"grad_{name}"), total, GRADIENTS))
    return worst


def check_case(module, options, number, case):
    """Deviations of values and of gradients (None: not compared)."""
    rng = np.random.default_rng(zlib.crc32(f"{options.name} {number} {case.get('data', 0)}".encode()))
    x = module.inputs(case, rng)
    c, p = case["D"], {name: float(np.float32(value)) for name, value in case["P"].items()}
    expected = {name: np.asarray(value) for name, value in module.gate(widened(x), c, p, call_of(case)).items()}
    got, names = moe_run(options, case, x, os.path.join(options.work, "forward"), [])
    values = check_values(got, names, expected)
    return values, check_gradients(module, options, case, x, c, p, expected, rng) if case.get("grad") else None


def check_empty(module, options):
    """A call without tokens: losses are 0, metrics NaN (integers 0), states as they were, outputs without rows."""
    case = {**module.CASES[0], "T": 0, "offsets": [0, 0, 0]}
    c, p = case["D"], {name: float(np.float32(value)) for name, value in case["P"].items()}
    some = module.inputs(module.CASES[0], np.random.default_rng(1))
    full = module.gate(widened(some), c, p, call_of(case))
    x = module.inputs(case, np.random.default_rng(1))
    got, names = moe_run(options, case, x, os.path.join(options.work, "empty"), [])
    for name in sorted(names):
        value = got(name)
        if is_state(name):
            good = np.array_equal(value.astype(np.float32), np.asarray(x[name]))
        elif np.shape(full[name])[:1] == (module.CASES[0]["T"],):
            good = value.shape == (0,) + np.shape(full[name])[1:]
        elif name in module.LOSSES or name in getattr(module, "PLANS", ()) or value.dtype.kind == "i":
            good = not np.any(value > 0)
        else:
            good = np.all(np.isnan(value))
        if not good:
            raise Mismatch(f"{name} of a call without tokens is {value}")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("name")
    parser.add_argument("--spec")
    parser.add_argument("--device", default="cpu", choices=["cpu", "emulator", "oracle"])
    parser.add_argument("--case", type=int, nargs="+")
    parser.add_argument("--work", default=".")
    options = parser.parse_args()
    options.spec = options.spec or os.path.join(ROOT, "examples", "systems", options.name + ".moe")
    os.makedirs(options.work, exist_ok=True)
    module = importlib.import_module(options.name)
    failures, greatest_value, greatest_gradient, compared = 0, 0.0, 0.0, 0
    numbers = options.case if options.case is not None else range(len(module.CASES))
    if options.case is None:
        try:
            check_empty(module, options)
        except Mismatch as mismatch:
            failures += 1
            print(f"FAILED {options.name} without tokens: {mismatch}")
    for number in numbers:
        case = module.CASES[number]
        what = f"{options.name} {number}: T={case['T']} " + " ".join(f"{key}={value}" for key, value in case["D"].items())
        try:
            value, gradient = check_case(module, options, number, case)
        except Mismatch as mismatch:
            failures += 1
            print(f"FAILED {what}: {mismatch}")
            continue
        greatest_value = max(greatest_value, value)
        print(f"{what}: values within {value:.1e}" + (f", gradients within {gradient:.1e}" if gradient is not None else ""))
        if gradient is not None:
            greatest_gradient, compared = max(greatest_gradient, gradient), compared + 1
    print(f"{options.name}: {len(numbers) - failures} of {len(numbers)} cases agree, {compared} with gradients; values within "
          f"{greatest_value:.1e}, gradients within {greatest_gradient:.1e}")
    sys.exit(1 if failures else 0)


if __name__ == "__main__":
    main()
