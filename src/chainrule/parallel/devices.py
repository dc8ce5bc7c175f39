"""Devices: where arrays live. One CPU device by default, more by configuration.

`config.num_cpu_devices` (or CHAINRULE_NUM_CPU_DEVICES) sets how many devices this
process has; they share its memory and threads.
"""

from __future__ import annotations

from typing import Any

from ..core.config import options


class Device:
    """A device: `platform`, `id` and `process_index` identify it."""

    __slots__ = ("id", "platform", "process_index")

    def __init__(self, platform: str, id: int, process_index: int = 0):
        self.platform, self.id, self.process_index = platform, id, process_index

    @property
    def device_kind(self) -> str:
        return self.platform

    @property
    def local_hardware_id(self) -> int:
        return self.id

    def __repr__(self) -> str:
        return f"{self.platform.capitalize()}Device(id={self.id})"

    def __str__(self) -> str:
        return f"{self.platform.upper()}_{self.id}"


_devices: list[Device] = []


def devices(backend: str | None = None) -> list[Any]:
    """All devices of `backend` ('cpu', the default).

    >>> devices()[0].platform
    'cpu'
    """
    if backend not in (None, "cpu"):
        raise RuntimeError(
            f"devices: unknown backend {backend!r}; this process has the backend 'cpu'."
        )
    count = options.num_cpu_devices
    if count < 1:
        raise ValueError(
            f"num_cpu_devices: must be at least 1; got {count}. Set it with"
            " config.update('num_cpu_devices', n)."
        )
    while len(_devices) < count:
        _devices.append(Device("cpu", len(_devices)))
    return _devices[:count]


def device_count(backend: str | None = None) -> int:
    """The number of devices."""
    return len(devices(backend))


def local_devices(
    process_index: int | None = None, backend: str | None = None, host_id: Any = None
) -> list[Any]:
    """The devices of this process: all of them."""
    return devices(backend)


def local_device_count(backend: str | None = None) -> int:
    """The number of devices of this process."""
    return len(devices(backend))


def default_backend() -> str:
    """The platform on which programs run: 'cpu'."""
    return "cpu"


def process_index(backend: str | None = None) -> int:
    """This process among those of a distributed run: 0."""
    return 0


def process_count(backend: str | None = None) -> int:
    """The number of processes of a distributed run: 1."""
    return 1
