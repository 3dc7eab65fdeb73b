"""kill: signals to processes, to background jobs, and to the shell itself (bash: builtins/kill.def; procps-ng's kill).

Known deviations: a job is not stopped; a signal is the shell's where it traps it, and in a `sh -c` or a script, which
it ends; it is the current process's elsewhere.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from memsh.commands.processes import named, pid, running, tell_end
from memsh.digits import is_digits
from memsh.linux.box import Box
from memsh.linux.include.flags import SIGKILL
from memsh.linux.include.sched import find_task
from memsh.linux.kernel import signal
from memsh.shell import Args, command, rest
from memsh.shell.errors import Leave, ShellError, UsageError
from memsh.shell.jobs import asked
from memsh.shell.jobspecs import KILLED, job_of

if TYPE_CHECKING:
    from memsh.shell import IO
    from memsh.shell.jobs import Job

TOPIC = "processes"


def signal_number(word: str) -> int:
    """The signal of that name or number. UsageError for none."""
    name = word.upper().removeprefix("SIG")
    if is_digits(word) and int(word) <= 64:
        return int(word)
    if name in signal.SIGNALS:
        return signal.SIGNALS[name]
    raise UsageError(f"{word}: invalid signal specification")


KILL_USAGE = """
Usage:
 kill [options] <pid> [...]

Options:
 <pid> [...]            send signal to every <pid> listed
 -<signal>, -s, --signal <signal>
                        specify the <signal> to be sent
 -q, --queue <value>    integer value to be sent with the signal
 -l, --list=[<signal>]  list all signal names, or convert one to a name
 -L, --table            list all signal names in a nice table

 -h, --help     display this help and exit
 -V, --version  output version information and exit

For more details see kill(1).
"""
COLUMNS = 7
STOPS = frozenset(signal.SIGNALS[name] for name in ("STOP", "TSTP", "TTIN", "TTOU"))
IGNORED = frozenset(signal.SIGNALS[name] for name in ("CHLD", "CONT", "URG", "WINCH"))


@command(rest("words", help="[-SIGNAL] PID or %JOB …, or -l", raw=True, meta="[-SIGNAL] PID"), topic=TOPIC)
def kill(box: Box, args: Args, io: IO) -> int:
    """send a signal to a process, or end a background job

    fork; kill -9 $

    Without -SIGNAL it is TERM. STOP and CONT stop it and let it go on; 0 only looks whether it is there. init takes
    only signals that it handles, kernel threads none. kill -l lists the names, kill -l 9 and kill -l KILL tell one, -L
    shows a table. A job, %1 in `jobs`, ends at any signal that it does not ignore.
    """
    words, sig = list(args.words), 15
    if not words:
        io.err(KILL_USAGE)
        return 2
    if words in (["-L"], ["--table"]):
        io.out(_table())
        return 0
    if words[0].startswith(("-l", "-L", "--list")):
        return _listed(io, words)
    try:
        words, sig = _options(words)
    except UsageError as error:
        raise ShellError(error.message, _wrong(io)) from None
    if not words:
        raise UsageError("PID is missing (usage: kill [-SIGNAL] PID …)")
    jobs, pids, refused = _meant(io, words)
    if not sig:
        asked(io.session)
    for job in jobs if sig else ():
        if _caught(io, job, sig):
            continue
        if sig in STOPS:
            raise ShellError(f"{signal.SIGNAL_NAMES[sig]}: a background job is not stopped here")
        if sig not in IGNORED:
            job.kill(sig)
    if pids:
        send(box, io, [number for number in pids if not _heard(box, io, number, sig)], sig)
    return 0 if jobs or pids else refused


def _wrong(io: IO) -> int:
    """The status of a word that is no signal or process: 2 at the prompt, as of all such words, 1 in a script."""
    return 2 if io.language.strict else 1


def _meant(io: IO, words: list[str]) -> tuple[list[Job], list[int], int]:
    """The jobs and processes that are named, and the status of a word that is none: it is told, the others count."""
    jobs: list[Job] = []
    pids: list[int] = []
    refused = 0
    for word in words:
        io.check()
        job = job_of(io.session, word)
        if job is not None:
            jobs.append(job)
            continue
        try:
            if not word.startswith("%"):
                pids.append(pid(word))
                continue
            io.complain(f"{word}: no such job")
            refused = refused or 1
        except ValueError:
            io.complain(f"{word}: arguments must be process or job IDs")
            refused = _wrong(io)
    return jobs, pids, refused


def _heard(box: Box, io: IO, number: int, sig: int) -> bool:
    """Whether the signal is the shell's."""
    if number and number == io.language.own_pid:
        _to_itself(io, sig)
        return True
    return _trapped(box, io, number, sig) or _ends_shell(box, io, number, sig)


