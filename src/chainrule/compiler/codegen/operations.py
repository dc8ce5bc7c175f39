"""Scalar operations as LLVM instructions: one table, by operation.

Each entry is a function `(w, type, args, node) -> text or list of lines` of a `Writer`
that names intermediate values; `type` is the operands' scalar type. Whatever would be
undefined in LLVM (division by zero, shifts beyond the width, conversion of values out
of range) is given a meaning here: generated code has no undefined behaviour.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from ..expr import BITS, FLOATS, SIGNED, Expr
from .types import NAMES, float_literal, vector

Rule = Callable[..., str]
_COMPARE_FLOAT = {
    "eq": "oeq",
    "ne": "une",
    "lt": "olt",
    "le": "ole",
    "gt": "ogt",
    "ge": "oge",
}
_FLOAT = {"add": "fadd", "sub": "fsub", "mul": "fmul", "div": "fdiv", "rem": "frem"}
_MANGLED = {"f16": "f16", "f32": "f32", "f64": "f64"}
_INTEGER = {
    "add": "add",
    "sub": "sub",
    "mul": "mul",
    "and": "and",
    "or": "or",
    "xor": "xor",
}
_ROUND = {
    "sqrt": "sqrt", "floor": "floor", "ceil": "ceil", "trunc": "trunc",
    "rint": "roundeven", "abs": "fabs",
}  # fmt: skip


class Writer:
    """Names results and appends instructions to the current block.

    `lines` receives the text; `width` is 0 for scalars; `declared` collects the
    intrinsics that the module must declare.
    """

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.width = 0
        self.count = 0
        self.declared: dict[str, str] = {}

    def new(self, text: str) -> str:
        """Appends `%n = text`; its name."""
        self.count += 1
        name = f"%v{self.count}"
        self.lines.append(f"  {name} = {text}")
        return name

    def type(self, type: str) -> str:
        """The LLVM type of a value of scalar type `type` at the current width."""
        return vector(NAMES[type], self.width)

    def splat(self, literal: str, type: str) -> str:
        """A literal at the current width."""
        if not self.width:
            return literal
        return f"splat ({NAMES[type]} {literal})"

    def intrinsic(self, name: str, result: str, *operands: tuple[str, str]) -> str:
        """Calls llvm.<name>, overloaded on the first operand's type if given so."""
        if name not in self.declared:
            types = ", ".join([t for t, _ in operands])
            self.declared[name] = f"declare {result} @{name}({types})"
        given = ", ".join([f"{t} {v}" for t, v in operands])
        return self.new(f"call {result} @{name}({given})")

    def mangled(self, type: str) -> str:
        """The suffix of an overloaded intrinsic: 'v16f32' or 'f32'."""
        short = _MANGLED.get(type) or NAMES[type]
        return f"v{self.width}{short}" if self.width else short


def write(w: Writer, e: Expr, args: list[str]) -> str:
    """Writes the instruction(s) of node `e` over operand names; the result's name."""
    rule = _rules.get(e.op)
    if rule is None:
        raise NotImplementedError(
            f"codegen: no instruction for the operation {e.op!r}."
        )
    return rule(w, e, args)


def _arithmetic(w: Writer, e: Expr, args: list[str]) -> str:
    if e.type in FLOATS:
        return w.new(f"{_FLOAT[e.op]} {w.type(e.type)} {args[0]}, {args[1]}")
    return w.new(f"{_INTEGER[e.op]} {w.type(e.type)} {args[0]}, {args[1]}")


def _divide(w: Writer, e: Expr, args: list[str]) -> str:
    """Division or remainder; of integers: by zero as by one, and so min / -1."""
    if e.type in FLOATS:
        return _arithmetic(w, e, args)
    t, mask_type = w.type(e.type), vector("i1", w.width)
    x, d = args
    literal = e.args[1].op in ("const", "int") and e.args[1].data not in (0, -1)
    if not literal:
        bad = w.new(f"icmp eq {t} {d}, {w.splat('0', e.type)}")
        if e.type in SIGNED:
            least = w.splat(str(-(1 << (BITS[e.type] - 1))), e.type)
            minimal = w.new(f"icmp eq {t} {x}, {least}")
            minus = w.new(f"icmp eq {t} {d}, {w.splat('-1', e.type)}")
            over = w.new(f"and {mask_type} {minimal}, {minus}")
            bad = w.new(f"or {mask_type} {bad}, {over}")
        d = w.new(f"select {mask_type} {bad}, {t} {w.splat('1', e.type)}, {t} {d}")
    sign = "s" if e.type in SIGNED else "u"
    if w.width and not literal and BITS[e.type] < 64:
        return _divide_lanes(w, e, x, d, sign)
    return w.new(f"{sign}{e.op} {t} {x}, {d}")


