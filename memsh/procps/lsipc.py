"""lsipc: what of System V's IPC there is, and how much there may be, from /proc/sysvipc and /proc/sys/kernel
(util-linux 2.38.1, sys-utils/lsipc.c).

Known deviations: the time is the tree's own clock, in UTC; owners other than root are numbers.
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterable
from dataclasses import replace

from memsh.procps import figures, smartcols
from memsh.procps.reader import Exit, Frames, ProcReader
from memsh.procps.smartcols import Cell, Column, Row, Style
from memsh.procps.utillinux import Opt, human_size, parse_number, program
from memsh.proctext.lines import numbers

GENERIC = (
    Column("KEY", "Resource key"), Column("ID", "Resource ID"), Column("OWNER", "Owner's username or UID", True),
    Column("PERMS", "Permissions", True), Column("CUID", "Creator UID", True), Column("CUSER", "Creator user"),
    Column("CGID", "Creator GID", True), Column("CGROUP", "Creator group"), Column("UID", "User ID", True),
    Column("USER", "User name"), Column("GID", "Group ID", True), Column("GROUP", "Group name"),
    Column("CTIME", "Time of the last change", True),
)  # fmt: skip
OWN = {
    "m": (Column("SIZE", "Segment size", True), Column("NATTCH", "Number of attached processes", True),
          Column("STATUS", "Status"), Column("ATTACH", "Attach time", True), Column("DETACH", "Detach time", True),
          Column("COMMAND", "Creator command line"), Column("CPID", "PID of the creator", True),
          Column("LPID", "PID of last user", True)),
    "q": (Column("USEDBYTES", "Bytes used", True), Column("MSGS", "Number of messages", True),
          Column("SEND", "Time of last msg sent", True), Column("RECV", "Time of last msg received", True),
          Column("LSPID", "PID of the last msg sender", True), Column("LRPID", "PID of the last msg receiver", True)),
    "s": (Column("NSEMS", "Number of semaphores", True), Column("OTIME", "Time of the last operation", True)),
    "g": (Column("RESOURCE", "Resource name"), Column("DESCRIPTION", "Resource description"),
          Column("LIMIT", "System-wide limit", True), Column("USED", "Currently used", True),
          Column("USE%", "Currently use percentage", True)),
}  # fmt: skip
COLUMNS = {one.name: one for one in (*GENERIC, *(column for table in OWN.values() for column in table))}
DEFAULT = {
    "m": ("SIZE", "NATTCH", "STATUS", "CTIME", "CPID", "LPID", "COMMAND"),
    "q": ("USEDBYTES", "MSGS", "LSPID", "LRPID"), "s": ("NSEMS",), "g": (),
}  # fmt: skip
TIMES = {"m": ("ATTACH", "DETACH"), "q": ("SEND", "RECV", "CTIME"), "s": ("OTIME", "CTIME")}
LABELS = {
    "KEY": "Key", "OWNER": "Owner", "PERMS": "Permissions", "CUID": "Creator UID", "CUSER": "Creator user",
    "CGID": "Creator GID", "CGROUP": "Creator group", "USER": "User name", "GROUP": "Group name",
    "CTIME": "Last change", "SIZE": "Segment size", "NATTCH": "Attached processes", "STATUS": "Status",
    "ATTACH": "Attach time", "DETACH": "Detach time", "COMMAND": "Creator command", "CPID": "Creator PID",
    "LPID": "Last user PID",
}  # fmt: skip
NAMES = {"m": "sharedmemory", "q": "", "s": "semaphores", "g": "ipclimits"}
STATES = {0o1000: "dest", 0o2000: "locked", 0o4000: "hugetlb", 0o10000: "noreserve"}
FULL, ISO = "%a %b %e %H:%M:%S %Y", "%Y-%m-%dT%H:%M:%S+00:00"
_HEADINGS = (("Generic columns", GENERIC), ("Shared-memory columns (--shmems)", OWN["m"]),
             ("Message-queue columns (--queues)", OWN["q"]), ("Semaphore columns (--semaphores)", OWN["s"]),
             ("Summary columns (--global)", OWN["g"]))  # fmt: skip


RESOURCES = (
    Opt("m", "shmems", "", "shared memory segments"), Opt("q", "queues", "", "message queues"),
    Opt("s", "semaphores", "", "semaphores"),
    Opt("g", "global", "", "info about system-wide usage (may be used with -m, -q and -s)"),
    Opt("i", "id", " <id>", "print details on resource identified by <id>"),
)  # fmt: skip
_PROGRAM = program(
    "lsipc", "[options]", "Show information on IPC facilities.",
    [Opt("", "noheadings", "", "don't print headings"), Opt("", "notruncate", "", "don't truncate output"),
     Opt("", "time-format", "=<type>", "display dates in short, full or iso format"),
     Opt("b", "bytes", "", "print SIZE in bytes rather than in human readable format"),
     Opt("c", "creator", "", "show creator and owner"),
     Opt("e", "export", "", "display in an export-able output format"),
     Opt("J", "json", "", "use the JSON output format"),
     Opt("n", "newline", "", "display each piece of information on a new line"),
     Opt("l", "list", "", "force list output format (for example with --id)"),
     Opt("o", "output", " <list>", "define the columns to output"),
     Opt("P", "numeric-perms", "", "print numeric permissions (PERMS column)"),
     Opt("r", "raw", "", "display in raw mode"),
     Opt("t", "time", "", "show attach, detach and change times"),
     Opt("y", "shell", "", "use column names to be usable as shell variable identifiers")],
    26, section=1, before=("Resource options", 19, RESOURCES),
    exclusive=("Jelnr", "gi", "mqs"), tail="".join(
        f"\n{title}:\n" + "".join(f" {one.name:>14}  {one.help}\n" for one in table) for title, table in _HEADINGS),
)  # fmt: skip
PROGRAM = replace(_PROGRAM, usage=re.sub(r"--output <list>  ", "--output[=<list>]", _PROGRAM.usage))  # which is not so


class Wanted:
    """What the options asked for."""

    def __init__(self, argv: list[str]) -> None:
        self.given: list[str] = []
        self.id: int | None = None
        self.output: str | None = None
        self.clock = ""
        for option, value in PROGRAM.options(argv, []):
            self.given.append(option)
            if option == "i":
                self.id = parse_number(PROGRAM, value or "", "failed to parse IPC identifier", least=-(1 << 31),
                                       most=(1 << 31) - 1)  # fmt: skip
            elif option == "o":
                self.output = value
            elif option == "time-format":
                if value not in ("short", "full", "iso"):
                    raise PROGRAM.die(f"unknown time format: {value}")
                self.clock = value
        kinds = [letter for letter in "mqs" if letter in self.given]
        self.kind = kinds[0] if kinds else ""
        self.whole = not self.kind or "g" in self.given
        if self.whole and self.has("c", "i", "t"):
            raise PROGRAM.die("--global is mutually exclusive with --creator, --id and --time")
        self.pretty = self.id is not None and self.id >= 0 and not self.has("J", "e", "l", "n", "r")

    def has(self, *letters: str) -> bool:
        return any(letter in self.given for letter in letters)

    def columns(self) -> list[Column]:
        if self.output is not None:
            found = smartcols.chosen("lsipc", COLUMNS, self.output)
            mine = [*GENERIC, *OWN.get(self.kind, ())] if self.kind else []
            mine += OWN["g"] if self.whole else ()
            strange = next((one for one in found if one not in mine), None)
            if strange is not None:
                raise PROGRAM.die(f"column {strange.name} does not apply to the specified IPC")
            return found
        return [COLUMNS[name] for name in self._names()]

    def _names(self) -> Iterable[str]:
        if self.pretty and not self.has("c", "t"):
            return [one.name for one in (*GENERIC, *OWN[self.kind])]
        names: list[str] = []
        if self.kind:
            names = ["KEY", "ID", "PERMS", "OWNER", *DEFAULT[self.kind]]
        if self.has("t"):
            at = names.index("COMMAND") if "COMMAND" in names else len(names)
            names[at:at] = TIMES[self.kind]
        if self.has("c"):
            names += ["CUID", "CGID", "UID", "GID"]
        return [*names, *(one.name for one in OWN["g"])] if self.whole else names


def frames(reader: ProcReader, argv: list[str]) -> Frames:
    """What lsipc prints."""
    wanted = Wanted(argv)
    columns = wanted.columns()
    if wanted.whole:
        rows = [Row(cells) for cells in _limits(reader, wanted)]
    else:
        every = _table(reader, wanted.kind)
        found = [one for one in every if wanted.id is None or wanted.id < 0 or one[_ID[wanted.kind]] == wanted.id]
        if wanted.id is not None and not found:
            raise Exit(0, f"lsipc: id {wanted.id} not found\n")
        rows = [Row(_cells(reader, wanted, one)) for one in found]
    if wanted.pretty:
        yield "".join(f"{LABELS.get(one.name, one.name) + ':':<36}{rows[0].cells[one.name]:<36}\n" for one in columns
                      if rows[0].cells.get(one.name) is not None)  # fmt: skip
        return
    name = NAMES["g" if wanted.whole else wanted.kind]
    form = "P" if wanted.has("e", "n") else next((letter for letter in "Jr" if wanted.has(letter)), "")
    style = Style(form, not wanted.has("noheadings"), name, wanted.has("y"))
    if wanted.has("n"):
        yield "".join(smartcols.text([one], [row], style) for row in rows for one in columns)
    else:
        yield smartcols.text(columns, rows, style)


_FILES = {"m": "shm", "q": "msg", "s": "sem"}
_ID = {"m": "shmid", "q": "msqid", "s": "semid"}


def _table(reader: ProcReader, kind: str) -> list[dict[str, int]]:
    """A table of /proc/sysvipc: each line's figures by the heading's names; `perms` is octal there."""
    try:
        head, *lines = reader.read(f"/proc/sysvipc/{_FILES[kind]}").splitlines()
    except (OSError, ValueError):
        return []
    names = head.split()
    found = []
    for line in lines:
        words = line.split()
        told = numbers(words)
        if len(told) == len(names) > 2 and re.fullmatch("[0-7]+", words[2]) and -(1 << 31) <= told[0] < 1 << 31:
            found.append({**dict(zip(names, told, strict=True)), "perms": int(words[2], 8)})
    return found


def _cells(reader: ProcReader, wanted: Wanted, one: dict[str, int]) -> dict[str, Cell]:
    mode = one["perms"]
    shown = "".join(letter if mode >> (8 - at) & 1 else "-" for at, letter in enumerate("rwxrwxrwx"))
    cells: dict[str, Cell] = {
        "KEY": f"0x{one['key'].to_bytes(4, 'big', signed=True).hex()}", "ID": str(one[_ID[wanted.kind]]),
        "OWNER": _name(one["uid"]),
        "PERMS": f"{mode & 0o777:04o}" if wanted.has("P") else shown, "CUID": str(one["cuid"]),
        "CUSER": _name(one["cuid"]), "CGID": str(one["cgid"]), "CGROUP": _name(one["cgid"]), "UID": str(one["uid"]),
        "USER": _name(one["uid"]), "GID": str(one["gid"]), "GROUP": _name(one["gid"]),
    }  # fmt: skip
    times = {"CTIME": "ctime"}
    if wanted.kind == "m":
        size = one["size"]
        cells |= {
            "SIZE": str(size) if wanted.has("b") else human_size(size), "NATTCH": str(one["nattch"]),
            "STATUS": ",".join(name for bit, name in STATES.items() if mode & bit), "CPID": str(one["cpid"]),
            "LPID": str(one["lpid"]), "COMMAND": _command(reader, one["cpid"]),
        }  # fmt: skip
        times |= {"ATTACH": "atime", "DETACH": "dtime"}
    elif wanted.kind == "q":
        size = one["cbytes"]
        cells |= {"USEDBYTES": str(size) if wanted.has("b") else human_size(size), "MSGS": str(one["qnum"]),
                  "LSPID": str(one["lspid"]), "LRPID": str(one["lrpid"])}  # fmt: skip
        times |= {"SEND": "stime", "RECV": "rtime"}
    else:
        cells["NSEMS"] = str(one["nsems"])
        times["OTIME"] = "otime"
    for name, field in times.items():
        cells[name] = _stamp(reader, wanted, one[field]) if one[field] else None
    return cells


def _name(number: int) -> str:
    return str(number) if number else "root"


def _command(reader: ProcReader, pid: int) -> str | None:
    try:
        return reader.read(f"/proc/{pid}/cmdline").removesuffix("\0").replace("\0", " ")
    except OSError:
        return None


def _stamp(reader: ProcReader, wanted: Wanted, when: int) -> str:
    """`08:48` of today, `Nov22` of this year, else with the year; or as --time-format says."""
    form = wanted.clock or ("full" if wanted.pretty else "short")
    then = time.gmtime(when)
    if form != "short":
        return time.strftime(FULL if form == "full" else ISO, then)
    now = time.gmtime(_now(reader))
    if (now.tm_year, now.tm_yday) == (then.tm_year, then.tm_yday):
        return time.strftime("%H:%M", then)
    return time.strftime("%b%d" if now.tm_year == then.tm_year else "%Y-%b%d", then)


def _now(reader: ProcReader) -> int:
    try:
        return figures.now(reader)
    except (OSError, ValueError):
        return 0


def _kernel(reader: ProcReader, name: str) -> list[int]:
    try:
        return [*numbers(reader.read(f"/proc/sys/kernel/{name}").split()), 0, 0, 0, 0]
    except OSError:
        return [0, 0, 0, 0]


def _limits(reader: ProcReader, wanted: Wanted) -> list[dict[str, Cell]]:
    """A row for each limit, of the kind that is asked for or of all."""

    def count(kind: str) -> int:
        return len(_table(reader, kind))

    def size(amount: int) -> str:
        return str(amount) if wanted.has("b") else human_size(amount)

    def row(name: str, what: str, limit: int | str, used: int | None = None) -> dict[str, Cell]:
        share = "-" if used is None else f"{used / int(limit) * 100:.2f}%" if int(limit) else "-"
        return {"RESOURCE": name, "DESCRIPTION": what, "LIMIT": str(limit), "USED": "-" if used is None else str(used),
                "USE%": share}  # fmt: skip

    semmsl, semmns, semopm, semmni = _kernel(reader, "sem")[:4]
    pages = sum(one["size"] for one in _table(reader, "m")) // 4096
    rows = {
        "q": [
            row("MSGMNI", "Number of message queues", _kernel(reader, "msgmni")[0], count("q")),
            row("MSGMAX", "Max size of message (bytes)", size(_kernel(reader, "msgmax")[0])),
            row("MSGMNB", "Default max size of queue (bytes)", size(_kernel(reader, "msgmnb")[0])),
        ],
        "m": [
            row("SHMMNI", "Shared memory segments", _kernel(reader, "shmmni")[0], count("m")),
            row("SHMALL", "Shared memory pages", _kernel(reader, "shmall")[0], pages),
            row("SHMMAX", "Max size of shared memory segment (bytes)", size(_kernel(reader, "shmmax")[0])),
            row("SHMMIN", "Min size of shared memory segment (bytes)", size(1)),
        ],
        "s": [
            row("SEMMNI", "Number of semaphore identifiers", semmni, count("s")),
            row("SEMMNS", "Total number of semaphores", semmns, sum(one["nsems"] for one in _table(reader, "s"))),
            row("SEMMSL", "Max semaphores per semaphore set.", semmsl),
            row("SEMOPM", "Max number of operations per semop(2)", semopm),
            row("SEMVMX", "Semaphore max value", 32767),
        ],
    }  # fmt: skip
    return rows[wanted.kind] if wanted.kind else [one for table in rows.values() for one in table]
