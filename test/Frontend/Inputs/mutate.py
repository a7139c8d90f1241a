"""Feeds moe-opt broken versions of a spec and checks that it always ends by itself, with status 0 or 1.

usage: mutate.py FILE.moe [COUNT]

Mutants are cut off, have a byte replaced, a token dropped, doubled or exchanged with another one; the choice is seeded.
"""

import random
import re
import subprocess
import sys
import tempfile

BYTES = "()[]{}=,.:#*/+-<>!@\"\\\0\n\r x9_~\x80"


def mutate(text, rng):
    tokens = re.findall(r"\w+|\s+|[^\w\s]", text)
    for _ in range(rng.randint(1, 3)):
        i, j = rng.randrange(len(tokens)), rng.randrange(len(tokens))
        kind = rng.randrange(6)
        if kind == 0:
            tokens = tokens[: i + 1]
        elif kind == 1:
            tokens[i] = rng.choice(BYTES)
        elif kind == 2:
            tokens[i] = ""
        elif kind == 3:
            tokens[i] *= rng.choice([2, 50])
        elif kind == 4:
            tokens[i], tokens[j] = tokens[j], tokens[i]
        else:
            tokens[i] = tokens[j]
    return "".join(tokens)


def main():
    with open(sys.argv[1], encoding="utf-8") as file:
        text = file.read()
    count = int(sys.argv[2]) if len(sys.argv) > 2 else 100
    rng = random.Random(1)
    with tempfile.NamedTemporaryFile("w", suffix=".moe", encoding="latin-1") as file:
        for n in range(count):
            mutant = mutate(text, rng)
            file.seek(0)
            file.truncate()
            file.write(mutant)
            file.flush()
            run = subprocess.run(["moe-opt", file.name], capture_output=True, timeout=60, check=False)
            if run.returncode not in (0, 1) or (run.returncode == 1 and b"error:" not in run.stderr):
                sys.exit(f"mutant {n} ended with {run.returncode}:\n{mutant}\n{run.stderr.decode(errors='replace')}")
    print(f"no crash in {count} mutants")


main()
