"""Loads and stores: how an address varies along the vector axis decides the instruction.

Not at all: a scalar load. By one element: a vector load or store, under the mask of the
axis or of the guard where there is one. By two, of pairs: one of twice the width, taken
apart by shuffles. By up to eight: `striding`, where it is a load, or a store of all
columns of rows. Otherwise: gather and scatter. Addresses are built from the outermost
variable inwards, each part in its own scope, so that inner loops add only what varies
in them.
"""

from __future__ import annotations

import operator
from collections.abc import Sequence
from typing import Any

from ..expr import Expr, node
from ..loop import PAIRED, SECOND, Store
from ..loop import load as element_of
from ..streaming import LINE
from ..tiling import is_short
from .asking import ask_ahead
from .gathering import gathered_in_rows, load_of_rows, masked_load, short_place
from .scopes import Scope
from .striding import interleaved, load_strided, place_of
from .turning import load_turned, turning_axis
from .types import IN_MEMORY, NAMES, is_literal, mangled, size, vector

Emitter = Any


def load(w: Emitter, e: Expr) -> str:
    """The instruction(s) of a load node, at the writer's width."""
    buffer, constant, terms, flags = e.data
    dynamic = e.args[0] if flags & 1 else None
    guard = e.args[-1] if flags & 2 else None
    width, element = w.width, IN_MEMORY[e.type]
    stride = _stride(w, terms)
    scattered = dynamic is not None and w.is_vector(dynamic)
    guard_wide = guard is not None and w.is_vector(guard)
    if width and stride == 2 and flags & PAIRED and not scattered and not w.mask:
        if guard is None:
            return _load_of_pairs(w, e, flags & SECOND > 0)
    if scattered and width and gathered_in_rows(w, e):
        return load_of_rows(w, e, _first_column(w, e))
    turning = turning_axis(w, e) if width else None
    if turning is not None:
        return load_turned(w, e, turning, _first(w, e, turning))
    w.width = 0
    pointer = address(
        w, buffer, element, constant, terms, dynamic if not scattered else None
    )
    w.width = width
    if width == 0:
        value = _load_scalar(w, element, e.type, pointer, guard, buffer)
    elif stride == 0 and not scattered and not guard_wide:
        w.width = 0
        value = _load_scalar(w, element, e.type, pointer, guard, buffer)
        value = w.broadcast(value, element)
        w.width = width
    elif stride == 0 and not scattered and guard is not None:
        value = _load_shared(w, e, _readable(w, guard, pointer, buffer), guard)
    else:
        mask = _mask(w, guard)
        even = not scattered and stride in (-1, 1)
        if guard is not None and even and (flags & 4 or not guard_wide):
            pointer = _readable(w, guard, pointer, buffer)
        if stride == 1 and not scattered:
            if buffer in w.ahead and mask is None:
                ask_ahead(w, pointer, w.full_width * size(e.type))
            value = _load_vector(w, element, e.type, pointer, mask)
        elif stride == -1 and not scattered:
            value = _load_backwards(w, element, e.type, pointer, mask)
        elif not scattered and mask is None and is_short(e.type, stride):
            value = load_strided(w, e, pointer, stride)
        else:
            lanes = _lane_pointers(
                w, element, pointer, stride, dynamic if scattered else None
            )
            value = _gather(w, element, e.type, lanes, mask)
    if e.type == "bool":
        t = vector("i8", w.width)
        zero = "zeroinitializer" if w.width else "0"
        return w.new(f"icmp ne {t} {value}, {zero}")
    return value


