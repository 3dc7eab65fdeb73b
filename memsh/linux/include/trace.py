"""Tracepoints: one flag, and the rings of events behind it (include/trace/events/*.h, kernel/trace/trace.c).

Call sites are written `if trace.on: trace.emit("mm_page_alloc", pfn, order, ...)` so that an untraced step pays one
attribute test. FIELDS names what each event notes: `call_site` is found by emit(), the rest are the arguments of its
call, in order.
"""

from __future__ import annotations

import sys
from collections import deque
from collections.abc import Callable, Iterable
from types import CodeType
from typing import TYPE_CHECKING, Any, Protocol

from memsh.linux.include.ring_buffer import DEFAULT_KB, RingBuffer
from memsh.linux.include.trace_events import CONSTANTS, EVENTS, FIELDS
from memsh.linux.mm.slab.callsites import linux_name

if TYPE_CHECKING:
    from memsh.linux.box import Box

CALLED = frozenset(name for name, fields in FIELDS.items() if fields[:1] == ("call_site",))
MARK = "tracing_mark_write"  # what a person wrote among the events
IDLE = "<idle>"
_BETWEEN = ("mm/slab", "inspect")  # what stands between the caller and the cache
_HELPERS = ("take", "size_tree")  # of ours, without a counterpart in Linux

Filter = Callable[[dict[str, Any]], bool]


class Trigger(Protocol):
    """What an event sets off (kernel/trace_trigger.py)."""

    filter: Filter | None

    def fire(self, trace: Trace) -> None: ...


