"""One declaration for a text tool, and GNU's getopt_long for all of them: what it takes, its error words, its statuses.

    @utility(option("-n", "--quiet"), option("-e", type=str, many=True), rest("files"), usage="[OPTION]... [FILE]...")
    def tool(box, args, io): …

Options may stand among the operands (unless `in_order`), letters cluster, long names may be cut short; an option that
is not known, lacks its value or must not have one is refused in getopt's words with the tool's own status. An option
with `many` collects, and `args.typed` holds the options in the order they were typed.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from functools import wraps
from typing import Any

from memsh.digits import is_digits
from memsh.shell import ShellError
from memsh.shell.io import IO
from memsh.shell.registry import REGISTRY, Args, Command, Converter, Param, Registry

TOPIC = "text"
Body = Callable[[Any, Args, IO], Any]
Rewrite = Callable[[list[str]], list[str]]


class Option(Param):
    """An option. `many`: its values collect in a list. `optional`: its value is only what is written onto it. `bare`:
    its letters that never have one, in whatever cluster they stand. `lacks`: why it is refused here."""

    __slots__ = ("bare", "lacks", "many", "optional")

    def __init__(
        self, flags: tuple[str, ...], convert: Converter | None, default: Any, help: str, name: str, meta: str | None,
        many: bool, optional: Any, bare: str, lacks: str,
    ) -> None:  # fmt: skip
        super().__init__("opt", name, convert, default, help, meta, None, flags)
        self.lacks = lacks
        self.bare = bare
        self.many = many
        self.optional = optional

    @property
    def hidden(self) -> bool:
        return bool(self.lacks)

    def absent(self) -> Any:
        if self.many:
            return []
        return self.default if self.takes_value else bool(self.default)


def option(
    *flags: str, type: Converter | None = None, default: Any = None, help: str = "", name: str | None = None,
    meta: str | None = None, many: bool = False, optional: Any = None, bare: str = "", lacks: str = "",
) -> Option:  # fmt: skip
    """An option, named in Args after its longest form. `optional`: the value it has when none is written onto it."""
    named = name or max(flags, key=len).lstrip("-").replace("-", "_")
    return Option(flags, type, default, help, named, meta, many, optional, bare, lacks)


class Refusal(ShellError):
    """What a tool's own usage refuses, with the line that says where to read on."""


class Utility(Command):
    """A command whose words are read as GNU's getopt_long reads them."""

    program = True
    __slots__ = ("advice", "in_order", "rewrite", "synopsis", "trouble", "usage_line")

    def __init__(
        self, name: str, params: tuple[Param, ...], func: Body, topic: str, trouble: int, usage: str, usage_line: bool,
        in_order: bool, rewrite: Rewrite | None, signed: bool = False,
    ) -> None:  # fmt: skip
        super().__init__(name, params, func, topic, False, True)
        self.trouble = trouble
        self.synopsis = usage
        self.usage_line = usage_line
        self.advice = f"{name}: " if signed else ""  # diffutils' tools say their name once more
        self.in_order = in_order
        self.rewrite = rewrite

    def refused(self, message: str) -> Refusal:
        """`message` with "Try … --help", in the form of this tool."""
        usage = f"Usage: {self.name} {self.synopsis}\n" if self.usage_line else ""
        lead = f"{message}\n" if message else ""
        refusal = Refusal(f"{lead}{usage}{self.advice}Try '{self.name} --help' for more information.", self.trouble)
        refusal.bare = not message
        return refusal

    def parse(self, words: list[str], bits: int = 32) -> Args:
        values: dict[str, Any] = {}
        typed: list[tuple[str, Any]] = []
        plain = self._options(self.rewrite(words) if self.rewrite is not None else words, values, typed)
        for param in self.positional:
            if plain:
                values[param.name] = self._converted(param, plain.pop(0))
            elif param.required:
                raise self.refused("missing operand")
        if self.rest is not None:
            values[self.rest.name] = plain
        elif plain:
            raise self.refused(f"extra operand '{plain[0]}'")
        for param in self.params:
            if param.name not in values:
                values[param.name] = param.absent()
        return Args({"typed": typed, "refused": self.refused, "again": self.parse, "version": False, **values})

    def _options(self, words: list[str], values: dict[str, Any], typed: list[tuple[str, Any]]) -> list[str]:
        """Move the options into `values`; answers the operands."""
        plain: list[str] = []
        place = 0
        while place < len(words):
            word = words[place]
            place += 1
            if word == "--":
                return plain + words[place:]
            if len(word) < 2 or word[0] != "-":
                if self.in_order:
                    return words[place - 1 :]
                plain.append(word)
            elif word.startswith("--"):
                place = self._long_option(word, words, place, values, typed)
            else:
                place = self._letters(word, words, place, values, typed)
        return plain

    def _long_option(
        self, word: str, words: list[str], place: int, values: dict[str, Any], typed: list[tuple[str, Any]]
    ) -> int:
        flag, equals, text = word.partition("=")
        if flag == "--version":
            values["version"] = True
            return place
        param = self.options.get(flag)
        if param is None:
            matching = [known for known in self.options if known.startswith(flag)]
            if len({id(self.options[known]) for known in matching}) > 1:
                shown = " ".join(f"'{known}'" for known in matching)
                raise self.refused(f"option '{word}' is ambiguous; possibilities: {shown}")
            if not matching:
                raise self.refused(f"unrecognized option '{word}'")
            flag = matching[0]
            param = self.options[flag]
        assert isinstance(param, Option)
        if not param.takes_value:
            if equals:
                raise self.refused(f"option '{flag}' doesn't allow an argument")
            self._keep(param, True, values, typed)
        elif equals:
            self._keep(param, self._converted(param, text), values, typed)
        elif param.optional is not None:
            self._keep(param, param.optional, values, typed)
        elif place < len(words):
            self._keep(param, self._converted(param, words[place]), values, typed)
            place += 1
        else:
            raise self.refused(f"option '{flag}' requires an argument")
        return place

    def _letters(
        self, word: str, words: list[str], place: int, values: dict[str, Any], typed: list[tuple[str, Any]]
    ) -> int:
        for at in range(1, len(word)):
            param = self.options.get("-" + word[at])
            if param is None:
                raise self.refused(f"invalid option -- '{word[at]}'")
            assert isinstance(param, Option)
            if not param.takes_value or word[at] in param.bare:
                self._keep(param, param.optional if param.takes_value else True, values, typed)
                continue
            text = word[at + 1 :]
            if not text and param.optional is not None:
                self._keep(param, param.optional, values, typed)
                return place
            if not text:
                if place >= len(words):
                    raise self.refused(f"option requires an argument -- '{word[at]}'")
                text = words[place]
                place += 1
            self._keep(param, self._converted(param, text), values, typed)
            return place
        return place

    def _keep(self, param: Option, value: Any, values: dict[str, Any], typed: list[tuple[str, Any]]) -> None:
        if param.lacks:
            raise ShellError(f"{max(param.flags, key=len)}: {param.lacks}", self.trouble)
        typed.append((param.name, value))
        if param.many:
            values.setdefault(param.name, []).append(value)
        else:
            values[param.name] = value

    def _converted(self, param: Param, word: str) -> Any:
        if param.type is None:
            return word
        try:
            return param.type(word)
        except Misused as error:
            raise self.refused(str(error)) from None
        except NoChoice as error:
            raise Refusal(self.refused(str(error)).message, 1) from None
        except ValueError as error:
            raise ShellError(str(error), self.trouble) from None


