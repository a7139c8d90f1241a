#!/usr/bin/env python3
"""Reads PTX, the assembly that NVRTC makes of CUDA, and counts the instructions that a thread executes in its loops.

usage: ptx.py FILE.ptx

Prints, for each kernel, its loops and what one iteration of each costs: the longest path through the loop's body, inner
loops times their trips. A kernel is read as basic blocks; loops are those of its back edges; trips are counted by
running the loop's induction variable where its start, its step and its bound are constants. What cannot be known so
(a bound that is only known at run time, a call whose body is elsewhere, a branch into the middle of a loop) is said, with
the line, and not guessed. `tools/kernel-table` makes the table of docs/kernels.md with it.

Where a branch depends on a vote (`vote.sync.any`: does any lane of the warp have the case), its true side is code for rare
rows. The longest path goes through it all the same; the count without it is given beside it.

An instruction is every statement of the body that is not a directive: moves and conversions count like all others, of which
the assembler behind PTX may drop some, and predicated instructions count whether their predicate holds or not.
"""

import re
import sys

MAX_TRIPS = 1 << 20


class PtxError(Exception):
    """What could not be understood, with the line of the PTX."""


class Instruction:
    """One instruction: its line, `@%p` or `@!%p` as (register, whether negated) or None, opcode and operands as text."""

    def __init__(self, line, guard, opcode, operands, source):
        self.line, self.guard, self.opcode, self.operands, self.source = line, guard, opcode, operands, source
        head = opcode.split(".")[0]
        self.is_branch = head in ("bra", "brx")
        self.ends_block = self.is_branch or head in ("ret", "exit", "trap")
        self.has_target = head not in ("st", "bar", "barrier", "bra", "brx", "ret", "exit", "trap", "red", "membar", "fence",
                                       "call", "prefetch", "prefetchu", "cp", "discard", "pmevent", "brkpt", "nanosleep")

    def defines(self):
        """Registers that it writes."""
        return registers(self.operands[0]) if self.has_target and self.operands else []

    def uses(self):
        """Registers that it reads."""
        read = [register for operand in self.operands[1 if self.has_target else 0:] for register in registers(operand)]
        return read + ([self.guard[0]] if self.guard else [])


def registers(operand):
    return re.findall(r"%[a-zA-Z_$][\w$]*(?:\.[xyz])?", operand)


class Block:
    """Instructions without a branch among them but at the end; `after` and `before` are the numbers of its neighbours."""

    def __init__(self, number):
        self.number, self.code, self.after, self.before = number, [], [], []

    @property
    def line(self):
        return self.code[0].line


class Loop:
    """A natural loop: its first block, its blocks, the blocks that lead back, and the loops that it lies in and that lie in
    it."""

    def __init__(self, header, blocks, latches):
        self.header, self.blocks, self.latches = header, blocks, latches
        self.parent, self.children = None, []


class Path:
    """The longest way to a point: its number of instructions, and how it came there, as a list linked backwards.

    A step is a block, or (loop, iterations before the last one, the way through the last one).
    """

    def __init__(self, count, before, step):
        self.count, self.before, self.step = count, before, step

    def add_blocks(self, times, into):
        """Adds to `into` how often each block is executed on `times` such ways."""
        path = self
        while path is not None:
            if isinstance(path.step, tuple):
                whole, repeats, last = path.step
                whole.add_blocks(times * repeats, into)
                last.add_blocks(times, into)
            else:
                into[path.step] = into.get(path.step, 0) + times
            path = path.before
        return into


# -- Text ----------------------------------------------------------------------------------------------------------------


def without_comments(text):
    """The text with comments blanked out, so that lines keep their numbers."""
    return re.sub(r"//[^\n]*|/\*.*?\*/", lambda comment: re.sub(r"[^\n]", " ", comment.group(0)), text, flags=re.DOTALL)


def split_operands(text):
    """Operands at commas that no bracket encloses."""
    operands, depth, current = [], 0, ""
    for character in text:
        depth += (character in "{[(") - (character in "}])")
        if character == "," and depth == 0:
            operands.append(current.strip())
            current = ""
        else:
            current += character
    return operands + [current.strip()] if current.strip() else operands


LABEL = re.compile(r"([$%\w]+):(?!:)")
LOC = re.compile(r"\.loc\s+(\d+)\s+(\d+)[^\n;]*")
STATEMENT = re.compile(r"(?:@(!?)(%[\w$]+)\s+)?([a-z][\w.:]*)\s*(.*)", re.DOTALL)


