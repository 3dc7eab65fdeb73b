"""/sys/kernel/tracing: which events are recorded, and how (kernel/trace/trace_events.c, trace.c).

The recorded kernels have no tracefs (CONFIG_FTRACE is not set). What a kernel with ENABLE_DEFAULT_TRACERS has is here.

**Known deviations:** events' numbers go by their names. No instances, per_cpu, options, dynamic events, saved command
lines, binary buffers.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

from memsh.linux.include.errno import KernelError
from memsh.linux.include.trace import Trace
from memsh.linux.include.trace_events import EVENTS
from memsh.linux.kernel.trace_filter import BadFilter, create_filter, filter_match_preds, told
from memsh.linux.kernel.trace_trigger import COMMANDS, event_trigger_write
from memsh.linux.lib.kstrtox import kstrtoull_decimal
from memsh.procfs import tracing
from memsh.procfs.node import Directory, Node, ProcFile
from memsh.procfs.trace_format import show_format

if TYPE_CHECKING:
    from memsh.linux.box import Box

FIRST_ID = 300
EVENT_BUF_SIZE = 127
PID_MAX_LIMIT = 1 << 22
PAGE_SIZE = 4096
HEADER_EVENT = """\
# compressed entry header
\ttype_len    :    5 bits
\ttime_delta  :   27 bits
\tarray       :   32 bits

