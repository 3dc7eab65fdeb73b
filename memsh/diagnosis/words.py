"""Numbers and lists as sentences have them."""

from __future__ import annotations


def size(kb: float) -> str:
    """kB as `512 kB`, `38 MiB`, `7.6 GiB`."""
    if abs(kb) < 1023.5:
        return f"{kb:.0f} kB"
    for unit in ("MiB", "GiB"):
        kb /= 1024
        if abs(kb) < 1023.5:
            return f"{kb:.0f} {unit}" if abs(kb) >= 100 else f"{kb:.1f} {unit}"
    return f"{kb / 1024:.1f} TiB"


def count(number: int) -> str:
    """12,345"""
    return f"{number:,}"


def listed(words: list[str], last: str = "and") -> str:
    """`a, b and c`"""
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} {last} {words[-1]}" if words else ""


def block(order: int, page: int) -> str:
    """`order 4, 16 pages in a row, 64 kB`"""
    return f"order {order}, {1 << order} pages in a row, {size((page << order) / 1024)}"
