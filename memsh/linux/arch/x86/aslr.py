"""Where a new program's areas lie, with randomisation or without (arch/x86/mm/mmap.c, arch/x86/kernel/process.c,
arch/x86/entry/vdso/vma.c, fs/binfmt_elf.c).

Programs say where things lie in a process that is not randomised, laid out from the top down; `Placed` tells where the
same thing lies in this one.

Known deviations: there are no position-independent executables, whose base would be random.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from memsh.linux.include.image import Touch
from memsh.linux.include.resource import RLIMIT_STACK
from memsh.linux.include.sched import PF_RANDOMIZE

if TYPE_CHECKING:
    from collections.abc import Iterable

    from memsh.linux.box import Box
    from memsh.linux.include.mm_types import MmStruct
    from memsh.linux.include.sched import Task

PAGE_SIZE, GAP_MIN = 1 << 12, 128 << 20


class Placed(NamedTuple):
    """`length` bytes that lie at `nominal` where nothing is random, here at `addr`."""

    nominal: int
    length: int
    addr: int


def actual(mm: MmStruct, addr: int) -> int:
    """Where the process has what is at `addr` in one that is not randomised."""
    for nominal, length, here in mm.placed:
        if nominal <= addr < nominal + length:
            return addr - nominal + here
    return addr


def actual_touches(mm: MmStruct, touches: Iterable[Touch]) -> tuple[Touch, ...]:
    """The same pages, where this process has them."""
    if not mm.placed:
        return tuple(touches)
    return tuple(Touch(actual(mm, addr), length, write) for addr, length, write in touches)


def note_placed(mm: MmStruct, nominal: int, length: int, addr: int) -> None:
    """Remember an area that lies elsewhere than in a process that is not randomised."""
    if nominal != addr:
        mm.placed += (Placed(nominal, length, addr),)


class Nominal:
    """The mmap area as it is filled without randomisation, each area below the one before, next to how it really is."""

    __slots__ = ("mm", "top")

    def __init__(self, mm: MmStruct) -> None:
        self.mm, self.top = mm, mm.mmu.mmap_base

    def place(self, length: int, addr: int) -> int:
        """The next area has been mapped at `addr`; where it would be otherwise."""
        self.top -= length
        note_placed(self.mm, self.top, length, addr)
        return self.top


def randomized(box: Box, task: Task) -> bool:
    """load_elf_binary(): whether the new program's areas are placed at random; marks the task."""
    on = bool(box.sysctl.values["kernel.randomize_va_space"])
    task.flags = task.flags | PF_RANDOMIZE if on else task.flags & ~PF_RANDOMIZE
    return on


def arch_pick_mmap_layout(box: Box, task: Task, mm: MmStruct) -> None:
    """From where mappings are laid out, and in which direction."""
    mmu, random = mm.mmu, task.flags & PF_RANDOMIZE
    rnd = box.random.below(1 << box.sysctl.values["vm.mmap_rnd_bits"]) << 12 if random else 0
    gap = mm.rlim[RLIMIT_STACK][0]
    pad = (mmu.stack_rnd_mask << 12 if random else 0) + mmu.stack_guard_gap
    if gap + pad < mmu.word_limit:
        gap += pad
    gap = min(max(gap, GAP_MIN), mm.task_size // 6 * 5)
    mm.mmap_legacy_base = mmu.unmapped_base + rnd
    mm.topdown = not box.vm.legacy_va_layout
    mm.mmap_base = mm.task_size - gap - rnd + 4095 & ~4095 if mm.topdown else mm.mmap_legacy_base


def arch_align_stack(box: Box, task: Task, sp: int) -> int:
    """A stack pointer at a multiple of 16, up to 8 KiB further down."""
    if task.flags & PF_RANDOMIZE:
        sp -= box.random.below(8192)
    return sp & ~15


def stack_top(box: Box, task: Task, mm: MmStruct) -> int:
    """The end of the stack's area (randomize_stack_top, setup_arg_pages)."""
    top = mm.task_size
    if not task.flags & PF_RANDOMIZE:
        return top
    top -= box.random.below(mm.mmu.stack_rnd_mask + 1) << 12
    return arch_align_stack(box, task, top) + 4095 & ~4095


def arch_randomize_brk(box: Box, task: Task, mm: MmStruct) -> None:
    """randomize_va_space 2: the heap begins somewhere behind .bss, a page off at least; static programs' own words move
    with it."""
    if not task.flags & PF_RANDOMIZE or box.sysctl.values["kernel.randomize_va_space"] < 2:
        return
    nominal = mm.brk
    mm.start_brk = mm.brk = box.random.randomize_page(nominal + PAGE_SIZE, mm.mmu.brk_rnd)
    note_placed(mm, nominal, mm.mmu.brk_rnd, mm.brk)


def vdso_addr(box: Box, task: Task, mm: MmStruct, start: int, length: int) -> int:
    """The hint for the vdso's place: above the random stack, in the reach of the same page table; 0 for none."""
    if not mm.mmu.vdso_above_stack or not task.flags & PF_RANDOMIZE:
        return 0
    span = 1 << mm.table_shift
    start = start + 4095 & ~4095
    end = min(start + length + span - 1 & -span, mm.task_size) - length
    return start + (box.random.below((end - start >> 12) + 1) << 12) if end > start else start