def _divide_lanes(w: Writer, e: Expr, x: str, d: str, sign: str) -> str:
    """Division of whole vectors, which processors have for floats alone: the quotient
    of integers of up to 32 bits in f64 (16 bits in f32), truncated, is exact."""
    t, wide = w.type(e.type), w.type("f64" if BITS[e.type] == 32 else "f32")
    a = w.new(f"{sign}itofp {t} {x} to {wide}")
    b = w.new(f"{sign}itofp {t} {d} to {wide}")
    ratio = w.new(f"fdiv {wide} {a}, {b}")
    quotient = w.new(f"fpto{sign}i {wide} {ratio} to {t}")
    if e.op == "div":
        return quotient
    product = w.new(f"mul {t} {quotient}, {d}")
    return w.new(f"sub {t} {x}, {product}")


def _shift(w: Writer, e: Expr, args: list[str]) -> str:
    """Shifts by the amount modulo the width."""
    t = w.type(e.type)
    limit = w.splat(str(BITS[e.type] - 1), e.type)
    amount = args[1]
    if e.args[1].op != "const":
        amount = w.new(f"and {t} {amount}, {limit}")
    name = "shl" if e.op == "shl" else "ashr" if e.type in SIGNED else "lshr"
    return w.new(f"{name} {t} {args[0]}, {amount}")


def _compare(w: Writer, e: Expr, args: list[str]) -> str:
    type = e.args[0].type
    t = w.type(type)
    if type in FLOATS:
        return w.new(f"fcmp {_COMPARE_FLOAT[e.op]} {t} {args[0]}, {args[1]}")
    op = e.op if e.op in ("eq", "ne") else ("s" if type in SIGNED else "u") + e.op
    return w.new(f"icmp {op} {t} {args[0]}, {args[1]}")


def _round(w: Writer, e: Expr, args: list[str]) -> str:
    t = w.type(e.type)
    if e.type in FLOATS:
        name = f"llvm.{_ROUND[e.op]}.{w.mangled(e.type)}"
        return w.intrinsic(name, t, (t, args[0]))
    assert e.op == "abs"
    if e.type not in SIGNED:
        return args[0]
    name = f"llvm.abs.{w.mangled(e.type)}"
    return w.intrinsic(name, t, (t, args[0]), ("i1", "false"))


def _extremum(w: Writer, e: Expr, args: list[str]) -> str:
    t = w.type(e.type)
    if e.type in ("f32", "f64") and not w.width:
        return _extremum_of_two(w, e.op, t, e.type, args)
    if e.type in FLOATS:
        name = {"min": "minimum", "max": "maximum"}[e.op]
    elif e.type == "bool":
        return w.new(f"{'and' if e.op == 'min' else 'or'} {t} {args[0]}, {args[1]}")
    else:
        name = ("s" if e.type in SIGNED else "u") + e.op
    full = f"llvm.{name}.{w.mangled(e.type)}"
    return w.intrinsic(full, t, (t, args[0]), (t, args[1]))


def _extremum_of_two(w: Writer, op: str, t: str, type: str, args: Sequence[str]) -> str:
    """`llvm.minimum` or `llvm.maximum` of two scalars, for which LLVM looks at the sign
    of one first: twice as long where each waits for the one before. Both orders of a
    comparison, whose bits differ for zeros of both signs only; NaN is a sum's."""
    (x, y), bits = args, f"i{BITS[type]}"
    test, join = ("olt", "or") if op == "min" else ("ogt", "and")
    found: list[str] = []
    for a, b in ((x, y), (y, x)):
        better = w.new(f"fcmp {test} {t} {a}, {b}")
        chosen = w.new(f"select i1 {better}, {t} {a}, {t} {b}")
        found.append(w.new(f"bitcast {t} {chosen} to {bits}"))
    joined = w.new(f"{join} {bits} {found[0]}, {found[1]}")
    number = w.new(f"bitcast {bits} {joined} to {t}")
    either = w.new(f"fcmp uno {t} {x}, {y}")
    total = w.new(f"fadd {t} {x}, {y}")
    return w.new(f"select i1 {either}, {t} {total}, {t} {number}")


