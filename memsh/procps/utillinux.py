"""The options of util-linux's programs: one table makes getopt's strings and the text of --help (util-linux 2.38.1:
include/c.h, lib/strutils.c, include/optutils.h)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

from memsh.procps.options import Grammar
from memsh.procps.reader import Exit

VERSION = "util-linux 2.38.1"
ERANGE = "Numerical result out of range"


class Opt(NamedTuple):
    """letter ("" if it has none), long name, its value as --help shows it (` <list>`, `[=<list>]`), help."""

    letter: str
    long: str
    value: str
    help: str


@dataclass(frozen=True, slots=True)
class Utility(Grammar):
    """What one program of util-linux accepts. exclusive: groups of letters of which one alone may be given."""

    exclusive: tuple[str, ...] = ()

    def fail(self, message: str = "") -> Exit:
        """A mistake in the options: the complaint and where to read on."""
        lead = f"{self.name}: {message}\n" if message else ""
        return Exit(self.wrong, f"{lead}Try '{self.name} --help' for more information.\n")

    def options(self, argv: list[str], operands: list[str]) -> Iterator[tuple[str, str | None]]:
        """Each option but -h and -V, which end it."""
        seen = ""
        for letter, value in Grammar.options(self, argv, operands):
            for group in self.exclusive:
                if letter in group and any(other in group and other != letter for other in seen):
                    meaning = {meant: name.rstrip("=?") for name, meant in self.long.items()}
                    names = " ".join(f"--{meaning[one]}" for one in group)
                    raise self.die(f"mutually exclusive arguments: {names}")
            seen += letter if len(letter) == 1 else ""
            if letter == "h":
                raise self.help()
            if letter == "V":
                raise Exit(0, stdout=f"{self.name} from {VERSION}\n")
            yield letter, value


def program(
    name: str, synopsis: str, about: str, options: Iterable[Opt | str], at: int, *, section: int = 8, tail: str = "",
    common: int = 0, gap: str = "\n", exclusive: Iterable[str] = (), in_order: bool = False,
    before: tuple[str, int, Iterable[Opt]] | None = None,
) -> Utility:  # fmt: skip
    """A program. synopsis: what stands behind its name, line by line; options: with headings between them; at: the
    column in which their help begins, common: that of -h and -V, gap: what is before them; tail: what --help says
    behind the options; before: the heading, column and options of a list that stands above."""
    options = list(options)
    every = [one for one in options if isinstance(one, Opt)]
    common_options = [Opt("h", "help", "", "display this help"), Opt("V", "version", "", "display version")]
    rows = [one if isinstance(one, str) else _line(one, at) for one in options]
    rows += [gap, *(_line(one, common or at) for one in common_options)]
    every += common_options
    above = ""
    if before is not None:
        title, column, first = before[0], before[1], list(before[2])
        above = f"{title}:\n{''.join(_line(one, column) for one in first)}\n"
        every = [*first, *every]
    usage = "".join(f" {name} {line}".rstrip() + "\n" for line in synopsis.split("\n"))
    short = "".join(one.letter + {"": "", "[": "::"}.get(one.value[:1], ":") for one in every if one.letter)
    long = {one.long + {"": "", "[": "?"}.get(one.value[:1], "="): one.letter or one.long for one in every if one.long}
    what = f"\n{about}\n" if about else ""
    help = f"\nUsage:\n{usage}{what}\n{above}Options:\n{''.join(rows)}{tail}\nFor more details see {name}({section}).\n"
    return Utility(name, "+" * in_order + short, long, help, 1, tuple(exclusive))


def _line(one: Opt, at: int) -> str:
    letter = f" -{one.letter}, " if one.letter else "     "
    name = f"{letter}--{one.long}{one.value}"
    return f"{name:<{at - 1}} {one.help}\n"


def human_size(size: int, *, long: bool = False) -> str:
    """`256M`, `1.5G`, `0B`; long: `256 MiB`, `0 B` (size_to_human_string)."""
    unit = 0
    while unit < 6 and size >= 1 << 10 * (unit + 1):
        unit += 1
    whole = size >> 10 * unit
    tenths = ((size - (whole << 10 * unit)) * 1000 >> 10 * unit) + 50
    tenths //= 100
    if tenths == 10:
        whole, tenths = whole + 1, 0
    number = f"{whole}.{tenths}" if tenths else f"{whole}"
    letter = "BKMGTPE"[unit]
    return f"{number} {letter}{'iB' * (unit > 0)}" if long else number + letter


_SIZE = re.compile(r"\s*\+?(0[xX][0-9a-fA-F]+|[0-9]+)(?:[.]([0-9]+))?(?:([KMGTPEZYkmgtpezy])(iB|B)?)?", re.ASCII)


def parse_size(program: Grammar, word: str, complaint: str) -> int:
    """strtosize_or_err: `128M`, `1.5GiB`, `2GB` (of 1000), `0x1000`; in bytes."""
    match = _SIZE.fullmatch(word)
    if match is None or (match[2] and not match[3]):
        raise program.die(f"{complaint}: '{word}': Invalid argument")
    digits, fraction = match[1].lower(), match[2] or ""
    octal = re.fullmatch("0[0-7]+", digits) is not None
    whole = int(digits, 16 if digits.startswith("0x") else 8 if octal else 10)
    power = "KMGTPEZY".index(match[3].upper()) + 1 if match[3] else 0
    unit = int((1000 if match[4] == "B" else 1024) ** power)
    size = whole * unit + (int(fraction) * unit // 10 ** len(fraction) if fraction else 0)
    if size >> 64:
        raise program.die(f"{complaint}: '{word}': {ERANGE}")
    return size


def parse_number(
    program: Grammar, word: str, complaint: str, *, least: int = 0, most: int = (1 << 64) - 1, base: int = 10
) -> int:
    """strtou64_or_err and its kin: a whole number of that base."""
    digits = "0-9" if base == 10 else "0-9a-fA-F"
    lead = "" if base == 10 else "(?:0[xX])?"
    sign = "[-+]?" if least < 0 else "\\+?"
    if re.fullmatch(rf"\s*{sign}{lead}[{digits}]+", word, re.ASCII) is None:
        raise program.die(f"{complaint}: '{word}'")
    value = int(word, base)
    if not least <= value <= most:
        raise program.die(f"{complaint}: '{word}': {ERANGE}")
    return value
