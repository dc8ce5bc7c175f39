"""The house rules of the package: what may import what, and how large things may be.

Imports go down only: runtime < core < ops < transforms < control < compiler < api < parallel
< public modules, among which lax < numpy < the rest. The rules are read from the source
text, so that an import inside of a function counts as well.
"""

import ast
import pathlib
import subprocess
import sys

import pytest

ROOT = pathlib.Path(__file__).parent.parent
PACKAGE = ROOT / "src" / "chainrule"

LAYERS = [
    "runtime", "core", "ops", "transforms", "control", "compiler", "api", "parallel",
]  # fmt: skip
PUBLIC = ["lax", "numpy"]
"""Public modules in their order; those not named stand above and may use each other."""

MAX_FILE_LINES = 600
MAX_FUNCTION_LINES = 60
MAX_GROUND_FLOOR_LINES = 3000


def module_name(path):
    parts = path.relative_to(PACKAGE.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


FILES = sorted(PACKAGE.rglob("*.py"))
SOURCES = {module_name(f): f.read_text() for f in FILES}
PATHS = {module_name(f): f for f in FILES}
TREES = {name: ast.parse(text) for name, text in SOURCES.items()}


def imported(name, node):
    """Full names of what an import statement in module `name` names."""
    if isinstance(node, ast.Import):
        return [a.name for a in node.names]
    base = node.module or ""
    if node.level:
        package = name.split(".")
        if PATHS[name].name != "__init__.py":
            package = package[:-1]
        package = package[: len(package) - node.level + 1]
        base = ".".join([*package, base] if base else package)
    return [f"{base}.{a.name}" for a in node.names]


def owner(full):
    """The module of ours that holds `full`, or None."""
    if full in SOURCES or not full.startswith("chainrule"):
        return full if full in SOURCES else None
    parent = full.rpartition(".")[0]
    return owner(parent) if parent else None


def imports(name):
    """(line, statement is inside of a function, full name) of all imports."""
    deferred = {
        id(inner)
        for outer in ast.walk(TREES[name])
        if isinstance(outer, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda))
        for inner in ast.walk(outer)
    }
    for node in ast.walk(TREES[name]):
        if isinstance(node, (ast.Import, ast.ImportFrom)):
            for full in imported(name, node):
                yield node.lineno, id(node) in deferred, full


def level(name):
    """The height of a module: modules import from their own height and below."""
    parts = name.split(".")
    if len(parts) == 1:
        return len(LAYERS) + len(PUBLIC) + 1
    if parts[1] in LAYERS:
        return LAYERS.index(parts[1])
    if parts[1] in PUBLIC:
        return len(LAYERS) + PUBLIC.index(parts[1])
    return len(LAYERS) + len(PUBLIC)


def edges():
    """(module, line, module it imports), for modules of ours."""
    for name in SOURCES:
        for line, _, full in imports(name):
            target = owner(full)
            if target is not None and target != name:
                yield name, line, target


def test_imports_go_down():
    wrong = [
        f"{name}:{line} imports {target}"
        for name, line, target in edges()
        if level(target) > level(name)
    ]
    assert not wrong, wrong


def test_only_the_package_imports_everything():
    wrong = [
        f"{name}:{line}"
        for name, line, target in edges()
        if target == "chainrule" and name != "chainrule"
    ]
    assert not wrong, wrong


def test_transformations_name_no_operation():
    wrong = [
        f"{name}:{line} imports {target}"
        for name, line, target in edges()
        if name.startswith("chainrule.transforms")
        and target.startswith("chainrule.ops")
        and target != "chainrule.ops.structure"
    ]
    assert not wrong, wrong


def test_no_module_imports_itself_through_others():
    graph = {name: set() for name in SOURCES}
    for name, _, target in edges():
        if PATHS[name].name != "__init__.py":
            graph[name].add(target)
    done = set()

    def visit(name, path):
        assert name not in path, " -> ".join([*path[path.index(name) :], name])
        if name not in done:
            for target in sorted(graph[name]):
                visit(target, [*path, name])
            done.add(name)

    for name in graph:
        visit(name, [])


