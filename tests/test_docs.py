"""The documentation is true: quoted code is the source's, and examples run.

Chapters of docs/how_it_works quote definitions by name; their `>>>` examples, those of
the README and those of every public docstring are executed.
"""

from __future__ import annotations

import builtins
import doctest
import importlib.util
import pathlib

import pytest

ROOT = pathlib.Path(__file__).resolve().parent.parent
CHAPTERS = sorted((ROOT / "docs" / "how_it_works").glob("*.md"))
TOPICS = ("derivatives", "differential_equations", "memory")
PAGES = [
    ROOT / "README.md",
    *(ROOT / "docs" / f"{topic}.md" for topic in TOPICS),
    *CHAPTERS,
]
FLAGS = (
    doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE | doctest.IGNORE_EXCEPTION_DETAIL
)


def _quote():
    spec = importlib.util.spec_from_file_location("quote", ROOT / "docs" / "quote.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("chapter", CHAPTERS, ids=lambda p: p.stem)
def test_quoted_code_is_the_source(chapter):
    text = chapter.read_text()
    assert _quote().refreshed(text) == text, "run: python docs/quote.py"


@pytest.mark.parametrize("page", PAGES, ids=lambda p: p.stem)
def test_examples_of_the_page_run(page):
    found = doctest.testfile(str(page), module_relative=False, optionflags=FLAGS)
    assert found.failed == 0


MODULES = sorted(
    p.relative_to(ROOT / "src").with_suffix("").as_posix().replace("/", ".")
    for p in (ROOT / "src" / "chainrule").rglob("*.py")
)


@pytest.mark.parametrize("name", MODULES)
def test_examples_of_docstrings_run(name):
    module = importlib.import_module(name.removesuffix(".__init__"))
    package = name.endswith("__init__")
    # In an example `bool` and `round` are Python's, also where a package exports its own.
    found = doctest.testmod(
        module, optionflags=FLAGS, extraglobs=vars(builtins) if package else None
    )
    assert found.failed == 0
