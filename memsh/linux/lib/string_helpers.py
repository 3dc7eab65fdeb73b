"""Sizes for people (lib/string_helpers.c). No known deviations."""

from __future__ import annotations

STRING_UNITS_10, STRING_UNITS_2 = 1000, 1024
_POWERS = ("", "k", "M", "G", "T", "P")


def string_get_size(size: int, units: int = STRING_UNITS_2) -> str:
    """`268 MB`, `8.00 GiB`: bytes in three digits, rounded."""
    if size < units:
        return f"{size} B"
    power, value = 0, float(size)
    while value >= units:
        power, value = power + 1, value / units
    prefix = f"{_POWERS[power].upper()}i" if units == STRING_UNITS_2 else _POWERS[power]
    places = 2 if value < 10 else 1 if value < 100 else 0
    return f"{int(value * 10**places + 0.5) / 10**places:.{places}f} {prefix}B"