class Function:
    """A kernel or device function as basic blocks, from the text of its body."""

    def __init__(self, name, parameters, threads, module):
        self.name, self.parameters, self.threads, self.module = name, parameters, threads, module
        self.blocks, self.labels, self.tables = [], {}, {}
        self.loops, self.definitions = [], {}

    # Reading.

    def read(self, text, position, line):
        """Reads from behind the opening brace; returns the position behind the closing one."""
        depth, source = 1, None
        self.start_block()
        while True:
            blank = re.compile(r"\s*").match(text, position)
            line += blank.group(0).count("\n")
            position = blank.end()
            if position >= len(text):
                raise PtxError(f"line {line}: the body of {self.name} is never closed")
            label, loc = LABEL.match(text, position), LOC.match(text, position)
            if text[position] in "{}":
                depth += 1 if text[position] == "{" else -1
                position += 1
                if depth == 0:
                    self.finish()
                    return position
            elif label:
                self.read_label(label.group(1))
                position = label.end()
            elif loc:
                source = (int(loc.group(1)), int(loc.group(2)))
                position = loc.end()
            else:
                end = text.find(";", position)
                if end < 0:
                    raise PtxError(f"line {line}: a statement without ';'")
                self.read_statement(text[position:end], line, source)
                line += text.count("\n", position, end)
                position = end + 1

    def start_block(self):
        self.blocks.append(Block(len(self.blocks)))

    def read_label(self, label):
        if self.blocks[-1].code:
            self.start_block()
        self.labels[label] = self.blocks[-1].number

    def read_statement(self, statement, line, source):
        if statement.startswith("."):
            if statement.startswith(".branchtargets"):
                table = next(label for label in reversed(self.labels) if self.labels[label] == self.blocks[-1].number)
                self.tables[table] = split_operands(statement[len(".branchtargets"):])
            return
        parts = STATEMENT.fullmatch(statement.strip())
        if not parts:
            raise PtxError(f"line {line}: not an instruction: {statement.strip()}")
        negated, guard, opcode, operands = parts.groups()
        instruction = Instruction(line, (guard, negated == "!") if guard else None, opcode, split_operands(operands), source)
        self.blocks[-1].code.append(instruction)
        if instruction.ends_block:
            self.start_block()

    def finish(self):
        """Edges between blocks; blocks that nothing reaches are left out of them."""
        for block in self.blocks:
            last = block.code[-1] if block.code else None
            falls = last is None or not last.ends_block or last.guard is not None
            if falls and block.number + 1 < len(self.blocks):
                block.after.append(block.number + 1)
            if last is not None and last.is_branch:
                block.after += [number for number in self.targets(last) if number not in block.after]
        self.order = self.reverse_postorder()
        for number in self.order:
            for other in self.blocks[number].after:
                self.blocks[other].before.append(number)
        for number in self.order:
            for index, instruction in enumerate(self.blocks[number].code):
                for register in instruction.defines():
                    self.definitions.setdefault(register, []).append((number, index))
        self.find_loops()

    def targets(self, branch):
        if branch.opcode.startswith("brx"):
            table = branch.operands[1]
            if table not in self.tables:
                raise PtxError(f"line {branch.line}: {branch.opcode} with the unknown table {table}")
            labels = self.tables[table]
        else:
            labels = branch.operands
        for label in labels:
            if label not in self.labels:
                raise PtxError(f"line {branch.line}: {branch.opcode} to the unknown label {label}")
        return [self.labels[label] for label in labels]

    # Structure.

    def reverse_postorder(self):
        seen, order, stack = {0}, [], [(0, iter(self.blocks[0].after))]
        while stack:
            number, following = stack[-1]
            for other in following:
                if other not in seen:
                    seen.add(other)
                    stack.append((other, iter(self.blocks[other].after)))
                    break
            else:
                order.append(number)
                stack.pop()
        return order[::-1]

    def find_loops(self):
        """Dominators, then one loop per block that a back edge leads to, nested by their blocks."""
        place = {number: index for index, number in enumerate(self.order)}
        self.dominator = {0: 0}
        changed = True
        while changed:
            changed = False
            for number in self.order[1:]:
                dominator = None
                for other in self.blocks[number].before:
                    if other in self.dominator:
                        dominator = other if dominator is None else self.common_dominator(dominator, other, place)
                if self.dominator.get(number) != dominator:
                    self.dominator[number] = dominator
                    changed = True
        latches = {}
        for number in self.order:
            for other in self.blocks[number].after:
                if self.dominates(other, number):
                    latches.setdefault(other, []).append(number)
                elif place[other] <= place[number]:
                    raise PtxError(f"line {self.blocks[number].code[-1].line}: {self.name} branches into the middle of a loop")
        loops = [Loop(header, self.loop_blocks(header, ends), ends) for header, ends in latches.items()]
        loops.sort(key=lambda loop: len(loop.blocks))
        for index, loop in enumerate(loops):
            loop.parent = next((outer for outer in loops[index + 1:] if loop.header in outer.blocks), None)
            (loop.parent.children if loop.parent else self.loops).append(loop)
        self.loops.sort(key=lambda loop: loop.header)

    def common_dominator(self, a, b, place):
        while a != b:
            if place[a] > place[b]:
                a = self.dominator[a]
            else:
                b = self.dominator[b]
        return a

    def dominates(self, a, b):
        while b != a and b != 0:
            b = self.dominator[b]
        return a == b

    def loop_blocks(self, header, latches):
        blocks, stack = {header}, list(latches)
        while stack:
            number = stack.pop()
            if number not in blocks:
                blocks.add(number)
                stack += self.blocks[number].before
        return blocks

    # Values.

    def reaching(self, register, block, index, within=None):
        """Where `register` may have been written, seen from before instruction `index` of `block`: (block, index) pairs,
        and None where the start of `within` (or of the function) is reached first. A predicated write ends the search like
        any other: those who ask take its value as unknown."""
        found, seen, stack = set(), set(), [(block, index)]
        writes = self.definitions.get(register, [])
        while stack:
            number, before = stack.pop()
            last = max((write for write in writes if write[0] == number and write[1] < before), default=None)
            if last is not None:
                found.add(last)
                continue
            if number == (within.header if within else 0):
                found.add(None)
                if within or not self.blocks[number].before:
                    continue
            for other in self.blocks[number].before:
                if other not in seen:
                    seen.add(other)
                    stack.append((other, len(self.blocks[other].code)))
        return found

    def value(self, operand, block, index, within, fuel=32):
        """An operand as (register, constant): the value of that register at the start of the present iteration of `within`
        plus a constant; (None, constant) for a constant; None where it is nothing like that."""
        constant = integer(operand)
        if constant is not None:
            return None, constant
        if not operand.startswith("%") or fuel == 0:
            return None
        found = self.reaching(operand, block, index, within)
        if found == {None}:
            return operand, 0
        if len(found) != 1:
            return None
        (number, place), = found
        code = self.blocks[number].code[place]
        if code.guard:
            return None
        kind = code.opcode.split(".")[0]
        inputs = [self.value(other, number, place, within, fuel - 1) for other in code.operands[1:]]
        if kind in ("mov", "cvt") and is_integer(code.opcode) and len(inputs) == 1:
            return inputs[0]
        if kind in ("add", "sub") and is_integer(code.opcode) and None not in inputs:
            (a, m), (b, n) = inputs
            if kind == "sub" and b is None:
                return a, m - n
            if kind == "add" and (a is None or b is None):
                return a or b, m + n
        return None

    def constant_before(self, register, loop):
        """The one constant that `register` holds whenever `loop` is entered, or None."""
        values = set()
        for number in self.blocks[loop.header].before:
            if number not in loop.blocks:
                for write in self.reaching(register, number, len(self.blocks[number].code)):
                    values.add(self.constant_written(write))
        return values.pop() if len(values) == 1 else None

    def constant_written(self, write, fuel=16):
        if write is None or fuel == 0:
            return None
        number, place = write
        code = self.blocks[number].code[place]
        if code.guard or code.opcode.split(".")[0] not in ("mov", "cvt") or not is_integer(code.opcode):
            return None
        constant = integer(code.operands[1])
        if constant is not None or not code.operands[1].startswith("%"):
            return constant
        values = {self.constant_written(other, fuel - 1) for other in self.reaching(code.operands[1], number, place)}
        return values.pop() if len(values) == 1 else None

    def step(self, register, loop):
        """What one iteration of `loop` adds to `register`, or None."""
        steps = set()
        for latch in loop.latches:
            after = self.value(register, latch, len(self.blocks[latch].code), loop)
            steps.add(after[1] if after and after[0] == register else None)
        return steps.pop() if len(steps) == 1 else None

    def exit_tests(self, loop):
        """The comparisons that decide each time round whether the loop goes on: (block, index of the setp, its comparison
        as the condition to go on)."""
        tests = []
        for number in sorted(loop.blocks):
            block = self.blocks[number]
            branch = block.code[-1] if block.code else None
            leaving = [other for other in block.after if other not in loop.blocks]
            if not leaving or not branch or not branch.is_branch or not branch.guard:
                continue
            if not all(self.dominates(number, latch) for latch in loop.latches):
                continue
            found = self.reaching(branch.guard[0], number, len(block.code) - 1, loop)
            taken_leaves = self.targets(branch)[0] not in loop.blocks
            if len(found) == 1 and None not in found:
                (home, place), = found
                compare = self.blocks[home].code[place]
                if compare.opcode.startswith("setp.") and not compare.guard:
                    tests.append((home, place, compare, taken_leaves == branch.guard[1]))
        return tests

    def trips(self, loop):
        """How often the first block of `loop` is executed each time that the loop is entered."""
        counts = []
        for number, index, compare, goes_on_if in self.exit_tests(loop):
            parts = compare.opcode.split(".")
            sides = [self.value(operand, number, index, loop) for operand in compare.operands[1:3]]
            if len(parts) != 3 or not is_integer(compare.opcode) or None in sides:
                continue
            runs = [self.progression(side, loop) for side in sides]
            if None not in runs:
                count = count_trips(parts[1], goes_on_if, *runs)
                if count is not None:
                    counts.append(count)
        if not counts:
            raise PtxError(f"line {self.blocks[loop.header].line}: the loop has no constant trip count")
        return min(counts)

    def progression(self, side, loop):
        """(first value, step) over the iterations of `loop`, or None."""
        register, constant = side
        if register is None:
            return constant, 0
        start, step = self.constant_before(register, loop), self.step(register, loop)
        return None if start is None or step is None else (start + constant, step)

    # Counting.

    def cost(self, block):
        """Instructions of a block; a call costs itself and the longest way through the function."""
        count = 0
        for instruction in block.code:
            count += 1
            if instruction.opcode.startswith("call"):
                callee = next((name for name in self.module if name in instruction.operands), None)
                if callee is None:
                    raise PtxError(f"line {instruction.line}: a call whose function is not in this PTX")
                count += self.module[callee].longest()
        return count

    def voted(self):
        """Edges to the true side of a branch on `vote.sync.any`."""
        edges = set()
        for number in self.order:
            block = self.blocks[number]
            branch = block.code[-1] if block.code else None
            if branch is None or not branch.guard or not branch.is_branch or len(block.after) != 2:
                continue
            register, negated = branch.guard
            found = self.reaching(register, number, len(block.code) - 1)
            while len(found) == 1 and None not in found:
                (home, place), = found
                code = self.blocks[home].code[place]
                if code.opcode.startswith("vote.sync.any"):
                    taken = self.targets(branch)[0]
                    edges.add((number, next(other for other in block.after if (other == taken) != negated)))
                if code.opcode != "not.pred" or code.guard:
                    break
                negated = not negated
                found = self.reaching(code.operands[1], home, place)
        return edges

    def iteration(self, loop, without=()):
        """The longest way round `loop`, and the longest ways from its start to the end of each block that leaves it, along
        no edge of `without`."""
        ways = self.ways(loop.header, loop.blocks, loop.children, without)
        rounds = [ways[latch] for latch in loop.latches if latch in ways]
        if not rounds:
            raise PtxError(f"line {self.blocks[loop.header].line}: nothing leads round the loop but what a vote decides")
        round_trip = max(rounds, key=lambda path: path.count)
        leaving = {number: path for number, path in ways.items()
                   if any(other not in loop.blocks for other in self.blocks[number].after)}
        return round_trip, leaving

    def ways(self, start, blocks, loops, without=()):
        """The longest ways from the beginning of `start` to the end of each block of `blocks`, where `loops` count as one
        step."""
        inner = {loop.header: loop for loop in loops}
        reached, ends = {start: None}, {}
        for number in self.order:
            if number not in reached:
                continue
            before, count = reached[number], reached[number].count if reached[number] else 0
            if number in inner:
                loop = inner[number]
                whole, leaving = self.iteration(loop, without)
                repeats = self.trips(loop) - 1
                out = {end: Path(count + repeats * whole.count + last.count, before, (whole, repeats, last))
                       for end, last in leaving.items()}
            else:
                loop = None
                out = {number: Path(count + self.cost(self.blocks[number]), before, number)}
            for end, path in out.items():
                ends[end] = path
                for other in self.blocks[end].after:
                    if loop and other in loop.blocks or other not in blocks or other == start or (end, other) in without:
                        continue
                    if other not in reached or reached[other].count < path.count:
                        reached[other] = path
        return ends

    def longest(self):
        """Instructions on the longest way through the whole function."""
        ways = self.ways(0, set(self.order), self.loops)
        return max(path.count for path in ways.values())

    def depends_on(self, register, text):
        """Whether a value of `register`, at any place, is computed from an operand that contains `text`. What is read from
        memory does not depend on the address."""
        seen, stack = set(), [register]
        while stack:
            current = stack.pop()
            if current in seen:
                continue
            seen.add(current)
            for number, index in self.definitions.get(current, []):
                code = self.blocks[number].code[index]
                if any(text in operand for operand in code.operands[1:]):
                    return True
                if not code.opcode.startswith("ld."):
                    stack += code.uses()
        return False


