"""What a process may use, and what its files do not get: ulimit and umask (bash 5.2), prlimit (util-linux 2.38).

The shell here is no process: ulimit and umask are the current process's, and its children have them.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from memsh.commands.processes import running
from memsh.digits import is_digits
from memsh.linux.include import resource as limits
from memsh.linux.include.errno import KernelError
from memsh.linux.include.sched import Task, find_pid
from memsh.linux.kernel import sys as kernel
from memsh.shell import IO, Args, command, rest
from memsh.shell.errors import ShellError

if TYPE_CHECKING:
    from memsh.linux.box import Box

TOPIC = "processes"
UINT64_MAX = (1 << 64) - 1


class Ulimit(NamedTuple):
    """A row of bash's table: the number (-1: the pipe's size, which is no limit), bytes in a unit."""

    number: int
    factor: int
    description: str
    units: str


PIPE = -1
PIPE_BLOCKS = 8  # of 512 bytes that are written in one piece
ULIMITS = {
    "R": Ulimit(limits.RLIMIT_RTTIME, 1, "real-time non-blocking time", "microseconds"),
    "c": Ulimit(limits.RLIMIT_CORE, 1024, "core file size", "blocks"),
    "d": Ulimit(limits.RLIMIT_DATA, 1024, "data seg size", "kbytes"),
    "e": Ulimit(limits.RLIMIT_NICE, 1, "scheduling priority", ""),
    "f": Ulimit(limits.RLIMIT_FSIZE, 1024, "file size", "blocks"),
    "i": Ulimit(limits.RLIMIT_SIGPENDING, 1, "pending signals", ""),
    "l": Ulimit(limits.RLIMIT_MEMLOCK, 1024, "max locked memory", "kbytes"),
    "m": Ulimit(limits.RLIMIT_RSS, 1024, "max memory size", "kbytes"),
    "n": Ulimit(limits.RLIMIT_NOFILE, 1, "open files", ""),
    "p": Ulimit(PIPE, 512, "pipe size", "512 bytes"),
    "q": Ulimit(limits.RLIMIT_MSGQUEUE, 1, "POSIX message queues", "bytes"),
    "r": Ulimit(limits.RLIMIT_RTPRIO, 1, "real-time priority", ""),
    "s": Ulimit(limits.RLIMIT_STACK, 1024, "stack size", "kbytes"),
    "t": Ulimit(limits.RLIMIT_CPU, 1, "cpu time", "seconds"),
    "u": Ulimit(limits.RLIMIT_NPROC, 1, "max user processes", ""),
    "v": Ulimit(limits.RLIMIT_AS, 1024, "virtual memory", "kbytes"),
    "x": Ulimit(limits.RLIMIT_LOCKS, 1, "file locks", ""),
}
ULIMIT_USAGE = "ulimit: usage: ulimit [-SHabcdefiklmnpqrstuvxPRT] [limit]\n"


class _Refused(Exception):
    """An option that bash does not have: its letter."""


def _asked(words: list[str]) -> tuple[str, bool, list[tuple[str, str | None]]]:
    """"S", "H" or both or none, whether -a, and each letter with the limit behind it (internal_getopt)."""
    mode, everything, found = "", False, []
    left = list(words)
    while left and left[0].startswith("-") and len(left[0]) > 1:
        word = left.pop(0)
        if word == "--":
            break
        for at, letter in enumerate(word[1:], 1):
            if letter in "SH":
                mode += letter
            elif letter == "a":
                everything = True
            elif letter in ULIMITS:
                last = at == len(word) - 1
                limit = left.pop(0) if last and left and not left[0].startswith("-") else None
                found.append((letter, limit))
            else:
                raise _Refused(letter)
    if not found:
        found = [("f", left.pop(0) if left else None)]
    elif left and len(found) == 1 and found[0][1] is None:
        found = [(found[0][0], left.pop(0))]
    return mode, everything, found


@command(rest("words", raw=True, meta="[-SHa] [-LETTER] [LIMIT]"), topic=TOPIC, help_option=False)
def ulimit(box: Box, args: Args, io: IO) -> int:
    """show or set the current process's limits

    ulimit -v 100000; mmap 200M; ulimit -v unlimited

    -a all of them; -s stack, -v address space, -d data, -l locked memory, -n open files, -u processes, -f length of
    files, -c, -e, -i, -m, -p, -q, -r, -t, -x, -R as in bash. In KiB but for -n, -u, -t and their like. -S and -H the
    soft and the hard one; without them both are set and the soft one is shown. LIMIT: a number, soft, hard, unlimited.
    Children and `exec` keep them; `prlimit --stack=1048576 run a.out` starts a process with others.
    """
    task = running(box)
    try:
        mode, everything, found = _asked(args.words)
    except _Refused as refused:
        io.complain(f"-{refused}: invalid option")
        io.err(ULIMIT_USAGE)
        return 2
    if everything:
        io.out("".join(_shown(box, task, letter, mode, True) for letter in ULIMITS))
        return 0
    status = 0
    for letter, limit in found:
        if limit is None:
            io.out(_shown(box, task, letter, mode, len(found) > 1))
        else:
            status |= _set(box, io, task, letter, mode, limit)
    return status


def _limit(box: Box, task: Task, row: Ulimit) -> tuple[int, int]:
    if row.number == PIPE:
        return PIPE_BLOCKS * row.factor, PIPE_BLOCKS * row.factor
    return kernel.do_prlimit(box, task, row.number)


def _shown(box: Box, task: Task, letter: str, mode: str, named: bool) -> str:
    row = ULIMITS[letter]
    soft, hard = _limit(box, task, row)
    value = hard if "H" in mode and "S" not in mode else soft
    text = "unlimited" if value == box.mmu.word_limit - 1 else str(value // row.factor)
    if not named:
        return text + "\n"
    unit = f"({row.units}, -{letter}) " if row.units else f"(-{letter}) "
    return f"{row.description:<20} {unit:>20}{text}\n"


def _set(box: Box, io: IO, task: Task, letter: str, mode: str, word: str) -> int:
    row = ULIMITS[letter]
    soft, hard = _limit(box, task, row)
    infinity = box.mmu.word_limit - 1
    if word in ("soft", "hard", "unlimited"):
        value = {"soft": soft, "hard": hard, "unlimited": infinity}[word]
    elif re.fullmatch(r"[0-9]+", word):
        value = int(word) * row.factor
        if value >> 64:
            io.complain(f"{word}: limit out of range")
            return 1
        value = min(value, infinity)  # rlim64_to_rlim()
    else:
        io.complain(f"{word}: invalid number")
        return 1
    both = not mode
    try:
        if row.number == PIPE:
            raise KernelError("EINVAL")
        new = value if both or "S" in mode else soft, value if both or "H" in mode else hard
        kernel.do_prlimit(box, task, row.number, new)
    except KernelError as error:
        io.complain(f"{row.description}: cannot modify limit: {error.strerror}")
        return 1
    return 0


# -- prlimit -----------------------------------------------------------------------------------------------------------


class Resource(NamedTuple):
    """A row of prlimit's table."""

    option: str
    letter: str
    number: int
    help: str
    unit: str

    @property
    def name(self) -> str:
        return self.option.upper()


