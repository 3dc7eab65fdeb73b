"""Whatever is called in whatever order: blocks do not overlap, keep their contents, and the heap holds together."""

from __future__ import annotations

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from memsh.libc.abi import Abi32, Abi64
from tests.libc.test_malloc import new_heap
from tests.libc.walk import check

SIZES = st.one_of(st.integers(0, 100), st.integers(0, 2000), st.integers(0, 300_000))


class HeapMachine(RuleBasedStateMachine):
    """The program marks both ends of every block with the block's number."""

    abi = Abi32

    def __init__(self) -> None:
        super().__init__()
        self.heap = new_heap(abi=self.abi)
        self.blocks: dict[int, tuple[int, int, int]] = {}  # address: (size, mark, its own number)
        self.serial = 0

    def _took(self, mem: int, size: int) -> None:
        assert mem and not mem & 15
        usable = self.heap.malloc_usable_size(mem)
        assert usable >= size
        for other, (length, _, _) in self.blocks.items():
            assert mem + usable <= other or other + length <= mem
        self.serial += 1
        mark = self.serial & 0xFF
        self.heap.mem.fill(mem, mark, min(size, 64))
        if size > 64:
            self.heap.mem.fill(mem + size - 64, mark, 64)
        self.blocks[mem] = (size, mark, self.serial)

    def _kept(self, mem: int, size: int, mark: int, shown: int) -> None:
        read = self.heap.mem.read  # type: ignore[attr-defined]
        assert read(mem, min(size, shown, 64)) == bytes([mark]) * min(size, shown, 64)
        if shown >= size > 64:
            assert read(mem + size - 64, 64) == bytes([mark]) * 64

    def _pick(self, which: int) -> int:
        return list(self.blocks)[which % len(self.blocks)]

    @rule(size=SIZES)
    def malloc(self, size: int) -> None:
        self._took(self.heap.malloc(size), size)

    @rule(size=SIZES)
    def calloc(self, size: int) -> None:
        mem = self.heap.calloc(size)
        assert not any(self.heap.mem.read(mem, size))  # type: ignore[attr-defined]
        self._took(mem, size)

    @rule(size=SIZES, shift=st.integers(0, 14))
    def memalign(self, size: int, shift: int) -> None:
        mem = self.heap.memalign(1 << shift, size)
        assert not mem & (1 << shift) - 1
        self._took(mem, size)

    @rule(which=st.integers(0, 1000))
    def free(self, which: int) -> None:
        if self.blocks:
            mem = self._pick(which)
            size, mark, _ = self.blocks.pop(mem)
            self._kept(mem, size, mark, size)
            self.heap.free(mem)

    @rule(which=st.integers(0, 1000), size=SIZES)
    def realloc(self, which: int, size: int) -> None:
        if self.blocks and size:
            mem = self._pick(which)
            old, mark, _ = self.blocks.pop(mem)
            new = self.heap.realloc(mem, size)
            self._kept(new, old, mark, size)
            self._took(new, size)

    @rule(pad=st.sampled_from([0, 4096, 100_000]))
    def trim(self, pad: int) -> None:
        self.heap.malloc_trim(pad)

    @invariant()
    def holds_together(self) -> None:
        if self.heap.w[self.heap.av.system_mem]:
            check(self.heap)


class HeapMachine64(HeapMachine):
    """The same with words of 8 bytes."""

    abi = Abi64


TestHeap, TestHeap64 = HeapMachine.TestCase, HeapMachine64.TestCase
TestHeap.settings = TestHeap64.settings = settings(max_examples=25, stateful_step_count=40, deadline=None)
