"""How convolutions lower: products folded over the kernel's positions and features.

The loops are those of a matrix product, on a copy of the operand that has its padding,
so that nothing is asked inside of them. An operand with holes (the cotangent of a
strided convolution) is taken apart instead: outputs at equal residues meet the same
positions of the kernel, and are convolutions without holes.
"""

from __future__ import annotations

import dataclasses
import itertools
import math
from collections.abc import Callable, Sequence
from typing import Any

from .folds import product, widened

NARROW, LANES = 12, 16
"""Outputs along the last dimension that fill no vector, nor nearly all of one: output
features may, if the kernel is copied so that they are contiguous."""

SLAB, KEPT, LARGE, MANY = 256, 3 << 18, 1 << 19, 64
"""Bytes of neighbouring output features in a slab; of a slab that a second cache keeps;
of a kernel that is read in slabs; and the outputs of a feature from which on it is."""

COPIED = 16
"""Reads of an element from which on a padded copy is cheaper than asking each time."""


@dataclasses.dataclass(frozen=True, slots=True)
class Geometry:
    """Where windows lie along each spatial dimension: window position t of output o is
    at `stride * o + hole * t - low` of the operand with `base - 1` holes between its
    elements; it meets position `first + step * t` of the kernel."""

    stride: tuple[int, ...]
    base: tuple[int, ...]
    hole: tuple[int, ...]
    low: tuple[int, ...]
    count: tuple[int, ...]
    first: tuple[int, ...]
    step: tuple[int, ...]


@dataclasses.dataclass(frozen=True, slots=True)
class Layout:
    """Which dimension is which, and how many groups there are of what."""

    numbers: Any
    by_feature: int
    by_batch: int


def lower_convolution(
    build: Any, x: Any, k: Any, *, window_strides: Any, padding: Any, lhs_dilation: Any,
    rhs_dilation: Any, dimension_numbers: Any, feature_group_count: int,
    batch_group_count: int, **_: Any,
) -> Any:  # fmt: skip
    """The lowering of conv_general_dilated."""
    build.check(x, k)
    layout = Layout(dimension_numbers, feature_group_count, batch_group_count)
    lhs, rhs, spec = dimension_numbers
    window = tuple(k.shape[d] for d in rhs[2:])
    rank = len(window)
    g = Geometry(
        tuple(window_strides), tuple(lhs_dilation), tuple(rhs_dilation),
        tuple(low for low, _ in padding), window, (0,) * rank, (1,) * rank,
    )  # fmt: skip
    groups = max(feature_group_count, batch_group_count)
    reads = math.prod(window) * build.out.shape[spec[1]] // groups
    x = build.settled(x, reads)
    outputs = math.prod(build.out.shape) // max(build.out.shape[spec[1]], 1)
    k = build.settled(k, outputs)
    x, k = widened(build, x, reads), widened(build, k, outputs)
    x, k, layout, read = _arranged(build, x, k, g, layout)
    lhs, rhs, spec = layout.numbers
    apart = all(b == 1 or s == 1 for b, s in zip(g.base, g.stride))
    if max(g.base, default=1) > 1 and apart and 0 not in (*build.out.shape, *x.shape):
        return _taken_apart(build, x, k, g, layout, read)
    if max(g.base, default=1) == 1 and reads >= COPIED:
        counts = [build.out.shape[d] for d in spec[2:]]
        x, (g,) = _padded(build, x, lhs[2:], [(g, counts)])
    return _fold(build, x, k, g, layout, read)


def _arranged(
    build: Any, x: Any, k: Any, g: Geometry, layout: Layout
) -> tuple[Any, Any, Layout, Callable[..., Any]]:
    """The operands in the order of dimensions in which the loops read them, that order,
    and how the kernel's elements are read. Output features become vectors where they
    come last, and where outputs along the last dimension fill none or are read apart;
    of large kernels they are read in slabs, and the input's features come last too."""
    lhs, rhs, spec = layout.numbers
    out, rank = build.out.shape, len(g.stride)
    groups = max(layout.by_feature, layout.by_batch)
    slab = _slab(build, k, layout)
    if spec[1] <= rank:
        narrow = rank > 0 and out[spec[-1]] < (LANES if slab else NARROW)
        apart = rank > 0 and g.stride[-1] > 1
        if out[spec[1]] // groups < NARROW or not (narrow or apart):
            return x, k, layout, k.at
        if not slab:
            k = build.stored(build.permuted(k, (rhs[1], *rhs[2:], rhs[0])))
            rhs = (rank + 1, 0, *range(1, rank + 1))
    if slab and lhs[1] != rank + 1:
        x = build.stored(build.permuted(x, (lhs[0], *lhs[2:], lhs[1])))
        lhs = (0, rank + 1, *range(1, rank + 1))
    layout = dataclasses.replace(layout, numbers=(lhs, rhs, spec))
    return x, k, layout, _in_slabs(build, k, layout, slab) if slab else k.at


