"""pgrep and pkill: processes by name (procps-ng 4.0.2, src/pgrep.c). What is found is for pkill's caller to signal.

Known deviations: all are in the first namespaces (--ns); no file is locked (-L); of threads
only the first is found (-w).
"""

from __future__ import annotations

import re
from collections.abc import Callable

from memsh.procps import figures
from memsh.procps.options import Grammar, usage
from memsh.procps.processes import HZ, Process, processes, tty_name
from memsh.procps.reader import Exit, Frames, ProcReader, Result, finish

_COMMON = (
    " -c, --count               count of matching processes\n"
    " -f, --full                use full process name to match\n"
    " -g, --pgroup <PGID,...>   match listed process group IDs\n"
    " -G, --group <GID,...>     match real group IDs\n"
    " -i, --ignore-case         match case insensitively\n"
    " -n, --newest              select most recently started\n"
    " -o, --oldest              select least recently started\n"
    " -O, --older <seconds>     select where older than seconds\n"
    " -P, --parent <PPID,...>   match only child processes of the given parent\n"
    " -s, --session <SID,...>   match session IDs\n"
    " -t, --terminal <tty,...>  match by controlling terminal\n"
    " -u, --euid <ID,...>       match by effective IDs\n"
    " -U, --uid <ID,...>        match by real IDs\n"
    " -x, --exact               match exactly with the command name\n"
    " -F, --pidfile <file>      read PIDs from file\n"
    " -L, --logpidfile          fail if PID file is not locked\n"
    " -r, --runstates <state>   match runstates [D,S,Z,...]\n"
    " -A, --ignore-ancestors    exclude our ancestors from results\n"
    " --cgroup <grp,...>        match by cgroup v2 names\n"
    " --ns <PID>                match the processes that belong to the same\n"
    "                           namespace as <pid>\n"
    " --nslist <ns,...>         list which namespaces will be considered for\n"
    "                           the --ns option.\n"
    "                           Available namespaces: ipc, mnt, net, pid, user, uts\n\n"
)
_PGREP = (
    " -d, --delimiter <string>  specify output delimiter\n"
    " -l, --list-name           list PID and process name\n"
    " -a, --list-full           list PID and full command line\n"
    " -v, --inverse             negates the matching\n"
    " -w, --lightweight         list all TID\n"
)
_PKILL = (
    " -<sig>, --signal <sig>    signal to send (either number or name)\n"
    " -q, --queue <value>       integer value to be sent with the signal\n"
    " -e, --echo                display what is killed\n"
)
_TAIL = "\nFor more details see pgrep(1).\n"
USAGE = usage("pgrep", "[options] <pattern>", _PGREP + _COMMON, _TAIL)
PKILL_USAGE = usage("pkill", "[options] <pattern>", _PKILL + _COMMON, _TAIL)
_LONG = {
    "count": "c", "full": "f", "pgroup=": "g", "group=": "G", "ignore-case": "i", "newest": "n", "oldest": "o",
    "older=": "O", "parent=": "P", "session=": "s", "terminal=": "t", "euid=": "u", "uid=": "U", "exact": "x",
    "runstates=": "r", "ignore-ancestors": "A", "pidfile=": "F", "logpidfile": "L", "cgroup=": "cgroup", "ns=": "ns",
    "nslist=": "nslist", "help": "h", "version": "V",
}  # fmt: skip
_LONG |= {  # one table for both
    "delimiter=": "d", "list-name": "l", "list-full": "a", "inverse": "v", "lightweight": "w", "signal=": "signal",
    "queue=": "q", "echo": "e",
}  # fmt: skip
GRAMMAR = Grammar("pgrep", "LF:cfinoxP:O:AG:s:u:U:g:t:r:d:lavwhV", _LONG, USAGE, wrong=2)
PKILL = Grammar("pkill", "LF:cfinoxP:O:AG:s:u:U:g:t:r:q:ehV", _LONG, PKILL_USAGE, wrong=2)
NAMESPACES = ("ipc", "mnt", "net", "pid", "user", "uts")
Open = Callable[[str], str]
"""The text of a file by its name, for -F. OSError."""
Search = Callable[[str, bool], Callable[[str], object]]
"""A compiled pattern: (pattern, letters in either case) → a function that tells whether a text matches."""


def python_search(pattern: str, ignore_case: bool) -> Callable[[str], object]:
    """Patterns as Python has them."""
    try:
        return re.compile(pattern, re.IGNORECASE if ignore_case else 0).search
    except re.error as error:
        raise Exit(2, f"pgrep: regex error: {error}\n") from None


LISTS = {"P": "parent", "G": "group", "s": "session id", "u": "user name", "U": "user name", "g": "process group"}


def run(reader: ProcReader, argv: list[str], width: int = 80) -> Result:
    """Print the pids found; `argv` without the program's name. Status 1: none."""
    return finish(frames(reader, argv, width))


def no_files(name: str) -> str:
    """Where there are no files but those of /proc."""
    raise FileNotFoundError(name)


