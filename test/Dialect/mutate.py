"""No input, however broken, crashes moe-opt: it succeeds, or it fails with a diagnostic.

usage: mutate.py MOE_OPT RUNS SEED FILE… [-- FLAG…]

Mutates the tokens of the files (deletes, doubles, swaps, replaces by another token of the same file, changes numbers,
types and names), and runs moe-opt on each mutant. A death by signal, a run of more than 20 seconds and a failure without
`error:` are reported with the mutant. Several mutants go into one process, between `// -----` marks; when that process dies,
each is run alone. The same seed makes the same mutants.
"""

import random
import re
import subprocess
import sys

TOKEN = re.compile(r'"[^"]*"|//[^\n]*|[@#%!^]?[A-Za-z_][\w.$]*|-?\d+(?:\.\d+(?:e[+-]?\d+)?)?|->|\s+|.')
NUMBERS = ["0", "1", "-1", "-2", "2", "3", "7", "64", "1048576", "1048577", "2147483648", "-2147483649", "9223372036854775807",
           "-9223372036854775808", "1.0e+308", "0x7F800000", "?"]
ELEMENTS = ["f32", "f64", "bf16", "f16", "i1", "i8", "i32", "i64", "index", "none", "tensor<f32>", "vector<4xf32>", "tensor<*xf32>"]
BATCH = 8


def mutate(text, rng):
    """The text with one to four random changes."""
    tokens = TOKEN.findall(text)
    words = [i for i, token in enumerate(tokens) if not token.isspace() and not token.startswith("//")]
    for _ in range(rng.choice([1, 1, 1, 2, 4])):
        i = rng.choice(words)
        kind = rng.random()
        if re.fullmatch(r"-?\d.*", tokens[i]) and kind < 0.7:
            tokens[i] = rng.choice(NUMBERS)
        elif tokens[i] in ELEMENTS and kind < 0.7:
            tokens[i] = rng.choice(ELEMENTS)
        elif kind < 0.3:
            tokens[i] = ""
        elif kind < 0.5:
            tokens[i] = tokens[i] + " " + tokens[i]
        elif kind < 0.85:
            tokens[i] = tokens[rng.choice(words)]
        else:
            j = rng.choice(words)
            tokens[i], tokens[j] = tokens[j], tokens[i]
    return "".join(tokens)


def mutate_lines(text, rng):
    """The text with one line deleted, doubled or moved."""
    lines = text.splitlines()
    i, j = rng.randrange(len(lines)), rng.randrange(len(lines))
    line = lines[i]
    if rng.random() < 0.5:
        del lines[i]
    if rng.random() < 0.7:
        lines.insert(j, line)
    return "\n".join(lines) + "\n"


def complaint(moe_opt, flags, text, several):
    """What is wrong with a run on `text`, or None."""
    command = [moe_opt, "-", "-o", "/dev/null", *flags] + (["--split-input-file"] if several else [])
    try:
        run = subprocess.run(command, input=text, capture_output=True, text=True, timeout=20 * (BATCH if several else 1), check=False)
    except subprocess.TimeoutExpired:
        return "takes too long"
    if run.returncode < 0 or run.returncode > 1:
        return f"exit status {run.returncode}: {run.stderr[-2000:]}"
    if run.returncode == 1 and "error:" not in run.stderr:
        return "fails without a diagnostic"
    return None


def main(moe_opt, runs, seed, arguments):
    split = arguments.index("--") if "--" in arguments else len(arguments)
    sources = []
    for path in arguments[:split]:
        with open(path, encoding="utf-8") as file:
            sources += [part for part in file.read().split("// -----") if part.strip()]
    flags = arguments[split + 1:]
    rng = random.Random(seed)
    failures = 0
    for _ in range(0, runs, BATCH):
        mutants = [rng.choice([mutate, mutate, mutate, mutate_lines])(rng.choice(sources), rng) for _ in range(BATCH)]
        if complaint(moe_opt, flags, "\n// -----\n".join(mutants), True) is None:
            continue
        for mutant in mutants:
            reason = complaint(moe_opt, flags, mutant, False)
            if reason:
                failures += 1
                print(f"moe-opt {' '.join(flags)}: {reason}\non:\n{mutant}\n")
    print(f"{runs} mutants, {failures} failures")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), sys.argv[4:]))
