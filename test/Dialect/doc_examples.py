"""Runs the example of every operation's documentation through moe-opt.

usage: doc_examples.py MOE_OPT OPS.td…

Takes each ```mlir block of an operation's description. A block that is a whole gate or program stands alone; any other
is set into one, after definitions of the values it uses (VALUES, or those of its operation in OWN). It must parse, verify and survive a round trip. An
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
NEEDS = {"moe": {"%r": ["%x"], "%w": ["%x", "%r"]},
         "moe_kernel": {"%i": ["%x"], "%v": ["%x", "%i"]}}
R2 = f"%x = moe.input \"x\" : {X}\n%r = moe.topk %x over expert : {X} -> !moe.selection<[token], expert, r.slot, 2>"
# What the example of one operation uses otherwise: by operation, the values and their definition.
OWN = {
    "moe.update": (["%v"], '%v = moe.state "bias" = 0.0 : tensor<64xf32, #moe.axes<expert>>'),
    "moe.shift": (["%x"], "%x = moe.index token : tensor<?xi32, #moe.axes<token>>"),
    "moe.filter": (["%r", "%c"], f'{R2.replace("2>", "6>")}\n%c = moe.filled %r : {R} -> tensor<?x6xi1, #moe.axes<token, r.slot>>'),
    "moe.rank": (["%r"], R2),
    "moe.permute": (["%r"], R2),
    "moe.limit": (["%r", "%c", "%w", "%x"],
              f"""{R2.replace("%x", "%y")}
%c = moe.param "c" = 1.0 : tensor<f64>
%w = moe.input "w" : tensor<?x2xf32, #moe.axes<token, r.slot>>
%x = moe.input "exempt" : tensor<?xi1, #moe.axes<token>>"""),
    "moe.multiplicity": (["%r"], '%i = moe.input "i" : tensor<?x6xi32, #moe.axes<token, pick>>\nmoe.axis @pick size 6\n'
                     "%r = moe.forced %i : tensor<?x6xi32, #moe.axes<token, pick>> -> !moe.selection<[token], device, r.slot, 6>"),
    "check.expect_close": (["%loss"], '%loss = moe.param "c" = 1.0 : tensor<f32>'),
    "check.expect_eq": (["%route"], f"{R2.replace('%r ', '%route ').replace('r.slot', 'route.slot')}"),
    "moe_kernel.load_at": (["%t"], "%t = moe_kernel.index token : i32"),
    "moe_kernel.store_at": (["%v", "%p"], f"%x = moe_kernel.load @logits : {ROW % '64xf32'}\n"
                 f"%v, %u = moe_kernel.topk %x : {ROW % '64xf32'} -> {ROW % '6xi32'}, {ROW % '6xf32'}\n"
                 f"%p, %q = moe_kernel.topk %x : {ROW % '64xf32'} -> {ROW % '6xi32'}, {ROW % '6xf32'}"),
    "moe_kernel.concat": (["%x", "%i", "%j"], f"%x = moe_kernel.load @logits : {ROW % '64xf32'}\n"
               f"%j, %u = moe_kernel.topk %x : {ROW % '64xf32'} -> {ROW % '2xi32'}, {ROW % '2xf32'}\n"
               f"%i, %v = moe_kernel.topk %x : {ROW % '64xf32'} -> {ROW % '6xi32'}, {ROW % '6xf32'}"),
}
FRAMES = {
    "moe": """moe.gate @example {{
moe.axis @token
moe.axis @expert size 64
moe.axis @device size 8 of @expert
moe.axis @node size 8 of @expert
moe.axis @sequence of @token length 128
{0}
}}
""",
    "moe_kernel": """moe_kernel.program @example {{
moe_kernel.buffer @logits {2} f32 axes [{3}"expert"] sizes [{4}64]
moe_kernel.buffer @alpha param f32 axes [] sizes [] init 1.0
moe_kernel.buffer @weight output f32 axes ["token", "slot"] sizes [-1, 6]
moe_kernel.accumulator @P sum f32 sizes [64]
moe_kernel.buffer @choice input i32 axes ["token", "slot"] sizes [-1, 2]
moe_kernel.buffer @order output i32 axes ["row"] sizes [-4] per_token 6 extra 64
moe_kernel.accumulator @load sum i32 sizes [64]
moe_kernel.accumulator @queue sum i32 sizes [64] ranked
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
        head = re.match(r'def \w+ : (?:Moe(?:Kernel)?|Check)_(?!Pointwise)\w*Op<"(\w+)"', record)
        if head:
            yield head.group(1), re.findall(r"```mlir\n(.*?)```", record, re.DOTALL)


def pointwise(path):
    """The operations that share the text of Moe_PointwiseOp, with that text filled in."""
    with open(path, encoding="utf-8") as file:
        for name in re.findall(r'^def \w+ : Moe_PointwiseOp<"(\w+)"', file.read(), re.MULTILINE):
            yield name, [f"%y = moe.{name} %v : tensor<64xf32, #moe.axes<expert>>"]


def used_values(dialect, body, own):
    """The definitions that `body` lacks beside its own, each after those it needs itself."""
    defined = set(own)
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


def whole(name, body):
    """The example of an operation as a module."""
    if re.match(r"\s*(moe\.gate|moe_kernel\.program)", body):
        return body
    dialect = "moe_kernel" if "moe_kernel." in body else "moe"
    own, text = OWN.get(("check." if "check." in body else dialect + ".") + name, ([], ""))
    text += "\n" + used_values(dialect, body, own) + "\n" + body
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
                run = subprocess.run([moe_opt, "--verify-roundtrip", "-"], input=whole(name, block), capture_output=True, text=True, check=False)
                if run.returncode != 0:
                    print(f"{path}: {name}:\n{block}{run.stderr}")
                    failures += 1
    print(f"{count} examples, {failures} failures")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2:]))
