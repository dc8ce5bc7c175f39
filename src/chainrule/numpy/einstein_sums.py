"""einsum: sums of products written with index labels, as a chain of dot_generals.

The specification is parsed once for each set of shapes into a program of steps (sums,
diagonals, products of two operands), which is remembered. Contracted pairs become one
dot_general each, pairs without a sum a broadcast multiplication.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any, NamedTuple

from ..core import dtypes
from ..core.avals import Array, as_array
from ..ops.arithmetic import mul_p
from ..ops.contractions import dot_general_p
from ..ops.joining import slice_along, squeeze
from ..ops.precision import canonical_precision
from ..ops.shaping import convert, reduce_sum_p, reshape, transpose
from .contraction_path import Path, describe, find_path, left_to_right
from .contractions import refuse_out
from .promotion import promote

_letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"


class Specification(NamedTuple):
    """A parsed einsum: a string of labels for each operand and for the output."""

    inputs: tuple[str, ...]
    output: str
    sizes: dict[str, int]


# --- parsing --------------------------------------------------------------------------


def _from_lists(operands: Sequence[Any]) -> tuple[str, list[Any]]:
    """The string form of operand, labels, operand, labels, ..., [output labels]."""
    values, lists = list(operands[0::2]), list(operands[1::2])
    output = None
    if len(values) > len(lists):
        output = values.pop()
    known: dict[Any, str] = {}
    for labels in [*lists, *([] if output is None else [output])]:
        for label in labels:
            if label is not Ellipsis and label not in known:
                known[label] = ""
    for k, label in enumerate(sorted(known)):
        known[label] = _letters[k]

    def text(labels: Sequence[Any]) -> str:
        return "".join("..." if c is Ellipsis else known[c] for c in labels)

    spec = ",".join(map(text, lists))
    return spec if output is None else f"{spec}->{text(output)}", values


@lru_cache(maxsize=2048)
def parse(text: str, shapes: tuple[tuple[int, ...], ...]) -> Specification:
    """The specification that `text` is for operands of `shapes`, checked."""
    text = text.replace(" ", "")
    left, arrow, output = text.partition("->")
    terms = left.split(",")
    if len(terms) != len(shapes):
        raise ValueError(
            f"einsum: {text!r} has {len(terms)} operands, but {len(shapes)} were given."
        )
    for term in [*terms, output]:
        if "." in term.replace("...", "", 1):
            raise ValueError(f"einsum: invalid ellipsis in {term!r}; write '...' once.")
    unused = [c for c in _letters[::-1] if c not in text]
    widths = [
        len(s) - len(t.replace("...", "")) if "..." in t else 0
        for t, s in zip(terms, shapes)
    ]
    names = "".join(unused[: max([0, *widths])])[::-1]
    inputs = [
        t.replace("...", names[len(names) - w :] if w > 0 else "")
        for t, w in zip(terms, widths)
    ]
    sizes = _label_sizes(inputs, shapes)
    if arrow:
        output = output.replace("...", names)
    else:
        all_labels = "".join(inputs)
        once = [c for c in set(all_labels) if all_labels.count(c) == 1]
        output = names + "".join(sorted(c for c in once if c not in names))
    for c in output:
        if c not in sizes:
            raise ValueError(
                f"einsum: output label {c!r} of {text!r} is in no operand."
            )
        if output.count(c) > 1:
            raise ValueError(
                f"einsum: output label {c!r} appears more than once in {text!r}."
            )
    return Specification(tuple(inputs), output, sizes)


def _label_sizes(
    inputs: Sequence[str], shapes: Sequence[tuple[int, ...]]
) -> dict[str, int]:
    sizes: dict[str, int] = {}
    for k, (labels, shape) in enumerate(zip(inputs, shapes)):
        if len(labels) != len(shape):
            raise ValueError(
                f"einsum: the labels {labels!r} of operand {k} do not fit its shape"
                f" {shape}; give one for each of its {len(shape)} dimensions."
            )
        for c, n in zip(labels, shape):
            known = sizes.setdefault(c, n)
            if known != n and 1 not in (known, n):
                raise ValueError(
                    f"einsum: label {c!r} has size {n} in operand {k}, but"
                    f" {known} before."
                )
            sizes[c] = max(known, n) if 0 not in (known, n) else 0
    return sizes


# --- the program ----------------------------------------------------------------------

Step = Callable[[list[Any], Any, Any], None]


@lru_cache(maxsize=2048)
def _program(
    text: str, shapes: tuple[tuple[int, ...], ...], path: tuple[tuple[int, ...], ...]
) -> list[Step]:
    """The steps that contract the operands along `path`."""
    spec = parse(text, shapes)
    steps: list[Step] = []
    terms = [_prepare(steps, k, spec, shapes[k]) for k in range(len(shapes))]
    for pair in path:
        for again in range(len(pair) - 1):
            i, j = (
                (pair[0], pair[1]) if not again else (len(terms) - 1, pair[again + 1])
            )
            i, j = min(i, j), max(i, j)
            rest = [t for k, t in enumerate(terms) if k not in (i, j)]
            result = _pair(steps, i, j, terms[i], terms[j], rest, spec)
            terms = [*rest, result]
    (labels,) = terms
    if labels != spec.output:
        order = tuple(labels.index(c) for c in spec.output)
        _on(steps, 0, lambda x: transpose(x, order))
    return steps


def _on(steps: list[Step], k: int, change: Callable[[Any], Any]) -> None:
    """Appends a step that changes operand `k`."""

    def step(xs: list[Any], precision: Any, dtype: Any) -> None:
        xs[k] = change(xs[k])

    steps.append(step)


def _prepare(
    steps: list[Step], k: int, spec: Specification, shape: tuple[int, ...]
) -> str:
    """Operand `k` without repeated labels, and without those only it has."""
    labels = spec.inputs[k]
    thin = tuple(
        i
        for i, (c, n) in enumerate(zip(labels, shape))
        if n == 1 and spec.sizes[c] != 1
    )
    if thin:
        _on(steps, k, lambda x: squeeze(x, thin))
        labels = "".join(c for i, c in enumerate(labels) if i not in thin)
    for c in dict.fromkeys(labels):
        while labels.count(c) > 1:
            i = labels.index(c)
            j = labels.index(c, i + 1)
            _on(steps, k, lambda x, i=i, j=j: _diagonal(x, i, j))
            labels = labels[:i] + labels[i + 1 : j] + labels[j + 1 :] + c
    others = "".join(t for i, t in enumerate(spec.inputs) if i != k) + spec.output
    lonely = tuple(i for i, c in enumerate(labels) if c not in others)
    if lonely:
        _on(steps, k, lambda x: reduce_sum_p(x, axes=lonely))
        labels = "".join(c for i, c in enumerate(labels) if i not in lonely)
    return labels


def _diagonal(x: Any, i: int, j: int) -> Any:
    """The diagonal of dimensions i and j of equal size, as the last dimension."""
    rest = [d for d in range(x.ndim) if d not in (i, j)]
    n = x.shape[i]
    x = transpose(x, (*rest, i, j))
    x = reshape(x, (*x.shape[:-2], n * n))
    return slice_along(x, 0, n * n, x.ndim - 1, n + 1)


def _pair(
    steps: list[Step],
    i: int,
    j: int,
    a: str,
    b: str,
    rest: list[str],
    spec: Specification,
) -> str:
    """Appends the product of operands i and j of labels a and b; returns its labels."""
    needed = set(spec.output).union(*rest)
    contracted = [c for c in a if c in b and c not in needed]
    batch = [
        c for c in (a if rest else spec.output) if c in a and c in b and c in needed
    ]
    free_a = [c for c in a if c not in b]
    free_b = [c for c in b if c not in a]
    if not contracted:
        wanted = spec.output if not rest else "".join([*batch, *free_a, *free_b])
        _multiply(steps, i, j, a, b, wanted)
        return wanted
    swap = not rest and "".join([*batch, *free_b, *free_a]) == spec.output
    if swap:
        a, b, free_a, free_b = b, a, free_b, free_a

    def dims(labels: str, which: list[str]) -> tuple[int, ...]:
        return tuple(labels.index(c) for c in which)

    numbers = (
        (dims(a, contracted), dims(b, contracted)),
        (dims(a, batch), dims(b, batch)),
    )

    def step(xs: list[Any], precision: Any, dtype: Any) -> None:
        y, x = xs.pop(j), xs.pop(i)
        x, y = (y, x) if swap else (x, y)
        xs.append(
            dot_general_p(
                x,
                y,
                dimension_numbers=numbers,
                precision=precision,
                preferred_element_type=dtype,
            )
        )

    steps.append(step)
    return "".join([*batch, *free_a, *free_b])


def _multiply(steps: list[Step], i: int, j: int, a: str, b: str, wanted: str) -> None:
    """A broadcast multiplication, its dimensions in the order `wanted`."""

    def aligned(labels: str) -> Callable[[Any], Any]:
        order = tuple(labels.index(c) for c in wanted if c in labels)
        places = [labels.index(c) if c in labels else -1 for c in wanted]

        def align(x: Any) -> Any:
            shape = x.shape
            return reshape(
                transpose(x, order), [1 if p < 0 else shape[p] for p in places]
            )

        return align

    left, right = aligned(a), aligned(b)

    def step(xs: list[Any], precision: Any, dtype: Any) -> None:
        y, x = xs.pop(j), xs.pop(i)
        xs.append(mul_p(left(x), right(y)))

    steps.append(step)


# --- the functions --------------------------------------------------------------------


def _choose_path(text: str, shapes: Any, optimize: Any) -> Path:
    count = len(shapes)
    if optimize is False or optimize is None:
        return left_to_right(count)
    if isinstance(optimize, (list, tuple)):
        path = [p for p in optimize if p != "einsum_path"]
        return [tuple(p) for p in path]
    if count <= 2:
        return [tuple(range(count))]
    return _found_path(text, shapes, optimize if isinstance(optimize, str) else "auto")


@lru_cache(maxsize=2048)
def _found_path(text: str, shapes: Any, how: str) -> Path:
    spec = parse(text, shapes)
    terms = [frozenset(t) for t in spec.inputs]
    if how not in ("optimal", "greedy"):
        how = "auto"
    return find_path(terms, frozenset(spec.output), spec.sizes, how)


def _arguments(subscripts: Any, operands: Sequence[Any]) -> tuple[str, list[Any]]:
    if isinstance(subscripts, str):
        return subscripts, list(operands)
    return _from_lists([subscripts, *operands])


def einsum(
    subscripts: Any,
    /,
    *operands: Any,
    out: None = None,
    optimize: Any = "auto",
    precision: Any = None,
    preferred_element_type: Any = None,
    _dot_general: Any = None,
    out_sharding: Any = None,
) -> Any:
    """The sum of products that index labels describe.

    Args:
        subscripts: labels of each operand, comma-separated, and after "->" those of the
            output, such as "ij,jk->ik". Labels not in the output are summed over.
            Without "->", the output has the labels that appear once, sorted. "..."
            stands for dimensions that broadcast. Or: operand, list of labels, operand,
            list of labels, ..., and the output's list.
        operands: arrays. A label has one size; dimensions of size 1 broadcast.
        out: not supported.
        optimize: how to choose the order of contractions: "auto", "optimal", "greedy",
            False (left to right), or a path as `einsum_path` returns.
        precision: accepted and recorded; products are of full precision.
        preferred_element_type: dtype of the result; default the operands' common one.
        out_sharding: accepted for programs that name shardings.

    Raises:
        ValueError: labels do not fit the operands.

    >>> import chainrule.numpy as cnp
    >>> x = cnp.array([[1, 2], [3, 4]])
    >>> cnp.einsum("ij,jk->ik", x, x).tolist()
    [[7, 10], [15, 22]]
    >>> int(cnp.einsum("ii", x))
    5
    """
    refuse_out("einsum", out)
    text, values = _arguments(subscripts, operands)
    xs = promote("einsum", *values)
    shapes = tuple([x.shape for x in xs])
    path = _choose_path(text, shapes, optimize)
    steps = _program(text, shapes, tuple(path))
    dtype = xs[0].dtype
    if preferred_element_type is not None:
        dtype = dtypes.check_array_dtype("einsum", preferred_element_type)
    if precision is not None:
        precision = canonical_precision("einsum", precision)
    for step in steps:
        step(xs, precision, dtype)
    (result,) = xs
    return result if result.dtype == dtype else convert(result, dtype)


def einsum_path(
    subscripts: Any, /, *operands: Any, optimize: Any = "auto"
) -> tuple[list[tuple[int, ...]], str]:
    """The order of contractions that `einsum` takes, and a table that describes it.

    Args: those of `einsum`.

    Returns:
        A list of pairs of positions (each result goes to the end of the operands), and
        the table as a string.

    >>> import chainrule.numpy as cnp
    >>> x, y = cnp.ones((10, 2)), cnp.ones((2, 10))
    >>> cnp.einsum_path("ij,jk,kl->il", x, y, x)[0]
    [(1, 2), (0, 1)]
    """
    text, values = _arguments(subscripts, operands)
    shapes = tuple(
        [
            x.shape if isinstance(x, Array) else as_array(x, "einsum_path").shape
            for x in values
        ]
    )
    spec = parse(text, shapes)
    path = _choose_path(text, shapes, optimize)
    table, _ = describe(spec.inputs, spec.output, spec.sizes, path)
    return path, table


__all__ = ["Specification", "einsum", "einsum_path", "parse"]
