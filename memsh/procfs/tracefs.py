"""/sys/kernel/tracing: events/, set_event, available_events: which events are recorded (kernel/trace/trace_events.c).

The first event that is enabled starts recording, as on Linux, where tracing_on is 1 from the start and no event is;
here tracing_on is 0 and stands for all of them, until one is chosen.

**Known deviations:** no triggers, instances, formats and binary buffers; `set_event` is added to, as by `>>`, unless
the file was opened to be overwritten.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial
from typing import TYPE_CHECKING

from memsh.linux.include.errno import KernelError
from memsh.linux.include.trace import FIELDS, Trace
from memsh.linux.kernel.trace_filter import BadFilter, create_filter, filter_match_preds, told
from memsh.procfs.node import Directory, Node, ProcFile

if TYPE_CHECKING:
    from memsh.linux.box import Box

SYSTEMS = (  # how the names of a subsystem's events begin; the first that fits counts
    ("mm_page_", "kmem"), ("kmalloc", "kmem"), ("kfree", "kmem"), ("kmem_cache_", "kmem"), ("rss_stat", "kmem"),
    ("mm_filemap_", "filemap"), ("mm_vmscan_", "vmscan"), ("mm_compaction_", "compaction"), ("mm_migrate_", "migrate"),
    ("writeback_", "writeback"), ("page_fault_", "exceptions"), ("mm_khugepaged_", "huge_memory"),
    ("oom_score", "oom"), ("mark_victim", "oom"), ("wake_reaper", "oom"), ("mm_lru_", "pagemap"), ("mmap_", "mmap"),
)  # fmt: skip
FIRST_ID = 300
NONE_FITS = "Couldn't find or set field in one of a subsystem's events"
GLOBAL_FILTER = """\
### global filter ###
# Use this to set filters for multiple events.
# Only events with the given fields will be affected.
# If no events are modified, an error message will be displayed here
"""


def system_of(name: str) -> str:
    """The subsystem that an event belongs to."""
    return next((system for begin, system in SYSTEMS if name.startswith(begin)), "kmem")


def by_system() -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for name in sorted(FIELDS):
        found.setdefault(system_of(name), []).append(name)
    return found


def enabled(box: Box) -> set[str]:
    """The events that are recorded while tracing is on."""
    chosen = box.trace.events
    if chosen is not None:
        return chosen
    return set(FIELDS) if box.trace.on else set()


def enable(box: Box, names: Iterable[str], on: bool) -> None:
    trace = box.trace
    chosen = enabled(box) | set(names) if on else enabled(box) - set(names)
    if trace.events is None and not trace.on and on:
        trace.on = True
    trace.events = chosen


def _show(names: list[str]) -> Callable[[Box], str]:
    """1 all of them, 0 none, X some."""

    def show(box: Box) -> str:
        count = len(enabled(box) & set(names))
        return "1\n" if count == len(names) else "X\n" if count else "0\n"

    return show


def _store(names: list[str]) -> Callable[[Box, str], None]:
    def store(box: Box, text: str) -> None:
        if text.strip() not in ("0", "1"):
            raise KernelError("EINVAL", text.strip())
        enable(box, names, text.strip() == "1")

    return store


def _enable(names: list[str]) -> ProcFile:
    return ProcFile(_show(names), _store(names), 0o640)


def _set_filter(trace: Trace, name: str, text: str) -> None:
    """A filter for one event; "0" takes it away. What is wrong is told by the file afterwards. BadFilter."""
    trace.filters.pop(name, None)
    trace.told.pop(name, None)
    if text == "0":
        return
    try:
        trace.filters[name] = partial(filter_match_preds, create_filter(text, FIELDS[name]))
        trace.told[name] = text + "\n"
    except BadFilter as bad:
        trace.told[name] = told(text, bad)
        raise


def _filter(name: str) -> ProcFile:
    def store(box: Box, text: str) -> None:
        try:
            _set_filter(box.trace, name, text.strip())
        except BadFilter as bad:
            raise KernelError("EINVAL", bad.words) from None

    return ProcFile(lambda box: box.trace.told.get(name, "none\n"), store, 0o640)


def _system_filter(system: str, names: list[str]) -> ProcFile:
    """One filter for all events of a system that have its fields; the others lose theirs."""

    def store(box: Box, text: str) -> None:
        trace, text = box.trace, text.strip()
        trace.told.pop(system, None)
        fit = 0
        for name in names:
            try:
                _set_filter(trace, name, text)
                fit += 1
            except BadFilter:
                trace.told.pop(name)
        if not fit:
            bad = BadFilter(NONE_FITS, 0)
            trace.told[system] = told(text, bad)
            raise KernelError("EINVAL", bad.words)
        if text != "0":
            trace.told[system] = text + "\n"

    return ProcFile(lambda box: box.trace.told.get(system, GLOBAL_FILTER), store, 0o640)


def _event(name: str, number: int) -> Directory:
    return Directory({"enable": _enable([name]), "filter": _filter(name),
                      "id": ProcFile(lambda box: f"{number}\n", None, 0o440)}, 0o750)  # fmt: skip


def _events() -> Directory:
    numbers = {name: FIRST_ID + at for at, name in enumerate(sorted(FIELDS))}
    folders: dict[str, Node] = {
        system: Directory({"enable": _enable(names), "filter": _system_filter(system, names),
                           **{name: _event(name, numbers[name]) for name in names}}, 0o750)
        for system, names in by_system().items()
    }  # fmt: skip
    return Directory({"enable": _enable(sorted(FIELDS)), **folders}, 0o750)


def show_available(box: Box) -> str:
    del box
    return "".join(f"{system}:{name}\n" for system, names in sorted(by_system().items()) for name in names)


def show_set(box: Box) -> str:
    on = enabled(box)
    rows = [(system, name) for system, names in sorted(by_system().items()) for name in names if name in on]
    return "".join(f"{system}:{name}\n" for system, name in rows)


def store_set(box: Box, text: str) -> None:
    """`system:event`, `system:*`, `event`, `*:*`, each with `!` in front to take it away. EINVAL for what is none."""
    for word in text.split():
        wanted = word.removeprefix("!")
        system, colon, event = wanted.rpartition(":")
        found = [
            name for name in FIELDS
            if (not colon or system in ("*", "", system_of(name)))
            and (event in ("*", "", name) or (not colon and event == system_of(name)))
        ]  # fmt: skip
        if not found:
            raise KernelError("EINVAL", f"{wanted}: no such event")
        enable(box, found, not word.startswith("!"))


def forget_set(box: Box) -> None:
    """set_event was opened to be overwritten: no event is left."""
    if box.trace.on or box.trace.events is not None:  # else none has been chosen yet: the first one starts recording
        box.trace.events = set()


EVENTS = _events()
