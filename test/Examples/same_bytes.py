"""Runs one example on every instruction set with 1, 2 and 7 threads: every result must be the same bytes.

usage: same_bytes.py GATE [--work DIRECTORY] [--tokens T] [--dtype f32|bf16|f16] --isa avx2 [avx512]
"""

import argparse
import itertools
import os
import shutil
import subprocess
import sys

THREADS = (1, 2, 7)


def contents(directory):
    result = {}
    for name in sorted(os.listdir(directory)):
        with open(os.path.join(directory, name), "rb") as file:
            result[name] = file.read()
    return result


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("gate")
    parser.add_argument("--work", default=".")
    parser.add_argument("--tokens", type=int, default=5003)
    parser.add_argument("--dtype", default="f32")
    parser.add_argument("--isa", nargs="+", required=True)
    options = parser.parse_args()
    root = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
    spec = os.path.join(root, "examples", options.gate + ".moe")
    first, first_name = None, None
    for isa, threads in itertools.product(options.isa, THREADS):
        name = f"{options.gate}-{options.dtype}-{options.tokens}-{isa}-{threads}"
        directory = os.path.join(options.work, name)
        shutil.rmtree(directory, ignore_errors=True)
        subprocess.run(["moe-run", spec, "--no-chart", "-T", str(options.tokens), "--skew", "0.8", "--dtype",
                        f"logits={options.dtype}", "--isa", isa, "--threads", str(threads), "--save", directory],
                       check=True, stdout=subprocess.DEVNULL)
        got = contents(directory)
        if first is None:
            first, first_name = got, name
        if got.keys() != first.keys():
            sys.exit(f"{name} wrote {sorted(got)}, {first_name} {sorted(first)}")
        for file in got:
            if got[file] != first[file]:
                sys.exit(f"{file} of {name} differs from that of {first_name}")
    print(f"{options.gate}: {len(first)} files, the same bytes from {len(options.isa)} x {len(THREADS)} runs")


if __name__ == "__main__":
    main()
