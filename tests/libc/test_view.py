"""malloc sees the process's own pages as one view of words: what happens is what happens one word at a time."""

from __future__ import annotations

import inspect
import random
import sys
from collections.abc import Callable, Iterator
from functools import partial
from types import FrameType
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from memsh.inspect.check import check
from memsh.libc.abi import Abort
from memsh.libc.malloc import Malloc
from memsh.libc.process import UserProcess
from memsh.linux.config import MIB, Config
from memsh.linux.fs.exec import do_execve
from memsh.linux.include.memmap import MemMap
from memsh.linux.include.tlb import Words
from memsh.linux.kernel.fork import kernel_clone
from memsh.linux.mm.memory.outcome import Segfault
from memsh.linux.mm.memory.uaccess import peek
from memsh.linux.mm.mmap import vma
from memsh.machines.box import Box
from memsh.procfs.tree import show

FILES = ("vmstat", "meminfo", "buddyinfo", "self/smaps", "self/status")
OPERATIONS = "mmmmmmffffrrcawWoosFtpelkb"
MADV_PAGEOUT = 21


class OneByOne(Words):
    """A view that keeps nothing."""

    __slots__ = ()

    def keep(self, addr: int, value: int) -> None:
        pass


def contents(box: Box) -> dict[int, bytes]:
    """What was written in the box's frames."""
    return {pfn: bytes(page) for pfn, page in box.memmap.data.items()}


class Program:
    """A process that does what it is told, and a note of each answer."""

    def __init__(self, arch: str, program: str, words: Callable[[dict[int, Any]], Words]) -> None:
        self.box = Box(Config(arch=arch, ram=512 * MIB, swap=64 * MIB))
        self.words = words
        self.blocks: list[tuple[int, int]] = []
        self.freed: list[int] = []
        self.answers: list[object] = []
        self.aborted = False
        do_execve(self.box, self.box.current, f"/bin/{program}", [program])
        self.heap = self._heap()

    def _heap(self) -> Malloc:
        mm = self.box.current.mm
        assert mm is not None
        mm.tlb.words.clear()
        mm.tlb.words = self.words(mm.tlb.own)
        self.user = UserProcess(self.box, self.box.current)
        return self.user.malloc()

    def step(self, op: str, which: int, size: int) -> None:
        """One operation; the answer, and the faults that it took, are noted."""
        task = self.box.current
        before = task.minflt, task.majflt
        try:
            answer = self._do(op, which, size)
        except (Abort, Segfault) as end:
            answer, self.aborted = str(end), isinstance(end, Abort)
        self.answers.append((op, answer, task.minflt - before[0], task.majflt - before[1]))

    def _do(self, op: str, which: int, size: int) -> object:
        heap, box, task = self.heap, self.box, self.box.current
        at, length = self.blocks[which % len(self.blocks)] if self.blocks else (0, 0)
        answer: object = None
        if op in "mca":
            mem = heap.malloc(size) if op == "m" else heap.calloc(size) if op == "c" else heap.memalign(4096, size)
            self.blocks.append((mem, size))
            answer = mem, heap.malloc_usable_size(mem)
        elif op == "f" and at:
            self.blocks.remove((at, length))
            self.freed.append(at)
            heap.free(at)
        elif op == "r" and at and size:
            self.blocks.remove((at, length))
            self.blocks.append((heap.realloc(at, size), size))
            answer = self.blocks[-1][0]
        elif op == "w" and at:
            self.user.write(at, bytes([which & 255]) * length)
        elif op == "W" and length > 16:
            self.user.write(at + 5, b"unaligned")
        elif op == "o" and self.freed and not which % 3:  # a bug: it writes into what it has given back
            self.user.write(self.freed[which % len(self.freed)], (size & 255).to_bytes(2, "little"))
        elif op == "s":
            mm = task.mm
            assert mm is not None
            answer = vma.do_madvise(box, mm, mm.start_brk & -4096, (mm.brk - mm.start_brk) & -4096, MADV_PAGEOUT)
        elif op == "F":
            answer = kernel_clone(box, task).pid
        elif op == "t":
            answer = heap.malloc_trim(size)
        elif op == "e":
            self.heap = self._heap()
        elif op == "p":
            answer = heap.mallinfo2()
        elif op == "l" and at:
            answer = self.user.read(at - 8, length + 16)
        elif op == "k" and at:
            answer = [peek(box, who, at - 8, length + 16) for who in box.tasks.values() if who.mm is not None]
        elif op == "b":
            answer = contents(box.copy() if which & 1 else box)
        return answer

    def seen(self) -> list[object]:
        return [contents(self.box), *(show(self.box, f"/proc/{name}") for name in FILES)]


