"""Watching a command run: calls into the kernel and libc, tracepoints, and what each step means in a sentence.

`sys.setprofile` sees every call while a command that is being explained works, and only then: neither the shell around
it, nor the kernel itself, knows anything of it. Figures in the sentences are read from the state at the moment of the
call. A story as long as one can be is watched no further: what follows runs as if nobody looked, its tracepoints
are counted.

**Known deviations:** see memsh.teach.sentences.
"""

from __future__ import annotations

import sys
from collections import deque
from collections.abc import Callable
from types import CodeType, FrameType
from typing import Any, NamedTuple

from memsh.linux.box import Box
from memsh.linux.include.flags import MAX_ORDER
from memsh.procfs.trace_format import event_text
from memsh.shell.streams import Hooks
from memsh.teach.functions import FUNCTIONS, Function
from memsh.teach.sentences import AFTER, BEFORE, Request, killed
from memsh.teach.subject import slab_of, tables_of, zone_of

FREELIST, RMQUEUE = FUNCTIONS["buddy.get_page_from_freelist"], FUNCTIONS["buddy.rmqueue"]
# what a command asks for its own words
PEEKS = frozenset({"vmalist.find_vma", "slab_caches.kmalloc_slab", "slub_caches.kmalloc_slab"})
FAULT = "fault.handle_mm_fault"
OUR_OWN = ("/trace.py", "/callsites.py")  # what notes the tracepoints is no call of the kernel's
LIMIT = 2000
HEARD = 65536  # events between two looks
ALIKE = 2  # so many events of a kind in a row are shown, and the last
LATE = 6  # so many lines of what matters too much to be cut
CALL, EVENT, SAY = "call", "event", "say"
UNKNOWN = (None, "")  # a code that was not looked up yet


class Step(NamedTuple):
    """One line of the story. `depth` counts Linux functions around it."""

    kind: str
    depth: int
    text: str
    function: Function | None = None


class Picture(NamedTuple):
    """The box at one step: free blocks by order and pages on this CPU's lists, by zone; the current process.

    `zone` is the one that the step is about, "" if it says none; `subject` what else it is about, drawn (or nothing).
    """

    zones: tuple[tuple[str, tuple[int, ...], int], ...]
    process: str
    zone: str = ""
    subject: tuple[str, ...] = ()


def picture(box: Box, text: str = "", address: int | None = None) -> Picture:
    """What is shown beside a step of `explain --step` that says `text`, in a fault at `address`."""
    zone, drawn = zone_of(box, text), slab_of(box, text)
    if not drawn and not zone and address is not None:
        drawn = tables_of(box, address)
    zones = tuple(
        (zone.name, tuple(zone.nr_blocks(order) for order in range(MAX_ORDER)), zone.pcp.count)
        for zone in box.pages.zones if zone.managed
    )  # fmt: skip
    task = box.current
    if task is None or task.mm is None:
        return Picture(zones, "", zone, drawn)
    resident = sum(task.mm.rss[at] for at in (0, 1, 3)) * 4
    told = f"{task.comm}: RSS {resident} kB, minflt {task.minflt} majflt {task.majflt}"
    return Picture(zones, told, zone, drawn)


class Watch:
    """`with watch: …`, one in another perhaps: `profile` sees the calls, until it is let go."""

    def __init__(self, profile: Callable[[FrameType, str, Any], None]) -> None:
        self.profile: Callable[[FrameType, str, Any], None] | None = profile
        self.before: list[Any] = []

    def __enter__(self) -> None:
        if self.profile is not None:
            self.before.append(sys.getprofile())
            sys.setprofile(self.profile)

    def __exit__(self, *_: object) -> None:
        if self.before:
            sys.setprofile(self.before.pop())

    def let_go(self) -> None:
        """Nothing is watched any more."""
        self.profile = None
        while self.before:
            sys.setprofile(self.before.pop())


