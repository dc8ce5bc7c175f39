"""Times with their unit: how the tables print seconds, and how budgets are written."""


def us(value: float) -> float:
    """Seconds in `value` microseconds."""
    return value * 1e-6


def ms(value: float) -> float:
    """Seconds in `value` milliseconds."""
    return value * 1e-3


def show_seconds(seconds: float) -> str:
    """Three significant digits and a unit; from 10 to 99 ns two digits.

    >>> show_seconds(4.56e-6), show_seconds(0.1234), show_seconds(999.7e-9)
    ('4.56 us', '123 ms', '1.00 us')
    >>> show_seconds(71e-9), show_seconds(0.716e-9)
    ('71 ns', '0.72 ns')
    """
    for scale, unit in ((1e-9, "ns"), (1e-6, "us"), (1e-3, "ms"), (1.0, "s")):
        value = seconds / scale
        if value < 999.5 or unit == "s":
            break
    if unit == "ns" and value >= 9.995:
        return f"{value:.0f} ns"
    decimals = 2 if value < 9.995 else 1 if value < 99.95 else 0
    return f"{value:.{decimals}f} {unit}"


def show_ratio(ratio: float) -> str:
    """A ratio as the tables print it.

    >>> show_ratio(0.00513), show_ratio(0.513), show_ratio(12.34), show_ratio(430.2)
    ('0.0051x', '0.51x', '12.3x', '430x')
    """
    if ratio < 0.1:
        return f"{ratio:.2g}x"
    decimals = 2 if ratio < 9.995 else 1 if ratio < 99.95 else 0
    return f"{ratio:.{decimals}f}x"
