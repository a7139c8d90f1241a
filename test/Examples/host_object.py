"""Checks what examples/host_object prints against reference.py: each micro-batch, both accumulated, the gradient."""

import re
import subprocess
import sys

import numpy as np

sys.dont_write_bytecode = True  # nothing is written into the source tree
from reference import DeepSeekMoE  # noqa: E402

TOKENS, EXPERTS = 300, 16
CONSTS = {"E": EXPERTS, "D": 4, "k": 2}


def logits(first):
    """The program's formula."""
    t = first + np.arange(TOKENS)[:, None]
    e = np.arange(EXPERTS)[None, :]
    return (2.0 * np.sin(0.7 * (t * (e + 3)).astype(np.float64)) - np.log(1.0 + e)).astype(np.float32).astype(np.float64)


def expected(x, alpha1):
    values = DeepSeekMoE.values({"logits": x}, DeepSeekMoE.route({"logits": x}, CONSTS)[0], CONSTS,
                                {"alpha1": alpha1, "alpha2": 0.05})
    return [values[name][0] for name in ("expert_balance", "device_balance", "max_violation")]


def derivative(x):
    """Of the losses and of the weights times the program's wave, along its other wave, by central differences."""
    route = DeepSeekMoE.route({"logits": x}, CONSTS)[0]
    wave, direction = np.cos(np.arange(route.size)), np.sin(0.3 * np.arange(x.size))

    def total(x):
        values = DeepSeekMoE.values({"logits": x}, route, CONSTS, {"alpha1": 0.01, "alpha2": 0.05})
        return 0.001 * (wave * values["weight"][0].ravel()).sum() + values["expert_balance"][0] + values["device_balance"][0]

    step = 1e-5 * direction.reshape(x.shape)
    return (total(x + step) - total(x - step)) / 2e-5


def main():
    text = subprocess.run([sys.argv[1]], check=True, capture_output=True, text=True).stdout
    got = [[float(number) for number in re.findall(r"\d+\.\d+", line)] for line in text.splitlines() if "expert_balance" in line]
    first, second = logits(0), logits(TOKENS)
    both = np.concatenate([first, second])
    for line, values in zip(got, [expected(first, 0.01), expected(second, 0.01), expected(both, 0.01), expected(both, 0.02)], strict=True):
        if not np.allclose(line, values, rtol=0, atol=2e-6):
            sys.exit(f"got {line}, expected {values} in:\n{text}")
    gradient = float(re.search(r"along the wave (\S+)", text).group(1))
    if not np.isclose(gradient, derivative(both), rtol=1e-4, atol=0):
        sys.exit(f"the derivative is {gradient}, expected {derivative(both)}")


if __name__ == "__main__":
    main()