def _padded(
    build: Any, x: Any, dims: Sequence[int], parts: Sequence[tuple[Geometry, Any]]
) -> tuple[Any, list[Geometry]]:
    """`x` copied with all the zeros that the parts (of so many outputs) reach, if they
    reach any; the parts' geometries on the copy."""
    lows, highs = [], []
    for k, d in enumerate(dims):
        lows.append(max(0, *(g.low[k] for g, _ in parts)))
        ends = [
            g.stride[k] * (n[k] - 1) + g.hole[k] * (g.count[k] - 1) - g.low[k]
            for g, n in parts
        ]
        highs.append(max(0, *(e - (x.shape[d] - 1) for e in ends)))
    if not any(lows) and not any(highs):
        return x, [g for g, _ in parts]
    shape = list(x.shape)
    for d, low, high in zip(dims, lows, highs):
        shape[d] += low + high
    zero, shift = build.m.const(0, x.type), dict(zip(dims, lows))

    def element(*i: Any) -> Any:
        place = [k - shift.get(d, 0) for d, k in enumerate(i)]
        inside = build.m.all_of(k.within(n) for k, n in zip(place, x.shape))
        return build.guarded(inside, lambda: x.at(*place), zero)

    aval = build.aval(shape, x.aval.dtype)
    copy = build.stored(build.of(aval).index(element, x))
    moved = [tuple(a - b for a, b in zip(g.low, lows)) for g, _ in parts]
    return copy, [dataclasses.replace(g, low=m) for (g, _), m in zip(parts, moved)]