def integer(text):
    """The value of an integer literal, or None."""
    literal = re.fullmatch(r"(-?)(0[xX][0-9a-fA-F]+|\d+)U?", text)
    return int(literal.group(1) + literal.group(2), 0) if literal else None


def is_integer(opcode):
    return opcode.split(".")[-1] in ("s16", "s32", "s64", "u16", "u32", "u64", "b16", "b32", "b64")


COMPARE = {"eq": lambda a, b: a == b, "ne": lambda a, b: a != b, "lt": lambda a, b: a < b, "le": lambda a, b: a <= b,
           "gt": lambda a, b: a > b, "ge": lambda a, b: a >= b}
COMPARE.update({"lo": COMPARE["lt"], "ls": COMPARE["le"], "hi": COMPARE["gt"], "hs": COMPARE["ge"]})


def count_trips(comparison, goes_on_if, left, right):
    """How often a loop tests before it ends, or None if it does not end soon."""
    compare = COMPARE.get(comparison)
    (a, a_step), (b, b_step) = left, right
    for count in range(1, MAX_TRIPS if compare and (a_step or b_step) else 1):
        if compare(a, b) != goes_on_if:
            return count
        a, b = a + a_step, b + b_step
    return None


# -- Modules -------------------------------------------------------------------------------------------------------------

