"""chrt and ionice: by which policy processes get a CPU and the disk (util-linux 2.38.1: schedutils/chrt.c, ionice.c).

Known deviations: nobody may have a real-time policy, reset on fork or a class of I/O of his own: the kernel refuses
them with EPERM, as to those who lack CAP_SYS_NICE. SCHED_DEADLINE has no times that could be given.
"""

from __future__ import annotations

from memsh.commands.policies import launched
from memsh.commands.processes import able
from memsh.commands.tools import TOPIC, parting
from memsh.linux.box import Box
from memsh.linux.include.errno import KernelError
from memsh.linux.include.sched import SCHED_BATCH, SCHED_FIFO, SCHED_IDLE, SCHED_OTHER, SCHED_RR, Task, find_task
from memsh.procps.reader import Exit
from memsh.procps.utillinux import Opt, parse_number, program
from memsh.shell.io import IO
from memsh.shell.registry import Args, command, rest

INT = 1 << 31
POLICIES = {"o": SCHED_OTHER, "f": SCHED_FIFO, "r": SCHED_RR, "b": SCHED_BATCH, "i": SCHED_IDLE, "d": 6}
NAMES = {SCHED_OTHER: "OTHER", SCHED_FIFO: "FIFO", SCHED_RR: "RR", SCHED_BATCH: "BATCH", SCHED_IDLE: "IDLE",
         6: "DEADLINE"}  # fmt: skip
REAL_TIME = (SCHED_FIFO, SCHED_RR)
NOT_PERMITTED = "Operation not permitted"
CLASSES = ("none", "realtime", "best-effort", "idle")
CHRT = program(
    "chrt", "[options] <priority> <command> [<arg>...]\n[options] --pid <priority> <pid>\n[options] -p <pid>",
    "Show or change the real-time scheduling attributes of a process.",
    [Opt("b", "batch", "", "set policy to SCHED_BATCH"), Opt("d", "deadline", "", "set policy to SCHED_DEADLINE"),
     Opt("f", "fifo", "", "set policy to SCHED_FIFO"), Opt("i", "idle", "", "set policy to SCHED_IDLE"),
     Opt("o", "other", "", "set policy to SCHED_OTHER"), Opt("r", "rr", "", "set policy to SCHED_RR (default)"),
     Opt("R", "reset-on-fork", "", "set reset-on-fork flag"),
     Opt("a", "all-tasks", "", "operate on all the tasks (threads) for a given pid"),
     Opt("m", "max", "", "show min and max valid priorities"), Opt("p", "pid", "", "operate on existing given pid"),
     Opt("v", "verbose", "", "display status information")],
    22, section=1, in_order=True,
)  # fmt: skip
IONICE = program(
    "ionice", "[options] -p <pid>...\n[options] -P <pgid>...\n[options] -u <uid>...\n[options] <command>",
    "Show or change the I/O-scheduling class and priority of a process.",
    [Opt("c", "class", " <class>", "name or number of scheduling class,\n"
         "                          0: none, 1: realtime, 2: best-effort, 3: idle"),
     Opt("n", "classdata", " <num>", "priority (0..7) in the specified scheduling class,\n"
         "                          only for the realtime and best-effort classes"),
     Opt("p", "pid", " <pid>...", "act on these already running processes"),
     Opt("P", "pgid", " <pgrp>...", "act on already running processes in these groups"),
     Opt("t", "ignore", "", "ignore failures"),
     Opt("u", "uid", " <uid>...", "act on already running processes owned by these users")],
    24, section=1, in_order=True,
)  # fmt: skip


def _run(box: Box, io: IO, words: list[str], policy: int | None) -> int:
    def change(task: Task) -> None:
        task.policy = task.policy if policy is None else policy

    return launched(box, io, words, change)


@command(rest("words", raw=True, meta="OPTION", words="command", help="-p PID, -m"), topic=TOPIC, help_option=False)
def chrt(box: Box, args: Args, io: IO) -> int:
    """show or set the policy by which a process gets a CPU

    chrt -p 1; chrt -b -p 0 1

    -o -b -i the policies OTHER, BATCH and IDLE, at priority 0, of -p PID or of a command; -f and -r, real-time ones,
    are not permitted here. -m the priorities that there are, -a all threads.
    """
    try:
        return _chrt(box, args.words, io)
    except Exit as end:
        return parting(io, end)