\tpadding     : type == 29
\ttime_extend : type == 30
\ttime_stamp : type == 31
\tdata max type_len  == 28
"""
NONE_FITS = "Couldn't find or set field in one of a subsystem's events"
GLOBAL_FILTER = """\
### global filter ###
# Use this to set filters for multiple events.
# Only events with the given fields will be affected.
# If no events are modified, an error message will be displayed here
"""


def by_system() -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for name in sorted(EVENTS):
        found.setdefault(EVENTS[name].system, []).append(name)
    return found


def _show(names: list[str]) -> Callable[[Box], str]:
    """1 all of them, 0 none, X some."""

    def show(box: Box) -> str:
        count = len(box.trace.events & set(names))
        return "1\n" if count == len(names) else "X\n" if count else "0\n"

    return show


def _show_one(box: Box, name: str) -> str:
    """Whether it is recorded; `*`: a trigger may change that."""
    trace = box.trace
    soft = name in trace.soft
    return f"{int(name in trace.recorded())}{'*' if soft else ''}\n"


def _store(names: list[str]) -> Callable[[Box, str], None]:
    def store(box: Box, text: str) -> None:
        number = kstrtoull_decimal(text, box.arch.bits)
        if number > 1:
            raise KernelError("EINVAL", text.strip())
        box.trace.enable(names, number == 1)

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
        trace.filters[name] = partial(filter_match_preds, create_filter(text, EVENTS[name]))
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


def _trigger(name: str) -> ProcFile:
    def show(box: Box) -> str:
        mine = box.trace.triggers.get(name)
        return "".join(map(str, mine)) if mine else f"# Available triggers:\n# {' '.join(COMMANDS)}\n"

    def store(box: Box, text: str) -> None:
        if len(text) >= PAGE_SIZE:
            raise KernelError("EINVAL", "too long")
        event_trigger_write(box.trace, name, text.strip())

    return ProcFile(show, store, 0o640)


def _event(name: str, number: int) -> Directory:
    return Directory({"enable": ProcFile(lambda box: _show_one(box, name), _store([name]), 0o640),
                      "filter": _filter(name), "format": ProcFile(lambda box: show_format(box.arch, name, number), None,
                                                                  0o440),
                      "id": ProcFile(lambda box: f"{number}\n", None, 0o440), "trigger": _trigger(name)},
                     0o750)  # fmt: skip


def _events() -> Directory:
    numbers = {name: FIRST_ID + at for at, name in enumerate(sorted(EVENTS))}
    folders: dict[str, Node] = {
        system: Directory({"enable": _enable(names), "filter": _system_filter(system, names),
                           **{name: _event(name, numbers[name]) for name in names}}, 0o750)
        for system, names in by_system().items()
    }  # fmt: skip
    return Directory({
        "enable": _enable(sorted(EVENTS)), "header_event": ProcFile(lambda box: HEADER_EVENT, None, 0o440),
        "header_page": ProcFile(show_header_page, None, 0o440), **folders}, 0o750)  # fmt: skip


def show_available(box: Box) -> str:
    del box
    return "".join(f"{system}:{name}\n" for system, names in sorted(by_system().items()) for name in names)


def show_set(box: Box) -> str:
    on = box.trace.recorded()
    rows = [(system, name) for system, names in sorted(by_system().items()) for name in names if name in on]
    return "".join(f"{system}:{name}\n" for system, name in rows)


def store_set(box: Box, text: str) -> None:
    """`system:event`, `system:*`, `event`, `*:*`, each with `!` in front to take it away. EINVAL for what is none."""
    for word in text.replace("\0", " ").split():
        wanted = word.removeprefix("!")
        system, colon, event = wanted.partition(":")
        if colon:
            found = [name for name in EVENTS
                     if system in ("", "*", EVENTS[name].system) and event in ("", "*", name)]  # fmt: skip
        else:
            found = [name for name in EVENTS if wanted in (name, EVENTS[name].system)]
        if not found or len(word) > EVENT_BUF_SIZE:
            raise KernelError("EINVAL", f"{wanted}: no such event")
        box.trace.enable(found, not word.startswith("!"))


def forget_set(box: Box) -> None:
    """set_event was opened to be overwritten: no event is left."""
    box.trace.enable(EVENTS, False)


def show_pids(box: Box) -> str:
    return "".join(f"{pid}\n" for pid in sorted(box.trace.pids))


def store_pids(box: Box, text: str) -> None:
    """The tasks whose events are recorded, beside those chosen before. EINVAL."""
    pids = [kstrtoull_decimal(word, box.arch.bits) for word in text.split()]
    if any(not 0 <= pid <= PID_MAX_LIMIT for pid in pids):
        raise KernelError("EINVAL", "no PID")
    box.trace.pids |= {*pids}


def forget_pids(box: Box) -> None:
    box.trace.pids = set()


def show_header_page(box: Box) -> str:
    """How a page of the buffer begins (ring_buffer_print_page_header)."""
    word = box.arch.word
    return (
        "\tfield: u64 timestamp;\toffset:0;\tsize:8;\tsigned:0;\n"
        f"\tfield: local_t commit;\toffset:8;\tsize:{word};\tsigned:1;\n"
        "\tfield: int overwrite;\toffset:8;\tsize:1;\tsigned:1;\n"
        f"\tfield: char data;\toffset:{8 + word};\tsize:{box.trace.buffer.page};\tsigned:1;\n"
    )


FOLDER = _events()

FILES: dict[str, ProcFile] = {
    "available_events": ProcFile(show_available, None, 0o440),
    "available_tracers": ProcFile(tracing.show_tracer, None, 0o440),
    "buffer_size_kb": ProcFile(tracing.show_size, tracing.store_size, 0o640),
    "buffer_total_size_kb": ProcFile(tracing.show_total_size, None, 0o440),
    "current_tracer": ProcFile(tracing.show_tracer, tracing.store_tracer, 0o640),
    "set_event": ProcFile(show_set, store_set, 0o640, truncate=forget_set),
    "set_event_pid": ProcFile(show_pids, store_pids, 0o640, truncate=forget_pids),
    "timestamp_mode": ProcFile(lambda box: "[delta] absolute\n", None, 0o440),
    "trace": ProcFile(tracing.show, tracing.ignore, 0o640, truncate=tracing.clear),
    "trace_clock": ProcFile(tracing.show_clock, tracing.store_clock, 0o640),
    "trace_marker": ProcFile(None, tracing.store_marker, 0o220),
    "tracing_on": ProcFile(tracing.show_on, tracing.store_on, 0o640),
}