def _fma(w: Writer, e: Expr, args: list[str]) -> str:
    t = w.type(e.type)
    name = f"llvm.fma.{w.mangled(e.type)}"
    return w.intrinsic(name, t, *[(t, a) for a in args])


def _copysign(w: Writer, e: Expr, args: list[str]) -> str:
    t = w.type(e.type)
    name = f"llvm.copysign.{w.mangled(e.type)}"
    return w.intrinsic(name, t, *[(t, a) for a in args])


def _negate(w: Writer, e: Expr, args: list[str]) -> str:
    t = w.type(e.type)
    if e.type in FLOATS:
        return w.new(f"fneg {t} {args[0]}")
    return w.new(f"sub {t} {w.splat('0', e.type)}, {args[0]}")


def _not(w: Writer, e: Expr, args: list[str]) -> str:
    ones = "true" if e.type == "bool" else "-1"
    return w.new(f"xor {w.type(e.type)} {args[0]}, {w.splat(ones, e.type)}")


def _count(w: Writer, e: Expr, args: list[str]) -> str:
    t = w.type(e.type)
    if e.op == "popcount":
        return w.intrinsic(f"llvm.ctpop.{w.mangled(e.type)}", t, (t, args[0]))
    name = f"llvm.ctlz.{w.mangled(e.type)}"
    return w.intrinsic(name, t, (t, args[0]), ("i1", "false"))


def _select(w: Writer, e: Expr, args: list[str]) -> str:
    t, mask = w.type(e.type), vector("i1", w.width)
    return w.new(f"select {mask} {args[0]}, {t} {args[1]}, {t} {args[2]}")


def _bitcast(w: Writer, e: Expr, args: list[str]) -> str:
    source, target = w.type(e.args[0].type), w.type(e.type)
    if source == target:
        return args[0]
    return w.new(f"bitcast {source} {args[0]} to {target}")


def _convert(w: Writer, e: Expr, args: list[str]) -> str:
    source, target = e.args[0].type, e.type
    if source == "bf16":
        wide = _from_bf16(w, args[0])
        return wide if target == "f32" else _cast(w, "f32", target, wide, e)
    if target == "bf16":
        return _to_bf16(
            w, args[0] if source == "f32" else _cast(w, source, "f32", args[0], e)
        )
    return _cast(w, source, target, args[0], e)


def _cast(w: Writer, source: str, target: str, x: str, e: Expr) -> str:
    s, t = w.type(source), w.type(target)
    if target == "bool":
        zero = w.splat("0" if source not in FLOATS else "0.0", source)
        test = "fcmp une" if source in FLOATS else "icmp ne"
        return w.new(f"{test} {s} {x}, {zero}")
    if source == "f64" and target == "f16":
        source, s, x = "f32", w.type("f32"), _single_to_odd(w, x)
    if source == "f16" and target not in FLOATS:
        source, s, x = "f32", w.type("f32"), w.new(f"fpext {s} {x} to {w.type('f32')}")
    if source in FLOATS and target in FLOATS:
        op = "fpext" if BITS[source] < BITS[target] else "fptrunc"
        return w.new(f"{op} {s} {x} to {t}")
    if source in FLOATS:
        sign = "s" if target in SIGNED else "u"
        if e.op == "convert_unchecked":
            return w.new(f"fpto{sign}i {s} {x} to {t}")
        return _saturated(w, source, target, x)
    if target in FLOATS:
        sign = "s" if source in SIGNED else "u"
        return w.new(f"{sign}itofp {s} {x} to {t}")
    if BITS[target] == BITS[source]:
        return x
    if BITS[target] < BITS[source]:
        return w.new(f"trunc {s} {x} to {t}")
    op = "sext" if source in SIGNED else "zext"
    return w.new(f"{op} {s} {x} to {t}")