def _load_of_pairs(w: Emitter, e: Expr, second: bool) -> str:
    """One number of each pair; both are loaded, once, and taken apart."""
    buffer, constant, terms, flags = e.data
    element, n = IN_MEMORY[e.type], w.width
    rest = e.args[0] if flags & 1 else None
    places = tuple([w.offset.get(v, 0) for v, _ in terms])
    key = ("pairs", buffer, constant - second, terms, rest, places, n)
    found = w.scopes.known.get(key)
    t = vector(element, 2 * n)
    if found is None:
        w.width = 0
        pointer = address(w, buffer, element, constant, terms, rest)
        if second:  # from its own place: that is the number which the kernel is given
            pointer = w.new(f"getelementptr {element}, ptr {pointer}, i64 -1")
        w.width = n
        both = w.new(f"load {t}, ptr {pointer}, align {size(e.type)}")
        found = both, True
        w.scopes.remember(w.scopes.at_depth(w.scopes.depth(e)), key, found)
    order = ", ".join(f"i32 {2 * k + second}" for k in range(n))
    return w.new(f"shufflevector {t} {found[0]}, {t} poison, <{n} x i32> <{order}>")


def _first_column(w: Emitter, e: Expr) -> str:
    """The address of the first column of a load's window, at place 0."""
    buffer, _, terms, _ = e.data
    width, w.width = w.width, 0
    first, _ = w.windows[place_of(e)]
    pointer = address(w, buffer, IN_MEMORY[e.type], first, terms, None)
    w.width = width
    return pointer


def _first(w: Emitter, e: Expr, axis: Expr) -> str:
    """The address of a load at the first lane and the first copy of an axis."""
    buffer, constant, terms, _ = e.data
    offset, width = w.offset.get(axis, 0), w.width
    w.offset[axis], w.width = 0, 0
    pointer = address(w, buffer, IN_MEMORY[e.type], constant, terms, None)
    w.offset[axis], w.width = offset, width
    return pointer


def store(w: Emitter, s: Store) -> None:
    """Writes a store at the current point."""
    wide = w.vector_var is not None
    if s.when is not None and not w.is_vector(s.when):
        _store_where(w, s, s.when)
        return
    scope = w.scopes.top
    stride = _stride(w, s.index.terms)
    rest = s.index.rest
    scattered = rest is not None and w.is_vector(rest)
    value = w.operand(s.value, wide)
    when = w.operand(s.when, wide) if s.when is not None else None
    places = rest if scattered else None
    if places is not None:
        _places(w, places, stride)  # before what may change what they are computed of
    if s.combine is not None:
        value = _combined(w, s, wide)
    element = IN_MEMORY[s.value.type]
    lines, width = w.lines, w.width
    w.lines, w.width = scope.lines, 0
    dynamic = rest if not scattered else None
    pointer = address(w, s.buffer, element, s.index.constant, s.index.terms, dynamic)
    w.width = w.full_width if wide else 0
    if s.value.type == "bool":
        value = w.new(f"zext {w.type('bool')} {value} to {vector('i8', w.width)}")
    t, align = vector(element, w.width), size(s.value.type)
    if not wide:
        w.lines.append(f"  store {t} {value}, ptr {pointer}, align {align}")
    else:
        mask = _joined(w, when)
        if stride == 1 and not scattered:
            _store_even(w, s.buffer, t, value, pointer, align, mask)
        else:
            lanes = _lane_pointers(w, element, pointer, stride, places)
            _scatter(w, t, value, lanes, align, mask)
    w.lines, w.width = lines, width


def _store_where(w: Emitter, s: Store, when: Expr) -> None:
    """A store under a condition that is one for all lanes: what only it needs is computed
    behind a branch."""
    test, scope, n = w.operand(when, False), w.scopes.top, next(w.serial)
    inner, lines, width = Scope(scope.depth, f"store{n}"), w.lines, w.width
    w.scopes.stack.append(inner)
    w.lines, w.width = inner.lines, 0
    store(w, Store(s.buffer, s.index, s.value, None, s.combine))
    w.scopes.close(inner)
    w.lines, w.width = lines, width
    scope.lines += [
        f"  br i1 {test}, label %store{n}, label %stored{n}", f"store{n}:",
        *inner.lines, f"  br label %stored{n}", f"stored{n}:",
    ]  # fmt: skip
    scope.label = f"stored{n}"


