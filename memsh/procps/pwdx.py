"""pwdx: the directory that a process works in (procps-ng 4.0.2, src/pwdx.c)."""

from __future__ import annotations

import re

from memsh.procps.options import Grammar, usage
from memsh.procps.reader import Exit, Frames, ProcReader, Result, finish

USAGE = usage("pwdx", "[options] pid...", "", "\nFor more details see pwdx(1).\n")
GRAMMAR = Grammar("pwdx", "hV", {"help": "h", "version": "V"}, USAGE)


def run(reader: ProcReader, argv: list[str]) -> Result:
    """Print `PID: directory` for each; `argv` without the program's name. Status 1: one could not be told."""
    return finish(frames(reader, argv))


def frames(reader: ProcReader, argv: list[str]) -> Frames:
    """The whole answer at once."""
    operands: list[str] = []
    for option, _ in GRAMMAR.options(argv, operands):
        raise GRAMMAR.help() if option == "h" else GRAMMAR.version()
    if not operands:
        raise GRAMMAR.fail()
    link = getattr(reader, "readlink", None)
    complaints = ""
    for word in operands:
        pid = word.removeprefix("/proc/")
        if not re.fullmatch("[1-9][0-9]*", pid):
            raise Exit(1, f"{complaints}pwdx: invalid process id: {word}\n")
        target = None
        try:
            reader.read(f"/proc/{pid}/stat")
            target = link(f"/proc/{pid}/cwd") if link is not None else None
        except OSError as error:
            why = "No such process" if error.strerror == "No such file or directory" else error.strerror
            complaints += f"{word}: {why}\n"
            continue
        if target is None:
            complaints += f"{word}: Permission denied\n"
        else:
            yield f"{word}: {target}\n"
    if complaints:
        raise Exit(1, complaints)