def steps(seed: int) -> Iterator[tuple[str, int, int]]:
    """150 operations, sizes mostly small."""
    rng = random.Random(seed)
    for _ in range(150):
        yield rng.choice(OPERATIONS), rng.randrange(1000), rng.randrange(rng.choice((60, 1000, 9000, 300_000)))


@given(st.sampled_from(["i386", "x86_64"]), st.sampled_from(["a.out", "a.out-dyn"]), st.integers(0, 1 << 20))
@settings(max_examples=20, deadline=None)
def test_one_view_is_word_by_word(arch: str, program: str, seed: int) -> None:
    fast, slow = Program(arch, program, Words), Program(arch, program, OneByOne)
    for step in steps(seed):
        fast.step(*step)
        slow.step(*step)
        assert fast.answers[-1] == slow.answers[-1]
        if fast.aborted:
            break
    assert fast.seen() == slow.seen()
    assert not check(fast.box)


def test_a_process_is_reached_as_the_last_time_until_somebody_else_used_its_memory() -> None:
    box = Box(Config(arch="x86_64"))
    task = box.current
    user = UserProcess.of(box, task)
    heap = user.malloc()
    addr = heap.malloc(100)
    assert not heap.malloc(1 << 62) and heap.errno == "ENOMEM"
    user.log.append("write(1, …)")
    assert UserProcess.of(box, task) is not user  # which is at work
    user.rest()
    again = UserProcess.of(box, task)
    assert again is user and again.malloc() is heap
    assert not again.log and not heap.errno
    copied = box.copy()
    other = UserProcess.of(copied, copied.current)
    assert other.box is copied and other.task is copied.current
    assert other.malloc().malloc(100) == heap.malloc(100) != addr
    child = kernel_clone(box, task)
    theirs = UserProcess.of(box, child)
    assert theirs is not user and theirs.task is child
    theirs.malloc().free(addr)
    assert heap.malloc_usable_size(addr) == 104
    user.rest()
    assert UserProcess.of(box, task) is user


class BrokenOff(Exception):
    """Ctrl-C."""


def broken_off(look: Callable[[], object], line: int) -> bool:
    """Whether it was broken off before its `line`-th line within the words."""
    left = line

    def trace(frame: FrameType, event: str, argument: object) -> Any:
        nonlocal left
        if frame.f_code.co_filename not in (inspect.getfile(Words), inspect.getfile(MemMap)):
            return None
        left -= event == "line"
        if not left:
            raise BrokenOff
        return trace

    sys.settrace(trace)
    try:
        look()
    except BrokenOff:
        return True
    finally:
        sys.settrace(None)
    return False


def test_who_is_broken_off_while_he_looks_leaves_the_next_one_all_words() -> None:
    program = Program("i386", "a.out", Words)
    mm, memmap = program.user.mm, program.box.memmap
    at = program.heap.malloc(64)
    for line in range(1, 1000):
        stored = {at + word: line * 100 + word for word in range(0, 64, 4)}
        for addr, value in stored.items():
            program.user.store(addr, value - 1)
            program.user.store(addr, value)
        assert mm.tlb.words.late
        broken = broken_off(lambda: memmap.data, line)
        assert [peek(program.box, program.user.task, addr, 4) for addr in stored] == [
            value.to_bytes(4, "little") for value in stored.values()
        ]
        if not broken:
            break
        broken_off(partial(mm.tlb.words.load, at + 64 + 4 * line), line % 10 + 1)
        assert all(addr in mm.tlb.words.pages[addr >> 12] for addr in mm.tlb.words)
    assert line > 50 and not check(program.box)