def store_rows(w: Emitter, stores: Sequence[Store]) -> None:
    """Writes all columns of rows, a vector of rows at a time: whole vectors, one behind
    the other."""
    scope, n, s = w.scopes.top, w.full_width, stores[0]
    columns = [w.operand(x.value, True) for x in stores]
    element, align = IN_MEMORY[s.value.type], size(s.value.type)
    lines, width = w.lines, w.width
    w.lines, w.width = scope.lines, 0
    pointer = address(w, s.buffer, element, s.index.constant, s.index.terms, None)
    w.width, t = n, vector(element, n)
    for k, value in enumerate(interleaved(w, t, columns, scope)):
        at = w.new(f"getelementptr {element}, ptr {pointer}, i64 {k * n}")
        _store_even(w, s.buffer, t, value, at, align, None)
    w.lines, w.width = lines, width


def _combined(w: Emitter, s: Store, wide: bool) -> str:
    """What the buffer holds at the current point, combined with the store's value."""
    assert s.combine is not None
    scope = w.scopes.top
    current = element_of(s.buffer, s.value.type, s.index, s.when)
    width = w.full_width if wide else 0
    name = w.within(scope, width, lambda: load(w, current))
    old = node("given", s.value.type, (), next(w.serial))
    w.scopes.depth_of[old] = scope.depth
    w.scopes.remember(scope, old, (name, wide))
    if wide and w.vector_var is not None:
        w.vector_results[old] = (w.vector_var,)
    return w.operand(s.combine(old, s.value), wide)


def address(
    w: Emitter,
    buffer: Any,
    element: str,
    constant: int,
    terms: Any,
    dynamic: Expr | None,
) -> str:
    """buffer + constant + sum of stride * variable (+ dynamic), as a scalar pointer."""
    depth_of = w.scopes.depth_of
    pointer = w.buffer(buffer)
    if constant:
        pointer = _step(w, 0, pointer, element, w.number(constant), 1, 0)
    ordered = [(depth_of.get(v, 0), v, stride) for v, stride in terms]
    if len(ordered) > 1:
        ordered.sort(key=operator.itemgetter(0))
    literal = 0
    for depth, v, stride in ordered:
        offset = w.offset.get(v, 0) * (w.full_width if v is w.vector_var else 1)
        base = w.base.get(v)
        if offset and is_literal(stride):
            literal, offset = literal + stride * offset, 0
        if base is not None or offset:
            pointer = _step(w, depth, pointer, element, base, stride, offset)
    if dynamic is not None:
        index = w.operand(dynamic, False)
        pointer = w.new(f"getelementptr {element}, ptr {pointer}, i64 {index}")
    if literal:
        return w.new(f"getelementptr {element}, ptr {pointer}, i64 {literal}")
    return pointer


def _step(
    w: Emitter,
    depth: int,
    pointer: str,
    element: str,
    base: str | None,
    stride: int,
    offset: int,
) -> str:
    """pointer + stride * (base + offset), computed where its variable is defined."""
    key = "address", pointer, element, base, stride, offset
    found = w.scopes.known.get(key)
    if found is not None:
        return found[0]
    scope = w.scopes.at_depth(depth)
    former = w.lines, w.width
    w.lines, w.width = scope.lines, 0
    position = str(offset) if base is None else base
    if base is not None and offset:
        position = w.new(f"add i64 {base}, {offset}")
    if stride != 1:
        position = w.new(f"mul i64 {position}, {w.number(stride)}")
    name = w.new(f"getelementptr {element}, ptr {pointer}, i64 {position}")
    w.lines, w.width = former
    w.scopes.remember(scope, key, (name, False))
    return name


def _stride(w: Emitter, terms: Any) -> int:
    for v, stride in terms:
        if v is w.vector_var:
            return stride
    return 0


