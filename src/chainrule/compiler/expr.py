"""Scalar expressions of the loop IR: what one point of an iteration space computes.

An `Expr` is a node of a graph in which equal nodes are identical (hash-consing), so
that common subexpressions are shared by construction. Leaves are constants, index
variables, loads and results of reductions; `loop.py` says over which loops they run
and `codegen` writes them as LLVM, scalar or vector. Types are names: `bool`, `i8` to
`i64`, `u8` to `u64`, `f16`, `bf16`, `f32`, `f64`; complex values are pairs of
expressions and never appear here. Integer arithmetic wraps; floating-point arithmetic
is IEEE's, operation by operation, unless `fma` is written; that of 16 bits is done in
f32, and every result rounded.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

_pool: dict[Any, Expr] = {}

HALVES = frozenset(("f16", "bf16"))
FLOATS = frozenset(("f16", "bf16", "f32", "f64"))
SIGNED = frozenset(("i8", "i16", "i32", "i64"))
UNSIGNED = frozenset(("u8", "u16", "u32", "u64"))
BITS = {
    "bool": 1, "i8": 8, "u8": 8, "i16": 16, "u16": 16, "f16": 16, "bf16": 16,
    "i32": 32, "u32": 32, "f32": 32, "i64": 64, "u64": 64, "f64": 64,
}  # fmt: skip


class Expr:
    """A node: `op` over `args`, of scalar type `type`; `data` holds what is static."""

    __slots__ = ("args", "data", "op", "type")

    op: str
    type: str
    args: tuple[Expr, ...]
    data: Any

    def __repr__(self) -> str:
        inner = [repr(a) for a in self.args]
        if self.data is not None:
            inner.insert(0, str(self.data))
        return f"{self.op}.{self.type}({', '.join(inner)})"

    def __add__(self, other: Operand) -> Expr:
        return binary("add", self, other)

    def __radd__(self, other: Operand) -> Expr:
        return binary("add", other, self)

    def __sub__(self, other: Operand) -> Expr:
        return binary("sub", self, other)

    def __rsub__(self, other: Operand) -> Expr:
        return binary("sub", other, self)

    def __mul__(self, other: Operand) -> Expr:
        return binary("mul", self, other)

    def __rmul__(self, other: Operand) -> Expr:
        return binary("mul", other, self)

    def __truediv__(self, other: Operand) -> Expr:
        return binary("div", self, other)

    def __rtruediv__(self, other: Operand) -> Expr:
        return binary("div", other, self)

    def __neg__(self) -> Expr:
        return unary("neg", self)

    def __and__(self, other: Operand) -> Expr:
        return binary("and", self, other)

    def __or__(self, other: Operand) -> Expr:
        return binary("or", self, other)

    def __xor__(self, other: Operand) -> Expr:
        return binary("xor", self, other)

    def __invert__(self) -> Expr:
        return node("not", self.type, (self,))

    def __lshift__(self, other: Operand) -> Expr:
        return binary("shl", self, other)

    def __rshift__(self, other: Operand) -> Expr:
        """Arithmetic for signed types, logical for unsigned ones."""
        return binary("shr", self, other)

    def __lt__(self, other: Operand) -> Expr:
        return compare("lt", self, other)

    def __le__(self, other: Operand) -> Expr:
        return compare("le", self, other)

    def __gt__(self, other: Operand) -> Expr:
        return compare("gt", self, other)

    def __ge__(self, other: Operand) -> Expr:
        return compare("ge", self, other)

    def eq(self, other: Operand) -> Expr:
        """Whether the two are equal; false where one is NaN."""
        return compare("eq", self, other)

    def ne(self, other: Operand) -> Expr:
        """Whether the two differ; true where one is NaN."""
        return compare("ne", self, other)


Operand = Expr | int | float | bool


def node(op: str, type: str, args: tuple[Expr, ...] = (), data: Any = None) -> Expr:
    """The one node with these fields."""
    key = (op, type, args, data)
    found = _pool.get(key)
    if found is None:
        found = Expr.__new__(Expr)
        found.op, found.type, found.args, found.data = op, type, args, data
        _pool[key] = found
    return found


def forget() -> None:
    """Empties the pool; nodes made before stay valid, but are not found again."""
    _pool.clear()


def const(value: Any, type: str) -> Expr:
    """A constant; floats are kept as their exact hexadecimal text, so that -0.0 and 0.0
    and NaN are told apart."""
    if type in FLOATS:
        return node("const", type, (), float(value).hex())
    if type == "bool":
        return node("const", type, (), bool(value))
    return node("const", type, (), int(value))


def const_value(x: Expr) -> Any:
    """The Python number of a constant."""
    return float.fromhex(x.data) if x.type in FLOATS else x.data


def _pair(x: Operand, y: Operand) -> tuple[Expr, Expr]:
    if not isinstance(x, Expr):
        assert isinstance(y, Expr)
        return const(x, y.type), y
    if not isinstance(y, Expr):
        return x, const(y, x.type)
    assert x.type == y.type, f"operands of types {x.type} and {y.type}"
    return x, y


def binary(op: str, x: Operand, y: Operand) -> Expr:
    """A binary operation on two values of one type, which is the result's."""
    return _rounded(op, *_pair(x, y))


def compare(op: str, x: Operand, y: Operand) -> Expr:
    """A comparison: eq, ne, lt, le, gt, ge; NaN compares unequal and unordered."""
    return node(op, "bool", tuple(map(_widened, _pair(x, y))))


def unary(op: str, x: Expr) -> Expr:
    """neg, abs, sqrt, floor, ceil, trunc, rint (to even), popcount, clz, not."""
    return _rounded(op, x)


