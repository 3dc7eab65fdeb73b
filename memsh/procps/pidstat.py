"""pidstat: what each task uses (sysstat 12.6.1, pidstat.c).

Known deviations: those of sysstat.py; -p SELF is the current process, since a tool is none; -e is refused.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple

from memsh.digits import is_digits
from memsh.procps.reader import Exit, Frames, ProcReader
from memsh.procps.sysstat import (
    VERSION,
    Interval,
    Moment,
    Numbers,
    Usage,
    clock,
    cpus,
    decimals,
    figures,
    heading,
    labelled,
    moment,
    rate,
    read,
    repeated,
    value_of,
)

USAGE = """Usage: pidstat [ options ] [ <interval> [ <count> ] ] [ -e <program> <args> ]
Options are:
[ -d ] [ -H ] [ -h ] [ -I ] [ -l ] [ -R ] [ -r ] [ -s ] [ -t ] [ -U [ <username> ] ]
[ -u ] [ -V ] [ -v ] [ -w ] [ -C <command> ] [ -G <process_name> ]
[ -p { <pid> [,...] | SELF | ALL } ] [ -T { TASK | CHILD | ALL } ]
[ --dec={ 0 | 1 | 2 } ] [ --human ]
"""
ORDER = "ursdwvR"
CHILDREN = "ur"
HEADINGS = {
    "u": "    %usr %system  %guest   %wait    %CPU   CPU", "r": "  minflt/s  majflt/s     VSZ     RSS   %MEM",
    "s": " StkSize  StkRef", "d": "   kB_rd/s   kB_wr/s kB_ccwr/s iodelay", "w": "   cswch/s nvcswch/s",
    "v": " threads   fd-nr", "R": " prio policy",
}  # fmt: skip
CHILD_HEADINGS = {"u": "    usr-ms system-ms  guest-ms", "r": " minflt-nr majflt-nr"}
POLICIES = ("NORMAL", "FIFO", "RR", "BATCH", "ISO", "IDLE", "DEADLN")
MOVED = {  # an activity's figures: a task with none of them changed is not told
    "u": ("utime", "stime"), "r": ("minflt", "majflt", "vsz", "rss"), "s": ("stack", "stack_ref"),
    "d": ("read", "written", "cancelled"), "w": ("nvcsw", "nivcsw"), "v": ("threads", "fds"), "R": ("prio", "policy"),
}  # fmt: skip
CHILD_MOVED = {"u": ("utime", "stime", "cutime", "cstime"), "r": ("minflt", "majflt", "cminflt", "cmajflt")}
SUMMED = ("vsz", "rss", "stack", "stack_ref", "threads", "fds")
Searching = Callable[[str, bool], Callable[[str], object]]


class Key(NamedTuple):
    """A task: a process, or with `tid` a thread of it."""

    pid: int
    tid: int = 0


class Settings:
    """What the options asked for."""

    def __init__(self) -> None:
        self.activities: set[str] = set()
        self.numbers = Numbers()
        self.one_line = self.epoch = self.per_cpu = self.threads = self.names = self.lines = False
        self.user = ""
        self.command: Callable[[str], object] | None = None
        self.process: Callable[[str], object] | None = None
        self.pids: list[int] = []
        self.chosen = self.all = False
        self.scope = ""
        self.interval = Interval(USAGE)


def parse(words: list[str], search: Searching) -> Settings:
    found, rest = Settings(), list(words)

    while rest:
        word = rest.pop(0)
        if word == "--human":
            found.numbers = found.numbers._replace(human=True)
        elif word.startswith("--dec="):
            found.numbers = found.numbers._replace(decimals=decimals(word, USAGE))
        elif word == "-e":
            raise Exit(1, "pidstat: -e: no program is started here\n")
        elif word == "-p":
            _pids(found, value_of(rest, USAGE))
        elif word in ("-C", "-G"):
            setattr(found, "command" if word == "-C" else "process", search(value_of(rest, USAGE), False))
        elif word == "-T":
            found.scope = value_of(rest, USAGE)
            if found.scope not in ("TASK", "CHILD", "ALL"):
                raise Usage(USAGE)
        elif word == "-U":
            found.names = True
            if rest and rest[0][:1] != "-" and not is_digits(rest[0]):
                found.user = rest.pop(0)
        elif word == "-V":
            raise Exit(0, stdout=VERSION)
        elif word[:1] == "-" and len(word) > 1:
            for letter in word[1:]:
                _letter(found, letter)
        else:
            found.interval.take(word)
    found.activities = found.activities or {"u"}
    if found.scope == "CHILD":
        found.activities &= set(CHILDREN)
        if not found.activities:
            raise Exit(1, "Requested activities not available\n")
    return found


def _pids(found: Settings, text: str) -> None:
    found.chosen = True
    for word in text.split(","):
        if word == "ALL":
            found.all = True
        elif word != "SELF" and (not is_digits(word) or len(word) > 9 or not int(word)):
            raise Usage(USAGE)
        else:
            found.pids.append(0 if word == "SELF" else int(word))


def _letter(found: Settings, letter: str) -> None:
    flags = {"h": "one_line", "H": "epoch", "I": "per_cpu", "t": "threads", "l": "lines"}
    if letter in ORDER:
        found.activities.add(letter)
    elif letter in flags:
        setattr(found, flags[letter], True)
    elif letter == "V":
        raise Exit(0, stdout=VERSION)
    else:
        raise Usage(USAGE)


class Task:
    """A task's figures: the first, the last but one and the last that were read, and sums for the average."""

    def __init__(self, comm: str, line: str, uid: int) -> None:
        self.comm, self.line, self.uid = comm, line, uid
        self.first: dict[str, int] | None = None
        self.before: dict[str, int] | None = None
        self.now: dict[str, int] = {}
        self.sums = dict.fromkeys(SUMMED, 0)
        self.readings = 0
        self.there = True