class Trace:
    """`buffer` holds the events that are recorded: those of `events` while `tracing` is on, as far as a filter and
    `pids` let them pass. `told` is a filter's text, also a system's. `on` says whether anybody asks for events at all:
    the buffer, a trigger, or who explains, who hears of all, in `heard`, and of `passed` how many there were.

    `soft`: how many triggers hold an event's tracepoint ready (SOFT_MODE), `muted`: those ready and not recorded.
    `box` is whose clock and current task are noted; without one they read 0, 0 and "<idle>".
    """

    __slots__ = ("asked", "box", "buffer", "clock", "counting", "events", "expanded", "filters", "heard", "muted",
                 "off", "on", "passed", "pids", "sizes", "soft", "told", "tracing", "triggers")  # fmt: skip

    def __init__(self, box: Box | None = None) -> None:
        self.on = False
        self.tracing = True
        self.events: set[str] = set()  # whose tracepoints are in use, for the buffer or for a trigger
        self.soft: dict[str, int] = {}
        self.muted: set[str] = set()
        self.triggers: dict[str, list[Trigger]] = {}
        self.filters: dict[str, Filter] = {}
        self.told: dict[str, str] = {}
        self.pids: set[int] = set()  # only these tasks' events; none: all
        self.clock = "local"
        self.off: set[str] = set()  # options that are on at boot
        self.box = box
        self.buffer = RingBuffer(box.arch.word if box is not None else 4)
        self.expanded = False
        self.sizes: dict[str, tuple[int, tuple[int, ...]]] = {}  # bytes of a record, and where words are in it
        self.heard: deque[tuple[Any, ...]] | None = None
        self.counting = False  # nobody will read what is heard: it is counted only
        self.passed = 0
        self.asked: dict[CodeType, str | None] = {}  # who asks there; None: it stands between who asks and the cache

    @property
    def ring(self) -> list[tuple[Any, ...]]:
        """(name, value, …) of each event that is kept, in order."""
        return [written.record for written in self.buffer]

    @property
    def total(self) -> int:
        """How many were recorded since the buffer was emptied."""
        return self.buffer.total

    def update(self) -> None:
        """Whether anybody asks for events, after a change."""
        self.on = self.heard is not None or bool(self.triggers) or (self.tracing and bool(self.events - self.muted))

    def expand(self) -> None:
        """The buffers get their size (tracing_update_buffers)."""
        if not self.expanded:
            self.expanded = True
            self.buffer.resize(DEFAULT_KB)

    def enable(self, names: Iterable[str], on: bool) -> None:
        """Record these events, or not (__ftrace_event_enable_disable, without soft_disable)."""
        for name in names:
            if on:
                self.muted.discard(name)
                self.events.add(name)
            elif name in self.soft:
                self.muted.add(name)
            else:
                self.events.discard(name)
        self.expand()
        self.update()

    def hold(self, name: str, ready: bool) -> None:
        """A trigger needs the event's tracepoint, or no longer (the same with soft_disable)."""
        count = self.soft.get(name, 0) + (1 if ready else -1)
        if ready and count == 1 and name not in self.events:
            self.muted.add(name)
            self.events.add(name)
        if count:
            self.soft[name] = count
        else:
            del self.soft[name]
            if name in self.muted:
                self.events.discard(name)
                self.muted.discard(name)
        self.update()

    def recorded(self) -> set[str]:
        """The events that go to the buffer while tracing is on."""
        return self.events - self.muted

    def switch(self, on: bool) -> None:
        """tracing_on."""
        self.tracing = on
        self.update()

    def record_all(self, on: bool) -> None:
        """As `echo 1 > events/enable; echo 1 > tracing_on`; or no event any more."""
        self.tracing |= on
        self.enable(EVENTS, on)

    def hear(self, heard: deque[tuple[Any, ...]] | None) -> None:
        """Tell of all events there, too; None: no longer."""
        self.heard = heard
        self.counting = False
        self.update()

    def call_site(self) -> str:
        """The kernel function that asked the slab allocator; "" if none did (a person's command)."""
        asked = self.asked
        frame = sys._getframe(2)
        while frame is not None:
            code = frame.f_code
            if code not in asked:
                room = code.co_filename.replace("\\", "/").rpartition("/memsh/")[2].rpartition("/")[0]
                name = code.co_name.strip("_") if room.startswith("linux") else ""
                asked[code] = None if room.endswith(_BETWEEN) or name in _HELPERS else name
            found = asked[code]
            if found is not None:
                return found
            if frame.f_back is None:
                break
            frame = frame.f_back
        return ""

    def emit(self, name: str, *values: Any) -> None:
        """Note one event; the caller has looked at `on`. The slab allocator's events begin with who called it."""
        heard = self.heard
        wanted = name in self.events and (self.tracing or name in self.triggers)
        if heard is not None:
            self.passed += 1
        if not wanted and (heard is None or self.counting):
            return
        if name in CALLED:
            values = (linux_name(name, self.call_site(), values[0] if name.startswith("kmem_") else ""), *values)
        record = (name, *values)
        if heard is not None and not self.counting:
            heard.append(record)
        if wanted:
            self._record(record)

    def _who(self) -> tuple[int, str, int]:
        """PID, comm and CPU of who runs."""
        box = self.box
        task = getattr(box, "current", None)
        pages = getattr(box, "pages", None)
        return task.pid if task else 0, task.comm if task else IDLE, pages.cpu if pages else 0

    def _record(self, record: tuple[Any, ...]) -> None:
        """What the tracepoint's probe does (trace_event_raw_event_…): triggers without a filter come before the event,
        others are asked with its values (trace_trigger_soft_disabled, __event_trigger_test_discard)."""
        name = record[0]
        who = self._who()
        triggers = self.triggers.get(name)
        careful = triggers is not None and any(one.filter is not None for one in triggers)
        known: dict[str, Any] = {}
        if careful or name in self.filters:
            pid, comm, cpu = who
            common = {"common_pid": pid, "comm": comm, "COMM": comm, "cpu": cpu, "CPU": cpu, "common_cpu": cpu}
            known = {**common, **CONSTANTS, **dict(zip(FIELDS[name], record[1:], strict=True))}
        reserved = False
        if triggers:
            reserved = careful and self.tracing and name not in self.muted and name not in self.filters
            for trigger in triggers:
                if not careful or trigger.filter is None or trigger.filter(known):
                    trigger.fire(self)
        if (
            (reserved or self.tracing) and name not in self.muted and (not self.pids or who[0] in self.pids)
            and (name not in self.filters or self.filters[name](known))
        ):  # fmt: skip
            self.write(record, who)

    def write(self, record: tuple[Any, ...], who: tuple[int, str, int] | None = None) -> None:
        """Into the buffer of the CPU."""
        box, name = self.box, record[0]
        usec = box.timer.usec if box is not None else 0
        known = self.sizes.get(name)
        if known is None:
            event = EVENTS.get(name)
            known = (event.layout(self.buffer.word)[1], event.words) if event else (10 + self.buffer.word, (1,))
            self.sizes[name] = known
        size = known[0]
        for at in known[1]:
            size += len(record[at]) + 1
        self.buffer.write(size, self._time(usec), who or self._who(), record, "overwrite" not in self.off)

    def _time(self, usec: int) -> int:
        """What the chosen clock says: ns, or what it counts in."""
        if self.clock == "counter":
            return self.total + 1
        if self.clock == "uptime":
            return usec // 10_000
        return usec * 1000

    def clear(self) -> None:
        """Forget the events."""
        self.buffer.clear()