HEAD = re.compile(r"\.(entry|func)\s*(?:\([^)]*\)\s*)?([\w$]+)\s*(\(([^)]*)\))?([^{;]*)([{;])", re.DOTALL)


def parse(text):
    """The functions of a PTX module by name, and the names of its kernels in order."""
    text = without_comments(text)
    functions, kernels, position = {}, [], 0
    while True:
        head = HEAD.search(text, position)
        if head is None:
            return functions, kernels
        position = head.end()
        if head.group(6) == ";":
            continue
        threads = re.search(r"\.maxntid\s+([\d, ]+)", head.group(5))
        count = 1
        for size in threads.group(1).split(",") if threads else []:
            count *= int(size)
        parameters = [parameter.split()[-1] for parameter in split_operands(head.group(4) or "")]
        function = Function(head.group(2), parameters, count if threads else None, functions)
        position = function.read(text, position, text.count("\n", 0, position) + 1)
        functions[function.name] = function
        if head.group(1) == "entry":
            kernels.append(function.name)


def describe(function):
    """Lines about a kernel and its loops, inner ones indented below the one that they lie in."""
    yield f"{function.name}: {sum(len(block.code) for block in function.blocks)} instructions"
    stack = [(loop, 1) for loop in reversed(function.loops)]
    while stack:
        loop, depth = stack.pop()
        try:
            whole, _ = function.iteration(loop)
            usual, _ = function.iteration(loop, function.voted())
            cost = f"{whole.count} instructions per iteration"
            if usual.count != whole.count:
                cost += f" ({usual.count} without what a vote decides)"
        except PtxError as error:
            cost = f"unknown cost: {error}"
        try:
            trips = f"{function.trips(loop)} trips"
        except PtxError:
            trips = "no constant trip count"
        yield f"{'  ' * depth}loop at line {function.blocks[loop.header].line}: {cost}, {trips}"
        stack += [(child, depth + 1) for child in sorted(loop.children, key=lambda child: -child.header)]


def main(arguments):
    if len(arguments) != 1:
        sys.exit(__doc__)
    with open(arguments[0], encoding="utf-8") as file:
        text = file.read()
    try:
        functions, kernels = parse(text)
    except PtxError as error:
        sys.exit(f"{arguments[0]}: {error}")
    for name in kernels:
        print("\n".join(describe(functions[name])))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
