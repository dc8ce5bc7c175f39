"""Keeps the code quoted in docs/how_it_works equal to the source it quotes.

A quoted block opens with ```python file.py::Name, where Name is a function, a class, a
method (Class.method) or a top-level assignment in that file, relative to src/chainrule;
or with ```cpp file.cpp::name for a function of that file in src/runtime.

    python docs/quote.py           rewrites the blocks from the source
    python docs/quote.py --check   exits with 1 and a list where they differ
"""

from __future__ import annotations

import ast
import pathlib
import re
import sys
import textwrap

ROOT = pathlib.Path(__file__).resolve().parent.parent
PACKAGE = ROOT / "src" / "chainrule"
BLOCK = re.compile(r"```(python|cpp) (\S+)::(\S+)\n(.*?)```", re.S)


def source_of(file: str, name: str) -> str:
    """The text of definition `name` in `file`; LookupError where there is none."""
    text = (PACKAGE / file).read_text()
    node: ast.AST = ast.parse(text)
    for part in name.split("."):
        node = _member(node, part, file)
    first = min([node.lineno, *(d.lineno for d in getattr(node, "decorator_list", []))])
    lines = text.splitlines()[first - 1 : node.end_lineno]
    return textwrap.dedent("\n".join(lines)) + "\n"


def cpp_source_of(file: str, name: str) -> str:
    """The text of function `name` in C++ `file`, with the comment above it."""
    text = (ROOT / "src" / "runtime" / file).read_text()
    head = rf"^(?://[^\n]*\n)*^\w[^\n;]*\b{name}\([^;{{]*{{\n"
    found = re.search(head + r".*?^}\n", text, re.S | re.M)
    if not found:
        raise LookupError(f"{file} defines no {name}")
    return found[0]


def _member(node: ast.AST, name: str, file: str) -> ast.AST:
    for child in getattr(node, "body", []):
        if getattr(child, "name", None) == name:
            return child
        targets = getattr(child, "targets", [getattr(child, "target", None)])
        if any(getattr(t, "id", None) == name for t in targets):
            return child
    raise LookupError(f"{file} defines no {name}")


def refreshed(text: str) -> str:
    """The text of a chapter with its quoted blocks taken from the source."""

    def block(match: re.Match[str]) -> str:
        language, file, name = match[1], match[2], match[3]
        found = source_of if language == "python" else cpp_source_of
        return f"```{language} {file}::{name}\n{found(file, name)}```"

    return BLOCK.sub(block, text)


def main() -> int:
    stale = []
    for chapter in sorted((ROOT / "docs" / "how_it_works").glob("*.md")):
        old = chapter.read_text()
        new = refreshed(old)
        if new != old:
            stale.append(str(chapter.relative_to(ROOT)))
            if "--check" not in sys.argv:
                chapter.write_text(new)
    print("\n".join(stale) or "all quotes are current")
    return 1 if stale and "--check" in sys.argv else 0


if __name__ == "__main__":
    sys.exit(main())