def _chrt(box: Box, argv: list[str], io: IO) -> int:
    given, policy, pid = "", SCHED_RR, None
    words: list[str] = []
    for option, _ in CHRT.options(argv, words):
        given += option
        policy = POLICIES.get(option, policy)
        if option == "m":
            rows = {kind: "1/99" if kind in REAL_TIME else "0/0" for kind in NAMES}
            io.out("".join(f"SCHED_{NAMES[kind]} min/max priority\t: {row}\n" for kind, row in rows.items()))
            return 0
        if option == "p":
            pid = parse_number(CHRT, argv[-1], "invalid PID argument", least=-INT, most=INT - 1)
    if len(words) < (2 if pid is None else 1):
        raise CHRT.fail("bad usage")
    if pid is not None and ("v" in given or len(words) == 1):
        io.out("".join(_shown(task, "current") for task in _tasks(box, pid, given)))
        if len(words) == 1:
            return 0
    wanted = parse_number(CHRT, words[0], "invalid priority argument", least=-INT, most=INT - 1)
    least, most = (1, 99) if policy in REAL_TIME else (0, 0)
    if not least <= wanted <= most:
        raise CHRT.die(f"unsupported priority value for the policy: {wanted}: see --max for valid range")
    if policy in REAL_TIME or policy == POLICIES["d"] or "R" in given:
        why = "Invalid argument" if policy == POLICIES["d"] else NOT_PERMITTED
        raise CHRT.die(f"failed to set pid {pid or 0}'s policy: {why}")
    if pid is None:
        return _run(box, io, words[1:], policy)
    tasks = _tasks(box, pid, given)
    for task in tasks:
        task.policy, task.rt_priority = policy, 0
    box.changes += 1
    if "v" in given:
        io.out("".join(_shown(task, "new") for task in tasks))
    return 0


def _tasks(box: Box, pid: int, given: str) -> list[Task]:
    try:
        task = find_task(box, pid or able(box).pid)
    except KernelError:
        raise CHRT.die(f"failed to get pid {pid}'s policy: No such process") from None
    everyone = {**box.tasks, **box.threads}
    return [everyone[tid] for tid in sorted(task.signal.threads) if tid in everyone] if "a" in given else [task]


def _shown(task: Task, when: str) -> str:
    lead = f"pid {task.pid}'s {when} scheduling"
    return f"{lead} policy: SCHED_{NAMES.get(task.policy, 'OTHER')}\n{lead} priority: {task.rt_priority}\n"


@command(rest("words", raw=True, meta="OPTION", words="command", help="-p PID"), topic=TOPIC, help_option=False)
def ionice(box: Box, args: Args, io: IO) -> int:
    """show in which class a process's reads and writes are, or run a command

    ionice -p 1

    -p PID, -P GROUP, -u USER. No process has a class of its own here, and none can be given (-c, -n: not permitted).
    """
    try:
        return _ionice(box, args.words, io)
    except Exit as end:
        return parting(io, end)


def _ionice(box: Box, argv: list[str], io: IO) -> int:
    words: list[str] = []
    whose, which, kind, given = "", "", 2, ""
    names = {"p": "PID", "P": "PGID", "u": "UID"}
    for option, value in IONICE.options(argv, words):
        word = value or ""
        given += option
        if option in names:
            if whose:
                raise IONICE.die("can handle only one of pid, pgid or uid at once")
            whose, which = option, word
        elif option == "c":
            kind = CLASSES.index(word.lower()) if word.lower() in CLASSES else _class(word)
        elif option == "n":
            parse_number(IONICE, word, "invalid class data argument", least=-INT, most=INT - 1)
    if "t" not in given and "n" in given and kind in (0, 3):
        io.complain(f"ignoring given class data for {CLASSES[kind]} class")
    if "t" not in given and kind >= len(CLASSES):
        io.complain(f"unknown prio class {kind}")
    sets = "c" in given or "n" in given
    if not whose and not words and (sets or "t" in given):
        raise IONICE.fail("bad usage")
    if whose:
        ids = [parse_number(IONICE, word, f"invalid {names[whose]} argument", least=-INT, most=INT - 1)
               for word in [which, *words]]  # fmt: skip
        for number in ids:
            told = _ioprio(box, whose, number, "set" if sets else "get", "t" in given and sets)
            _refuse(sets and kind != 0 and "t" not in given)
            io.out("" if sets else told)
        return 0
    if not words:
        io.out(_ioprio(box, "p", 0, "get", False))
        return 0
    _refuse("t" not in given and (kind != 0 or not sets))
    return _run(box, io, words, None)


def _class(word: str) -> int:
    if word[:1] not in "0123456789" or not word:
        raise IONICE.die(f"unknown scheduling class: '{word}'")
    return parse_number(IONICE, word, "invalid class argument", most=INT - 1)


def _refuse(refused: bool) -> None:
    if refused:
        raise IONICE.die(f"ioprio_set failed: {NOT_PERMITTED}")


def _ioprio(box: Box, whose: str, number: int, call: str, tolerant: bool) -> str:
    """ioprio_get(): of one process what it was given, of several the best of what follows from their nice values."""
    if whose == "p":
        found = [task for task in box.tasks.values() if task.pid == (number or able(box).pid)]
    elif whose == "P":
        found = [task for task in box.tasks.values() if task.pgrp == (number or able(box).pgrp)]
    else:
        found = list(box.tasks.values()) if number == 0 else []
    if not found and not tolerant:
        raise IONICE.die(f"ioprio_{call} failed: No such process")
    if whose == "p" or not found:
        return "none: prio 0\n"
    kind, data = min((_nice_class(task), (task.nice + 20) // 5) for task in found)
    return f"{CLASSES[kind]}\n" if kind == 3 else f"{CLASSES[kind]}: prio {data}\n"


def _nice_class(task: Task) -> int:
    """task_nice_ioclass()."""
    return 3 if task.policy == SCHED_IDLE else 1 if task.policy in REAL_TIME else 2