def _saturated(w: Writer, source: str, target: str, x: str) -> str:
    """A float truncated to an integer: the nearest one if out of range, 0 for NaN."""
    s, t, mask = w.type(source), w.type(target), vector("i1", w.width)
    signed, bits = target in SIGNED, BITS[target]
    least = -(1 << (bits - 1)) if signed else 0
    most = (1 << (bits - signed)) - 1
    low = w.splat(float_literal(float(least), source), source)
    high = w.splat(float_literal(float(most + 1), source), source)
    above = w.new(f"fcmp oge {s} {x}, {high}")
    not_below = w.new(f"fcmp oge {s} {x}, {low}")
    outside = w.new(f"xor {mask} {not_below}, {w.splat('true', 'bool')}")
    outside = w.new(f"or {mask} {above}, {outside}")
    zero = w.splat("0.0", source)
    inside = w.new(f"select {mask} {outside}, {s} {zero}, {s} {x}")
    out = w.new(f"fpto{'s' if signed else 'u'}i {s} {inside} to {t}")
    top = w.splat(str(most), target)
    out = w.new(f"select {mask} {above}, {t} {top}, {t} {out}")
    if not signed:
        return out
    below = w.new(f"fcmp olt {s} {x}, {low}")
    return w.new(f"select {mask} {below}, {t} {w.splat(str(least), target)}, {t} {out}")


def _single_to_odd(w: Writer, x: str) -> str:
    """An f64 as f32, its last bit set if bits were lost: such a number rounds to f16
    as the f64 does. No target needs to know the direct conversion."""
    t, mask = w.type("u64"), vector("i1", w.width)
    bits = w.new(f"bitcast {w.type('f64')} {x} to {t}")
    lost = w.new(f"and {t} {bits}, {w.splat(str(2**29 - 1), 'u64')}")
    some = w.new(f"icmp ne {t} {lost}, {w.splat('0', 'u64')}")
    odd = w.new(f"zext {mask} {some} to {t}")
    odd = w.new(f"shl {t} {odd}, {w.splat('29', 'u64')}")
    kept = w.new(f"and {t} {bits}, {w.splat(str(-(2**29)), 'u64')}")
    marked = w.new(f"or {t} {kept}, {odd}")
    back = w.new(f"bitcast {t} {marked} to {w.type('f64')}")
    return w.new(f"fptrunc {w.type('f64')} {back} to {w.type('f32')}")


def _from_bf16(w: Writer, x: str) -> str:
    wide = w.new(f"zext {w.type('bf16')} {x} to {w.type('u32')}")
    high = w.new(f"shl {w.type('u32')} {wide}, {w.splat('16', 'u32')}")
    return w.new(f"bitcast {w.type('u32')} {high} to {w.type('f32')}")


def _to_bf16(w: Writer, x: str) -> str:
    """Rounds an f32 to nearest even; NaN stays NaN."""
    t, mask = w.type("u32"), vector("i1", w.width)
    bits = w.new(f"bitcast {w.type('f32')} {x} to {t}")
    shifted = w.new(f"lshr {t} {bits}, {w.splat('16', 'u32')}")
    odd = w.new(f"and {t} {shifted}, {w.splat('1', 'u32')}")
    bias = w.new(f"add {t} {odd}, {w.splat('32767', 'u32')}")
    rounded = w.new(f"add {t} {bits}, {bias}")
    quiet = w.new(f"or {t} {bits}, {w.splat('4194304', 'u32')}")
    nan = w.new(f"fcmp uno {w.type('f32')} {x}, {x}")
    kept = w.new(f"select {mask} {nan}, {t} {quiet}, {t} {rounded}")
    high = w.new(f"lshr {t} {kept}, {w.splat('16', 'u32')}")
    return w.new(f"trunc {t} {high} to {w.type('bf16')}")


_rules: dict[str, Any] = {
    **dict.fromkeys(("add", "sub", "mul", "and", "or", "xor"), _arithmetic),
    **dict.fromkeys(("div", "rem"), _divide),
    **dict.fromkeys(("shl", "shr"), _shift),
    **dict.fromkeys(("eq", "ne", "lt", "le", "gt", "ge"), _compare),
    **dict.fromkeys(("abs", "sqrt", "floor", "ceil", "trunc", "rint"), _round),
    **dict.fromkeys(("min", "max"), _extremum),
    **dict.fromkeys(("popcount", "clz"), _count),
    **dict.fromkeys(("convert", "convert_unchecked"), _convert),
    "fma": _fma, "copysign": _copysign, "neg": _negate, "not": _not,
    "select": _select, "bitcast": _bitcast,
}  # fmt: skip