def _widened(x: Expr) -> Expr:
    return convert(x, "f32") if x.type in HALVES else x


def _rounded(op: str, *args: Expr) -> Expr:
    """An operation on values of one type; on those of 16 bits in f32, rounded after it."""
    type = args[0].type
    if type not in HALVES:
        return node(op, type, args)
    return convert(node(op, "f32", tuple(map(_widened, args))), type)


def fma(x: Expr, y: Operand, z: Operand) -> Expr:
    """x * y + z, rounded once."""
    x, y = _pair(x, y)
    x, z = _pair(x, z)
    return node("fma", x.type, (x, y, z))


def minimum(x: Operand, y: Operand) -> Expr:
    """The smaller; NaN where either is NaN; -0 is smaller than +0."""
    return binary("min", x, y)


def maximum(x: Operand, y: Operand) -> Expr:
    """The larger; NaN where either is NaN; +0 is larger than -0."""
    return binary("max", x, y)


def select(condition: Expr, x: Operand, y: Operand) -> Expr:
    """x where the condition holds, else y. Both are computed."""
    x, y = _pair(x, y)
    if x is y:
        return x
    if condition.op == "const":
        return x if condition.data else y
    return node("select", x.type, (condition, x, y))


def rare(condition: Expr, slow: Operand, fast: Operand) -> Expr:
    """As select, where the condition is seldom true: `slow` is computed only if some
    lane needs it."""
    slow, fast = _pair(slow, fast)
    return node("rare", slow.type, (condition, slow, fast))


class Routine:
    """A function that code calls: `body` over `parameters`, equal for equal values."""

    __slots__ = ("body", "name", "parameters")

    def __init__(self, name: str, parameters: tuple[Expr, ...], body: Expr):
        self.name, self.parameters, self.body = name, parameters, body

    def __repr__(self) -> str:
        return self.name

    @property
    def parts(self) -> tuple[Expr, ...]:
        """All that says what is computed."""
        return (self.body,)


class Iteration(Routine):
    """A routine that repeats: `carries` are `initial` at first and become `updates` while
    `test` holds; then `body` of them is the result. The lanes of a vector whose test
    fails keep what they carry until the others' fail."""

    __slots__ = ("carries", "initial", "test", "updates")

    def __init__(
        self,
        name: str,
        parameters: tuple[Expr, ...],
        initial: Sequence[Expr],
        step: Callable[..., tuple[Expr, Sequence[Expr]]],
        result: Callable[..., Expr],
    ):
        carries = [
            node("given", x.type, (), (name, "c", k)) for k, x in enumerate(initial)
        ]
        super().__init__(name, parameters, result(*carries))
        self.carries, self.initial = carries, initial
        self.test, self.updates = step(*carries)

    @property
    def parts(self) -> tuple[Expr, ...]:
        return (self.body, *self.carries, *self.initial, self.test, *self.updates)


_routines: dict[Any, Routine] = {}


def apart(function: Callable[..., Expr], *args: Expr) -> Expr:
    """`function(*args)` as one node: its code is written once per kernel and called. For
    what is long and seldom computed."""
    return _called(
        function, args, lambda name, given: Routine(name, given, function(*given))
    )


def iterated(function: Callable[..., Any], *args: Expr) -> Expr:
    """What a loop at every element leaves, as one node: `function(*args)` is (initial,
    step, result), the values that are carried at first; step(*carries), whether to go on
    and then the next values; and result(*carries). The test must fail after finitely
    many steps whatever the arguments are, NaN among them. Where it has failed once the
    values stay, whatever it would say of counters that lanes share and that go on.

    >>> def halvings(x):
    ...     step = lambda k, x: (x > 1.0, (k + 1, x * 0.5))
    ...     return (const(0, "i32"), x), step, lambda k, x: k
    >>> iterated(halvings, node("var", "f32", (), "x"))
    call.i32(halvings_f32, var.f32(x))
    """
    return _called(
        function, args, lambda name, given: Iteration(name, given, *function(*given))
    )


def _called(
    function: Any, args: tuple[Expr, ...], make: Callable[..., Routine]
) -> Expr:
    types = tuple([a.type for a in args])
    routine = _routines.get((function, types))
    if routine is None:
        name = "_".join((function.__name__.strip("_"), *types))
        given = tuple([node("given", t, (), (name, k)) for k, t in enumerate(types)])
        routine = _routines[function, types] = make(name, given)
    return node("call", routine.body.type, args, routine)


def bitcast(x: Expr, type: str) -> Expr:
    """The same bits as another type of the same width."""
    return x if x.type == type else node("bitcast", type, (x,))


def convert(x: Expr, type: str) -> Expr:
    """The value in another type, rounded to nearest even; float to integer truncates and
    saturates (NaN gives 0); to bool: whether not zero."""
    if x.type == type:
        return x
    if x.op == "const":
        value = const_value(x)
        if type in FLOATS and (type in ("f64",) or x.type not in FLOATS):
            if abs(value) < 2**24:
                return const(value, type)
    return node("convert", type, (x,))


def any_of(conditions: Sequence[Expr]) -> Expr:
    """The disjunction."""
    out = conditions[0]
    for c in conditions[1:]:
        out = out | c
    return out


def all_of(conditions: Iterable[Expr]) -> Expr:
    """The conjunction; a constant where one of them decides it."""
    out = None
    for c in conditions:
        if c.op == "const":
            if not c.data:
                return c
        else:
            out = c if out is None else out & c
    return const(True, "bool") if out is None else out