def frames(reader: ProcReader, words: list[str], variables: Mapping[str, object], search: Searching) -> Frames:
    settings = parse(words, search)
    yield heading(reader, moment(reader), variables)
    report = Tables(reader, settings)
    average = None if settings.one_line else report.average
    yield from repeated(reader, settings.interval, report.time, report.read, report.show, average)


class Tables:
    """One call's tasks, and their tables."""

    def __init__(self, reader: ProcReader, settings: Settings) -> None:
        self.reader, self.settings = reader, settings
        self.tasks: dict[Key, Task] = {}
        self.turns = 0
        self.memory = labelled(read(reader, "/proc/meminfo"), "MemTotal:")
        self.cpus = len(cpus(reader)) or 1

    def time(self, when: Moment) -> str:
        return str(when.epoch) if self.settings.epoch else clock(when)

    # reading

    def read(self) -> None:
        for task in self.tasks.values():
            task.there = False
        for pid in self._pids():
            self._read(Key(pid), f"/proc/{pid}")
            if self.settings.threads and self.tasks.get(Key(pid)) is not None:
                for tid in self._listed(f"/proc/{pid}/task"):
                    self._read(Key(pid, tid), f"/proc/{pid}/task/{tid}")
        self.tasks = {key: task for key, task in self.tasks.items() if task.there}
        self.turns += 1

    def _pids(self) -> list[int]:
        wanted = [pid or figures(self._text("/proc/self/stat").split(), 1)[0] for pid in self.settings.pids]
        if self.settings.all or not self.settings.chosen:
            return self._listed("/proc")
        return sorted(set(wanted))

    def _listed(self, folder: str) -> list[int]:
        try:
            return sorted(int(name) for name in self.reader.listdir(folder) if is_digits(name))
        except OSError:
            return []

    def _text(self, path: str) -> str:
        try:
            return self.reader.read(path)
        except OSError:
            return ""

    def _read(self, key: Key, folder: str) -> None:
        stat, status = self._text(f"{folder}/stat"), self._text(f"{folder}/status")
        if not stat or not status:
            return
        comm, _, tail = stat.partition("(")[2].rpartition(")")
        labels = dict(line.split(":", 1) for line in status.splitlines() if ":" in line)
        task = self.tasks.get(key)
        if task is None:
            line = self._text(f"{folder}/cmdline").removesuffix("\0").replace("\0", " ") if self.settings.lines else ""
            task = self.tasks[key] = Task(comm, line, figures(labels.get("Uid", "").split(), 1)[0])
        task.there = True
        task.before, task.now = task.now or None, self._figures(folder, tail, labels)
        if self.turns:
            task.readings += 1
            for name in SUMMED:
                task.sums[name] += task.now.get(name, 0)
        else:
            task.first = task.now

    def _figures(self, folder: str, tail: str, labels: Mapping[str, str]) -> dict[str, int]:
        names = {"minflt": 7, "cminflt": 8, "majflt": 9, "cmajflt": 10, "utime": 11, "stime": 12, "cutime": 13,
                 "cstime": 14, "threads": 17, "cpu": 36, "prio": 37, "policy": 38, "delay": 39, "gtime": 40,
                 "cgtime": 41}  # fmt: skip
        words = [0, *figures(tail.split()[1:], 50)]  # the state is a letter
        found = {name: words[at] for name, at in names.items()}
        switches = (figures(labels.get(f"{kind}voluntary_ctxt_switches", "").split(), 1)[0] for kind in ("", "non"))
        found.update(vsz=words[20] >> 10, rss=words[21] * 4, nvcsw=next(switches), nivcsw=next(switches))
        found["wait"] = figures(self._text(f"{folder}/schedstat").split(), 2)[1] // 10_000_000
        if "s" in self.settings.activities:
            stack = self._text(f"{folder}/smaps").partition("[stack]")[2]
            for name, label in (("stack", "Size:"), ("stack_ref", "Referenced:")):
                found[name] = labelled(stack, label)
        if "d" in self.settings.activities:
            io = self._text(f"{folder}/io")
            for name, label in (("read", "read"), ("written", "write"), ("cancelled", "cancelled_write")):
                found[name] = labelled(io, f"{label}_bytes:")
        if "v" in self.settings.activities:
            try:
                found["fds"] = len(self.reader.listdir(f"{folder}/fd"))
            except OSError:
                found["fds"] = 0
        return found

    # telling

    def show(self, before: str, now: str, itv: int) -> str:
        return self._tables(before, now, itv, averaged=False)

    def average(self, before: str, now: str, itv: int) -> str:
        return self._tables(before, now, itv, averaged=True)

    def _tables(self, before: str, now: str, itv: int, *, averaged: bool) -> str:
        settings, text = self.settings, ""
        chosen = [letter for letter in ORDER if letter in settings.activities]
        scopes = {"": (False,), "TASK": (False,), "CHILD": (True,), "ALL": (False, True)}[settings.scope]
        if settings.one_line:
            for children in scopes:
                letters = [letter for letter in chosen if not children or letter in CHILDREN]
                text += self._table("# Time", now, letters, itv, children, averaged)
            return text
        for letter in chosen:
            for children in scopes:
                if not children or letter in CHILDREN:
                    text += self._table(before, now, [letter], itv, children, averaged)
        return text

    def _table(self, lead: str, now: str, letters: list[str], itv: int, children: bool, averaged: bool) -> str:
        if not letters:
            return ""
        settings = self.settings
        who = f"{'USER':>9}" if settings.names else f"{'UID':>6}"
        ids = "      TGID       TID" if settings.threads else "       PID"
        titles = CHILD_HEADINGS if children else HEADINGS
        rows = [f"\n{lead:<11}{who}{ids}{''.join(titles[letter] for letter in letters)}  Command\n"]
        for key, task in self.tasks.items():
            old = (task.first if averaged else task.before) or {}
            if not self._wanted(key, task, old, letters, children):
                continue
            cells = "".join((self._child if children else self._cells)(letter, task, old, itv, averaged)
                            for letter in letters)  # fmt: skip
            rows.append(f"{now:<11}{self._names(key, task)}{cells}  {self._command(key, task)}\n")
        return "".join(rows)

    def _wanted(self, key: Key, task: Task, old: Mapping[str, int], letters: list[str], children: bool) -> bool:
        settings = self.settings
        if settings.command is not None and not settings.command(task.comm):
            return False
        if settings.process is not None:
            leader = self.tasks.get(Key(key.pid))
            if leader is None or not settings.process(leader.comm):
                return False
        if settings.user and settings.user != _user(task.uid):
            return False
        moved = CHILD_MOVED if children else MOVED
        return settings.chosen or any(task.now.get(name, 0) != old.get(name, 0)
                                      for letter in letters for name in moved[letter])  # fmt: skip

    def _names(self, key: Key, task: Task) -> str:
        who = f" {_user(task.uid):>8}" if self.settings.names else f" {task.uid:5}"
        if not self.settings.threads:
            return f"{who} {key.pid:9}"
        return f"{who} {'-':>9} {key.tid:9}" if key.tid else f"{who} {key.pid:9} {'-':>9}"

    def _command(self, key: Key, task: Task) -> str:
        return ("|__" if key.tid else "") + (task.line or task.comm)

    def _cells(self, letter: str, task: Task, old: Mapping[str, int], itv: int, averaged: bool) -> str:
        now, numbers = task.now, self.settings.numbers

        def by_second(name: str) -> float:
            return rate(old.get(name, 0), now[name], itv)

        def level(name: str) -> int:
            return task.sums[name] // max(1, task.readings) if averaged else now[name]

        if letter == "u":
            user = max(0, now["utime"] - now["gtime"] - old.get("utime", 0) + old.get("gtime", 0)) / itv * 100
            whole = by_second("utime") + by_second("stime")
            parts = [user, by_second("stime"), by_second("gtime"), by_second("wait"),
                     whole / (self.cpus if self.settings.per_cpu else 1)]  # fmt: skip
            return "".join(numbers.percent(part, 7) for part in parts) + f" {now['cpu']:5}"
        if letter == "r":
            share = level("rss") / self.memory * 100 if self.memory else 0.0
            faults = numbers.real(by_second("minflt"), 9) + numbers.real(by_second("majflt"), 9)
            sizes = "".join(numbers.sized(level(name), 7, "k", whole=True) for name in ("vsz", "rss"))
            return faults + sizes + numbers.percent(share, 6)
        if letter == "s":
            return "".join(numbers.sized(level(name), 7, "k", whole=True) for name in ("stack", "stack_ref"))
        if letter == "d":
            per, unit = (1, "B") if numbers.human else (1024, "k")
            sizes = "".join(numbers.sized(by_second(name) / per, 9, unit) for name in ("read", "written", "cancelled"))
            return sizes + f" {now['delay'] - old.get('delay', 0):7}"
        if letter == "w":
            return numbers.real(by_second("nvcsw"), 9) + numbers.real(by_second("nivcsw"), 9)
        if letter == "v":
            return "".join(f" {level(name):7}" for name in ("threads", "fds"))
        return f" {now['prio']:4} {POLICIES[now['policy'] % len(POLICIES)]:>6}"

    def _child(self, letter: str, task: Task, old: Mapping[str, int], itv: int, averaged: bool) -> str:
        del itv

        def more(*names: str) -> int:
            return sum(task.now[name] - old.get(name, 0) for name in names)

        turns = max(1, task.readings) if averaged else 1
        if letter == "r":
            return f" {more('minflt', 'cminflt') / turns:9.0f} {more('majflt', 'cmajflt') / turns:9.0f}"
        user = more("utime", "cutime") - more("gtime", "cgtime")
        spent = (max(0, user), more("stime", "cstime"), more("gtime", "cgtime"))
        return "".join(f" {ticks * 10 / turns:9.0f}" for ticks in spent)


def _user(uid: int) -> str:
    return str(uid) if uid else "root"
