"""Numbers that are written to the kernel's files (lib/kstrtox.c). No known deviations."""

from __future__ import annotations

import re

from memsh.lazy import regular
from memsh.linux.include.errno import KernelError

_NUMBER = regular(r"([+-]?)(?:0[xX]([0-9a-fA-F]+)|(0[0-7]*)|([1-9][0-9]*))\n?")
_MOST_DIGITS = 30  # more than any width holds


def _signed(text: str, bits: int) -> int:
    found = _NUMBER.fullmatch(text)
    if found is None:
        raise KernelError("EINVAL", f"{text.strip()!r} is not a number")
    sign, hexadecimal, octal, decimal = found.groups()
    word, base = next((word, base) for word, base in ((hexadecimal, 16), (octal, 8), (decimal, 10)) if word is not None)
    number = int(word, base) if len(word.lstrip("0")) <= _MOST_DIGITS else 1 << bits
    number = -number if sign == "-" else number
    if not -(1 << bits - 1) <= number < 1 << bits - 1:
        raise KernelError("ERANGE", text.strip())
    return number


def kstrtoull(text: str, bits: int = 64) -> int:
    """A number of 64 bits without a minus. EINVAL, ERANGE."""
    if text.startswith("-"):
        raise KernelError("EINVAL", text.strip())
    return _signed(text, bits + 1)


def kstrtouint(text: str) -> int:
    """The same of 32 bits."""
    return kstrtoull(text, 32)


def kstrtoint(text: str) -> int:
    """A number in C's spelling, of 32 bits with a sign; one newline may follow. EINVAL, ERANGE."""
    return _signed(text, 32)


def _decimal(text: str) -> str:
    """A number with base 10, for which zeros in front say nothing."""
    if re.fullmatch(r"[+-]?[0-9]+\n?", text) is None:
        raise KernelError("EINVAL", f"{text.strip()!r} is not a number")
    return re.sub(r"^([+-]?)0+(?=[0-9])", r"\1", text)


def kstrtoint_decimal(text: str) -> int:
    """The same with base 10."""
    return _signed(_decimal(text), 32)


def kstrtoll_decimal(text: str) -> int:
    """64 bits with a sign, with base 10."""
    return _signed(_decimal(text), 64)


def kstrtoull_decimal(text: str, bits: int = 64) -> int:
    """64 bits, or `bits`, without a minus, with base 10."""
    return kstrtoull(_decimal(text), bits)


def kstrtoll(text: str) -> int:
    """The same of 64 bits."""
    return _signed(text, 64)


def fs_param_is_u32(text: str) -> int | None:
    """A number of 32 bits as an option of a file system has it; None if it is none."""
    try:
        return kstrtouint(text)
    except KernelError:
        return None


def kstrtobool(text: str) -> bool:
    """Yes or no, by the first letter, or two: y, t, 1, on; n, f, 0, off. EINVAL."""
    word = text[:2].lower()
    if word[:1] in ("y", "t", "1") or word == "on":
        return True
    if word[:1] in ("n", "f", "0") or word == "of":
        return False
    raise KernelError("EINVAL", f"{text.strip()!r} is neither yes nor no")
