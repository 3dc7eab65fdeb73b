"""The buffer of events as text, and the files that say how it is kept (kernel/trace/trace.c).

**Known deviations:** pointers are real (as with no_hash_pointers); `call_site` is the calling function without the
offset in its machine code, 0x0 for what a person typed;
`page=` is the frame's place in one array of struct page, which i386 has for each section. Reading trace_pipe takes
nothing out of the buffer. The clock `x86-tsc` counts as local does.
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import dropwhile
from typing import TYPE_CHECKING

from memsh.linux.include.errno import KernelError
from memsh.linux.include.ring_buffer import DEFAULT_KB, Written
from memsh.linux.include.trace import MARK
from memsh.linux.lib.kstrtox import kstrtoull_decimal
from memsh.linux.mm.page_alloc.available import si_mem_available
from memsh.procfs.trace_format import event_text

if TYPE_CHECKING:
    from memsh.linux.box import Box

CLOCKS = ("local", "global", "counter", "uptime", "perf", "mono", "mono_raw", "boot", "tai", "x86-tsc")
NOT_IN_NS = ("counter", "uptime", "x86-tsc")
MAX_TRACER_SIZE = 100
MAX_CLOCK = 64
MAX_MARK = 1024
HEAD = """\
# tracer: nop
#
# entries-in-buffer/entries-written: {kept}/{total}   #P:{cpus}
#
#                                _-----=> irqs-off/BH-disabled
#                               / _----=> need-resched
#                              | / _---=> hardirq/softirq
#                              || / _--=> preempt-depth
#                              ||| / _-=> migrate-disable
#                              |||| /     delay
#           TASK-PID     CPU#  |||||  TIMESTAMP  FUNCTION
#              | |         |   |||||     |         |
"""


WITHOUT_FLAGS = """\
#           TASK-PID     CPU#     TIMESTAMP  FUNCTION
#              | |         |         |         |
"""


def lines(box: Box, events: Iterable[Written], started: set[int] | None = None) -> Iterable[str]:
    """Each event as a line of /sys/kernel/tracing/trace; where events were lost, a word on where each further CPU's
    begin (`started`: the CPUs that are known)."""
    clock, off = box.trace.clock, box.trace.off
    flags = "" if "irq-info" in off else "....."
    for at, (_, time, pid, comm, cpu, record) in enumerate(events):
        if started is not None and cpu not in started and "annotate" not in off:
            started.add(cpu)
            if at:
                yield f"##### CPU {cpu} buffer started ####\n"
        usec = time // 1000
        when = f"{time:12}" if clock in NOT_IN_NS else f"{usec // 1_000_000:5}.{usec % 1_000_000:06}"
        who = "" if "context-info" in off else f"{comm:>16}-{pid:<7} [{cpu:03}] {flags} {when}: "
        yield f"{who}{event_text(box.arch, record)}\n"


def show(box: Box) -> str:
    """The text of /sys/kernel/tracing/trace."""
    trace = box.trace
    return _shown(box, trace.buffer, len(trace.buffer), trace.total)


def show_cpu(box: Box, cpu: int) -> str:
    """The same of one CPU."""
    buffer = box.trace.buffer.cpus.get(cpu)
    events, lost = (buffer.events, buffer.lost) if buffer is not None else ((), 0)
    return _shown(box, events, len(events), len(events) + lost)


def _shown(box: Box, events: Iterable[Written], kept: int, total: int) -> str:
    off = box.trace.off
    head = HEAD.format(kept=kept, total=total, cpus=box.config.cpus)
    if "context-info" in off:
        head = "".join(head.splitlines(keepends=True)[:2])
    elif "irq-info" in off:
        rows = head.splitlines(keepends=True)
        head = "".join(rows[:4]) + WITHOUT_FLAGS
    return head + "".join(lines(box, events, set() if kept < total else None))


def follow(box: Box, cursor: int | None) -> tuple[str, int]:
    """trace_pipe: the events from number `cursor` on, and how many the ring has lost before them."""
    trace = box.trace
    if cursor is None:
        return "", next((written.number for written in trace.buffer), trace.total)
    if cursor > trace.total:  # it was cleared
        cursor = 0
    left = [*dropwhile(lambda written: written.number < cursor, trace.buffer)]
    missed = trace.total - cursor - len(left)
    lost = f"CPU:{left[0].cpu} [LOST {missed} EVENTS]\n" if missed and left else ""
    return lost + "".join(lines(box, left)), trace.total


def clear(box: Box) -> None:
    """Opening the file to be overwritten empties it; what is written then, nobody reads."""
    box.trace.clear()


def ignore(box: Box, text: str) -> None:
    """tracing_write_stub()."""
    del box, text


def show_on(box: Box) -> str:
    """/sys/kernel/tracing/tracing_on."""
    return f"{int(box.trace.tracing)}\n"


def store_on(box: Box, text: str) -> None:
    """0 stops recording, any other number starts it. EINVAL, ERANGE."""
    box.trace.switch(kstrtoull_decimal(text, box.arch.bits) != 0)


def show_clock(box: Box) -> str:
    return " ".join(f"[{name}]" if name == box.trace.clock else name for name in CLOCKS) + "\n"


def store_clock(box: Box, text: str) -> None:
    """Another clock: what was recorded by the old one goes. EINVAL."""
    word = text.strip()
    if len(text) >= MAX_CLOCK or word not in CLOCKS:
        raise KernelError("EINVAL", f"one of {', '.join(CLOCKS)}")
    box.trace.clock = word
    box.trace.clear()


def show_tracer(box: Box) -> str:
    return "nop\n"


def store_tracer(box: Box, text: str) -> None:
    """There is no other tracer. EINVAL."""
    if text[:MAX_TRACER_SIZE].strip() != "nop":
        raise KernelError("EINVAL", "nop is the only tracer")


def show_size(box: Box) -> str:
    """KiB of each CPU's buffer."""
    trace = box.trace
    held = trace.buffer.held_kb()
    return f"{held}\n" if trace.expanded else f"{held} (expanded: {DEFAULT_KB})\n"


def show_total_size(box: Box) -> str:
    trace, cpus = box.trace, box.config.cpus
    later = "" if trace.expanded else f" (expanded: {cpus * DEFAULT_KB})"
    return f"{cpus * trace.buffer.held_kb()}{later}\n"


def store_size(box: Box, text: str) -> None:
    """EINVAL for none at all; ENOMEM for more than there is (ring_buffer_resize)."""
    trace = box.trace
    kb = kstrtoull_decimal(text, box.arch.bits)
    if not kb:
        raise KernelError("EINVAL", "at least 1 KiB")
    kb = (kb << 10 & (1 << box.arch.bits) - 1) >> 10
    trace.expanded = True
    if (kb - trace.buffer.kb) * box.config.cpus >> 2 > si_mem_available(box):
        raise KernelError("ENOMEM")
    trace.buffer.resize(kb)


def store_marker(box: Box, text: str) -> None:
    """What is written is an event among the others."""
    trace = box.trace
    if "markers" in trace.off:
        raise KernelError("EINVAL", "nomarkers")
    if not trace.tracing:
        raise KernelError("EBADF", "tracing_on is 0")
    trace.write((MARK, text[:MAX_MARK].removesuffix("\n")))