def _readable(w: Emitter, guard: Expr, pointer: str, buffer: Any) -> str:
    """The pointer, or the buffer's where nothing is read: loads of no lane are slow
    where there is no memory."""
    wide = w.width > 0 and w.is_vector(guard)
    test = w.operand(guard, wide)
    if wide:
        lanes = (vector("i1", w.width), test)
        test = w.intrinsic(f"llvm.vector.reduce.or.v{w.width}i1", "i1", lanes)
    return w.new(f"select i1 {test}, ptr {pointer}, ptr {w.buffer(buffer)}")


def _joined(w: Emitter, when: str | None) -> str | None:
    """The mask of the axis and a condition."""
    if when is None or w.mask is None:
        return when or w.mask
    return w.new(f"and {vector('i1', w.full_width)} {when}, {w.mask}")


def _mask(w: Emitter, guard: Expr | None) -> str | None:
    return _joined(w, None if guard is None else w.operand(guard, True))


def _load_scalar(
    w: Emitter, element: str, type: str, pointer: str, guard: Expr | None, buffer: Any
) -> str:
    align = size(type)
    if guard is None:
        return w.new(f"load {element}, ptr {pointer}, align {align}")
    safe = _readable(w, guard, pointer, buffer)
    test = w.operand(guard, False)
    value = w.new(f"load {element}, ptr {safe}, align {align}")
    zero = "0.0" if element in ("float", "double", "half") else "0"
    return w.new(f"select i1 {test}, {element} {value}, {element} {zero}")


def _load_shared(w: Emitter, e: Expr, pointer: str, guard: Expr) -> str:
    """One element in the lanes where the guard holds, zero in the others."""
    element, n, mask = IN_MEMORY[e.type], w.width, w.operand(guard, True)
    w.width = 0
    value = _load_scalar(w, element, e.type, pointer, None, e.data[0])
    value, w.width = w.broadcast(value, element), n
    t = vector(element, n)
    return w.new(f"select {vector('i1', n)} {mask}, {t} {value}, {t} zeroinitializer")


def _load_vector(
    w: Emitter, element: str, type: str, pointer: str, mask: str | None
) -> str:
    t, align = vector(element, w.full_width), size(type)
    if mask is None:
        return w.new(f"load {t}, ptr {pointer}, align {align}")
    return masked_load(w, element, w.full_width, pointer, align, mask)


def _load_backwards(
    w: Emitter, element: str, type: str, pointer: str, mask: str | None
) -> str:
    """The element at `pointer` and those before it, in that order."""
    n = w.full_width
    order = ", ".join(f"i32 {n - 1 - k}" for k in range(n))

    def reverse(t: str, value: str) -> str:
        return w.new(f"shufflevector {t} {value}, {t} poison, <{n} x i32> <{order}>")

    start = w.new(f"getelementptr {element}, ptr {pointer}, i64 {1 - n}")
    turned = None if mask is None else reverse(vector("i1", n), mask)
    return reverse(vector(element, n), _load_vector(w, element, type, start, turned))


def _places(w: Emitter, dynamic: Expr, stride: int) -> tuple[str, str]:
    """Type and name of the places that lanes have: of 32 bits, where they were computed
    so and nothing is added to them, of which a gather takes twice as many."""
    short = None if stride else short_place(dynamic)
    t = vector("i64" if short is None else "i32", w.full_width)
    return t, w.operand(dynamic if short is None else short, True)


def _lane_pointers(
    w: Emitter, element: str, pointer: str, stride: int, dynamic: Expr | None
) -> str:
    """A vector of addresses: pointer + stride * lane (+ what is dynamic)."""
    t = vector("i64", w.full_width)
    steps = index = None
    if stride:
        key = ("lanes", stride)
        found = w.scopes.known.get(key)
        if found is None:
            scope = w.scopes.stack[0]

            def make() -> str:
                number = w.number(stride)
                if number.startswith("%"):
                    number = w.broadcast(number, "i64")
                else:
                    number = f"splat (i64 {number})"
                return w.new(f"mul {t} {w.lanes()}, {number}")

            found = (w.within(scope, 0, make), True)
            w.scopes.remember(scope, key, found)
        steps = found[0]
    if dynamic is not None:
        t, index = _places(w, dynamic, stride)
        if steps is not None:
            index = w.new(f"add {t} {index}, {steps}")
    index = index or steps
    if index is None:
        index = "zeroinitializer"
    return w.new(f"getelementptr {element}, ptr {pointer}, {t} {index}")


