"""Writes a folder that breaks each rule of check_tree.py once. usage: make_bad_tree.py DIR"""

import os
import sys

FILES = {
    "long.cpp": "// A file.\n" + "int x;\n" * 800,
    "function.cpp": "// A file.\nint f(int a,\n      int b) {\n" + "  a += b;\n" * 60 + "  return a;\n}\n",
    "opening.cpp": "int x;\n",
    "word.md": "This part is a TO" + "DO.\n",
    "machine.md": "Look into /work" + "/main for it.\n",
    "link.md": "See [this](good.cpp) and [that](absent.md#part),\nor at `compiler/Absent/*.cpp`, but not at `tools`.\n",
    "good.cpp": "// A file that keeps to everything.\nint f() {\n  return 1;\n}\n",
}

for name, text in FILES.items():
    with open(os.path.join(sys.argv[1], name), "w", encoding="utf-8") as file:
        file.write(text)