RESOURCES = (
    Resource("as", "v", limits.RLIMIT_AS, "address space limit", "bytes"),
    Resource("core", "c", limits.RLIMIT_CORE, "max core file size", "bytes"),
    Resource("cpu", "t", limits.RLIMIT_CPU, "CPU time", "seconds"),
    Resource("data", "d", limits.RLIMIT_DATA, "max data size", "bytes"),
    Resource("fsize", "f", limits.RLIMIT_FSIZE, "max file size", "bytes"),
    Resource("locks", "x", limits.RLIMIT_LOCKS, "max number of file locks held", "locks"),
    Resource("memlock", "l", limits.RLIMIT_MEMLOCK, "max locked-in-memory address space", "bytes"),
    Resource("msgqueue", "q", limits.RLIMIT_MSGQUEUE, "max bytes in POSIX mqueues", "bytes"),
    Resource("nice", "e", limits.RLIMIT_NICE, "max nice prio allowed to raise", ""),
    Resource("nofile", "n", limits.RLIMIT_NOFILE, "max number of open files", "files"),
    Resource("nproc", "u", limits.RLIMIT_NPROC, "max number of processes", "processes"),
    Resource("rss", "m", limits.RLIMIT_RSS, "max resident set size", "bytes"),
    Resource("rtprio", "r", limits.RLIMIT_RTPRIO, "max real-time priority", ""),
    Resource("rttime", "y", limits.RLIMIT_RTTIME, "timeout for real-time tasks", "microsecs"),
    Resource("sigpending", "i", limits.RLIMIT_SIGPENDING, "max number of pending signals", "signals"),
    Resource("stack", "s", limits.RLIMIT_STACK, "max stack size", "bytes"),
)
COLUMNS = ("RESOURCE", "DESCRIPTION", "SOFT", "HARD", "UNITS")
RIGHT = ("SOFT", "HARD")
PRLIMIT_HINT = "Try 'prlimit --help' for more information.\n"
Change = tuple[int | None, int | None]


