"""Whatever is done in whatever order: every invariant of the box holds, and a copy of it has the same future."""

from __future__ import annotations

import io
from functools import cache
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, precondition, rule

from memsh.cli import open_session
from memsh.inspect.check import check
from memsh.machines.box import Box
from memsh.procfs import tree
from memsh.shell.session import Session

SIZES = st.one_of(st.integers(0, 5000), st.integers(0, 300_000), st.integers(0, 12 << 20))
PAGES = st.one_of(st.integers(1, 20), st.integers(1, 3000))
FILES = ("meminfo", "buddyinfo", "slabinfo", "vmstat", "zoneinfo", "pagetypeinfo", "vmallocinfo", "stat", "swaps")
GFP = ("GFP_KERNEL", "GFP_ATOMIC", "GFP_HIGHUSER_MOVABLE", "GFP_DMA", "'GFP_KERNEL|__GFP_RECLAIMABLE'", "GFP_NOWAIT")
SYSCTLS = ("vm.min_free_kbytes=3000", "vm.min_free_kbytes=500", "vm.overcommit_memory=1", "vm.overcommit_memory=2",
           "vm.overcommit_memory=0", "vm.drop_caches=1", "vm.drop_caches=2", "vm.drop_caches=3", "vm.swappiness=10",
           "vm.compact_memory=1", "vm.watermark_scale_factor=200", "vm.lowmem_reserve_ratio='64 32 0 0'",
           "vm.dirty_ratio=5", "vm.percpu_pagelist_high_fraction=8")  # fmt: skip


@cache
def booted() -> tuple[Box, str]:
    session = open_session(["--ram", "48M"], io.StringIO(), io.StringIO())
    return session.box, session.cwd


def figures(box: Box) -> str:
    """What can be seen of a box in /proc."""
    text = [tree.show(box, f"/proc/{name}") for name in FILES]
    text += [tree.show(box, f"/proc/{pid}/stat") for pid in box.tasks]
    if box.current.mm is not None:
        text.append(tree.show(box, f"/proc/{box.current.pid}/smaps"))
    return "".join(text)


