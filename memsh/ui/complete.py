"""What Tab offers: commands, options, /proc paths, cache names, pids, values. Knows no terminal library.

Everything comes from the declarations (memsh.shell.registry) and from the /proc that the session reads.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import NamedTuple

from memsh.shell.registry import Command, Param
from memsh.shell.session import Session
from memsh.shell.values import fixed
from memsh.ui.words import find, inner_command, stage_at_end

TOOLS = ("free", "slabtop", "vmstat", "pmap", "top", "uptime", "pgrep")
_USAGE_LINE = re.compile(r" {1,5}((?:-\w|--[\w-]+)(?:, --[\w-]+)?)(?:[ =]+[A-Z<\[][^ ]*(?: \[[^\]]*\])?)?  +(\S.*)")


class Candidate(NamedTuple):
    """One completion: the text that replaces what stands from `start` on, and a line about it."""

    text: str
    start: int
    meta: str = ""


def complete(session: Session, text: str) -> list[Candidate]:
    """What may stand at the end of `text` (which ends at the cursor)."""
    stage = stage_at_end(text)
    if stage.words[:1] == ["#"]:
        return []
    offers = _offers(session, stage.words, stage.prefix, stage.redirect)
    seen: set[str] = set()
    found = []
    for offer, meta in offers:
        if offer.startswith(stage.prefix) and offer not in seen:
            seen.add(offer)
            found.append(Candidate(offer, stage.start, meta))
    return found


Offers = Iterator[tuple[str, str]]


def _offers(session: Session, words: list[str], prefix: str, redirect: bool) -> Offers:
    registry = session.registry
    if redirect:
        yield from _paths(session, prefix)
        return
    if prefix.startswith("$"):
        yield from _values(session, prefix)
        return
    if not words:
        yield from _commands(session)
        return
    command, rest = find(registry, words)
    if command is None:
        for member in registry.groups.get(words[-1], ()) if len(words) == 1 else ():
            yield member, registry.commands[f"{words[0]} {member}"].summary
        return
    if inner_command(command, rest) == []:
        yield from _commands(session)
    if prefix.startswith("-"):
        yield from _options(command)
        return
    param = _expected(command, rest)
    if param is not None:
        yield from _of_kind(session, param, prefix)
    elif command.name in ("ps", "pmap", "top") and rest and rest[-1] in ("-p", "p", "--pid"):
        yield from _pids(session)
    if prefix.startswith(("/", "./")):
        yield from _paths(session, prefix)


def _commands(session: Session) -> Offers:
    registry = session.registry
    for name in registry.names():
        if name in registry.commands:
            yield name, registry.commands[name].summary
        else:
            yield name, "|".join(registry.groups[name])


def _options(command: Command) -> Offers:
    if command.raw:
        yield from _tool_options(command.name)
        return
    for param in command.params:
        for flag in param.flags:
            yield flag, param.help


def _tool_options(name: str) -> Offers:
    """The options of a procps tool, out of its own help text."""
    if name not in TOOLS:
        return
    from importlib import import_module

    for line in str(import_module(f"memsh.procps.{name}").USAGE).splitlines():
        match = _USAGE_LINE.fullmatch(line)
        if match:
            for flag in match[1].split(", "):
                yield flag, match[2]


def _expected(command: Command, rest: list[str]) -> Param | None:
    """The argument that the next word is."""
    if rest and rest[-1] in command.options and command.options[rest[-1]].takes_value:
        return command.options[rest[-1]]
    given = 0
    skip = False
    for word in rest:
        if skip:
            skip = False
        elif word in command.options:
            skip = command.options[word].takes_value
        elif not word.startswith("-"):
            given += 1
    if given < len(command.positional):
        return command.positional[given]
    return command.rest


def _of_kind(session: Session, param: Param, prefix: str) -> Offers:
    if param.choices:
        for choice in param.choices:
            yield choice, param.help
        return
    kinds: dict[str, Callable[[], Offers]] = {
        "cache": lambda: _caches(session),
        "pid": lambda: _pids(session),
        "zone": lambda: _zones(session),
        "gfp": lambda: _gfp(prefix),
        "path": lambda: _paths(session, prefix),
        "program": lambda: _programs(session),
        "topic": lambda: _topics(session),
    }
    if param.words in kinds:
        yield from kinds[param.words]()


def _values(session: Session, prefix: str) -> Offers:
    if session.values:
        number, dec = session.values[-1]
        yield "$", f"the last value, {fixed(number, dec)}"
    for serial in range(len(session.values), 0, -1):
        yield f"${serial}", session.value_text(serial) or ""
    for name, text in sorted(session.variables.items()):
        yield f"${name}", text if len(text) < 40 else text[:39] + "…"
    yield "$?", "the last status"


def _caches(session: Session) -> Offers:
    for line in _lines(session, "/proc/slabinfo")[2:]:
        words = line.split()
        if len(words) > 5:
            yield words[0], f"{words[1]} of {words[2]} objects in use, {words[3]} bytes each"


def _pids(session: Session) -> Offers:
    try:
        names = session.reader.listdir("/proc")
    except (OSError, AttributeError):
        return
    for pid in sorted(int(name) for name in names if name.isdigit()):
        comm = "".join(_lines(session, f"/proc/{pid}/comm")) or _comm_of_stat(session, pid)
        yield str(pid), comm


def _comm_of_stat(session: Session, pid: int) -> str:
    text = "".join(_lines(session, f"/proc/{pid}/stat"))
    return text[text.find("(") + 1 : text.rfind(")")]


def _zones(session: Session) -> Offers:
    for line in _lines(session, "/proc/buddyinfo"):
        name = line.split("zone", 1)[-1].split()
        if name:
            yield name[0], "a memory zone"


def _gfp(prefix: str) -> Offers:
    from memsh.kernel.flags import GFP_NAMES

    head = prefix[: max(prefix.rfind("|"), prefix.rfind(","), prefix.rfind("~"), prefix.rfind("'")) + 1]
    for name, flags in GFP_NAMES.items():
        yield head + name, f"{flags:#x}"


def _programs(session: Session) -> Offers:
    from memsh.kernel import programs

    for name in sorted(getattr(programs, "PROGRAMS", ())):
        yield name, "a program on the box's disk"


def _topics(session: Session) -> Offers:
    for topic in sorted({command.topic for command in session.registry.commands.values()} - {""}):
        yield topic, "a topic"


def _lines(session: Session, path: str) -> list[str]:
    try:
        return str(session.reader.read(path)).splitlines()
    except (OSError, AttributeError):
        return []


def _paths(session: Session, prefix: str) -> Offers:
    """Files below the folder that the prefix names, of the box or of the recorded tree."""
    folder, slash, _ = prefix.rpartition("/")
    shown = folder + slash
    where = folder or ("/" if slash else ".")
    if not where.startswith("/"):
        where = f"{session.cwd.rstrip('/')}/{'' if where == '.' else where}".rstrip("/") or "/"
    for name in _names(session, where):
        path = f"{where.rstrip('/')}/{name}"
        yield (f"{shown}{name}/", "a folder") if _is_folder(session, path) else (f"{shown}{name}", "")


def _names(session: Session, where: str) -> list[str]:
    try:
        if session.files is not None:
            names = session.files.listdir(session, where)
        else:
            names = session.reader.listdir(where)
    except (OSError, AttributeError):
        return ["proc"] if where == "/" else []
    return sorted(names, key=lambda name: (name.isdigit(), int(name) if name.isdigit() else 0, name))


def _is_folder(session: Session, path: str) -> bool:
    try:
        if session.files is not None:
            session.files.listdir(session, path)
        else:
            session.reader.listdir(path)
    except (OSError, AttributeError):
        return path == "/proc"
    return True
