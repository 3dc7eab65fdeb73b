"""The processes of /proc, taken apart (procps-ng 4.0.2, library/readproc.c, pids.c).

Known deviations: user names: 0 is root, others are numbers (the box has no other users, and /proc does not say).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from memsh.digits import is_digits
from memsh.procps.reader import ProcReader
from memsh.proctext.lines import numbers

STAT_FIELDS = (
    "ppid", "pgrp", "session", "tty_nr", "tpgid", "flags", "min_flt", "cmin_flt", "maj_flt", "cmaj_flt", "utime",
    "stime", "cutime", "cstime", "priority", "nice", "threads", "itrealvalue", "start_time", "vsize", "rss",
    "rss_limit", "start_code", "end_code", "start_stack", "esp", "eip", "signal", "blocked", "sigignore",
    "sigcatch", "wchan", "nswap", "cnswap", "exit_signal", "processor", "rt_priority", "policy",
)  # fmt: skip
HZ = 100


@dataclass
class Process:
    """One process: /proc/PID/stat at once, its other files when they are asked for (unreadable: empty)."""

    reader: ProcReader
    pid: int
    comm: str
    state: str
    stat: dict[str, int]
    tid: int = 0  # of the thread, where it is one of several; 0: the process itself

    def text(self, name: str) -> str:
        """A file of the process; "" if it cannot be read."""
        try:
            return self.reader.read(f"/proc/{self.pid}/{name}")
        except OSError:
            return ""

    @cached_property
    def status(self) -> dict[str, str]:
        """/proc/PID/status: label → the text after its tab."""
        found = {}
        for line in self.text("status").splitlines():
            label, colon, rest = line.partition(":")
            if colon:
                found[label] = rest.strip()
        return found

    def kb(self, label: str) -> int:
        """A `VmXxx: N kB` figure of status, 0 if there is none."""
        words = self.status.get(label, "").split()
        return int(words[0]) if words and is_digits(words[0]) else 0

    def uid(self, which: int = 1) -> int:
        """0 real, 1 effective, 2 saved, 3 file system user id."""
        return _nth(self.status.get("Uid", ""), which)

    def gid(self, which: int = 1) -> int:
        """0 real, 1 effective, 2 saved, 3 file system group id."""
        return _nth(self.status.get("Gid", ""), which)

    @cached_property
    def cmdline(self) -> str:
        """The command line with blanks between its words; `[comm]` for one without."""
        text = self.text("cmdline").rstrip("\0").replace("\0", " ").replace("\n", " ")
        if not text:
            return f"[{escape(self.comm)}]" + (" <defunct>" if self.state == "Z" else "")
        return escape(text.removesuffix(" ")) or "?"

    @cached_property
    def statm(self) -> list[int]:
        """/proc/PID/statm: seven counts of pages."""
        words = numbers(self.text("statm").split())
        return words + [0] * (7 - len(words))

    @cached_property
    def rollup(self) -> dict[str, int]:
        """/proc/PID/smaps_rollup: label → kB."""
        found = {}
        for line in self.text("smaps_rollup").splitlines()[1:]:
            label, _, rest = line.partition(":")
            words = rest.split()
            if words and is_digits(words[0]):
                found[label] = int(words[0])
        return found

    @property
    def long_size(self) -> int:
        """Bytes of a C long in the machine that the tree was taken from."""
        return 8 if self.stat["start_stack"] >> 32 or self.stat["end_code"] >> 32 else 4

    @property
    def ticks(self) -> int:
        """User and system time in ticks."""
        return self.stat["utime"] + self.stat["stime"]


def _nth(text: str, which: int) -> int:
    words = text.split()
    return int(words[which]) if len(words) > which and is_digits(words[which]) else 0


def escape(text: str) -> str:
    """Bytes that a terminal should not see become question marks."""
    return "".join(c if c.isprintable() else "?" for c in text)


def user_name(uid: int) -> str:
    """A user's name."""
    return "root" if uid == 0 else str(uid)


def parse_stat(reader: ProcReader, pid: int, text: str) -> Process | None:
    """A process from its stat line; None if the line is none. The name may hold blanks and parentheses."""
    opening, closing = text.find("("), text.rfind(")")
    words = text[closing + 1 :].split()
    if opening < 0 or closing < opening or len(words) < 2:
        return None
    figures = numbers(words[1:])
    figures += [0] * (len(STAT_FIELDS) - len(figures))
    return Process(reader, pid, text[opening + 1 : closing], words[0], dict(zip(STAT_FIELDS, figures, strict=False)))


def process(reader: ProcReader, pid: int) -> Process | None:
    """One process by its number, or None."""
    try:
        return parse_stat(reader, pid, reader.read(f"/proc/{pid}/stat"))
    except OSError:
        return None


def processes(reader: ProcReader) -> list[Process]:
    """Every process, by rising pid."""
    found = []
    for pid in sorted(int(name) for name in reader.listdir("/proc") if is_digits(name)):
        one = process(reader, pid)
        if one:
            found.append(one)
    return found


def threads(one: Process) -> list[Process]:
    """The threads of a process, each with its own stat; the process itself where /proc does not tell them."""
    found = []
    try:
        names = one.reader.listdir(f"/proc/{one.pid}/task")
    except OSError:
        names = []
    for tid in sorted(int(name) for name in names if is_digits(name)):
        try:
            thread = parse_stat(one.reader, one.pid, one.reader.read(f"/proc/{one.pid}/task/{tid}/stat"))
        except OSError:
            continue
        if thread is not None:
            thread.tid = tid
            found.append(thread)
    return found or [one]


def tty_name(device: int) -> str:
    """The terminal's name from its device number; `?` for none."""
    if not device:
        return "?"
    major, minor = device >> 8 & 0xFFF, device & 0xFF | device >> 12 & 0xFFF00
    if 136 <= major <= 143:
        return f"pts/{minor + (major - 136) * 256}"
    if major == 4:
        return f"tty{minor}" if minor < 64 else f"ttyS{minor - 64}"
    if major == 5 and minor == 1:
        return "console"
    if major == 204 and minor >= 64:
        return f"ttyAMA{minor - 64}"
    if major == 229:
        return f"hvc{minor}"
    return "?"
