"""Checks what a compiler does not: the habits that keep the source tree readable and portable.

usage: check_tree.py SOURCE_ROOT

For each text file that git tracks:
  length      at most 800 lines of C++ or Python, 600 of TableGen
  function    at most 60 lines in a C++ function
  opening     source files begin with a comment that says what the file is for
  word        no words that mark unfinished work
  machine     no path of somebody's machine, no host of a package registry
  link        a page's links to files of this tree lead somewhere, and so do the paths that it names
Prints one line per finding, `file:line: rule: text`, and fails if there is any.
"""

import glob
import os
import re
import subprocess
import sys

CPP = (".cpp", ".h", ".hpp", ".c", ".cuh", ".cu")
MAX_LINES = {**{suffix: 800 for suffix in CPP}, ".py": 800, ".td": 600}
MAX_FUNCTION = 60
OPENINGS = {**{suffix: ("//", "/*") for suffix in CPP}, ".td": ("//",), ".py": ('"""', "#"), ".cmake": ("#",)}

# Written in pieces, so that this file does not find itself.
UNFINISHED = re.compile(r"\b(TO" r"DO|FIX" r"ME|XX" r"X|DEV-GU" r"ARD|place" r"holder|stu" r"b(s|bed)?)\b", re.IGNORECASE)
MACHINE = re.compile(r"(^|[\s\"'=(:<])(/work" r"/|/root" r"/|/home" r"/(?!someone\b)\w|/tmp" r"/\w)|"
                     r"\b(py" r"pi\.org|python" r"hosted\.|deb\.deb" r"ian\.|apt\.l" r"lvm\.)")

# Not the head of a function: a type, a namespace, or the initialiser of a table.
NOT_A_FUNCTION = re.compile(r"^\s*(namespace|class|struct|enum|union|extern \"C\"|typedef|#|\}|\w+:$)|=\s*\{\s*$")


def tracked_files(root):
    listing = subprocess.run(["git", "-C", root, "ls-files", "-z"], stdout=subprocess.PIPE, check=True).stdout
    names = [name for name in listing.decode().split("\0") if name]
    return [name for name in names if os.path.isfile(os.path.join(root, name))]


def read_text(path):
    """The lines of a text file, None for a binary one."""
    with open(path, "rb") as file:
        data = file.read()
    if b"\0" in data:
        return None
    try:
        return data.decode().splitlines()
    except UnicodeDecodeError:
        return None


def long_functions(lines):
    """(line, length) of each function that is too long: from a head at some indent to the brace that closes at it."""
    for number, line in enumerate(lines):
        if not re.search(r"\)[\w\s:&>\-<*,()]*\{$", line) or NOT_A_FUNCTION.search(line):
            continue
        # The head may have begun some lines above; its first line has the least indent.
        start = number
        while start > 0 and lines[start - 1].rstrip().endswith((",", "(", "&&", "||")):
            start -= 1
        indent = len(lines[start]) - len(lines[start].lstrip())
        is_lambda = re.search(r"\[[^\]]*\]\s*[({]", " ".join(lines[start:number + 1]))
        if indent > 2 or is_lambda or re.match(r"\s*(if|for|while|switch|else|do)\b", lines[start]):
            continue
        closing = " " * indent + "}"
        for end in range(number + 1, len(lines)):
            if lines[end].strip() and not lines[end].startswith((" " * indent, "#")):
                break
            if lines[end].rstrip(";").rstrip() == closing:
                if end - start + 1 > MAX_FUNCTION:
                    yield start + 1, end - start + 1
                break


# A path of this tree in back quotes, from its root; `*` stands for anything.
NAMED_PATH = re.compile(r"`((?:cmake|compiler|dialects|docs|examples|runtime|test|tools)/[\w./*+-]+)[` ]")


def broken_links(root, path, lines):
    """(line, target) of each relative link of a page, and each path that it names, whose target is not there."""
    for number, line in enumerate(lines, 1):
        for target in NAMED_PATH.findall(line):
            if not glob.glob(os.path.join(root, target)):
                yield number, target
        for target in re.findall(r"\]\(([^)#\s]+)[^)]*\)", line):
            if "://" not in target and not os.path.exists(os.path.join(os.path.dirname(path), target)):
                yield number, target


def check_file(root, name, lines):
    """Yields (line number, rule, text)."""
    suffix = os.path.splitext(name)[1]
    ceiling = MAX_LINES.get(suffix)
    if ceiling and len(lines) > ceiling:
        yield len(lines), "length", f"{len(lines)} lines, at most {ceiling}: split the file by subject"
    if suffix in OPENINGS:
        body = [line for line in lines if line.strip() and not line.startswith("#!")]
        if body and not body[0].startswith(OPENINGS[suffix]):
            yield 1, "opening", "begin with a comment on what this file is for and why it exists"
    if suffix in CPP:
        for line, length in long_functions(lines):
            yield line, "function", f"{length} lines, at most {MAX_FUNCTION}: name its parts"
    if suffix == ".md":
        for line, target in broken_links(root, os.path.join(root, name), lines):
            yield line, "link", f"there is no '{target}'"
    for number, line in enumerate(lines, 1):
        for rule, pattern in (("word", UNFINISHED), ("machine", MACHINE)):
            found = pattern.search(line)
            if found:
                yield number, rule, f"'{found.group(0).strip()}' in: {line.strip()[:100]}"


def main(root):
    findings = 0
    files = 0
    for name in tracked_files(root):
        lines = read_text(os.path.join(root, name))
        if lines is None:
            continue
        files += 1
        for number, rule, text in check_file(root, name, lines):
            print(f"{name}:{number}: {rule}: {text}")
            findings += 1
    print(f"{files} files checked, {findings} findings")
    return 1 if findings or not files else 0


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    sys.exit(main(sys.argv[1]))
