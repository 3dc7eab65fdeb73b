"""choom: how dear a process is to the OOM killer (util-linux 2.38.1, sys-utils/choom.c)."""

from __future__ import annotations

from memsh.commands.policies import launched
from memsh.commands.tools import TOPIC, parting, reader_of
from memsh.linux.box import Box
from memsh.linux.include.sched import Task
from memsh.procps.reader import Exit
from memsh.procps.utillinux import Opt, parse_number, program
from memsh.shell.io import IO
from memsh.shell.registry import Args, command, rest

INT = 1 << 31
PROGRAM = program(
    "choom", "[options] -p pid\n[options] -n number -p pid\n[options] -n number [--] command [args...]]",
    "Display and adjust OOM-killer score.",
    [Opt("n", "adjust", " <num>", "specify the adjust score value"), Opt("p", "pid", " <num>", "process ID")],
    24, section=1, in_order=True,
)  # fmt: skip
_WORDS = rest("words", raw=True, meta="OPTION", words="command", help="-p PID, -n ADJUST, a command")


@command(_WORDS, topic=TOPIC, help_option=False)
def choom(box: Box, args: Args, io: IO) -> int:
    """show or set how readily the OOM killer takes a process

    choom -n 500 -p 53; choom -p 53

    -n from -1000 (never) to 1000 (first). `choom -n N COMMAND …` runs a command so; a process that it starts keeps it.
    """
    try:
        return _choom(box, args.words, io)
    except Exit as end:
        return parting(io, end)


def _choom(box: Box, argv: list[str], io: IO) -> int:
    adjust: int | None = None
    pid = 0
    words: list[str] = []
    for option, value in PROGRAM.options(argv, words):
        what = "PID" if option == "p" else "adjust"
        number = parse_number(PROGRAM, value or "", f"invalid {what} argument", least=-INT, most=INT - 1)
        if option == "p":
            pid = number
        else:
            adjust = number
    if words and pid:
        raise PROGRAM.fail(f"invalid argument: {words[0]}")
    if not pid and not words:
        raise PROGRAM.fail("no PID or COMMAND specified")
    if words:
        if adjust is None:
            raise PROGRAM.fail("no OOM score adjust value specified")
        return _run(box, io, words, adjust)
    if adjust is None:
        io.out(f"pid {pid}'s current OOM score: {_read(box, io, pid, '')}\n")
        io.out(f"pid {pid}'s current OOM score adjust value: {_read(box, io, pid, ' adjust')}\n")
        return 0
    old = _read(box, io, pid, " adjust")
    _write(io, str(pid), adjust)
    io.out(f"pid {pid}'s OOM score adjust value changed from {old} to {adjust}\n")
    return 0


def _read(box: Box, io: IO, pid: int, which: str) -> str:
    try:
        return reader_of(box, io).read(f"/proc/{pid}/oom_score{'_adj' if which else ''}").strip()
    except OSError as error:
        raise PROGRAM.die(f"failed to read OOM score{which} value: {error.strerror or error}") from None


def _write(io: IO, pid: str, adjust: int) -> None:
    assert io.session.files is not None
    try:
        sink = io.session.files.open_write(io.session, f"/proc/{pid}/oom_score_adj", False)
        sink.write(str(adjust))
        sink.close()
    except OSError as error:
        raise PROGRAM.die(f"failed to set score adjust value: {error.strerror or error}") from None


def _run(box: Box, io: IO, words: list[str], adjust: int) -> int:
    def change(task: Task) -> None:
        _write(io, "self", adjust)

    return launched(box, io, words, change)
