"""Checks what examples/train wrote: columns and values of the CSV, that the loss falls, that balanced runs are balanced,
and that the picture is well-formed with a curve and a dot for everything.

usage: train.py RUNS.csv RUNS.svg
"""

import csv
import math
import sys
import xml.etree.ElementTree as xml

COLUMNS = ["method", "alpha", "u", "seed", "step", "deviation", "greatest", "idle", "task_loss", "held_out_loss"]
METHODS = ["neither", "auxiliary", "loss-free"]
STEPS, SEEDS, TOKENS = [50, 100, 120], 2, 256
EXPERTS, SLOTS = 16, 2


def require(condition, text):
    if not condition:
        sys.exit(text)


def check_csv(path):
    with open(path, encoding="utf-8", newline="") as file:
        reader = csv.DictReader(file)
        require(reader.fieldnames == COLUMNS, f"columns {reader.fieldnames}")
        rows = list(reader)
    keys = [(row["method"], int(row["seed"]), int(row["step"])) for row in rows]
    expected = [(method, seed, step) for method in METHODS for seed in range(1, SEEDS + 1) for step in STEPS]
    require(keys == expected, f"rows {keys}")
    deviation = {}
    for key, row in zip(keys, rows):
        numbers = {name: float(row[name]) for name in COLUMNS[1:]}
        require(all(math.isfinite(number) for number in numbers.values()), f"{key}: {numbers}")
        mean = TOKENS * SLOTS / EXPERTS
        require(mean <= numbers["greatest"] <= TOKENS and 0 <= numbers["idle"] <= EXPERTS - SLOTS, f"{key}: {numbers}")
        require((numbers["alpha"] != 0, numbers["u"] != 0) == (key[0] == "auxiliary", key[0] == "loss-free"), f"{key}")
        deviation[key] = numbers["deviation"]
    for first, last in zip(rows[::len(STEPS)], rows[len(STEPS) - 1::len(STEPS)]):
        for name in ("task_loss", "held_out_loss"):
            # A byte at random is log(256) = 5.5; the text's bytes without context are about 3.2.
            require(float(last[name]) < float(first[name]) < math.log(256) and float(last[name]) < 3.8,
                    f"{name} does not fall: {first} to {last}")
    for seed in range(1, SEEDS + 1):
        unbalanced = deviation["neither", seed, STEPS[-1]]
        for method in METHODS[1:]:
            require(deviation[method, seed, STEPS[-1]] < unbalanced / 2, f"{method} does not balance: {deviation}")


def check_picture(path):
    space = "{http://www.w3.org/2000/svg}"
    root = xml.parse(path).getroot()
    require(root.tag == space + "svg", root.tag)
    curves, dots = root.findall(space + "polyline"), root.findall(space + "circle")
    require(len(curves) == 2 * len(METHODS) and len(dots) == SEEDS * len(METHODS), f"{len(curves)} curves, {len(dots)} dots")
    width, height = (float(number) for number in root.get("viewBox").split()[2:])
    for curve in curves:
        points = [tuple(map(float, point.split(","))) for point in curve.get("points").split()]
        require(len(points) == STEPS[-1], f"{len(points)} points")
        require(all(0 <= x <= width and 0 <= y <= height for x, y in points), f"outside of the picture: {points}")
    labels = {text.text for text in root.findall(space + "text")}
    require({"neither", "auxiliary loss, alpha 0.1", "loss-free bias, u 0.01"} <= labels, f"labels {labels}")


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    check_csv(sys.argv[1])
    check_picture(sys.argv[2])
