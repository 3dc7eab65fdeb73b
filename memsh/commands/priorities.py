"""nice, renice and nohup (GNU coreutils 9.1: src/nice.c, nohup.c; util-linux 2.38.1: sys-utils/renice.c)."""

from __future__ import annotations

import re

from memsh.commands.policies import confined
from memsh.commands.processes import able
from memsh.linux.box import Box
from memsh.linux.include.errno import KernelError
from memsh.linux.include.sched import Task, find_task, set_user_nice
from memsh.shell import IO, Args, rest
from memsh.shell.io import Input
from memsh.shell.programs import refusal, refused_status
from memsh.textutils.quoting import quote
from memsh.textutils.utility import option, utility

CANCELED = 125
_KINDS = {"pid": "process ID", "pgrp": "process group ID", "user": "user ID"}
_FLAGS = {"-p": "pid", "--pid": "pid", "-g": "pgrp", "--pgrp": "pgrp", "-u": "user", "--user": "user"}


def _old_spelling(words: list[str]) -> list[str]:
    """`nice -5 command`, `nice --5 command` are -n 5 and -n -5."""
    for at, word in enumerate(words):
        match = re.fullmatch(r"-([-+]?[0-9]+)", word)
        if match is not None:
            return [*words[:at], f"-n{match[1]}", *_old_spelling(words[at + 1 :])]
        if not re.match(r"-n.|--a.*=", word):
            break
    return words


def _adjustment(word: str) -> int:
    if re.fullmatch(r"\s*[-+]?[0-9]+", word) is None:
        raise ValueError(f"invalid adjustment {quote(word)}")
    return max(-39, min(39, int(word[:20])))


def _refused(io: IO, words: list[str], complaint: str) -> int:
    """Why a command cannot be run, told; its status, 0 if it can."""
    why = refusal(io.session, words[0])
    if why:
        io.complain(complaint.format(quote(words[0]), why))
    return refused_status(why) if why else 0


@utility(
    option("-n", "--adjustment", type=_adjustment, meta="N", help="add N (10)"),
    rest("words", meta="[COMMAND [WORD", words="command"), usage="[OPTION] [COMMAND [ARG]...]", trouble=CANCELED,
    in_order=True, rewrite=_old_spelling, topic="tools",
)  # fmt: skip
def nice(box: Box, args: Args, io: IO) -> int:
    """run a command with another nice value, or tell the present one

    nice -n 5 ./a.out

    A process that the command starts keeps it.
    """
    words: list[str] = list(args.words)
    if not words:
        if args.adjustment is not None:
            raise args.refused("a command must be given with an adjustment")
        io.out(f"{able(box).nice}\n")
        return 0
    failed = _refused(io, words, "{}: {}")
    if failed:
        return failed
    added = 10 if args.adjustment is None else args.adjustment
    return confined(box, io, words, lambda task: set_user_nice(box, task, task.nice + added))


@utility(
    option("-n", "--priority", type=str, meta="N", help="the new value"), option("--relative", help="added to the old"),
    option("-p", "--pid", help="processes (so they are)"), option("-g", "--pgrp", help="process groups"),
    option("-u", "--user", help="users"), rest("words", meta="[N] PID"), topic="tools",
    usage="[-n|--priority|--relative] <priority> [-p|--pid] <pid>...", in_order=True,
)  # fmt: skip
def renice(box: Box, args: Args, io: IO) -> int:
    """give processes another nice value

    renice -n 5 -p 1
    """
    words: list[str] = list(args.words)
    given = args.priority if args.priority is not None else words.pop(0) if words else ""
    kind = next((name for name, _ in reversed(args.typed) if name in _KINDS), "pid")
    chosen: list[tuple[str, str]] = []
    for word in words:
        if word in _FLAGS:
            kind = _FLAGS[word]
        else:
            chosen.append((kind, word))
    if not chosen:
        raise args.refused("not enough arguments")
    if re.fullmatch(r"[-+]?[0-9]+", given) is None:
        raise args.refused(f"invalid priority '{given}'")
    return max(_reniced(box, args, io, kind, word, int(given[:12])) for kind, word in chosen)


def _reniced(box: Box, args: Args, io: IO, kind: str, word: str, given: int) -> int:
    if kind == "user" and word == "root":
        word = "0"
    if re.fullmatch("[0-9]+", word) is None:
        io.complain(f"unknown user {word}" if kind == "user" else f"bad {_KINDS[kind]} value: {word}")
        return 1
    number, told = int(word[:18]), _KINDS[kind]
    tasks = _tasks(box, kind, number)
    if not tasks:
        io.complain(f"failed to get priority for {number} ({told}): No such process")
        return 1
    old = min(task.nice for task in tasks)
    for task in tasks:
        set_user_nice(box, task, given + old if args.relative else given)
    io.out(f"{number} ({told}) old priority {old}, new priority {min(task.nice for task in tasks)}\n")
    return 0


def _tasks(box: Box, kind: str, number: int) -> list[Task]:
    if kind == "pid":
        try:
            return [find_task(box, number or able(box).pid)]
        except KernelError:
            return []
    everyone = list(box.tasks.values())
    if kind == "user":
        return everyone if not number else []
    return [task for task in everyone if task.pgrp == (number or able(box).pgrp)]


@utility(
    rest("words", meta="COMMAND [WORD", words="command"), usage="COMMAND [ARG]...", trouble=CANCELED, in_order=True,
    topic="tools",
)  # fmt: skip
def nohup(box: Box, args: Args, io: IO) -> int:
    """run a command that a terminal's end does not end

    nohup ./a.out

    On a terminal what it prints goes to nohup.out.
    """
    words: list[str] = list(args.words)
    if not words:
        raise args.refused("missing operand")
    failed = _refused(io, words, "failed to run command {}: {}")
    if failed:
        return failed
    if not io.is_tty:
        return int(io.run(words, io.stdin))
    io.complain("ignoring input and appending output to 'nohup.out'")
    assert io.session.files is not None
    sink = io.session.files.open_write(io.session, "nohup.out", True)
    try:
        return int(io.run(words, Input(), sink))
    finally:
        sink.close()
