"""Sizes as du, df and ls tell them: in blocks of a size, or for people (gnulib's human.c)."""

from __future__ import annotations

from typing import NamedTuple

from memsh.digits import is_digits
from memsh.shell.registry import Args, Converter
from memsh.textutils.utility import sized


class Unit(NamedTuple):
    """In what sizes are told: blocks of `size` bytes with `suffix` behind (of one that was named by a letter alone), or
    for people, in powers of `base`."""

    size: int = 1024
    suffix: str = ""
    base: int = 0

    def shown(self, size: int) -> str:
        return human(size, self.base) if self.base else f"{-(-size // self.size)}{self.suffix}"


PEOPLE, SI = Unit(base=1024), Unit(base=1000)


def block_size(flag: str) -> Converter:
    """A converter: the size of a block that -B names; `K` is 1024, `KB` 1000. `flag` is how the refusal calls it."""

    def convert(word: str) -> Unit:
        if word in ("human-readable", "si"):
            return SI if word == "si" else PEOPLE
        counted = is_digits(word[:1])
        size = sized(word.removesuffix("B") if is_digits(word[:-1]) else word if counted else "1" + word)
        if not size:
            odd = word.strip("0123456789") if counted else word[:1] in tuple("eEgGpPtTyYzZ")
            raise ValueError(f"invalid {'suffix in ' * bool(odd)}{flag} argument '{word}'")
        letter = "k" if word[:1] in "kK" and word[1:] == "B" else word[:1].upper()
        return Unit(size, "" if counted else letter + word[1:])

    return convert


def unit_of(args: Args, usual: Unit) -> Unit:
    """The unit that the last of -h, --si, -k, -m, -b and -B asks for."""
    unit = usual
    named = {"human_readable": PEOPLE, "si": SI, "kibi": Unit(), "mebi": Unit(1 << 20), "bytes": Unit(1)}
    for name, value in args.typed:
        unit = value if name == "block_size" else named.get(name, unit)
    return unit


def human(size: int, base: int = 1024) -> str:
    """`4.0K`, `12M`: rounded up, as du -h and ls -h; with base 1000 `4.1k`, as --si."""
    if size < base:
        return str(size)
    unit, letters = base, "KMGTPE" if base == 1024 else "kMGTPE"
    for letter in letters:
        if -(-size * 10 // unit) < 100:
            return f"{-(-size * 10 // unit) / 10:.1f}{letter}"
        if -(-size // unit) < base or letter == letters[-1]:
            return f"{-(-size // unit)}{letter}"
        unit *= base
    return str(size)
