"""Runs the code blocks of the documentation, so that no page shows what does not work.

usage: run_doc_blocks.py --build BUILD_DIR --source SOURCE_DIR --scratch DIR [--at-least N] PAGE.md…

The words after a fence say what the block must do:

  ```sh run            the commands succeed. Lines that begin with `$ ` are commands and the others what they print;
                       without any `$ ` the whole block is a script. Commands see the source tree's folders and
                       `build/release`, in a scratch folder of their own that the blocks of one page share
  ```moe check         moe-opt accepts the gate
  ```moe error         moe-opt refuses it; the next block, ```text, is what it says
  ```mlir check        moe-opt accepts the module
  ```LANG check file=F the same, and later blocks of the page find it under the name F
  ```LANG of=COMMAND   an excerpt of what COMMAND prints (quote the command; spaces do not count)
  ```LANG of=FILE      an excerpt of a file of the source tree
  ```asm of=…          of assembly only the instructions' names are compared: registers and labels are the backend's

Expected text is matched line by line and in order. `...` alone on a line skips any number of lines, within a line
any characters. Indentation and trailing spaces do not count. A block without such a word is only shown, and every
other word is an error, so that a misspelt one does not switch a test off.

Inline code that begins with the keyword of a declaration and goes on with a name and more (`axis expert[64]`) must be
a statement that the parser accepts; names in it need not exist. A page about something else writes it otherwise.
"""

import argparse
import os
import re
import shlex
import shutil
import subprocess
import sys

PLAIN = {"sh", "moe", "mlir", "cpp", "cuda", "text", "cmake", "python", "ebnf", "asm", "json", "c", "llvm", "console",
         "diff", ""}


DECLARATION = re.compile(r"`((?:axis|const|param|input|state|loss|metric|update|output|mask)\s+[A-Za-z_]\w*\b\s*[^\s`][^`]*)`")


class Block:
    """A fenced block: its page, first line, language, word and lines."""

    def __init__(self, page, line, info, lines):
        self.page, self.line, self.lines = page, line, lines
        words = shlex.split(info)
        self.language = words[0] if words else ""
        self.words = words[1:]

    @property
    def text(self):
        return "\n".join(self.lines) + "\n"


class Failure(Exception):
    """What went wrong with one block."""


def read_blocks(page):
    """The fenced blocks of a page, in order."""
    blocks, current, indent = [], None, 0
    with open(page, encoding="utf-8") as file:
        for number, line in enumerate(file, 1):
            line = line.rstrip("\n")
            fence = re.match(r"^( *)```(.*)$", line)
            if fence and current is None:
                indent = len(fence.group(1))
                current = Block(page, number, fence.group(2).strip(), [])
            elif fence:
                blocks.append(current)
                current = None
            elif current is not None:
                current.lines.append(line[indent:] if line[:indent].isspace() else line)
    if current is not None:
        raise Failure(f"{page}:{current.line}: the block is never closed")
    return blocks


def read_declarations(page):
    """(line, text) of the inline code outside of fenced blocks that begins with the keyword of a declaration."""
    found, fenced = [], False
    with open(page, encoding="utf-8") as file:
        for number, line in enumerate(file, 1):
            if re.match(r"^ *```", line):
                fenced = not fenced
            elif not fenced:
                found += [(number, match.group(1)) for match in DECLARATION.finditer(line)]
    return found


def line_pattern(line):
    """A regular expression for an expected line: `...` stands for any characters, runs of spaces for each other."""
    pieces = [r"\s+".join(re.escape(word) for word in piece.split()) for piece in line.split("...")]
    return re.compile(r"\s*" + r".*?".join(r"\s*" + piece + r"\s*" if piece else "" for piece in pieces) + r"\s*$")


def match_excerpt(expected, actual, anchored):
    """None if the lines `expected` stand in `actual` in one piece (but for `...`), otherwise the line that does not.

    `anchored`: the whole output is expected, not an excerpt.
    """
    wanted = [line for line in expected if line.strip()]
    have = [line for line in actual if line.strip()]

    def match_from(w, h):
        """(matched, deepest wanted line reached) with backtracking over `...` lines."""
        while w < len(wanted):
            if wanted[w].strip() == "...":
                if w + 1 == len(wanted):
                    return True, w
                deepest = w
                for start in range(h, len(have)):
                    if line_pattern(wanted[w + 1]).match(have[start]):
                        matched, reached = match_from(w + 1, start)
                        if matched:
                            return True, reached
                        deepest = max(deepest, reached)
                return False, max(deepest, w + 1) if deepest == w else deepest
            if h >= len(have) or not line_pattern(wanted[w]).match(have[h]):
                return False, w
            w, h = w + 1, h + 1
        return (h == len(have) or not anchored), w

    deepest = 0
    for start in range(0, 1 if anchored else max(1, len(have))):
        matched, reached = match_from(0, start)
        if matched:
            return None
        deepest = max(deepest, reached)
    return wanted[deepest] if deepest < len(wanted) else "(the output goes on after the last expected line)"


def instruction_names(lines):
    """The first word of each line of assembly that is an instruction, or `...`."""
    names = [line.split("#")[0].split()[0] for line in lines if line.split("#")[0].strip()]
    return [name for name in names if name == "..." or re.fullmatch(r"[a-z][a-z0-9]*", name)]