def parse_range(text: str) -> Change | None:
    """`SOFT:HARD`, `SOFT:`, `:HARD`, `BOTH`, each a number or `unlimited`; None for what is none (get_range)."""
    match = re.fullmatch(r"(unlimited|[0-9]+)?(:)?(unlimited|[0-9]+)?", text)
    if match is None or text in ("", ":") or (match[3] and not match[2]):
        return None
    soft, hard = (None if word is None else UINT64_MAX if word == "unlimited" else int(word)
                  for word in (match[1], match[3]))  # fmt: skip
    if max(soft or 0, hard or 0) > UINT64_MAX:
        return None
    return (soft, hard) if match[2] else (soft, soft)


class _Request:
    """What prlimit's words ask for."""

    def __init__(self, words: list[str]) -> None:
        self.pid: int | None = None
        self.columns = list(COLUMNS)
        self.headings, self.raw, self.verbose, self.help = True, False, False, False
        self.limits: list[tuple[Resource, Change | None]] = []
        self.command: list[str] = []
        left = list(words)
        while left:
            word = left.pop(0)
            if word == "--" or not word.startswith("-") or word == "-":
                self.command = left if word == "--" else [word, *left]
                break
            name, equals, value = word.partition("=")
            if word.startswith("--"):
                self._long(name[2:], value if equals else None, left)
            else:
                self._short(word[1:], left)

    def _long(self, name: str, value: str | None, left: list[str]) -> None:
        known = [*(one.option for one in RESOURCES), "pid", "output", "noheadings", "raw", "verbose", "help", "version"]
        fits = [name] if name in known else [one for one in known if one.startswith(name)]
        if len(fits) != 1:
            what = "unrecognized option" if not fits else "option"
            more = "" if not fits else " is ambiguous; possibilities: " + " ".join(f"'--{one}'" for one in fits)
            raise ShellError(f"{what} '--{name}'{more}\n{PRLIMIT_HINT}".removesuffix("\n"))
        found = fits[0]
        if found in ("pid", "output"):
            if value is None and not left:
                raise ShellError(f"option '--{found}' requires an argument\n{PRLIMIT_HINT}".removesuffix("\n"))
            self._argument(found, value if value is not None else left.pop(0))
        elif found in ("noheadings", "raw", "verbose", "help", "version"):
            self.headings &= found != "noheadings"
            self.raw |= found == "raw"
            self.verbose |= found == "verbose"
            self.help |= found == "help"
            if found == "version":
                raise ShellError("from util-linux 2.38.1", 0)
        else:
            self._resource(next(one for one in RESOURCES if one.option == found), value)

    def _short(self, letters: str, left: list[str]) -> None:
        letter, value = letters[0], letters[1:]
        if letter in "po":
            if not value and not left:
                raise ShellError(f"option requires an argument -- '{letter}'\n{PRLIMIT_HINT}".removesuffix("\n"))
            self._argument("pid" if letter == "p" else "output", value or left.pop(0))
        elif letter == "h":
            self.help = True
        elif letter == "V":
            raise ShellError("from util-linux 2.38.1", 0)
        else:
            found = next((one for one in RESOURCES if one.letter == letter), None)
            if found is None:
                raise ShellError(f"invalid option -- '{letter}'\n{PRLIMIT_HINT}".removesuffix("\n"))
            self._resource(found, value.removeprefix("=") or None)

    def _argument(self, name: str, text: str) -> None:
        if name == "output":
            self.columns = [word.upper() for word in text.split(",")]
            for word in text.split(","):
                if word.upper() not in COLUMNS:
                    raise ShellError(f"unknown column: {word}")
            return
        if self.pid is not None:
            raise ShellError("option --pid may be specified only once")
        if not re.fullmatch(r"[0-9]+", text):
            raise ShellError(f"invalid PID argument: '{text}'")
        self.pid = int(text)

    def _resource(self, found: Resource, text: str | None) -> None:
        change = None
        if text is not None:
            change = parse_range(text)
            if change is None:
                raise ShellError(f"failed to parse {found.name} limit")
            if change[0] is not None and change[1] is not None and change[0] > change[1]:
                raise ShellError(f"the soft limit {found.name} cannot exceed the hard limit")
        self.limits.append((found, change))


