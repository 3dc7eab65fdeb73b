"""One declaration per command: its name, arguments, help, man page, Tab and "did you mean" come from this object.

    @command(arg("size", type=size, help="bytes; k, M, G allowed"), opt("-v", help="say more"), topic="kernel memory")
    def kmalloc(box, args, io):
        \"\"\"one line of summary

        kmalloc 64

        more text, for man
        \"\"\"

A name of two words (`kmem_cache create`) declares one member of a group.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

from memsh.alike import alike
from memsh.digits import is_digits
from memsh.shell.errors import UsageError

if TYPE_CHECKING:
    from memsh.linux.box import Box
    from memsh.shell.io import IO
    from memsh.shell.session import Session

Func = Callable[["Box", "Args", "IO"], "int | None"]
Converter = Callable[..., Any]
Meant = Callable[[list[str], bool], bool]  # whether the words are for the shell, and whether a script has them
_MISSING: Any = object()


_UNCHANGING = frozenset([str, int, bool, type(None)])
_KNOWN = 64  # lines of arguments that a command remembers


class Args:
    """The parsed arguments, one attribute each."""

    def __init__(self, values: dict[str, Any]) -> None:
        self.__dict__.update(values)

    def __getattr__(self, name: str) -> Any:
        raise AttributeError(name)

    def __repr__(self) -> str:
        return f"Args({self.__dict__!r})"


class Param:
    """One argument, option or tail of a command. `name` is the attribute in Args, `meta` the word shown in usage."""

    __slots__ = (
        "choices", "default", "flags", "help", "kind", "meta", "name", "of_word", "raw", "required", "type", "words",
    )  # fmt: skip

    def __init__(
        self, kind: str, name: str, convert: Converter | None, default: Any, help: str, meta: str | None,
        choices: Iterable[str] | None = None, flags: tuple[str, ...] = (), raw: bool = False, words: str = "",
    ) -> None:  # fmt: skip
        self.kind = kind
        self.name = name
        self.type = convert
        self.required = default is _MISSING
        self.default = None if default is _MISSING else default
        self.help = help
        self.choices = tuple(choices) if choices is not None else None
        self.of_word = hasattr(convert, "of_word")  # whether the converter is told how many bits a word has
        self.meta = meta or ("|".join(self.choices) if self.choices and len(self.choices) < 5 else name.upper())
        self.flags = flags
        self.raw = raw
        self.words = words

    @property
    def takes_value(self) -> bool:
        return self.type is not None or self.choices is not None

    @property
    def hidden(self) -> bool:
        """Whether its usage is not told: it is known only to be refused."""
        return False

    def usage(self) -> str:
        if self.kind == "opt":
            shown = f"{self.flags[0]} {self.meta}" if self.takes_value else self.flags[0]
            return f"[{shown}]"
        if self.kind == "rest":
            shown = f"{self.meta} …" + "]" * (self.meta.count("[") - self.meta.count("]"))
            return shown if self.required or shown.startswith("[") else f"[{shown}]"
        return self.meta if self.required else f"[{self.meta}]"

    def convert(self, word: str, bits: int = 32) -> Any:
        """The word as the command wants it, on a machine of `bits` bits. UsageError with a sentence otherwise."""
        if self.choices is not None and word not in self.choices:
            close = alike(word, self.choices, 1)
            hint = f" (did you mean {close[0]}?)" if close else ""
            raise UsageError(f"{self.meta if self.kind != 'opt' else self.flags[0]}: '{word}' is not one of "
                             f"{', '.join(self.choices)}{hint}")  # fmt: skip
        if self.type is None:
            return word
        try:
            return self.type(word, bits) if self.of_word else self.type(word)
        except ValueError as error:
            raise UsageError(str(error) or f"'{word}' is not a {self.meta}") from None

    def absent(self) -> Any:
        """The value when it was not typed; a default given as a word is converted as if it had been."""
        if self.kind == "opt" and not self.takes_value:
            return self.default if self.default is not None else False
        if isinstance(self.default, str) and self.type is not None:
            return self.type(self.default)
        if self.kind == "rest" and self.default is None:
            return []
        return self.default


def arg(
    name: str, type: Converter | None = None, default: Any = _MISSING, help: str = "", *,
    meta: str | None = None, choices: Iterable[str] | None = None, words: str = "",
) -> Param:  # fmt: skip
    """A positional argument; optional when it has a default. `words` names what Tab offers ("path", "command", …)."""
    return Param("arg", name, type, default, help, meta, choices, words=words)


def opt(
    *flags: str, type: Converter | None = None, default: Any = None, help: str = "", name: str | None = None,
    meta: str | None = None, choices: Iterable[str] | None = None,
) -> Param:  # fmt: skip
    """An option: a flag (False/True), or with `type` or `choices` one that takes a value. Named after its long form.

    A flag with `meta` may have a value after `=`, as it was typed.
    """
    assert flags and all(flag.startswith("-") for flag in flags)
    named = name or max(flags, key=len).lstrip("-").replace("-", "_")
    return Param("opt", named, type, default, help, meta, choices, flags)


def rest(
    name: str, type: Converter | None = None, help: str = "", *, required: bool = False, raw: bool = False,
    meta: str | None = None, words: str = "",
) -> Param:  # fmt: skip
    """All remaining words, as a list. With `raw`, options among and before them are left alone."""
    default = _MISSING if required else None
    return Param("rest", name, type, default, help, meta, None, raw=raw, words=words)


class Command:
    """One command as declared. `topic` is the heading that `help` puts it under; `changes`: see command(). `program`:
    it knows nothing of the script that runs it, and so names no place there when it refuses."""

    program = False

    __slots__ = (
        "_doc",
        "_known",
        "_short",
        "alone",
        "changes",
        "func",
        "hands_on",
        "help_option",
        "looks",
        "module",
        "name",
        "needs_box",
        "options",
        "outside",
        "params",
        "positional",
        "raw",
        "rest",
        "runs_line",
        "shell",
        "topic",
    )  # fmt: skip

    def __init__(
        self, name: str, params: tuple[Param, ...], func: Func, topic: str, needs_box: bool, help_option: bool
    ) -> None:
        self.name = name
        self.params = params
        self.func = func
        self.topic = topic
        self.needs_box = needs_box
        self.help_option = help_option
        self.changes = False
        self.hands_on = False
        self.looks = False
        self.outside: bool | Callable[[Session, Args], bool] = False
        self.alone = False
        self.shell = False
        self.runs_line = False
        self.module = func.__module__
        self._doc = func.__doc__ or ""
        self._short: tuple[str, list[str], str] | None = None
        self._known: dict[tuple[Any, ...], dict[str, Any]] = {}  # what parse() has made of words
        self.positional = [param for param in params if param.kind == "arg"]
        tails = [param for param in params if param.kind == "rest"]
        self.rest = tails[0] if tails else None
        self.raw = bool(tails and tails[0].raw)
        self.options = {flag: param for param in params for flag in param.flags}

    def _split(self) -> tuple[str, list[str], str]:
        if self._short is None:
            paragraphs = inspect.cleandoc(self._doc).split("\n\n")
            example = paragraphs[1].splitlines() if len(paragraphs) > 1 else []
            self._short = (
                " ".join(paragraphs[0].split()), [line.strip() for line in example], "\n\n".join(paragraphs[2:])
            )  # fmt: skip
        return self._short

    @property
    def summary(self) -> str:
        return self._split()[0]

    @property
    def example(self) -> list[str]:
        return self._split()[1]

    @property
    def doc(self) -> str:
        return self._split()[2]

    def usage(self) -> str:
        params = [param for param in self.params if not param.hidden]
        letters = [param for param in params if param.flags and len(param.flags[0]) == 2 and not param.takes_value]
        if len(letters) < 3:
            return " ".join([self.name, *(param.usage() for param in params)])
        together = f"[-{''.join(param.flags[0][1] for param in letters)}]"
        return " ".join([self.name, together, *(param.usage() for param in params if param not in letters)])

    def wrong(self, message: str) -> UsageError:
        return UsageError(f"{message} (usage: {self.usage()})")

    def parse(self, words: list[str], bits: int = 32) -> Args:
        """Words after the name → Args, on a machine of `bits` bits. UsageError says what is wrong, how it is typed."""
        asked = (bits, *words)
        known = self._known.get(asked)
        if known is not None:
            return Args(known)
        values = self._values(words, bits)
        if _UNCHANGING.issuperset(map(type, values.values())):  # in loops the same is asked for
            if len(self._known) >= _KNOWN:
                self._known.clear()
            self._known[asked] = values
        return Args(values)

    def _values(self, words: list[str], bits: int) -> dict[str, Any]:
        """What the words are, by the names of the parameters."""
        values: dict[str, Any] = {}
        dashed = not self.raw and any(word[:1] == "-" for word in words)
        plain = self._take_options(words, values, bits) if dashed else words
        place, given = 0, len(plain)
        for param in self.positional:
            if place < given:
                values[param.name] = param.convert(plain[place], bits)
                place += 1
            elif param.required:
                raise self.wrong(f"{param.meta} is missing")
        if self.rest is not None:
            tail = plain[place:]
            if tail:
                values[self.rest.name] = [self.rest.convert(word, bits) for word in tail]
            elif self.rest.required:
                raise self.wrong(f"{self.rest.meta} is missing")
        elif place < given:
            raise self.wrong(f"'{plain[place]}' is one word too many")
        for param in self.params:
            if param.name not in values:
                values[param.name] = param.absent()
        return values

    def _take_options(self, words: list[str], values: dict[str, Any], bits: int) -> list[str]:
        """Move the options among `words` into `values`; the others remain."""
        plain: list[str] = []
        place = 0
        while place < len(words):
            word = words[place]
            place += 1
            if word == "--":
                plain += words[place:]
                break
            if len(word) < 2 or word[0] != "-" or (is_digits(word[1]) and word[:2] not in self.options):
                plain.append(word)
            elif word.startswith("--"):
                place = self._long(word, words, place, values, bits)
            elif word in self.options:  # also `-name` of find and the like
                place = self._store(self.options[word], word, None, words, place, values, bits)
            else:
                place = self._cluster(word, words, place, values, bits)
        return plain

    def _long(self, word: str, words: list[str], place: int, values: dict[str, Any], bits: int) -> int:
        flag, equals, value = word.partition("=")
        param = self.options.get(flag)
        if param is None:
            matching = [known for known in self.options if known.startswith(flag)]
            if len({id(self.options[known]) for known in matching}) != 1:
                raise self._unknown(flag)
            param = self.options[matching[0]]
        return self._store(param, flag, value if equals else None, words, place, values, bits)

    def _cluster(self, word: str, words: list[str], place: int, values: dict[str, Any], bits: int) -> int:
        """`-xq`, `-n5`: several flags in one word, the last of which may take what follows."""
        for i in range(1, len(word)):
            param = self.options.get("-" + word[i])
            if param is None:
                raise self._unknown("-" + word[i])
            if param.takes_value:
                return self._store(param, "-" + word[i], word[i + 1 :] or None, words, place, values, bits)
            values[param.name] = True
        return place

    def _store(
        self, param: Param, flag: str, value: str | None, words: list[str], place: int, values: dict[str, Any],
        bits: int,
    ) -> int:
        if not param.takes_value:
            if value is not None and param.meta == param.name.upper():
                raise self.wrong(f"{flag} takes no value")
            values[param.name] = True if value is None else value
            return place
        if value is None:
            if place >= len(words):
                raise self.wrong(f"{flag} needs a value")
            value = words[place]
            place += 1
        values[param.name] = param.convert(value, bits)
        return place

    def _unknown(self, flag: str) -> UsageError:
        close = alike(flag, self.options, 1)
        return self.wrong(f"there is no option {flag}" + (f"; did you mean {close[0]}?" if close else ""))


class Registry:
    """Every command by name."""

    def __init__(self) -> None:
        self.commands: dict[str, Command] = {}
        self._names: list[str] | None = None  # names(), until another one comes
        self.groups: dict[str, list[str]] = {}
        self.for_lines: set[object] = set()  # names of those that stand for a line
        self.alone: set[object] = set()  # and of those that move the session
        self.shared: dict[str, tuple[Command, Meant]] = {}  # the shell's, and when it is meant
        self.clock: Callable[[Session, str], str] | None = None  # (session, layout) → the box's date and time
        self.times: Callable[[Session], list[int]] | None = None  # (session) → real, user and system time in µs
        self.regex: Callable[[str, str, bool], list[str]] | None = None  # (pattern, text, ignore case) → its groups

    def add(self, declared: Command) -> None:
        if not (declared.func.__doc__ or "").strip():
            raise ValueError(f"command {declared.name}: a command needs a docstring")
        if declared.name in self.commands or declared.name in self.groups:
            raise ValueError(f"command {declared.name} is declared twice")
        self.commands[declared.name] = declared
        self._names = None
        if declared.runs_line:
            self.for_lines.add(declared.name)
        if declared.alone:
            self.alone.add(declared.name)
        group, _, member = declared.name.partition(" ")
        if member:
            if group in self.commands:
                raise ValueError(f"command {group} is declared twice")
            self.groups.setdefault(group, []).append(member)

    def knows(self, name: str) -> bool:
        return name in self.commands or name in self.groups or self._program(name) != ""

    def _program(self, name: str) -> str:
        """`./a.out` and `/bin/a.out` run a program of the box: what `run` is given for it, "" for any other word."""
        if "run" not in self.commands or not name.startswith(("./", "/")) or len(name) < 3:
            return ""
        return name.removeprefix("./") if "/" not in name[2:] or name[0] == "/" else name[1:]

    def names(self) -> list[str]:
        """What can be typed as a first word, in alphabetical order."""
        if self._names is None:
            self._names = sorted({name.partition(" ")[0] for name in self.commands})
        return list(self._names)

    def find(self, words: list[str], script: bool = False) -> tuple[Command, list[str]] | None:
        """The command that `words` call, perhaps in a script, and the words left for it; None if there is none."""
        found = self.commands.get(words[0])
        if found is not None:
            other = self.shared.get(words[0])
            if other is not None and other[1](words[1:], script):
                return other[0], words[1:]
            return found, words[1:]
        members = self.groups.get(words[0])
        if members is None:
            program = self._program(words[0])
            return (self.commands["run"], [program, *words[1:]]) if program else None
        if len(words) > 1 and words[1] in members:
            return self.commands[f"{words[0]} {words[1]}"], words[2:]
        listed = ", ".join(members)
        if len(words) == 1 or words[1] in ("-h", "--help"):
            raise UsageError(f"say what to do: {listed} (usage: {words[0]} {'|'.join(members)} …)")
        close = alike(words[1], members, 1)
        hint = f"; did you mean {words[0]} {close[0]}?" if close else ""
        raise UsageError(f"'{words[1]}' is not one of {listed}{hint}")

    def like(self, name: str) -> list[str]:
        """Up to three names that the user may have meant, the likeliest first."""
        lowered = name.lower()
        names = self.names()
        exact = [known for known in names if known.lower() == lowered]
        close = alike(lowered, names, 3, 0.6)
        return exact or close


REGISTRY = Registry()


def command(
    *params: Param, name: str | None = None, topic: str = "", needs_box: bool = True, help_option: bool = True,
    changes: bool | None = None, looks: bool = False, hands_on: bool = False, shell: bool = False,
    shared: Meant | None = None, registry: Registry | None = None, alone: bool = False,
    outside: bool | Callable[[Session, Args], bool] = False, runs_line: bool = False,
) -> Callable[[Func], Func]:  # fmt: skip
    """Declare the decorated function as a command named after it (or `name`).

    `changes`: it works on the machine, and a machine whose kernel has panicked refuses it. By default that is so for
    kernel memory; the processes' own commands refuse by themselves. `looks`: it only looks at the machine, so Ctrl-C
    ends it wherever it is; what it says is printed when it is done. `hands_on`: it runs its `words`, and `> FILE` is
    theirs. `shell`: it changes the language's state (a builtin). `shared`: a name that a memory command has too; it
    is meant when this says so of its words and of whether a script has them. `outside`: it belongs to the session or
    the host (a function says of a session and its arguments whether it does), and `alone` moves the session: see
    told.py. `runs_line`: it stands for the line that it is given, whose failures and `$_` are seen to inside.
    """

    def declare(func: Func) -> Func:
        named = name or getattr(func, "__name__", "").strip("_")
        declared = Command(named, params, func, topic, needs_box, help_option)
        declared.changes = topic == "kernel memory" if changes is None else changes
        declared.looks = looks
        declared.alone, declared.outside = alone, outside or alone
        declared.hands_on = hands_on
        declared.shell = shell
        declared.runs_line = runs_line
        place = REGISTRY if registry is None else registry
        if shared is not None:
            place.shared[named] = declared, shared
        else:
            place.add(declared)
        return func

    return declare