class Runner:
    """Runs blocks in a scratch folder that looks like the root of the source tree."""

    def __init__(self, source, build, scratch):
        self.source, self.build, self.scratch = source, build, scratch
        self.count = 0

    def prepare(self):
        shutil.rmtree(self.scratch, ignore_errors=True)
        os.makedirs(os.path.join(self.scratch, "build"))
        for name in os.listdir(self.source):
            if name not in ("build", ".git"):
                os.symlink(os.path.join(self.source, name), os.path.join(self.scratch, name))
        os.symlink(self.build, os.path.join(self.scratch, "build", "release"))

    def shell(self, script):
        environment = dict(os.environ)
        environment["PATH"] = os.path.join(self.build, "bin") + os.pathsep + environment.get("PATH", "")
        environment["COLUMNS"] = "120"
        return subprocess.run(["bash", "-euo", "pipefail", "-c", script], cwd=self.scratch, env=environment, text=True,
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)

    def require(self, script, expected=None, anchored=True):
        done = self.shell(script)
        if done.returncode != 0:
            raise Failure(f"exit code {done.returncode} of: {script.strip()}\n{done.stdout}")
        if expected is not None:
            missing = match_excerpt(expected, done.stdout.splitlines(), anchored)
            if missing is not None:
                raise Failure(f"expected: {missing}\nin what this prints: {script.strip()}\n{done.stdout[:8000]}")

    def run_shell_block(self, block):
        if not any(line.startswith("$ ") for line in block.lines):
            self.require(block.text)
            return
        command, expected = None, []
        for line in block.lines + ["$ "]:
            if not line.startswith("$ "):
                if command is not None and command.endswith("\\"):
                    command = command[:-1] + line.strip()
                else:
                    expected.append(line)
                continue
            if command is not None:
                self.require(command, expected if any(e.strip() for e in expected) else None)
            command, expected = line[2:], []

    def write_source(self, block):
        named = [word[len("file="):] for word in block.words if word.startswith("file=")]
        name = named[0] if named else f"block{self.count}.{block.language}"
        with open(os.path.join(self.scratch, name), "w", encoding="utf-8") as file:
            file.write(block.text)
        return name

    def run_error_block(self, block, following):
        done = self.shell(f"moe-opt {self.write_source(block)}")
        if done.returncode == 0:
            raise Failure("moe-opt accepts it, but the page says that it is an error")
        if done.returncode < 0 or done.returncode > 128:
            raise Failure(f"moe-opt crashed\n{done.stdout}")
        if following is None or following.language != "text":
            raise Failure("a ```text block with the message must follow")
        missing = match_excerpt(following.lines, done.stdout.splitlines(), anchored=False)
        if missing is not None:
            raise Failure(f"expected: {missing}\nbut moe-opt says:\n{done.stdout}")

    def check_declaration(self, text):
        """The parser accepts `text` as a statement: what it says then is not that it expected another word."""
        path = os.path.join(self.scratch, "inline.moe")
        with open(path, "w", encoding="utf-8") as file:
            file.write(f"gate inline {{\n  {text}\n}}\n")
        said = self.shell(f"moe-opt {path}").stdout
        if "error: expected" in said:
            raise Failure(f"no statement of the language: `{text}`\n{said}")

    def run_excerpt(self, block, origin):
        if block.language == "asm":
            expected = instruction_names(block.lines)
            done = self.shell(origin)
            missing = match_excerpt(expected, instruction_names(done.stdout.splitlines()), anchored=False)
            if done.returncode != 0 or missing is not None:
                raise Failure(f"exit code {done.returncode}; no such instruction there: {missing}")
            return
        path = os.path.join(self.source, origin)
        if os.path.isfile(path):
            with open(path, encoding="utf-8") as file:
                missing = match_excerpt(block.lines, file.read().splitlines(), anchored=False)
            if missing is not None:
                raise Failure(f"{origin} does not have this line (or not there): {missing}")
            return
        self.require(origin, block.lines, anchored=False)

    def run(self, block, following):
        """Runs one block; True if it was more than shown."""
        if block.language not in PLAIN:
            raise Failure(f"unknown language '{block.language}'")
        if not block.words:
            return False
        self.count += 1
        word = " ".join(word for word in block.words if not word.startswith("file="))
        if word.startswith("of="):
            self.run_excerpt(block, word[len("of="):])
        elif (block.language, word) == ("sh", "run"):
            self.run_shell_block(block)
        elif block.language in ("moe", "mlir") and word == "check":
            self.require(f"moe-opt {self.write_source(block)} > /dev/null")
        elif (block.language, word) == ("moe", "error"):
            self.run_error_block(block, following)
        else:
            raise Failure(f"no such instruction: '{block.language} {word}'")
        return True


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", required=True)
    parser.add_argument("--source", required=True)
    parser.add_argument("--scratch", required=True)
    parser.add_argument("--at-least", type=int, default=0, help="fail if fewer blocks than this were run")
    parser.add_argument("pages", nargs="+")
    options = parser.parse_args()
    runner = Runner(os.path.abspath(options.source), os.path.abspath(options.build), os.path.abspath(options.scratch))
    failures = executed = 0
    for page in options.pages:
        runner.prepare()
        try:
            blocks = read_blocks(page)
        except Failure as failure:
            print(failure)
            failures += 1
            continue
        for block, following in zip(blocks, blocks[1:] + [None]):
            try:
                executed += runner.run(block, following)
            except Failure as failure:
                failures += 1
                print(f"{page}:{block.line}: {failure}")
        for line, text in read_declarations(page):
            try:
                runner.check_declaration(text)
            except Failure as failure:
                failures += 1
                print(f"{page}:{line}: {failure}")
    print(f"{len(options.pages)} pages, {executed} blocks run, {failures} failed")
    if executed < options.at_least:
        print(f"at least {options.at_least} blocks should have been run")
        return 1
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
