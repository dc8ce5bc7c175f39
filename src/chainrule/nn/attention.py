"""Scaled dot-product attention (Vaswani et al., Attention is all you need, 2017).

Logits and softmax are computed in float32 where the operands are narrower.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from .. import numpy as cnp
from ..core import dtypes
from ..lax import stop_gradient
from ..numpy.promotion import operand
from .normalization import logsumexp, softmax

_name = "dot_product_attention"
_hidden = 0.7 * float(np.finfo(np.float32).min)
"""The logit of a position that is not seen: far below others, and still finite."""


def dot_product_attention(
    query: Any,
    key: Any,
    value: Any,
    bias: Any = None,
    mask: Any = None,
    *,
    scale: float | None = None,
    is_causal: bool = False,
    query_seq_lengths: Any = None,
    key_value_seq_lengths: Any = None,
    local_window_size: int | tuple[int, int] | None = None,
    implementation: str | None = None,
    return_residual: bool = False,
) -> Any:
    """softmax(query key^T * scale + bias) value, head by head.

    Args:
        query: shape (B, T, N, H) or (T, N, H): batch, positions, heads, width.
        key, value: shape (B, S, K, H) or (S, K, H), with N a multiple of K: each of
            the K heads serves N / K heads of the query.
        bias: added to the logits; broadcasts to (B, N, T, S).
        mask: boolean, broadcasts to (B, N, T, S); False hides a position.
        scale: factor on the logits; default 1 / sqrt(H).
        is_causal: position t sees positions s <= t only.
        query_seq_lengths, key_value_seq_lengths: integers of shape (B,): positions
            beyond are hidden, and zero in the result.
        local_window_size: (left, right), or one number for both: how far to see.
        implementation: None or 'xla'.
        return_residual: return also the logsumexp of the logits, shape (B, T, N),
            through which no derivative goes.

    Returns an array of the shape and dtype of `query`.

    Raises ValueError where shapes or dtypes do not fit together.

    >>> import chainrule as cr, chainrule.numpy as cnp
    >>> cr.nn.dot_product_attention(*[cnp.ones((2, 5, 4, 3))] * 3, is_causal=True).shape
    (2, 5, 4, 3)
    """
    q, k, v = (operand(_name, x) for x in (query, key, value))
    batched = q.ndim == 4
    if not batched:
        q, k, v = q[None], k[None], v[None]
    _check(q, k, v, implementation)
    q_lengths = _lengths("query_seq_lengths", query_seq_lengths, q.shape[0])
    k_lengths = _lengths("key_value_seq_lengths", key_value_seq_lengths, q.shape[0])
    seen = _visible(q, k, mask, is_causal, local_window_size, q_lengths, k_lengths)
    out, logits = _attend(q, k, v, bias, seen, scale)
    if q_lengths is not None:
        inside = cnp.arange(q.shape[1])[None] < q_lengths[:, None]
        out = out * inside[:, :, None, None].astype(out.dtype)
    out = out if batched else out[0]
    if not return_residual:
        return out
    residual = stop_gradient(logsumexp(logits, -1).swapaxes(1, 2).astype(k.dtype))
    return out, residual if batched else residual[0]


def _attend(q: Any, k: Any, v: Any, bias: Any, seen: Any, scale: Any) -> Any:
    """The result, of shape (B, T, N, H), and the logits, (B, N, T, S)."""
    (b, t, n, h), (s, heads) = q.shape, k.shape[1:3]
    grouped = q.reshape(b, t, heads, n // heads, h)
    wide = dtypes.promote((q.dtype, False), (dtypes.float32, False))[0]
    logits = cnp.einsum("btkgh,bskh->bkgts", grouped, k, preferred_element_type=wide)
    logits = logits.reshape(b, n, t, s) * (
        1.0 / math.sqrt(h) if scale is None else scale
    )
    if bias is not None:
        logits = (logits + bias).astype(wide)
    if seen is not None:
        logits = cnp.where(seen, logits, _hidden)
    weights = softmax(logits, -1).astype(k.dtype).reshape(b, heads, n // heads, t, s)
    return cnp.einsum("bkgts,bskh->btkgh", weights, v).reshape(b, t, n, h), logits


def _check(q: Any, k: Any, v: Any, implementation: Any) -> None:
    if implementation not in (None, "xla"):
        raise ValueError(
            f"{_name}: implementation {implementation!r} is not available; leave it None."
        )
    if not q.dtype == k.dtype == v.dtype:
        raise ValueError(
            f"{_name}: query, key and value must have one dtype; got {q.dtype},"
            f" {k.dtype} and {v.dtype}."
        )
    fits = q.ndim == k.ndim == v.ndim == 4 and k.shape == v.shape
    if not fits or q.shape[0] != k.shape[0] or q.shape[3] != k.shape[3]:
        raise ValueError(
            f"{_name}: query (B, T, N, H) and key, value (B, S, K, H) do not fit"
            f" together: got {q.shape}, {k.shape} and {v.shape}."
        )
    if q.shape[2] % k.shape[2]:
        raise ValueError(
            f"{_name}: {q.shape[2]} query heads must be a multiple of the {k.shape[2]} key"
            " heads."
        )


def _lengths(name: str, x: Any, batch: int) -> Any:
    """Lengths per example as integers of shape (B,); None where not given."""
    if x is None:
        return None
    x = operand(_name, x)
    if x.shape != (batch,) or not dtypes.is_integer(x.dtype):
        raise ValueError(
            f"{_name}: {name} must be integers of shape ({batch},); got {x.dtype} of"
            f" shape {x.shape}."
        )
    return x


def _visible(
    q: Any, k: Any, mask: Any, causal: bool, window: Any, q_lengths: Any, k_lengths: Any
) -> Any:
    """Which positions see which, broadcastable to (B, N, T, S); None for all."""
    rows, columns = np.arange(q.shape[1])[:, None], np.arange(k.shape[1])[None]
    parts: list[Any] = []
    if mask is not None:
        parts.append(operand(_name, mask))
        if parts[0].dtype != np.bool_:
            raise ValueError(
                f"{_name}: the mask must be boolean; got {parts[0].dtype}."
            )
    if causal:
        parts.append(cnp.asarray(columns <= rows))
    if window is not None:
        left, right = (window, window) if isinstance(window, int) else window
        parts.append(cnp.asarray((columns >= rows - left) & (columns <= rows + right)))
    for lengths, positions in ((q_lengths, rows), (k_lengths, columns)):
        if lengths is not None:
            parts.append(cnp.asarray(positions) < lengths[:, None, None, None])
    seen = None
    for part in parts:
        seen = part if seen is None else seen & part
    return seen
