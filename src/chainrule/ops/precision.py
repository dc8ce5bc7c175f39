"""What `precision` may say about a product: enums, algorithms, and their one form.

Products here always use the operands' full precision, the "highest" of these; the
parameter is checked, recorded in programs and left to back ends that have a choice.
"""

from __future__ import annotations

import enum
from typing import Any, NamedTuple

from ..core.printer import readable

_names = {
    "default": 0, "fastest": 0, "bfloat16": 0,
    "high": 1, "bfloat16_3x": 1, "tensorfloat32": 1,
    "highest": 2, "float32": 2,
}  # fmt: skip


@readable
class Precision(enum.Enum):
    """How exactly a back end computes products of 32-bit numbers.

    Also made from the names "default", "fastest", "bfloat16"; "high", "bfloat16_3x",
    "tensorfloat32"; "highest", "float32"; and from None, which is the default.

    >>> Precision("float32") is Precision.HIGHEST
    True
    """

    DEFAULT = 0
    HIGH = 1
    HIGHEST = 2

    @classmethod
    def _missing_(cls, value: object) -> Precision | None:
        if value is None:
            return cls.DEFAULT
        number = _names.get(value) if isinstance(value, str) else None
        return None if number is None else cls(number)

    def __repr__(self) -> str:
        return f"{type(self).__name__}.{self.name}"

    def __str__(self) -> str:
        return self.name


@readable
class DotAlgorithm(NamedTuple):
    """The numbers a product is computed with.

    Fields:
        lhs_precision_type, rhs_precision_type: dtypes that operands are rounded to.
        accumulation_type: dtype in which products are summed.
        lhs_component_count, rhs_component_count, num_primitive_operations: into how
            many parts operands are split, and how many products of parts are made.
        allow_imprecise_accumulation: whether some sums may be in lower precision.
    """

    lhs_precision_type: Any
    rhs_precision_type: Any
    accumulation_type: Any
    lhs_component_count: int = 1
    rhs_component_count: int = 1
    num_primitive_operations: int = 1
    allow_imprecise_accumulation: bool = False


@readable
class DotAlgorithmPreset(enum.Enum):
    """Named algorithms: operand types, type of the sums, and a variant.

    >>> DotAlgorithmPreset["BF16_BF16_F32"]
    DotAlgorithmPreset.BF16_BF16_F32
    """

    DEFAULT = enum.auto()
    ANY_F8_ANY_F8_F32 = enum.auto()
    ANY_F8_ANY_F8_F32_FAST_ACCUM = enum.auto()
    ANY_F8_ANY_F8_ANY = enum.auto()
    ANY_F8_ANY_F8_ANY_FAST_ACCUM = enum.auto()
    F16_F16_F16 = enum.auto()
    F16_F16_F32 = enum.auto()
    BF16_BF16_BF16 = enum.auto()
    BF16_BF16_F32 = enum.auto()
    BF16_BF16_F32_X3 = enum.auto()
    BF16_BF16_F32_X6 = enum.auto()
    BF16_BF16_F32_X9 = enum.auto()
    TF32_TF32_F32 = enum.auto()
    TF32_TF32_F32_X3 = enum.auto()
    F32_F32_F32 = enum.auto()
    F64_F64_F64 = enum.auto()

    def __repr__(self) -> str:
        return f"{type(self).__name__}.{self.name}"

    def __str__(self) -> str:
        return self.name


PrecisionLike = (
    None | str | Precision | tuple[str, str] | tuple[Precision, Precision]
    | DotAlgorithm | DotAlgorithmPreset
)  # fmt: skip


def canonical_precision(name: str, precision: Any) -> Any:
    """`precision` as None, a pair of Precision, or an algorithm.

    Raises ValueError naming function `name` for anything else.
    """
    if precision is None or isinstance(precision, (DotAlgorithm, DotAlgorithmPreset)):
        return precision
    if isinstance(precision, Precision):
        return (precision, precision)
    if isinstance(precision, str):
        if precision in _names:
            return (Precision(precision),) * 2
        if precision in DotAlgorithmPreset.__members__:
            return DotAlgorithmPreset[precision]
    if isinstance(precision, (tuple, list)) and len(precision) == 2:
        if all(isinstance(p, (str, Precision)) and _known(p) for p in precision):
            return Precision(precision[0]), Precision(precision[1])
    raise ValueError(
        f"{name}: precision {precision!r} is not understood; use None, one of"
        f" {', '.join(map(repr, _names))}, a lax.Precision, a pair of these, a"
        " lax.DotAlgorithm, or a lax.DotAlgorithmPreset or its name."
    )


def _known(precision: Any) -> bool:
    return isinstance(precision, Precision) or precision in _names


__all__ = [
    "DotAlgorithm", "DotAlgorithmPreset", "Precision", "PrecisionLike",
    "canonical_precision",
]  # fmt: skip
