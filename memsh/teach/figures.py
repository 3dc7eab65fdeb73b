"""Figures of the box by name: what `expect`, questions and checks compare. Syntax: `man expect`.

No known deviations: every figure is read from the text of /proc or counted in the box, as `cat` would show it.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from memsh.digits import is_digits
from memsh.linux.include.sched import find_pid
from memsh.procfs import tree
from memsh.proctext import slabinfo
from memsh.shell import ShellError, UsageError
from memsh.shell.session import Session
from memsh.shell.values import address, wide_size
from memsh.teach.journal import attach
from memsh.teach.statement import FILLED, Word
from memsh.teach.states import aside, run_line, state

SLAB = {  # columns of /proc/slabinfo after the name
    "active": "active_objs", "objects": "num_objs", "size": "obj_size", "perslab": "objs_per_slab",
    "pages": "pages_per_slab", "limit": "limit", "batchcount": "batchcount", "shared": "shared",
    "active_slabs": "active_slabs", "slabs": "num_slabs", "shared_avail": "shared_avail",
}  # fmt: skip
OF = ("minflt", "majflt", "status", "value", "lines")
_VALUE = re.compile(r"(?:\$[0-9]+ = )?(0x[0-9a-f]+|-?[0-9]+)$|\$[0-9]+ = (0x[0-9a-f]+|[0-9]+)(?=\s)")


def _no(what: str, path: str) -> UsageError:
    return UsageError(f"there is no {what} in {path}")


def _of(session: Session, what: str, line: str) -> int:
    """What a command would take or yield, run on a copy of the box."""
    with aside(session) as box:
        task = box.current
        begun = (task.minflt, task.majflt)
        text, status = run_line(session, line)
        if what in ("minflt", "majflt"):
            taken = int(task.minflt - begun[0] if what == "minflt" else task.majflt - begun[1])
            if status and not taken:  # not that it takes none: it was refused (prlimit, a missing file)
                raise UsageError(f"'{line}' fails with status {status}")
            return taken
    if what == "status":
        return status
    if what == "lines":
        return text.count("\n")
    return last_value(line, text)


def last_value(line: str, text: str) -> int:
    """What a line yielded: the value its last command shows, or its last line of output if that is one number."""
    last = text.rstrip().rpartition("\n")[2].strip()
    found = _VALUE.match(last)
    if found is None:
        raise UsageError(f"'{line}' yields no value: it ends with " + (f"'{last[:60]}'" if last else "no output"))
    return int(found[1] or found[2], 0)


def _buddy(session: Session, parts: list[str]) -> int:
    rows = state(session.box)["buddyinfo"]
    if parts[1] not in rows:
        raise _no(f"zone {parts[1]}", "/proc/buddyinfo")
    row = rows[parts[1]].split()
    if not is_digits(parts[2]) or int(parts[2]) >= len(row):
        raise UsageError(f"there is no order {parts[2]}: 0 to {len(row) - 1}")
    return int(row[int(parts[2])])


def _zone(session: Session, parts: list[str]) -> int:
    """A line of a zone in /proc/zoneinfo (`free`, `min`, `nr_mlock`; `boost`, `protection` is an array: not here)."""
    path, inside = "/proc/zoneinfo", False
    for line in tree.show(session.box, path).splitlines():
        words = line.split()
        if words[0] == "Node":
            inside = words[3] == parts[1]
        elif inside and words[0] == "pages" and words[1] == parts[2]:
            return int(words[2])
        elif inside and words[0] == parts[2] and len(words) == 2 and is_digits(words[1]):
            return int(words[1])
    raise _no(".".join(parts[1:]), path)


def _slab(session: Session, parts: list[str]) -> int:
    name, field = ".".join(parts[1:-1]), parts[-1]
    cache = session.box.slab.named(name)
    if cache is None:
        raise _no(name, "/proc/slabinfo")
    lists = session.box.slab.lists(cache)
    if field in lists:
        return int(lists[field])
    if field not in SLAB:
        raise UsageError(f"slab has no figure {field}: {', '.join([*SLAB, *lists])}")
    for one in slabinfo.parse(tree.show(session.box, "/proc/slabinfo")):
        if one.name == name:
            return int(getattr(one, SLAB[field]))
    raise _no(name, "/proc/slabinfo")


def _labelled(session: Session, path: str, label: str) -> int:
    """The number behind `Label:` (or a bare name, as vmstat has it)."""
    for line in tree.show(session.box, path).splitlines():
        words = line.split()
        if len(words) > 1 and words[0].rstrip(":") == label and is_digits(words[1]):
            return int(words[1])
    raise _no(label, path)


def _smaps(session: Session, parts: list[str]) -> int:
    """`smaps.Pss`: the whole process; `smaps.ADDR.Pss`: the area in which the address lies. kB."""
    if session.box.current is None:
        raise ShellError("there is no current process")
    if len(parts) == 2:
        return _labelled(session, "/proc/self/smaps_rollup", parts[1])
    try:
        addr = address(parts[1], session.bits)
    except ValueError as error:
        raise UsageError(str(error)) from None
    inside = False
    for line in tree.show(session.box, "/proc/self/smaps").splitlines():
        words = line.split()
        bounds = words[0].split("-")
        if len(bounds) == 2 and not words[0].endswith(":"):
            inside = int(bounds[0], 16) <= addr < int(bounds[1], 16)
        elif inside and words[0] == parts[2] + ":":
            return int(words[1])
    raise _no(f"{parts[2]} of an area at {addr:#x}", "/proc/self/smaps")


def _task(session: Session, parts: list[str]) -> int:
    """`self.minflt`, `self.majflt`, `self.areas` (lines of maps), `self.pid`."""
    task = session.box.current
    if task is None:
        raise ShellError("there is no current process")
    if parts[1] == "areas":
        return tree.show(session.box, "/proc/self/maps").count("\n")
    if parts[1] not in ("minflt", "majflt", "pid"):
        raise UsageError(f"self has no figure {parts[1]}: minflt, majflt, areas, pid")
    return int(getattr(task, parts[1]))


def _as(session: Session, words: Sequence[Word]) -> int:
    """`FIGURE as PID`: of another process."""
    box, pid = session.box, words[-1].text(session)
    task = find_pid(box, int(pid)) if is_digits(pid) else None
    if task is None or task.mm is None:
        raise UsageError(f"there is no process {pid} with memory of its own")
    current = box.current
    box.current = task
    try:
        return figure(session, words[:-2])
    finally:
        box.current = current


def _then(session: Session, words: Sequence[Word]) -> int:
    """`FIGURE at SNAPSHOT`: as it was then; `FIGURE since SNAPSHOT`: now less then."""
    timeline = attach(session)
    name, since = words[-1].text(session), words[-2].bare == "since"
    if name not in timeline.snapshots:
        raise UsageError(f"there is no snapshot {name} (there are: {', '.join(timeline.snapshots) or 'none yet'})")
    now = figure(session, words[:-2]) if since else 0
    box, session.box = session.box, timeline.snapshot(name).box
    try:
        then = figure(session, words[:-2])
    finally:
        session.box = box
    return now - then if since else then


def figure(session: Session, words: Sequence[Word]) -> int:
    """The number that the words stand for. UsageError (status 2) for what makes no sense or is not there."""
    box = session.box
    if len(words) == 3 and words[1].bare == "of" and words[0].bare in OF:
        return _of(session, words[0].bare, words[2].line)
    if len(words) > 2 and words[-2].bare in ("at", "since"):
        return _then(session, words)
    if len(words) > 2 and words[-2].bare == "as":
        return _as(session, words)
    if len(words) != 1:
        for word in words:
            word.text(session)  # a name that is not set is the better reason
        raise UsageError(f"'{' '.join(word.source for word in words)}' is not a figure (man expect)")
    parts = words[0].parts(session)
    if words[0].pieces[0].kind == FILLED:  # a value of somebody's: a number, and no name of a figure
        parts = [".".join(parts)]
    head, size = parts[0], len(parts)
    if head == "buddy" and size == 3:
        return _buddy(session, parts)
    if head in ("zone", "zoneinfo") and size == 3:
        return _zone(session, parts)
    if head in ("meminfo", "vmstat") and size == 2:
        return _labelled(session, f"/proc/{head}", parts[1])
    if head == "status" and size == 2:
        return _labelled(session, "/proc/self/status", parts[1])
    if head == "slab" and size >= 3:
        return _slab(session, parts)
    if head == "smaps" and size in (2, 3):
        return _smaps(session, parts)
    if head == "self" and size == 2:
        return _task(session, parts)
    text = ".".join(parts)
    if words[0].bare in ("processes", "clock"):
        return len(box.tasks) if text == "processes" else int(box.timer.usec)
    try:
        return _number(text)
    except ValueError:
        raise UsageError(f"'{text}' is not a figure (man expect)") from None


def _number(word: str) -> int:
    """A number, size or sum of them, of any magnitude."""
    return -wide_size(word[1:]) if word[:1] == "-" else wide_size(word)
