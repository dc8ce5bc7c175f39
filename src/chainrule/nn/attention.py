"""Scaled dot-product attention (Vaswani et al., Attention is all you need, 2017)."""

from __future__ import annotations

from typing import Any

import numpy as np

from .. import numpy as cnp
from ..numpy.promotion import promote_inexact
from .normalization import logsumexp, softmax


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
        query_seq_lengths, key_value_seq_lengths: shape (B,): positions beyond are
            hidden (and zero in the result).
        local_window_size: (left, right), or one number for both: how far to see.
        implementation: None or 'xla'.
        return_residual: return also the logsumexp of the logits, shape (B, T, N).

    Returns an array of the shape of `query`.

    Raises ValueError for shapes that do not fit together.
    """
    query, key, value = promote_inexact("dot_product_attention", query, key, value)
    batched = query.ndim == 4
    q, k, v = (x if batched else x[None] for x in (query, key, value))
    _check(q, k, v, implementation)
    (b, t, n, h), (s, heads) = q.shape, k.shape[1:3]
    grouped = q.reshape(b, t, heads, n // heads, h)
    logits = cnp.einsum("btkgh,bskh->bkgts", grouped, k).reshape(b, n, t, s)
    logits = logits * (1.0 / np.sqrt(h) if scale is None else scale)
    if bias is not None:
        logits = logits + bias
    seen = _visible(t, s, mask, is_causal, local_window_size, key_value_seq_lengths)
    if seen is not None:
        logits = cnp.where(seen, logits, 0.7 * float(np.finfo(np.float32).min))
    weights = softmax(logits, -1).reshape(b, heads, n // heads, t, s)
    out = cnp.einsum("bkgts,bskh->btkgh", weights, v).reshape(b, t, n, h)
    if query_seq_lengths is not None:
        inside = cnp.arange(t)[None] < cnp.asarray(query_seq_lengths)[:, None]
        out = cnp.where(inside[:, :, None, None], out, 0)
    out = out if batched else out[0]
    if not return_residual:
        return out
    residual = cnp.swapaxes(logsumexp(logits, -1), 1, 2)
    return out, residual if batched else residual[0]


def _check(q: Any, k: Any, v: Any, implementation: Any) -> None:
    if implementation not in (None, "xla"):
        raise ValueError(
            f"dot_product_attention: implementation {implementation!r} is not available;"
            " leave it None."
        )
    fits = q.ndim == k.ndim == v.ndim == 4 and k.shape == v.shape
    if not fits or q.shape[0] != k.shape[0] or q.shape[3] != k.shape[3]:
        raise ValueError(
            "dot_product_attention: query (B, T, N, H) and key, value (B, S, K, H) do not"
            f" fit together: got {q.shape}, {k.shape} and {v.shape}."
        )
    if q.shape[2] % k.shape[2]:
        raise ValueError(
            f"dot_product_attention: {q.shape[2]} query heads must be a multiple of the"
            f" {k.shape[2]} key heads."
        )


def _visible(
    t: int, s: int, mask: Any, causal: bool, window: Any, lengths: Any
) -> Any:
    """Which positions see which, broadcastable to (B, N, T, S); None for all."""
    parts: list[Any] = [] if mask is None else [mask]
    rows, columns = np.arange(t)[:, None], np.arange(s)[None]
    if causal:
        parts.append(cnp.asarray(columns <= rows))
    if window is not None:
        left, right = (window, window) if isinstance(window, int) else window
        parts.append(cnp.asarray((columns >= rows - left) & (columns <= rows + right)))
    if lengths is not None:
        inside = cnp.arange(s)[None] < cnp.asarray(lengths)[:, None]
        parts.append(inside[:, None, None, :])
    seen = None
    for part in parts:
        seen = part if seen is None else seen & part
    return seen