def _fold(
    build: Any, x: Any, k: Any, g: Geometry, layout: Layout, read: Callable[..., Any]
) -> Any:
    """The product over window positions and input features, at every output; `read`
    gives the kernel's elements."""
    m, (lhs, rhs, spec) = build.m, layout.numbers
    shape, rank = build.out.shape, len(x.shape)
    groups = max(layout.by_feature, layout.by_batch)
    per_group = max(shape[spec[1]] // groups, 1)
    depth = k.shape[rhs[1]]
    zero = m.const(0, x.type)
    last = lhs[1] == rank - 1
    first, feature = (rank, 2 * rank - 2) if last else (rank + 1, rank)

    def of_x(*i: Any) -> Any:
        group = i[spec[1]].divmod(per_group)[0] if groups > 1 else m.Index(0)
        place, inside = [m.Index(0)] * rank, []
        place[lhs[0]], place[lhs[1]] = i[spec[0]], i[feature]
        if layout.by_feature > 1:
            place[lhs[1]] = group * depth + i[feature]
        elif layout.by_batch > 1:
            place[lhs[0]] = group * shape[spec[0]] + i[spec[0]]
        for d, e in enumerate(lhs[2:]):
            at = i[spec[2 + d]] * g.stride[d] + i[first + d] * g.hole[d] - g.low[d]
            at, there_is = at.divided(g.base[d])
            inside += [there_is, at.within(x.shape[e])]
            place[e] = at
        return build.guarded(m.all_of(inside), lambda: x.at(*place), zero)

    def of_k(*i: Any) -> Any:
        place = [m.Index(0)] * rank
        place[rhs[0]], place[rhs[1]] = i[spec[1]], i[feature]
        for d, e in enumerate(rhs[2:]):
            place[e] = i[first + d] * g.step[d] + g.first[d]
        return read(*place)

    inner = (*g.count, depth) if last else (depth, *g.count)
    domain = (*shape, *inner)
    return product(build, x, k, domain, range(rank, len(domain)), of_x, of_k)


def _slab(build: Any, k: Any, layout: Layout) -> int:
    """How many output features lie together in the copy of a large kernel, for many
    outputs; 0: it is read as it is. The loop over such slabs is the outermost, and each
    stays in the cache meanwhile."""
    _, rhs, spec = layout.numbers
    out, size = build.out.shape, k.aval.dtype.itemsize
    bytes, features = math.prod(k.shape) * size, k.shape[rhs[0]]
    outputs = math.prod(out) // max(out[spec[1]], 1)
    grouped = max(layout.by_feature, layout.by_batch) > 1
    if bytes < LARGE or outputs < MANY or grouped:
        return 0
    deep = bytes // size * SLAB > KEPT * features
    slab = SLAB // size // (2 if deep else 1)
    return 0 if features % slab or features == slab else slab


def _in_slabs(build: Any, k: Any, layout: Layout, slab: int) -> Callable[..., Any]:
    """How a kernel is read as a copy in which the weights of neighbouring output features
    lie together, in the order of the sum."""
    rhs, rank = layout.numbers[1], len(k.shape)
    order = [*rhs[2:], rhs[1]]
    shape = [k.shape[rhs[0]] // slab, *[k.shape[d] for d in order], slab]

    def element(*i: Any) -> Any:
        place = dict(zip(order, i[1:-1]))
        place[rhs[0]] = i[0] * slab + i[-1]
        return k.at(*[place[d] for d in range(rank)])

    copy = build.stored(build.of(build.aval(shape, k.aval.dtype)).index(element, k))

    def read(*place: Any) -> Any:
        outer, inner = place[rhs[0]].divmod(slab)
        return copy.at(outer, *[place[d] for d in order], inner)

    return read


def _taken_apart(
    build: Any, x: Any, k: Any, g: Geometry, layout: Layout, read: Callable[..., Any]
) -> Any:
    """The convolution of an operand with holes, by residues of output positions."""
    lhs, _, spec = layout.numbers
    shape = build.out.shape
    residues = list(itertools.product(*map(range, g.base)))
    parts: list[tuple[Geometry, list[int]]] = []
    empty: list[tuple[Any, list[int]]] = []
    starts = []
    for r in residues:
        counts = [-(-(shape[d] - a) // b) for d, a, b in zip(spec[2:], r, g.base)]
        part = _residue(g, r)
        if min(counts) < 1:
            continue
        if part is None:
            empty.append((r, counts))
        else:
            parts.append((part, counts))
            starts.append(r)
    x, geometries = _padded(build, x, lhs[2:], parts) if parts else (x, [])
    out = build.target()
    written = [(None, r, counts) for r, counts in empty]
    written += [(p, r, n) for p, r, (_, n) in zip(geometries, starts, parts)]
    for part, r, counts in written:
        sizes = list(shape)
        for d, n in zip(spec[2:], counts):
            sizes[d] = n
        aval = build.aval(sizes, build.out.dtype)

        def place(*i: Any, r: Any = r) -> list[Any]:
            at = list(i)
            for d, a, b in zip(spec[2:], r, g.base):
                at[d] = at[d] * b + a
            return at

        if part is None:
            nothing = build.m.const(0, build.type_of(build.out.dtype))
            build.write(out, sizes, lambda *_, x=nothing: x, place)
        else:
            found = build.stored(_fold(build.of(aval), x, k, part, layout, read))
            build.write(out, sizes, found.at, place, found)
    return out


def _residue(g: Geometry, residues: Sequence[int]) -> Geometry | None:
    """The geometry of the outputs at `base * o + residue`; None if they meet nothing."""
    found: list[tuple[int, ...]] = []
    for d, (r, b, w) in enumerate(zip(residues, g.base, g.hole)):
        met = [
            t
            for t in range(g.count[d])
            if (r * g.stride[d] + t * w - g.low[d]) % b == 0
        ]
        if not met:
            return None
        step = b // math.gcd(w, b)
        low = -((r * g.stride[d] + met[0] * w - g.low[d]) // b)
        stride = g.stride[d] if b == 1 else 1
        found.append((stride, 1, step * w // b, low, len(met), met[0], step))
    return Geometry(*zip(*found))


__all__ = ["lower_convolution"]