def _to_itself(io: IO, sig: int) -> None:
    """`kill $BASHPID` in a ( … )."""
    traps, name = io.language.traps, signal.SIGNAL_NAMES.get(sig, "")
    if sig != SIGKILL and name in traps:
        io.session.signals.append((traps, name))
    elif sig in KILLED:
        if sig == SIGKILL:
            traps.pop("EXIT", None)
        raise Leave(128 + sig)


def _trapped(box: Box, io: IO, number: int, sig: int) -> bool:
    """Whether the shell hears a signal that is sent to `$$`: it, or one that started it, has a trap for it."""
    name = signal.SIGNAL_NAMES.get(sig, "")
    if box.current is None or number != box.current.pid or name in ("KILL", "STOP"):
        return False
    owner = next((traps for traps in io.language.shells if name in traps), None)
    if owner is not None:
        io.session.signals.append((owner, name))
    return owner is not None


def _ends_shell(box: Box, io: IO, number: int, sig: int) -> bool:
    """Whether the signal, sent to `$$` in a `sh -c` or a script, is for that shell, which it ends."""
    program = io.language.program
    if not program or box.current is None or number != box.current.pid or sig not in KILLED:
        return False
    io.session.killed.append((program, sig))
    return True


def _caught(io: IO, job: Job, sig: int) -> bool:
    """Whether a job has a trap for the signal, which it hears of when it goes on, or ignores it."""
    name = signal.SIGNAL_NAMES.get(sig, "")
    traps = job.language.traps
    if name in ("KILL", "STOP") or name not in traps:
        return False
    if traps[name]:
        io.session.signals.append((traps, name))
    return True


def _options(words: list[str]) -> tuple[list[str], int]:
    """The operands and the signal. -q VALUE goes with the signal, which no program here looks at."""
    sig = 15
    while words and words[0].startswith("-") and len(words[0]) > 1:
        word, words = words[0], words[1:]
        if word == "--":
            break
        if word in ("-s", "-n", "--signal", "-q", "--queue"):
            if not words:
                raise UsageError(f"{word} needs a value")
            value, words = words[0], words[1:]
            if word in ("-q", "--queue"):
                if not is_digits(value.lstrip("-")):
                    raise UsageError("must be an integer value to be passed with the signal.")
            else:
                sig = signal_number(value)
        elif word.startswith("--signal="):
            sig = signal_number(word[9:])
        else:
            sig = signal_number(word[1:])
    return words, sig


def _listed(io: IO, words: list[str]) -> int:
    """kill -l: all the names, or each number's name and each name's number."""
    first = words[0].removeprefix("--list").removeprefix("-l").removeprefix("-L").removeprefix("=")
    asked = ([first] if first else []) + words[1:]
    if not asked:
        io.out(" ".join(signal.SIGNALS) + "\n")
    names, status = {0: "EXIT", **signal.SIGNAL_NAMES}, 0
    for word in asked:
        known = is_digits(word) and (int(word) in names or int(word) - 128 in names)
        if known:
            io.out((names.get(int(word)) or names[int(word) - 128]) + "\n")
        elif not is_digits(word) and word.upper().removeprefix("SIG") in signal.SIGNALS:
            io.out(f"{signal_number(word)}\n")
        else:
            io.complain(f"{word}: invalid signal specification")
            status = 1
    return status


def _table() -> str:
    """kill -L."""
    cells = [f"{number:2} {name:<9}" for name, number in signal.SIGNALS.items()]
    rows = [cells[at : at + COLUMNS] for at in range(0, len(cells), COLUMNS)]
    return "".join("".join(row).rstrip() + "\n" for row in rows)


def send(box: Box, io: IO, pids: list[int], sig: int) -> None:
    """A signal to some processes; whom of them it ended is told where it was the current one. ESRCH."""
    current = running(box)
    name = named(current)
    for number in pids:
        io.check()
        signal.send_sig(box, find_task(box, number), sig)
    if box.current is not current:
        tell_end(box, io, name)