@command(rest("words", raw=True, meta="[-p PID] [--RESOURCE[=SOFT:HARD]] [COMMAND]"), topic=TOPIC, help_option=False)
def prlimit(box: Box, args: Args, io: IO) -> int:
    """show or set the limits of a process, or of what a command starts

    prlimit --pid 53 --as=64000000:unlimited; prlimit --stack=1048576 run a.out

    Without -p it is the current process. Resources: as core cpu data fsize locks memlock msgqueue nice nofile nproc rss
    rtprio rttime sigpending stack. A limit is SOFT:HARD, SOFT:, :HARD or one number for both, in the units of the
    table, or unlimited. -o COLUMNS, --noheadings, --raw, --verbose.
    """
    try:
        asked = _Request(args.words)
    except ShellError as told:
        if not told.status:
            io.out(f"prlimit {told.message}\n")
            return 0
        raise
    if asked.help:
        io.out(_HELP)
        return 0
    if asked.command and asked.pid is not None:
        raise ShellError("options --pid and COMMAND are mutually exclusive")
    task = running(box)
    if asked.command:
        return _confined(box, io, task, asked)
    target = find_pid(box, asked.pid) if asked.pid else task
    shown = asked.limits or [(one, None) for one in RESOURCES]
    if target is None:
        raise ShellError(f"failed to get the {shown[0][0].name} resource limit: No such process")
    rows = []
    for one, change in shown:
        if change is None:
            rows.append(one)
        else:
            _change(box, io, target, one, change, asked)
    if rows:
        io.out(_table(box, target, rows, asked))
    return 0


def _change(box: Box, io: IO, task: Task, one: Resource, change: Change, asked: _Request) -> None:
    soft, hard = kernel.do_prlimit(box, task, one.number)
    new = soft if change[0] is None else change[0], hard if change[1] is None else change[1]
    infinity = box.mmu.word_limit - 1
    if min(new[0], infinity) > min(new[1], infinity):
        raise ShellError(f"the soft limit {one.name} cannot exceed the hard limit")
    if asked.verbose:
        texts = ["unlimited" if value >= infinity else str(value) for value in new]
        io.out(f"New {one.name} limit for pid {task.pid}: <{texts[0]}:{texts[1]}>\n")
    try:
        kernel.do_prlimit(box, task, one.number, new)
    except KernelError as error:
        raise ShellError(f"failed to set the {one.name} resource limit: {error.strerror}") from None


def _confined(box: Box, io: IO, task: Task, asked: _Request) -> int:
    """Run a command while the current process has other limits; a process that it starts keeps them."""
    kept = list(task.signal.rlim)
    init = list(box.init.signal.rlim)  # `run` makes its processes of init
    changes = [(one, change) for one, change in asked.limits if change is not None]
    for one, change in changes:
        _change(box, io, task, one, change, asked)
        box.init.signal.rlim[one.number] = task.signal.rlim[one.number]
    try:
        return int(io.run(asked.command))
    finally:
        now = io.session.box
        now.init.signal.rlim[:] = init
        old = find_pid(now, task.pid)
        if old is not None and asked.command[0] != "exec":
            old.signal.rlim[:] = kept


def _table(box: Box, task: Task, rows: list[Resource], asked: _Request) -> str:
    infinity = box.mmu.word_limit - 1
    cells = [list(asked.columns)]
    for one in rows:
        soft, hard = ("unlimited" if value == infinity else str(value) for value in task.signal.rlim[one.number])
        all_of_it = dict(zip(COLUMNS, (one.name, one.help, soft, hard, one.unit), strict=True))
        cells.append([all_of_it[column] for column in asked.columns])
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    cells = cells if asked.headings else cells[1:]
    if asked.raw:
        return "".join(" ".join(cell.replace(" ", r"\x20") for cell in row) + "\n" for row in cells)
    lines = []
    for row in cells:
        last = len(row) - 1
        shown = [
            f"{cell:>{width}}" if column in RIGHT else cell if at == last else f"{cell:<{width}}"
            for at, (cell, width, column) in enumerate(zip(row, widths, asked.columns, strict=True))
        ]
        lines.append(" ".join(shown) + "\n")
    return "".join(lines)


