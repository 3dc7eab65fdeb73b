"""Command line options as glibc's getopt_long takes them, with its words for what is wrong.

Known deviations: POSIXLY_CORRECT is not looked at.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from memsh.procps.reader import Exit

VERSION = "procps-ng 4.0.2"


@dataclass(frozen=True, slots=True)
class Grammar:
    """What one program accepts.

    short: getopt's string ("bkms:"); one that begins with "+" stops at the first operand. long: name → letter or name
    of its meaning; a name that ends in "=" takes an argument, in "?" may take one. usage: the whole help text. wrong:
    the status after a mistake.
    """

    name: str
    short: str
    long: Mapping[str, str]
    usage: str
    wrong: int = 1

    def fail(self, message: str = "") -> Exit:
        """A mistake in the options: the complaint (if any) and the usage on standard error."""
        return Exit(self.wrong, f"{self.name}: {message}\n{self.usage}" if message else self.usage)

    def die(self, message: str, status: int = 1) -> Exit:
        """A mistake in a value: one line on standard error."""
        return Exit(status, f"{self.name}: {message}\n")

    def short_kind(self, letter: str) -> str | None:
        """':' if the letter takes an argument, '::' if it may, '' if not, None if there is no such option."""
        at = self.short.find(letter)
        if letter in ":+" or at < 0:
            return None
        tail = self.short[at + 1 : at + 3]
        return "::" if tail == "::" else ":" if tail[:1] == ":" else ""

    def options(self, argv: list[str], operands: list[str]) -> Iterator[tuple[str, str | None]]:
        """Each option in turn as (letter, argument); words that are none go to `operands`."""
        words = list(argv)
        at = 0
        while at < len(words):
            word = words[at]
            at += 1
            if word == "--":
                operands.extend(words[at:])
                return
            if word.startswith("--"):
                key, value, takes = self._long(word)
                if takes == "=" and value is None:
                    if at == len(words):
                        raise self.fail(f"option '--{key}' requires an argument")
                    value = words[at]
                    at += 1
                yield self._meaning(key), value
            elif word.startswith("-") and len(word) > 1:
                cluster = word[1:]
                while cluster:
                    letter, cluster = cluster[0], cluster[1:]
                    kind = self.short_kind(letter)
                    if kind is None:
                        raise self.fail(f"invalid option -- '{letter}'")
                    if not kind:
                        yield letter, None
                        continue
                    argument: str | None = cluster or None
                    cluster = ""
                    if argument is None and kind == ":":
                        if at == len(words):
                            raise self.fail(f"option requires an argument -- '{letter}'")
                        argument = words[at]
                        at += 1
                    yield letter, argument
            elif self.short.startswith("+"):
                operands.extend(words[at - 1 :])
                return
            else:
                operands.append(word)

    def _names(self) -> dict[str, str]:
        return {name.rstrip("=?"): name for name in self.long}

    def _meaning(self, key: str) -> str:
        return self.long[self._names()[key]]

    def _long(self, word: str) -> tuple[str, str | None, str]:
        key, equals, text = word[2:].partition("=")
        names = self._names()
        if key not in names:
            candidates = [name for name in names if name.startswith(key)]
            if not candidates:
                raise self.fail(f"unrecognized option '--{key}{equals}{text}'")
            if len({self.long[names[name]] for name in candidates}) > 1:
                listed = " ".join(f"'--{name}'" for name in candidates)
                raise self.fail(f"option '--{key}{equals}{text}' is ambiguous; possibilities: {listed}")
            key = candidates[0]
        mark = names[key][-1]
        takes = mark if mark in "=?" else ""
        if equals and not takes:
            raise self.fail(f"option '--{key}' doesn't allow an argument")
        return key, text if equals else None, takes

    def version(self) -> Exit:
        """What -V prints."""
        return Exit(0, stdout=f"{self.name} from {VERSION}\n")

    def help(self) -> Exit:
        """What --help prints."""
        return Exit(0, stdout=self.usage)

    def integer(self, text: str, complaint: str) -> int:
        """strtol_or_err: a whole decimal number that fits a 32-bit long."""
        if re.fullmatch(r"[ \t\n\v\f\r]*[+-]?[0-9]+", text):
            value = int(text)
            if -(1 << 31) <= value < 1 << 31:
                return value
            raise self.die(f"{complaint}: '{text}': Numerical result out of range")
        raise self.die(f"{complaint}: '{text}'")

    def seconds(self, text: str, complaint: str) -> float:
        """strtod_nol_or_err: digits with `.` or `,`."""
        match = re.fullmatch(r"[ \t\n\v\f\r]*([+-]?)([0-9]*)(?:([.,])([0-9]*))?(.*)", text, re.DOTALL)
        if not text or not match:
            raise self.die(f"{complaint}: '{text}'")
        if match[5]:
            raise self.die(f"{complaint}: '{text}'" + ("" if match[3] else ": Invalid argument"))
        value = float(f"{match[2] or '0'}.{match[4] or '0'}")
        return -value if match[1] == "-" else value


def usage(name: str, what: str, options: str, tail: str, standard: bool = True) -> str:
    """A program's help text from its parts, as all of procps lay it out."""
    common = " -h, --help     display this help and exit\n -V, --version  output version information and exit\n"
    return f"\nUsage:\n {name} {what}\n\nOptions:\n{options}{common if standard else ''}{tail}"