def test_no_import_of_ours_inside_of_a_function():
    wrong = [
        f"{name}:{line} imports {full}"
        for name in SOURCES
        for line, deferred, full in imports(name)
        if deferred and owner(full) is not None
    ]
    assert not wrong, wrong


LOADERS = {"chainrule.numpy.deferred_methods"}
"""Modules that load another by name, so that importing the package stays short."""


def test_only_packages_load_their_submodules_by_name():
    wrong = [
        name
        for name, path in PATHS.items()
        if path.name != "__init__.py"
        and name not in LOADERS
        and "import_module(" in SOURCES[name]
    ]
    assert not wrong, wrong


@pytest.mark.parametrize(
    ("library", "where"),
    [
        ("llvmlite", "chainrule.compiler.codegen"),
        ("scipy", None), ("matplotlib", None), ("jax", None), ("torch", None),
    ],
)  # fmt: skip
def test_library_is_imported_only_where_it_belongs(library, where):
    wrong = [
        f"{name}:{line}"
        for name in SOURCES
        for line, _, full in imports(name)
        if full.split(".")[0] == library
        and not (where and (name == where or name.startswith(where + ".")))
    ]
    assert not wrong, wrong


def test_importing_the_package_loads_no_heavy_library():
    found = subprocess.run(
        [
            sys.executable,
            "-c",
            "import sys, chainrule; print(*sys.modules, sep='\\n')",
        ],
        capture_output=True, text=True, check=True,
    ).stdout.split()  # fmt: skip
    heavy = {"scipy", "llvmlite", "matplotlib", "scipy_openblas64", "mpi4py", "pandas"}
    assert not heavy.intersection(found)


@pytest.mark.parametrize("name", SOURCES)
def test_module_opens_with_a_docstring(name):
    assert ast.get_docstring(TREES[name]), PATHS[name]


@pytest.mark.parametrize("name", SOURCES)
def test_file_is_not_too_long(name):
    assert SOURCES[name].count("\n") <= MAX_FILE_LINES, PATHS[name]


def test_no_function_is_too_long():
    wrong = [
        f"{name}:{node.lineno} {node.name}: {node.end_lineno - node.lineno + 1} lines"
        for name, tree in TREES.items()
        for node in ast.walk(tree)
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))
        and node.end_lineno - node.lineno + 1 > MAX_FUNCTION_LINES
    ]
    assert not wrong, wrong


def test_the_ground_floor_stays_small():
    ground = ("chainrule.core", "chainrule.transforms")
    total = sum(
        text.count("\n") + 1
        for name, text in SOURCES.items()
        if name.startswith(ground)
    )
    assert total < MAX_GROUND_FLOOR_LINES


@pytest.mark.parametrize("name", SOURCES)
def test_no_exception_is_swallowed(name):
    wrong = [
        node.lineno
        for node in ast.walk(TREES[name])
        if isinstance(node, ast.ExceptHandler)
        and (
            node.type is None
            or ast.unparse(node.type) in ("Exception", "BaseException")
        )
        and all(isinstance(n, (ast.Pass, ast.Continue)) for n in node.body)
    ]
    assert not wrong, wrong


def test_modules_have_names_that_say_what_they_hold():
    vague = {"utils", "util", "misc", "helpers", "common"}
    wrong = [name for name in SOURCES if name.split(".")[-1] in vague]
    assert not wrong, wrong


def test_no_module_hides_a_function_of_its_name():
    """Importing a submodule sets an attribute of its package, over a lazy function."""
    program = (
        "import importlib, pathlib, types, chainrule.numpy as numpy\n"
        "for path in pathlib.Path(numpy.__file__).parent.glob('[a-z]*.py'):\n"
        "    importlib.import_module(f'chainrule.numpy.{path.stem}')\n"
        "for name in set(numpy.__all__) - {'fft', 'linalg'}:\n"
        "    if isinstance(getattr(numpy, name), types.ModuleType):\n"
        "        print(name)\n"
    )
    found = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert found.stdout == ""