class Recorder:
    """`with Recorder(box, hooks) as story: …`; then `steps`, `calls` (into memsh.linux and memsh.libc, of those that
    are told) and, if there were more (`full`), how many tracepoints were `cut`."""

    def __init__(self, box: Box, hooks: Hooks, pictures: bool = False) -> None:
        self.box = box
        self.hooks = hooks
        self.pictures: list[Picture] | None = [] if pictures else None  # one a step
        self.steps: list[Step] = []
        self.calls = 0
        self.full = False
        self.cut = 0
        self.logged = 0  # records of the kernel log when it was full
        self.late: list[str] = []  # what matters too much to be cut
        self.depth = 0
        self.known: dict[int, tuple[Function | None, str] | None] = {}  # by id(): a code's hash looks at all it holds
        self.codes: list[CodeType] = []  # those of `known`, alive as long as it is
        self.open: list[tuple[str, Any]] = []
        self.requests: list[Request] = []  # calls of __alloc_pages that have not returned
        self.address: int | None = None  # of the fault that is being handled
        self.seen = box.trace.passed
        self.heard: deque[tuple[Any, ...]] = deque(maxlen=HEARD)
        self.watch = Watch(self.profile())
        self.mute: FrameType | None = None  # what a process did before main is no part of the story

    def __enter__(self) -> Recorder:
        self.box.trace.hear(self.heard)
        self.hooks.watch = self.watch
        return self

    def __exit__(self, *_: object) -> None:
        self.hooks.watch = None
        self.events()
        if self.full:
            self.late = killed(self.box, self.logged)[-LATE:]
        self.box.trace.hear(None)

    def say(self, text: str) -> None:
        self.add(Step(SAY, self.depth, text))

    def add(self, step: Step) -> None:
        if len(self.steps) < 3 * LIMIT:
            self.steps.append(step)
            if self.pictures is not None:
                self.pictures.append(picture(self.box, step.text if step.kind == EVENT else "", self.address))
        else:
            self.cut += step.kind == EVENT
            if not self.full:
                self.end()

    def end(self) -> None:
        """No more is told."""
        self.full = True
        self.logged = self.box.log.total
        self.watch.let_go()
        self.box.trace.counting = True

    def inline(self, begun: int) -> None:
        """The fast path of __alloc_pages has no functions of its own here: put Linux's around what it did."""
        if self.full:
            return
        steps = self.steps
        at = begun
        while at < len(steps) and steps[at].kind == SAY and steps[at].depth == self.depth:
            at += 1
        end = len(steps)
        while end > at and steps[end - 1].depth == self.depth and steps[end - 1].kind == EVENT:
            end -= 1  # mm_page_alloc comes after them
        inside = [Step(CALL, self.depth, "", FREELIST)]
        inside += [step._replace(depth=step.depth + 1) for step in steps[begun:at]]
        inside.append(Step(CALL, self.depth + 1, "", RMQUEUE))
        inside += [step._replace(depth=step.depth + 2) for step in steps[at:end]]
        steps[begun:end] = inside
        if self.pictures is not None:
            self.pictures[begun:begun] = [self.pictures[begun]]
            self.pictures[at + 1 : at + 1] = [self.pictures[at]]

    def events(self) -> None:
        """Tracepoints passed since the last look."""
        trace = self.box.trace
        new = trace.passed - self.seen
        self.seen = trace.passed
        if new > 0:
            ring = self.heard
            if self.full:
                self.cut += new
                return
            alike, name = 0, ""
            for at in range(max(-new, -len(ring)), 0):
                if ring[at][0] == name:
                    alike += 1
                    if alike > ALIKE and at != -1 and ring[at + 1][0] == name:
                        continue
                if alike > ALIKE + 1:
                    self.add(Step(EVENT, self.depth, f"{name}: and {alike - ALIKE - 1} more like these"))
                alike, name = (alike if ring[at][0] == name else 0), ring[at][0]
                self.add(Step(EVENT, self.depth, event_text(self.box.arch, ring[at])))

    def look_up(self, code: CodeType) -> tuple[Function | None, str] | None:
        path = code.co_filename
        room = path.rpartition("/memsh/")[2].partition("/")[0]
        found = None
        if room in ("linux", "libc") and code.co_name[0] != "<" and not path.endswith(OUR_OWN):
            key = f"{path.rpartition('/')[2][:-3]}.{code.co_name}"
            found = (FUNCTIONS.get(key), key)
        self.known[id(code)] = found
        self.codes.append(code)
        return found

    def profile(self) -> Callable[[FrameType, str, Any], None]:
        """What `sys.setprofile` calls: nearly always for something that is no part of the story."""
        known, look_up, call, back, opened = self.known, self.look_up, self.call, self.back, self.open
        find = known.get

        def profile(frame: FrameType, event: str, value: Any) -> None:
            if event == "call":
                found = find(id(frame.f_code), UNKNOWN)
                if found is None or self.mute is not None:
                    return
                if found is UNKNOWN:
                    found = look_up(frame.f_code)
                    if found is None:
                        return
                call(frame, *found)
            elif event == "return":
                if self.mute is not None:
                    if frame is self.mute:
                        self.mute = None
                        self.seen = self.box.trace.passed
                elif opened:
                    found = find(id(frame.f_code))
                    if found is not None and found[0] is not None:
                        back(value)

        return profile

    def call(self, frame: FrameType, function: Function | None, key: str) -> None:
        """A function of the kernel or of libc is called."""
        if key == "process._before_main":
            self.mute = frame
            self.events()
            return
        if not self.depth and key in PEEKS:
            self.mute = frame
            return
        if self.box.trace.passed != self.seen and function is not None:
            self.events()
        if self.calls == LIMIT:
            self.end()
            return
        self.calls += 1
        if function is None:
            return
        if key == FAULT:
            self.address = frame.f_locals.get("addr")
        self.add(Step(CALL, self.depth, "", function))
        self.depth += 1
        teller = BEFORE.get(key)
        told = teller(self, frame.f_locals) if teller is not None else None
        self.open.append((key, told))

    def back(self, value: Any) -> None:
        """The function that was called last returns."""
        if self.box.trace.passed != self.seen:
            self.events()
        key, told = self.open.pop()
        if key == FAULT:
            self.address = None
        after = AFTER.get(key)
        if after is not None and told is not None:
            text = after(self, told, value)
            if text:
                self.say(text)
        self.depth -= 1