def _gather(w: Emitter, element: str, type: str, lanes: str, mask: str | None) -> str:
    n = w.full_width
    t, m, p = vector(element, n), vector("i1", n), vector("ptr", n)
    name = f"llvm.masked.gather.v{n}{mangled(element)}.v{n}p0"
    w.declared.setdefault(name, f"declare {t} @{name}({p}, i32, {m}, {t})")
    on = mask or "splat (i1 true)"
    return w.new(
        f"call {t} @{name}({p} {lanes}, i32 {size(type)}, {m} {on}, {t} zeroinitializer)"
    )


def _store_even(
    w: Emitter, buffer: Any, t: str, value: str, pointer: str, align: int,
    mask: str | None,
) -> None:  # fmt: skip
    """A store of elements that lie together: past the caches, or asked for ahead, where
    the kernel says so of the buffer."""
    streamed = w.streams.get(buffer)
    if streamed and mask is None and w.full_width * align >= LINE:
        return _store_past_caches(w, t, value, pointer, align, streamed)
    if buffer in w.ahead and mask is None:
        ask_ahead(w, pointer, w.full_width * align, to_write=1)
    return _store_vector(w, t, value, pointer, align, mask)


def _store_vector(
    w: Emitter, t: str, value: str, pointer: str, align: int, mask: str | None
) -> None:
    if mask is None:
        w.lines.append(f"  store {t} {value}, ptr {pointer}, align {align}")
        return
    element = t.split(" x ")[1].rstrip(">")
    name = f"llvm.masked.store.v{w.full_width}{mangled(element)}.p0"
    m = vector("i1", w.full_width)
    w.declared.setdefault(name, f"declare void @{name}({t}, ptr, i32, {m})")
    w.lines.append(
        f"  call void @{name}({t} {value}, ptr {pointer}, i32 {align}, {m} {mask})"
    )


def _store_past_caches(
    w: Emitter, t: str, value: str, pointer: str, align: int, low: str
) -> None:
    """A store past the caches where none of the address's bits `low` is set."""
    n = next(w.serial)
    place = w.new(f"ptrtoint ptr {pointer} to i64")
    bits = w.new(f"and i64 {place}, {low}")
    even = w.new(f"icmp eq i64 {bits}, 0")
    store = f"  store {t} {value}, ptr {pointer}, align"
    w.lines += [
        f"  br i1 {even}, label %past{n}, label %kept{n}",
        f"past{n}:", f"{store} {LINE}, !nontemporal !1", f"  br label %wrote{n}",
        f"kept{n}:", f"{store} {align}", f"  br label %wrote{n}", f"wrote{n}:",
    ]  # fmt: skip
    w.scopes.top.label = f"wrote{n}"


def _scatter(
    w: Emitter, t: str, value: str, lanes: str, align: int, mask: str | None
) -> None:
    n = w.full_width
    element = t.split(" x ")[1].rstrip(">")
    m, p = vector("i1", n), vector("ptr", n)
    name = f"llvm.masked.scatter.v{n}{mangled(element)}.v{n}p0"
    w.declared.setdefault(name, f"declare void @{name}({t}, {p}, i32, {m})")
    on = mask or "splat (i1 true)"
    w.lines.append(
        f"  call void @{name}({t} {value}, {p} {lanes}, i32 {align}, {m} {on})"
    )


__all__ = ["NAMES", "address", "load", "store", "store_rows"]