class Misused(ValueError):
    """A value that is none, told with "Try … --help" and the tool's own status."""


class NoChoice(ValueError):
    """A word that is none of those that an option takes."""


def one_of(what: str, *words: str) -> Converter:
    """A converter: one of the words, which may be cut short; those that mean the same stand in one, `none/off`, and
    the first of them is the answer (GNU's argmatch.c). `what` is how the refusal names the option."""
    meant = {name: word.split("/")[0] for word in words for name in word.split("/")}

    def convert(word: str) -> str:
        close = {meant[name] for name in meant if name.startswith(word)}
        if word in meant:
            return meant[word]
        if len(close) == 1:
            return close.pop()
        listed = "".join(f"\n  - '{word}'" for word in words).replace("/", "', '")
        raise NoChoice(f"{'ambiguous' if close else 'invalid'} argument '{word}' for '{what}'\n"
                       f"Valid arguments are:{listed}")  # fmt: skip

    return convert


def utility(
    *params: Param, name: str | None = None, usage: str = "[OPTION]... [FILE]...", trouble: int = 1,
    usage_line: bool = False, in_order: bool = False, rewrite: Rewrite | None = None, signed: bool = False,
    topic: str = TOPIC, registry: Registry | None = None,
) -> Callable[[Body], Body]:  # fmt: skip
    """Declare the decorated function as a text tool. `trouble` is its status for wrong usage; `rewrite` turns older
    spellings (`head -5`) into options before they are read."""

    def declare(func: Body) -> Body:
        @wraps(func)
        def body(box: object, args: Args, io: IO) -> Any:
            if args.version:
                io.out(f"{tool.name} (memsh): this is not GNU {tool.name} version 1.0, but does as it does\n")
                return 0
            return func(box, args, io)

        tool = Utility(
            name or func.__name__.strip("_"), params, body, topic, trouble, usage, usage_line, in_order, rewrite, signed
        )  # fmt: skip
        (REGISTRY if registry is None else registry).add(tool)
        return func

    return declare


def whole_number(what: str, least: int = 0, quote: str = "'{}'", beyond: str = "") -> Converter:
    """A converter: a decimal number from `least` up; `what` ("invalid number of bytes") begins the refusal, `beyond`
    ends that of a number that is too small."""

    def convert(word: str) -> int:
        if not is_digits(word.strip().lstrip("+")) or len(word) > 20:
            raise ValueError(f"{what}: {quote.format(word)}")
        if int(word) < least:
            raise ValueError(f"{what}: {quote.format(word)}{beyond}")
        return int(word)

    return convert


def last_typed(args: Args, *names: str) -> str:
    """Which of these options counts: the last that was typed. "" for none."""
    return next((name for name, _ in reversed(args.typed) if name in names), "")


_SUFFIXES: dict[str, int] = {
    "": 1, "b": 512, **{letter: 1024**power for power, letter in enumerate("KMGTPE", 1)},
    "k": 1024, "m": 1024**2, **{f"{letter}B": 1000**power for power, letter in enumerate("KMGTPE", 1)}, "kB": 1000,
    **{f"{letter}iB": 1024**power for power, letter in enumerate("KMGTPE", 1)},
}  # fmt: skip


def sized(word: str, suffixes: Iterable[str] | None = None) -> int | None:
    """`50M`, `2kB`, `7` as a number; None if it is none (GNU's xstrtol)."""
    digits = len(word) - len(word.lstrip("0123456789"))
    suffix = word[digits:]
    if not digits or digits > 20 or suffix not in _SUFFIXES or (suffixes is not None and suffix not in suffixes):
        return None
    return int(word[:digits]) * _SUFFIXES[suffix]


def counted(word: str) -> int | None:
    """The same, and `0x1f`."""
    return int(word, 16) if re.fullmatch("0[xX][0-9a-fA-F]+", word) else sized(word)
