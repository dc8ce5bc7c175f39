"""Configuration: values from the environment, set globally or within a context.

Each option is read as an attribute of `config`. `config.update(name, value)` sets it
for the whole process; calling the option's context manager (`enable_x64(True)`)
overrides it in this thread until the block ends. A read costs one attribute access
on a thread-local, because hot paths read options at every call.

Environment variables are the option's name in capitals behind `CHAINRULE_`.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import Any

from ..runtime import _native

_prefixes = ("jax_", "chainrule_")
_watchers: dict[str, Callable[[Any], None]] = {}


class Options(threading.local):
    """Option values; class attributes are the process-wide values."""

    enable_x64: bool = False
    debug_nans: bool = False
    debug_infs: bool = False
    disable_jit: bool = False
    enable_checks: bool = False
    check_tracer_leaks: bool = False
    log_compiles: bool = False
    threefry_partitionable: bool = True
    enable_custom_prng: bool = False
    default_prng_impl: str = "threefry2x32"
    default_matmul_precision: str | None = None
    numpy_rank_promotion: str = "allow"
    numpy_dtype_promotion: str = "standard"
    default_device: Any = None
    num_cpu_devices: int = 1
    traceback_filtering: str = "auto"
    no_tracing: bool = False
    loop_residual_bytes: int = 1 << 28
    nan_safe_gradients: bool = False


options = Options()
_names = [name for name in vars(Options) if not name.startswith("_")]
_unset = object()


def _assign(name: str, value: Any) -> None:
    """Sets option `name` in this thread, or unsets it; jitted functions are told."""
    vars(options).pop(name, None)
    if value is not _unset:
        setattr(options, name, value)
    _native.configuration_changed()


def _parse(name: str, text: str) -> Any:
    kind = type(getattr(Options, name))
    if kind is bool:
        if text.lower() in ("1", "true", "yes", "on", "y", "t"):
            return True
        if text.lower() in ("0", "false", "no", "off", "n", "f", ""):
            return False
        raise ValueError(
            f"CHAINRULE_{name.upper()}: {text!r} is no truth value; use 1 or 0."
        )
    return kind(text) if kind in (int, str) else text


def _canonical(name: str) -> str:
    for prefix in _prefixes:
        name = name.removeprefix(prefix)
    if name not in _names:
        raise AttributeError(
            f"config: there is no option {name!r}; the options are {', '.join(_names)}."
        )
    return name


class Config:
    """The process-wide configuration, `chainrule.config`.

    Options may be written with or without the `jax_` prefix that programs carry.

    >>> import chainrule
    >>> chainrule.config.update("jax_enable_x64", True)
    >>> chainrule.config.enable_x64
    True
    >>> chainrule.config.update("jax_enable_x64", False)
    """

    def update(self, name: str, value: Any) -> None:
        """Sets option `name` for the whole process (and this thread)."""
        name = _canonical(name)
        setattr(Options, name, value)
        _assign(name, _unset)
        if name in _watchers:
            _watchers[name](value)

    def __getattr__(self, name: str) -> Any:
        return getattr(options, _canonical(name))

    read = __getattr__

    @property
    def values(self) -> dict[str, Any]:
        """All options by name, as seen by this thread."""
        return {name: getattr(options, name) for name in _names}


def watch(name: str, action: Callable[[Any], None]) -> None:
    """Calls `action(value)` whenever option `name` is set for the process."""
    _watchers[name] = action
    if getattr(options, name):
        action(getattr(options, name))


config = Config()

for _name in _names:
    _upper = _name.upper()
    _text = os.environ.get(f"CHAINRULE_{_upper}", os.environ.get(f"JAX_{_upper}"))
    if _text is not None:
        setattr(Options, _name, _parse(_name, _text))


def context(name: str, doc: str) -> Callable[..., Any]:
    """A context manager that sets option `name` in this thread, within a block."""

    @contextmanager
    def manager(new_val: Any = True) -> Generator[None, None, None]:
        old = vars(options).get(name, _unset)
        _assign(name, new_val)
        try:
            yield
        finally:
            _assign(name, old)

    manager.__name__ = name
    manager.__doc__ = doc
    return manager


enable_x64 = context("enable_x64", "Within the block, 64-bit dtypes are honoured.")
debug_nans = context("debug_nans", "Within the block, a NaN result raises.")
debug_infs = context("debug_infs", "Within the block, an infinite result raises.")
enable_checks = context(
    "enable_checks", "Within the block, IR is checked at each step."
)


def disable_jit(disable: bool = True) -> Any:
    """Within the block, `jit` calls the function itself, eagerly."""
    return context("disable_jit", "")(disable)


check_tracer_leaks = context("check_tracer_leaks", "Within the block, leaks raise.")
checking_leaks = check_tracer_leaks
log_compiles = context("log_compiles", "Within the block, each trace is reported.")
default_matmul_precision = context("default_matmul_precision", "That of products.")
numpy_rank_promotion = context(
    "numpy_rank_promotion", "'allow', 'warn' or 'raise' where ranks are promoted."
)
numpy_dtype_promotion = context(
    "numpy_dtype_promotion", "'standard', or 'strict': dtypes must agree."
)
default_prng_impl = context("default_prng_impl", "The generator behind new keys.")
enable_custom_prng = context("enable_custom_prng", "`PRNGKey` makes typed keys.")
threefry_partitionable = context(
    "threefry_partitionable", "Accepted; counters are always partitionable."
)
default_device = context("default_device", "The device of arrays made in the block.")
no_tracing = context("no_tracing", "Within the block, starting a trace raises.")
nan_safe_gradients = context(
    "nan_safe_gradients", "Within the block, zeros absorb: 0 * inf is 0 in derivatives."
)