def frames(
    reader: ProcReader, argv: list[str], width: int = 80, search: Search = python_search, opened: Open = no_files
) -> Frames:
    """The whole answer at once."""
    found, given, complaint = select(reader, argv, GRAMMAR, search, opened)
    if "c" in given:
        yield f"{len(found)}\n"
    elif found:
        rows = [_row(one, given) for one in found]
        yield given.get("d", "\n").join(rows) + "\n"
    if not found:
        raise Exit(1, complaint)


def select(
    reader: ProcReader, argv: list[str], grammar: Grammar, search: Search, opened: Open = no_files
) -> tuple[list[Process], dict[str, str], str]:
    """(the processes found, the options given, what to say where none was). Raises Exit for wrong options."""
    given: dict[str, str] = {}
    operands: list[str] = []
    name = grammar.name
    for option, value in grammar.options(argv, operands):
        if option == "h":
            raise grammar.help()
        if option == "V":
            raise grammar.version()
        if option in "nov" and given.keys() & set("nov"):
            raise Exit(2, grammar.usage)
        given[option] = value or ""
    hint = f"Try `{name} --help' for more information.\n"
    if len(operands) > 1:
        raise Exit(2, f"{name}: only one pattern can be provided\n{hint}")
    if not operands and not given.keys() & {*"PGsuUgtrnoOF", "cgroup", "ns"}:
        raise Exit(2, f"{name}: no matching criteria specified\n{hint}")
    if "L" in given and "F" not in given:
        raise Exit(2, f"{name}: -L without -F makes no sense\n{hint}")
    if "F" in given:
        given["pid"] = _pid_file(given, opened, f"{name}: pidfile not valid\n{hint}")
    if not set(given.get("nslist", "ipc").split(",")) <= set(NAMESPACES):
        raise Exit(2, grammar.usage)
    if "ns" in given and given["ns"] not in {str(one.pid) for one in processes(reader)}:
        raise Exit(3, "Error reading reference namespace information\n")
    found = _select(reader, operands[0] if operands else None, given, search)
    complaint = ""
    if not found and operands and "f" not in given and len(operands[0]) > 15:
        complaint = (
            f"{name}: pattern that searches for process name longer than 15 characters will result in zero matches\n"
            f"Try `{name} -f' option to match against the complete command line.\n"
        )
    return found, given, complaint


def _pid_file(given: dict[str, str], opened: Open, refusal: str) -> str:
    """The process that a pid file names."""
    try:
        number = re.match(r"\s*([0-9]+)", opened(given["F"]))
    except OSError:
        number = None
    if number is None or "L" in given:  # no file is ever locked
        raise Exit(1, refusal)
    return number[1]


def _groups(reader: ProcReader, pid: int) -> set[str]:
    """The paths of a process's groups in the second hierarchy."""
    try:
        lines = reader.read(f"/proc/{pid}/cgroup").splitlines()
    except OSError:
        return set()
    return {line[3:] for line in lines if line.startswith("0::")}


def _row(one: Process, given: dict[str, str]) -> str:
    if "a" in given:
        return f"{one.pid} {one.cmdline}"
    return f"{one.pid} {one.comm}" if "l" in given else str(one.pid)


def _numbers(key: str, text: str) -> set[int]:
    found = set()
    for word in text.split(","):
        if key in "uU" and word == "root":
            word = "0"
        if not re.fullmatch(r"[+-]?[0-9]+", word):
            what = {"P": "not a number", "s": "invalid session id", "g": "invalid process group"}.get(key)
            what = what or ("invalid group name" if key == "G" else "invalid user name")
            raise Exit(2, f"pgrep: {what}: {word}\n")
        found.add(int(word))
    return found


def _select(reader: ProcReader, pattern: str | None, given: dict[str, str], search: Search) -> list[Process]:
    wanted = {key: _numbers(key, given[key]) for key in LISTS if key in given}
    regex = None
    if pattern is not None:
        regex = search(f"^({pattern})$" if "x" in given else pattern, "i" in given)
    older = int(given["O"]) if re.fullmatch("[0-9]+", given.get("O", "")) else 0
    up = figures.uptime(reader)[0] if older else 0.0
    found = []
    for one in processes(reader):
        facts = {
            "P": one.stat["ppid"],
            "G": one.gid(0),
            "s": one.stat["session"],
            "u": one.uid(1),
            "U": one.uid(0),
            "g": one.stat["pgrp"],
        }
        match = all(facts[key] in values for key, values in wanted.items())
        match = match and ("t" not in given or tty_name(one.stat["tty_nr"]) in given["t"].split(","))
        match = match and ("r" not in given or one.state in given["r"])
        match = match and ("pid" not in given or given["pid"] == str(one.pid))
        match = match and ("cgroup" not in given or bool(_groups(reader, one.pid) & set(given["cgroup"].split(","))))
        match = match and (not older or int(up - one.stat["start_time"] / HZ) >= older)
        if match and regex:
            match = bool(regex(one.cmdline if "f" in given else one.comm))
        if match != ("v" in given):
            found.append(one)
    if "n" in given:
        return found and [max(found, key=lambda one: (one.stat["start_time"], one.pid))]
    if "o" in given:
        return found and [min(found, key=lambda one: (one.stat["start_time"], one.pid))]
    return found