class Machine(RuleBasedStateMachine):
    """Lines typed at a session; what they yield is used by later ones."""

    def __init__(self) -> None:
        super().__init__()
        self.out = io.StringIO()
        self.session = self.new_session(booted()[0].copy())
        self.blocks: list[str] = []
        self.areas: list[tuple[str, int]] = []
        self.objects: list[str] = []
        self.frames: list[tuple[str, int]] = []
        self.vmallocs: list[str] = []
        self.caches: list[str] = []
        self.cached: list[tuple[str, str]] = []
        self.lines: list[str] = []

    def new_session(self, box: Box) -> Session:
        session = Session(box, stdout=self.out, stderr=self.out)
        reference = open_template()
        session.files, session.cwd = reference.files, "/"
        return session

    def do(self, line: str) -> str:
        """Run a line; the value that it yields, or ""."""
        self.lines.append(line)
        before = len(self.session.values)
        self.session.run(line)
        assert self.session.box.tainted is False
        wrong = check(self.session.box)
        assert wrong == [], (wrong, self.lines)
        if len(self.session.values) == before:
            return ""
        number, dec = self.session.values[-1]
        return str(number) if dec else hex(number)

    def alive(self) -> bool:
        return bool(self.session.box.current.mm is not None and not self.session.box.panicked)

    @rule(size=SIZES)
    def malloc(self, size: int) -> None:
        address = self.do(f"malloc {size}")
        if address and address != "0x0":
            self.blocks.append(address)

    @precondition(lambda self: self.blocks)
    @rule(which=st.integers(0, 50), again=st.booleans())
    def free(self, which: int, again: bool) -> None:
        address = self.blocks[which % len(self.blocks)]
        if not again:
            self.blocks.remove(address)
        self.do(f"free {address}")

    @rule(pages=PAGES, prot=st.sampled_from(["r", "rw", "rx", "none"]),
          flags=st.sampled_from(["private", "shared", "populate", "noreserve", "shared,populate"]),
          path=st.sampled_from(["", "", "", "/bin/a.out", "/lib/ld-linux.so.2", "/home/f"]))  # fmt: skip
    def mmap(self, pages: int, prot: str, flags: str, path: str) -> None:
        address = self.do(f"mmap {pages * 4}k {prot} {flags} {'--file ' + path if path else ''}")
        if address:
            self.areas.append((address, pages))

    @precondition(lambda self: self.areas)
    @rule(which=st.integers(0, 50), first=st.integers(0, 3000), pages=PAGES,
          act=st.sampled_from(["munmap", "touch", "read", "touch", "mlock", "munlock", "madvise dontneed",
                               "madvise free", "madvise willneed", "mprotect r", "mprotect rw", "mremap",
                               "madvise cold", "madvise pageout", "madvise dontfork"]))  # fmt: skip
    def on_area(self, which: int, first: int, pages: int, act: str) -> None:
        address, length = self.areas[which % len(self.areas)]
        first %= length
        pages = min(pages, length - first)
        command, _, word = act.partition(" ")
        if command == "mremap":
            moved = self.do(f"mremap {address} {length * 4}k {pages * 8}k maymove")
            if moved:
                self.areas[which % len(self.areas)] = (moved, pages * 2)
        else:
            self.do(f"{command} $(({address} + {first * 4096})) {pages * 4}k {word}")

    @rule(pages=st.integers(1, 40))
    def stack(self, pages: int) -> None:
        self.do(f"stack {pages * 4}k")

    @rule(step=st.integers(-200_000, 400_000))
    def sbrk(self, step: int) -> None:
        self.do(f"sbrk {step}")

    @rule(program=st.sampled_from(["a.out", "a.out-dyn"]))
    def run(self, program: str) -> None:
        self.do(f"run {program}")
        self.blocks, self.areas = [], []

    @precondition(lambda self: self.alive() and self.session.box.current.pid != 1)
    @rule(end=st.sampled_from(["fork", "fork", "fork; switch $", "exec a.out", "_exit 3", "switch 1; wait",
                               "malloc_trim", "kill -9 $(cut -d' ' -f1 /proc/self/stat)"]))  # fmt: skip
    def process(self, end: str) -> None:
        self.do(end)
        if not end.startswith("fork") and end != "malloc_trim":
            self.blocks, self.areas = [], []

    @rule(size=SIZES, gfp=st.sampled_from(GFP))
    def kmalloc(self, size: int, gfp: str) -> None:
        address = self.do(f"kmalloc {min(size, 5 << 20)} {gfp}")
        if address:
            self.objects.append(address)

    @precondition(lambda self: self.objects)
    @rule(which=st.integers(0, 50))
    def kfree(self, which: int) -> None:
        self.do(f"kfree {self.objects.pop(which % len(self.objects))}")

    @rule(order=st.integers(0, 10), gfp=st.sampled_from(GFP))
    def alloc_pages(self, order: int, gfp: str) -> None:
        pfn = self.do(f"alloc_pages {order} {gfp}")
        if pfn:
            self.frames.append((pfn, order))

    @precondition(lambda self: self.frames)
    @rule(which=st.integers(0, 50))
    def free_pages(self, which: int) -> None:
        pfn, order = self.frames.pop(which % len(self.frames))
        self.do(f"free_pages {pfn} {order}")

    @rule(size=SIZES)
    def vmalloc(self, size: int) -> None:
        address = self.do(f"vmalloc {size}")
        if address:
            self.vmallocs.append(address)

    @precondition(lambda self: self.vmallocs)
    @rule(which=st.integers(0, 50))
    def vfree(self, which: int) -> None:
        self.do(f"vfree {self.vmallocs.pop(which % len(self.vmallocs))}")

    @rule(size=st.integers(8, 9000), number=st.integers(1, 3))
    def cache(self, size: int, number: int) -> None:
        self.do(f"kmem_cache create mine{number} {size}")
        address = self.do(f"kmem_cache alloc mine{number}")
        if address:
            self.cached.append((f"mine{number}", address))

    @precondition(lambda self: self.cached)
    @rule(which=st.integers(0, 50), act=st.sampled_from(["free", "free", "shrink", "destroy"]))
    def on_cache(self, which: int, act: str) -> None:
        name, address = self.cached[which % len(self.cached)]
        if act == "free":
            self.cached.remove((name, address))
            self.do(f"kmem_cache free {name} {address}")
        else:
            self.do(f"kmem_cache {act} {name}")

    @rule(pages=PAGES, act=st.sampled_from(["mkfile /home/f {}k", "cat /home/f | wc -c", "dd if=/home/f of=/home/g "
          "bs=4k count={}", "rm /home/f", "sync", "cat /lib/ld-linux.so.2 | wc -c", "dd if=/dev/zero of=/tmp/t bs=1k "
          "count={}", "rm /tmp/t", "ls /bin", "find /", "drain_all_pages"]))  # fmt: skip
    def files(self, pages: int, act: str) -> None:
        self.do(act.format(pages * 4))

    @rule(act=st.sampled_from(SYSCTLS))
    def sysctl(self, act: str) -> None:
        self.do(f"sysctl {act}")

    @rule(seconds=st.integers(1, 40))
    def sleep(self, seconds: int) -> None:
        self.do(f"sleep {seconds}")

    @rule(act=st.sampled_from(["plain on", "plain off", "check"]))
    def plain(self, act: str) -> None:
        self.do(act)

    @rule(act=st.sampled_from(["mkfile /swap 4M; mkswap /swap; swapon /swap", "swapoff /swap"]))
    def swap(self, act: str) -> None:
        self.do(act)

    @rule(line=st.sampled_from(["malloc 3M; touch $ 3M", "kmalloc 100k", "sleep 30", "alloc_pages 5", "run a.out",
                                "cat /lib/ld-linux.so.2 | wc -l", "fork"]))  # fmt: skip
    def a_copy_has_the_same_future(self, line: str) -> None:
        other = self.new_session(self.session.box.copy())
        other.values[:] = self.session.values
        before = figures(other.box)
        assert before == figures(self.session.box)
        self.do(line)
        assert figures(other.box) == before  # and does not share anything with it
        other.run(line)
        assert figures(other.box) == figures(self.session.box)


@cache
def open_template() -> Any:
    return open_session(["--ram", "48M"], io.StringIO(), io.StringIO())


TestMachine = Machine.TestCase
TestMachine.settings = settings(max_examples=8, stateful_step_count=30, deadline=None, derandomize=True)
