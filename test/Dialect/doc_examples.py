"""Runs the example of every operation's documentation through moe-opt.

usage: doc_examples.py MOE_OPT OPS.td…

Takes each ```mlir block of an operation's description. A block that is a whole gate or program stands alone; any other
is set into one, after definitions of the values it uses (VALUES). It must parse, verify and survive a round trip. An
operation without an example is an error.
"""

import re
import subprocess
import sys

X = "tensor<?x64xf32, #moe.axes<token, expert>>"
R = "!moe.selection<[token], expert, r.slot, 6>"
ROW = "!moe_kernel.row<%s>"

# What an example may use without defining it.
VALUES = {
    "moe": {
        "%x": f'%x = moe.input "x" : {X}',
        "%v": '%v = moe.input "v" : tensor<64xf32, #moe.axes<expert>>',
        "%d": '%d = moe.input "d" : tensor<8xf32, #moe.axes<device>>',
        "%n": '%n = moe.input "n" : tensor<64xi32, #moe.axes<expert>>',
        "%c": '%c = moe.param "c" = 1.0 : tensor<f32>',
        "%r": f"%r = moe.topk %x over expert : {X} -> {R}",
        "%i": 'moe.axis @pick size 6\n%i = moe.input "i" : tensor<?x6xi32, #moe.axes<token, pick>>',
        "%g": '%u = moe.input "u" : tensor<?x8xf32, #moe.axes<token, node>>\n'
              "%g = moe.topk %u over node : tensor<?x8xf32, #moe.axes<token, node>> -> !moe.selection<[token], node, g.slot, 4>",
        "%w": f"%w = moe.gather %x[%r] : {X}, {R} -> tensor<?x6xf32, #moe.axes<token, r.slot>>",
    },
    "moe_kernel": {
        "%x": f"%x = moe_kernel.load @logits : {ROW % '64xf32'}",
        "%t": "%t = moe_kernel.load @alpha : f32",
        "%i": f"%i, %v = moe_kernel.topk %x : {ROW % '64xf32'} -> {ROW % '6xi32'}, {ROW % '6xf32'}",
        "%v": "",
        "%d": f"%b = arith.constant true\n%d = moe_kernel.map -> {ROW % '8xi1'} {{\n  moe_kernel.yield %b : i1\n}}",
        "%m": f"%b = arith.constant true\n%m = moe_kernel.map -> {ROW % '64xi1'} {{\n  moe_kernel.yield %b : i1\n}}",
    },
}
NEEDS = {"moe": {"%r": ["%x"], "%w": ["%x", "%r"]}, "moe_kernel": {"%i": ["%x"], "%v": ["%x", "%i"]}}
FRAMES = {
    "moe": """moe.gate @example {{
moe.axis @token
moe.axis @expert size 64
moe.axis @device size 8 of @expert
moe.axis @node size 8 of @expert
{0}
}}
""",
    "moe_kernel": """moe_kernel.program @example {{
moe_kernel.buffer @logits {2} f32 axes [{3}"expert"] sizes [{4}64]
moe_kernel.buffer @alpha param f32 axes [] sizes [] init 1.0
moe_kernel.buffer @weight output f32 axes ["token", "slot"] sizes [-1, 6]
moe_kernel.accumulator @P sum f32 sizes [64]
moe_kernel.accumulator @load sum i32 sizes [64]
moe_kernel.pass rows {{
{0}
}} finish {{
{1}
}}
}}
""",
}


def examples(path):
    """(operation, its examples) for each operation of a .td file that has a text of its own."""
    with open(path, encoding="utf-8") as file:
        text = file.read()
    for record in re.split(r"\n(?=def |class |//)", text):
        head = re.match(r'def \w+ : Moe(?:Kernel)?_(?!Pointwise)\w*Op<"(\w+)"', record)
        if head:
            yield head.group(1), re.findall(r"```mlir\n(.*?)```", record, re.DOTALL)


def pointwise(path):
    """The operations that share the text of Moe_PointwiseOp, with that text filled in."""
    with open(path, encoding="utf-8") as file:
        for name in re.findall(r'^def \w+ : Moe_PointwiseOp<"(\w+)"', file.read(), re.MULTILINE):
            yield name, [f"%y = moe.{name} %v : tensor<64xf32, #moe.axes<expert>>"]


def used_values(dialect, body):
    """The definitions that `body` lacks, each after those it needs itself."""
    defined = set()
    for line in body.splitlines():
        if "=" in line:
            defined.update(re.findall(r"%\w+", line.split("=")[0]))
        defined.update(re.findall(r"(%\w+):", line))  # arguments of a block
    order = []

    def add(name):
        if name in defined or name in order or name not in VALUES[dialect]:
            return
        for needed in NEEDS[dialect].get(name, []):
            add(needed)
        order.append(name)

    for name in re.findall(r"%\w+", body):
        add(name)
    return "\n".join(VALUES[dialect][name] for name in order)


def whole(body):
    """The example as a module."""
    if re.match(r"\s*(moe\.gate|moe_kernel\.program)", body):
        return body
    dialect = "moe_kernel" if "moe_kernel." in body else "moe"
    text = used_values(dialect, body) + "\n" + body
    finish = "moe_kernel.read" in body
    return FRAMES[dialect].format("" if finish else text, text if finish else "", "input", '"token", ', "-1, ")


def main(moe_opt, paths):
    failures = 0
    count = 0
    for path in paths:
        for name, blocks in list(examples(path)) + list(pointwise(path)):
            if not blocks:
                print(f"{path}: {name}: no example")
                failures += 1
            for block in blocks:
                count += 1
                run = subprocess.run([moe_opt, "--verify-roundtrip", "-"], input=whole(block), capture_output=True, text=True, check=False)
                if run.returncode != 0:
                    print(f"{path}: {name}:\n{block}{run.stderr}")
                    failures += 1
    print(f"{count} examples, {failures} failures")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2:]))
