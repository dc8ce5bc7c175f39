"""How scalar types and constants are written in LLVM's text.

bf16 is held as the upper half of an f32 in an integer; conversions round in integer
arithmetic, so that no target needs to know the type. Unsigned types are LLVM's integers:
operations know the sign.
"""

from __future__ import annotations

import struct
from typing import Any

from ..expr import BITS, FLOATS, Expr
from ..sizes import Size

NAMES = {
    "bool": "i1", "i8": "i8", "u8": "i8", "i16": "i16", "u16": "i16", "i32": "i32",
    "u32": "i32", "i64": "i64", "u64": "i64", "f16": "half", "bf16": "i16",
    "f32": "float", "f64": "double",
}  # fmt: skip
IN_MEMORY = {**NAMES, "bool": "i8"}
SUFFIX = {**NAMES, "f16": "f16", "f32": "f32", "f64": "f64"}


SMALL = 64


def is_literal(n: Any) -> bool:
    """Whether a number is written into the text; others are handed over by the call."""
    return type(n) is not Size and -SMALL <= n <= SMALL


def size(type: str) -> int:
    """Bytes of an element in memory."""
    return max(BITS[type] // 8, 1)


def mangled(element: str) -> str:
    """How the names of intrinsics abbreviate a type of elements."""
    return {"float": "f32", "double": "f64", "half": "f16"}.get(element, element)


def vector(name: str, width: int) -> str:
    """The vector type of `width` elements, or the scalar type itself."""
    return f"<{width} x {name}>" if width else name


def constant(x: Expr) -> str:
    """A constant as a scalar literal."""
    if x.type == "bool":
        return "true" if x.data else "false"
    if x.type not in FLOATS:
        bits = BITS[x.type]
        value = x.data & ((1 << bits) - 1)
        return str(value - (1 << bits) if value >> (bits - 1) else value)
    return float_literal(float.fromhex(x.data), x.type)


def float_literal(value: float, type: str) -> str:
    """A float as LLVM reads it: exact, in hexadecimal."""
    if type == "f16":
        return f"0xH{struct.unpack('>H', struct.pack('>e', _half(value)))[0]:04X}"
    if type == "bf16":
        bits = struct.unpack(">I", struct.pack(">f", _single(value)))[0]
        bits += 0x7FFF + ((bits >> 16) & 1) if value == value else 0
        return str((bits >> 16) & 0xFFFF)
    if type == "f32":
        value = _single(value)
    return f"0x{struct.unpack('>Q', struct.pack('>d', value))[0]:016X}"


def _single(value: float) -> float:
    try:
        return struct.unpack(">f", struct.pack(">f", value))[0]
    except OverflowError:
        return float("inf") if value > 0 else float("-inf")


def _half(value: float) -> float:
    try:
        struct.pack(">e", value)
        return value
    except OverflowError:
        return float("inf") if value > 0 else float("-inf")
