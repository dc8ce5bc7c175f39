"""Fixtures of the compiler's tests."""

import pytest

import chainrule as cr
from chainrule.compiler import cache, canonical


@pytest.fixture
def nothing_on_disk(monkeypatch):
    """Kernels have their texts."""
    monkeypatch.setattr(canonical, "_written", {})
    monkeypatch.setattr(cache, "find", lambda name: None)
    monkeypatch.setattr(cache, "keep", lambda name, entry: None)


@pytest.fixture
def wide_types():
    """Types of 64 bits."""
    with cr.enable_x64(True):
        yield
