"""What Tab offers: commands, options, /proc paths, cache names, pids, values. Knows no terminal library.

Everything comes from the declarations (memsh.shell.registry) and from the /proc that the session reads.
"""

from __future__ import annotations

import re
from importlib import import_module
from typing import NamedTuple

from memsh.shell.registry import Command
from memsh.shell.session import Session
from memsh.ui import kinds
from memsh.ui.kinds import Offers
from memsh.ui.words import expected, find, inner_command, stage_at_end

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



def _offers(session: Session, words: list[str], prefix: str, redirect: bool) -> Offers:
    registry = session.registry
    if redirect:
        yield from kinds.paths(session, prefix)
        return
    if prefix.startswith("${"):
        yield from ((f"${{{value[1:]}}}", meta) for value, meta in kinds.values(session) if value[1:].isidentifier())
        return
    if prefix.startswith("$"):
        yield from kinds.values(session)
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
        if command.name == "kill":
            yield from kinds.signals()
        yield from _options(command)
        return
    param = expected(command, rest)
    if command.name in ("ps", "pmap", "top") and rest and rest[-1] in ("-p", "p", "--pid"):
        yield from kinds.pids(session)
    elif param is not None:
        yield from kinds.of_kind(session, command, param, prefix)
    if prefix.startswith(("/", "./")):
        yield from kinds.paths(session, prefix)


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

    for line in str(import_module(f"memsh.procps.{name}").USAGE).splitlines():
        match = _USAGE_LINE.fullmatch(line)
        if match:
            for flag in match[1].split(", "):
                yield flag, match[2]