_HELP = """
Usage:
 prlimit [options] [--<resource>=<limit>] [-p PID]
 prlimit [options] [--<resource>=<limit>] COMMAND

Show or change the resource limits of a process.

Options:
 -p, --pid <pid>        process id
 -o, --output <list>    define which output columns to use
     --noheadings       don't print headings
     --raw              use the raw output format
     --verbose          verbose output
 -h, --help             display this help
 -V, --version          display version

Resources:
 -c, --core             maximum size of core files created
 -d, --data             maximum size of a process's data segment
 -e, --nice             maximum nice priority allowed to raise
 -f, --fsize            maximum size of files written by the process
 -i, --sigpending       maximum number of pending signals
 -l, --memlock          maximum size a process may lock into memory
 -m, --rss              maximum resident set size
 -n, --nofile           maximum number of open files
 -q, --msgqueue         maximum bytes in POSIX message queues
 -r, --rtprio           maximum real-time scheduling priority
 -s, --stack            maximum stack size
 -t, --cpu              maximum amount of CPU time in seconds
 -u, --nproc            maximum number of user processes
 -v, --as               size of virtual memory
 -x, --locks            maximum number of file locks
 -y, --rttime           CPU time in microseconds a process scheduled
                        under real-time scheduling

Arguments:
 <limit> is defined as a range soft:hard, soft:, :hard or a value to
         define both limits (e.g. -e=0:10 -r=:10).

Available output columns:
 DESCRIPTION  resource description
    RESOURCE  resource name
        SOFT  soft limit
        HARD  hard limit (ceiling)
       UNITS  units

For more details see prlimit(1).
"""


# -- umask -------------------------------------------------------------------------------------------------------------

WHO = {"u": 0o700, "g": 0o070, "o": 0o007, "a": 0o777}
PERMISSIONS = {"r": 0o444, "w": 0o222, "x": 0o111}


def symbolic(mask: int) -> str:
    """`u=rwx,g=rx,o=rx`: what a mask lets new files have."""
    parts = []
    for who, shift in (("u", 6), ("g", 3), ("o", 0)):
        bits = ~mask >> shift & 7
        parts.append(f"{who}=" + "".join(letter for letter, bit in (("r", 4), ("w", 2), ("x", 1)) if bits & bit))
    return ",".join(parts)


def parse_symbolic(text: str, bits: int) -> int:
    """Permissions after `u=rwx,g+w,…` (parse_symbolic_mode); ShellError with bash's words."""
    at = 0
    while True:
        who = perm = 0
        while at < len(text) and text[at] in WHO:
            who |= WHO[text[at]]
            at += 1
        op = text[at : at + 1]
        if op not in ("+", "-", "="):
            raise ShellError(f"`{op}': invalid symbolic mode operator")
        at += 1
        while at < len(text) and text[at] in PERMISSIONS:
            perm |= PERMISSIONS[text[at]]
            at += 1
        if at < len(text) and text[at] != ",":
            raise ShellError(f"`{text[at]}': invalid symbolic mode character")
        perm &= who or 0o777
        if op == "+":
            bits |= perm
        elif op == "-":
            bits &= ~perm
        else:
            bits = bits & ~(who or 0o777) | perm
        if at >= len(text):
            return bits
        at += 1


@command(rest("words", raw=True, meta="[-p] [-S] [MODE]"), topic=TOPIC, help_option=False)
def umask(box: Box, args: Args, io: IO) -> int:
    """the mode bits that new files do not get

    umask 027; umask -S

    The current process's. MODE: an octal number, or u=rwx,g=rx,o= and its like. -S shows it that way, -p as a command.
    """
    task = running(box)
    words, as_letters, as_command = list(args.words), False, False
    while words and words[0].startswith("-") and len(words[0]) > 1:
        word = words.pop(0)
        if word == "--":
            break
        for letter in word[1:]:
            if letter not in "pS":
                io.complain(f"-{letter}: invalid option")
                io.err("umask: usage: umask [-p] [-S] [mode]\n")
                return 2
            as_letters |= letter == "S"
            as_command |= letter == "p"
    now = task.signal.umask
    if words:
        if is_digits(words[0][:1]):
            if not re.fullmatch(r"[0-7]+", words[0]) or int(words[0], 8) > 0o7777:
                raise ShellError(f"{words[0]}: octal number out of range")
            now = int(words[0], 8) & 0o777
        else:
            now = ~parse_symbolic(words[0], ~now & 0o777) & 0o777
        kernel.umask(box, task, now)
        if as_letters:
            io.out(symbolic(now) + "\n")
        return 0
    shown = symbolic(now) if as_letters else f"{now:04o}"
    io.out((f"umask {'-S ' if as_letters else ''}" if as_command else "") + shown + "\n")
    return 0
