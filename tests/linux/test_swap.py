"""Swap slots, the swap cache, faults on swapped pages: contents kept, every slot counted."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from memsh.inspect.check import check
from memsh.linux.arch.x86.i386.mmu import I386_MMU
from memsh.linux.arch.x86.mmu import Mmu
from memsh.linux.arch.x86.paging import pte_of
from memsh.linux.arch.x86.x86_64.mmu import X86_64_MMU
from memsh.linux.block.blk_cgroup import SWAP_DISK
from memsh.linux.config import Config
from memsh.linux.include.errno import KernelError
from memsh.linux.include.mm_types import MM_ANONPAGES, MM_SWAPENTS
from memsh.linux.include.sched import Task
from memsh.linux.include.swapops import swp_entry, swp_offset, swp_type
from memsh.linux.mm.memory import uaccess
from memsh.linux.mm.memory.fault import touch_range
from memsh.linux.mm.mmap.madvise import do_madvise
from memsh.linux.mm.mmap.mmap import do_munmap, sys_mmap
from memsh.linux.mm.mmap.mprotect import do_mprotect
from memsh.linux.mm.mmap.mremap import do_mremap
from memsh.linux.mm.swap.swapfile import SWAP_BATCH, SWAPFILE_CLUSTER
from memsh.linux.mm.swap.swapoff import swapoff
from memsh.machines.box import Box
from memsh.procfs.tree import show
from tests.linux.swapping import swap_out

MIB = 1 << 20
PRIVATE, SHARED = 0x22, 0x21


@pytest.fixture(scope="module")
def booted() -> Box:
    return Box(Config(ram=32 * MIB, swap=16 * MIB))


@pytest.fixture
def box(booted: Box) -> Box:
    return booted.copy()


def mapping(box: Box, pages: int, flags: int = PRIVATE) -> int:
    """A touched mapping of the current process, each page with its number in it."""
    mm = box.current.mm
    assert mm is not None
    addr = sys_mmap(box, mm, 0, pages << 12, 3, flags)
    for page in range(pages):
        uaccess.write(box, box.current, addr + (page << 12), page.to_bytes(4, "little"))
    return addr


def frames(task: Task, addr: int, pages: int) -> list[int]:
    mm = task.mm
    assert mm is not None
    return [pte_of(mm, at) >> 12 for at in range(addr, addr + (pages << 12), 4096)]


def numbers(box: Box, task: Task, addr: int, pages: int) -> list[int]:
    return [int.from_bytes(uaccess.read(box, task, addr + (page << 12), 4), "little") for page in range(pages)]


def test_the_swap_disk_is_on_after_boot(box: Box) -> None:
    assert show(box, "/proc/swaps").splitlines()[1] == (
        "/dev/vda                                partition\t16380\t\t0\t\t-2"
    )
    meminfo = show(box, "/proc/meminfo")
    assert "SwapTotal:         16380 kB\nSwapFree:          16380 kB\n" in meminfo
    assert check(box) == []


def test_slots_come_in_batches_one_after_the_other(box: Box) -> None:
    swap = box.swap
    first = [swp_offset(swap.folio_alloc_swap(box.vm.zero_pfn)) for _ in range(SWAP_BATCH + 1)]
    assert first == list(range(1, SWAP_BATCH + 2))
    assert swap.areas()[0].inuse_pages == 2 + SWAP_BATCH  # the search for an empty cluster used up its time


def test_a_new_cluster_starts_at_the_lowest_free_one(box: Box) -> None:
    swap = box.swap
    taken = [swap.folio_alloc_swap(box.vm.zero_pfn) for _ in range(3 * SWAPFILE_CLUSTER)]
    for entry in taken[10 : SWAPFILE_CLUSTER + SWAP_BATCH]:
        swap.free_swap_slot(entry)
    swap.drain_slots_cache()
    area = swap.areas()[0]
    area.cluster_nr = 0
    assert [swp_offset(entry) for entry in swap.get_swap_pages(3)] == [11, 12]
    assert [swp_offset(entry) for entry in swap.get_swap_pages(3)] == [13, 14, 15]
    assert area.lowest_bit == 16


def test_pages_come_back_as_they_were(box: Box) -> None:
    task = box.current
    assert task.mm is not None
    addr = mapping(box, 64)
    rss = task.mm.rss[MM_ANONPAGES]
    swap_out(box, frames(task, addr, 64))
    assert task.mm.rss[MM_SWAPENTS] == 64
    assert task.mm.rss[MM_ANONPAGES] == rss - 64
    assert check(box) == []
    result = touch_range(box, task, addr, 64 << 12, False)
    assert (result.minflt, result.majflt) == (64 - result.majflt, 9)
    assert box.vmstat["swap_ra"] == box.vmstat["swap_ra_hit"] == 64 - 9
    assert box.vmstat["nr_swapcached"] == 64
    assert task.mm.rss[MM_SWAPENTS] == 0
    assert check(box) == []
    before = box.vmstat["pgreuse"]
    assert touch_range(box, task, addr, 64 << 12, True).minflt == 64
    assert box.vmstat["pgreuse"] == before + 64
    assert box.vmstat["nr_swapcached"] == 0
    assert numbers(box, task, addr, 64) == list(range(64))
    assert check(box) == []


def test_a_page_in_the_swap_cache_is_a_minor_fault(box: Box) -> None:
    addr = mapping(box, 16)
    swap_out(box, frames(box.current, addr, 16), evict=False)
    assert touch_range(box, box.current, addr, 16 << 12, False)[:2] == (16, 0)
    assert check(box) == []


def test_writing_waits_for_no_disk_but_the_page_is_under_writeback(box: Box) -> None:
    addr = mapping(box, 16)
    swap_out(box, frames(box.current, addr, 16), evict=False)
    assert box.vmstat["nr_writeback"] == box.vmstat["pswpout"] == 16
    assert box.disk.stats[SWAP_DISK].writes == 1
    box.timer.advance(1_000_000)
    assert box.vmstat["nr_writeback"] == 0
    assert box.vmstat["nr_written"] == 16
    assert check(box) == []


def test_fork_shares_slots_and_each_gets_its_own_page(box: Box) -> None:
    parent = box.current
    addr = mapping(box, 32)
    swap_out(box, frames(parent, addr, 32))
    from memsh.linux.kernel.fork import kernel_clone

    child = kernel_clone(box, parent)
    assert child.mm is not None
    assert child.mm.rss[MM_SWAPENTS] == 32
    assert check(box) == []
    uaccess.write(box, child, addr, b"\xff\xff\0\0")
    assert numbers(box, parent, addr, 32) == list(range(32))
    assert numbers(box, child, addr, 32) == [0xFFFF, *range(1, 32)]
    assert check(box) == []
    uaccess.write(box, parent, addr + 4096, b"\xee\xee\0\0")
    assert numbers(box, child, addr, 2) == [0xFFFF, 1]
    from memsh.linux.kernel.exit import do_exit

    do_exit(box, child, 0)
    assert check(box) == []
    assert numbers(box, parent, addr, 3) == [0, 0xEEEE, 2]


def test_unmapping_frees_slots(box: Box) -> None:
    task = box.current
    assert task.mm is not None
    addr = mapping(box, 300)
    swap_out(box, frames(task, addr, 300))
    do_munmap(box, task.mm, addr, 100 << 12)
    do_madvise(box, task.mm, addr + (100 << 12), 100 << 12, 4)
    assert task.mm.rss[MM_SWAPENTS] == 100
    assert check(box) == []
    assert numbers(box, task, addr + (200 << 12), 100) == list(range(200, 300))


def test_mremap_and_mprotect_keep_what_is_swapped(box: Box) -> None:
    task = box.current
    assert task.mm is not None
    addr = mapping(box, 16)
    swap_out(box, frames(task, addr, 16))
    new = do_mremap(box, task.mm, addr, 16 << 12, 2048 << 12, 1)
    do_mprotect(box, task.mm, new, 16 << 12, 1)
    assert check(box) == []
    assert numbers(box, task, new, 16) == list(range(16))
    assert check(box) == []


def test_a_copied_box_has_its_own_slots(box: Box) -> None:
    addr = mapping(box, 16)
    swap_out(box, frames(box.current, addr, 16))
    other = box.copy()
    uaccess.write(box, box.current, addr, b"\xaa")
    assert numbers(other, other.current, addr, 16) == list(range(16))
    assert check(other) == []
    assert check(box) == []


def test_shared_memory_goes_out_and_comes_back(box: Box) -> None:
    task = box.current
    addr = mapping(box, 32, SHARED)
    shmem = box.vmstat["nr_shmem"]
    swap_out(box, frames(task, addr, 32))
    assert box.vmstat["nr_shmem"] == shmem - 32
    assert check(box) == []
    assert numbers(box, task, addr, 32) == list(range(32))
    assert box.vmstat["nr_shmem"] == shmem
    assert check(box) == []
    swap_out(box, frames(task, addr, 32))
    assert task.mm is not None
    do_munmap(box, task.mm, addr, 32 << 12)
    box.swap.drain_slots_cache()
    assert box.swap.areas()[0].inuse_pages == 0
    assert check(box) == []


def test_swapoff_reads_everything_back(box: Box) -> None:
    task = box.current
    assert task.mm is not None
    addr, shared = mapping(box, 100), mapping(box, 20, SHARED)
    swap_out(box, frames(task, addr, 100) + frames(task, shared, 20))
    inode = box.swap.areas()[0].inode
    assert inode is not None
    swapoff(box, inode)
    assert box.swap.areas() == []
    assert task.mm.rss[MM_SWAPENTS] == 0
    assert check(box) == []
    assert numbers(box, task, addr, 100) == list(range(100))
    assert numbers(box, task, shared, 20) == list(range(20))
    with pytest.raises(KernelError) as error:
        swapoff(box, inode)
    assert error.value.code == "EINVAL"


def test_swapoff_without_memory_loses_nothing(box: Box) -> None:
    task = box.current
    assert task.mm is not None
    addr = mapping(box, 500)
    swap_out(box, frames(task, addr, 500))
    hog: list[int] = []
    while pfn := box.pages.alloc_pages(0x100CCA & ~0x400 | 0x10200, 0):
        hog.append(pfn)
    inode = box.swap.areas()[0].inode
    assert inode is not None
    with pytest.raises(KernelError) as error:
        swapoff(box, inode)
    assert error.value.code == "ENOMEM"
    assert box.swap.areas()[0].writeok
    for pfn in hog:
        box.pages.free_pages(pfn, 0)
    assert check(box) == []
    assert numbers(box, task, addr, 500) == list(range(500))


def test_readahead_reads_a_single_page_with_page_cluster_0(box: Box) -> None:
    addr = mapping(box, 16)
    swap_out(box, frames(box.current, addr, 16))
    box.sysctl.values["vm.page-cluster"] = 0
    assert touch_range(box, box.current, addr, 16 << 12, False)[:2] == (0, 16)
    assert box.vmstat["swap_ra"] == 0


STEPS = st.lists(
    st.tuples(st.sampled_from(["out", "keep", "read", "write", "fork", "exit", "unmap", "wait"]),
              st.integers(0, 47), st.integers(1, 48)),
    max_size=14,
)  # fmt: skip


@settings(max_examples=8, deadline=None)
@given(STEPS)
def test_any_order_of_swapping_keeps_contents_and_counts(booted: Box, steps: list[tuple[str, int, int]]) -> None:
    box = booted.copy()
    parent = box.current
    addr = mapping(box, 48)
    tasks, known = [parent], [dict(enumerate(range(48)))]
    from memsh.linux.kernel.exit import do_exit
    from memsh.linux.kernel.fork import kernel_clone

    for serial, (what, first, count) in enumerate(steps):
        who = serial % len(tasks)
        task, values = tasks[who], known[who]
        assert task.mm is not None
        pages = [page for page in range(first, min(48, first + count)) if page in values]
        if what in ("out", "keep"):
            found = []
            for page in pages:
                at = addr + (page << 12)
                pte = task.mm.tables[at >> task.mm.table_shift].ptes[at >> 12 & 1023]
                if pte & 1 and pte >> 12 not in found:
                    found.append(pte >> 12)
            swap_out(box, found, evict=what == "out")
        elif what == "read":
            assert [numbers(box, task, addr + (page << 12), 1)[0] for page in pages] == [values[page] for page in pages]
        elif what == "write":
            for page in pages:
                values[page] = serial << 16 | page
                uaccess.write(box, task, addr + (page << 12), values[page].to_bytes(4, "little"))
        elif what == "fork" and len(tasks) < 4:
            tasks.append(kernel_clone(box, task))
            known.append(dict(values))
        elif what == "exit" and who:
            do_exit(box, task, 0)
            del tasks[who], known[who]
        elif what == "unmap" and pages:
            do_munmap(box, task.mm, addr + (pages[0] << 12), 4096)
            del values[pages[0]]
        elif what == "wait":
            box.timer.advance(20_000)
        assert check(box) == []
    for task, values in zip(tasks, known, strict=True):
        for page, value in values.items():
            assert numbers(box, task, addr + (page << 12), 1) == [value]
    assert check(box) == []


@pytest.mark.parametrize("mmu", [I386_MMU, X86_64_MMU])
@given(kind=st.integers(0, 31), offset=st.integers(1, (1 << 26) - 1))
def test_a_page_table_entry_names_its_slot(mmu: Mmu, kind: int, offset: int) -> None:
    offset = offset % (mmu.max_swapfile_size - 1) + 1
    entry = swp_entry(kind, offset)
    pte = mmu.swp_entry_to_pte(entry)
    assert (swp_type(entry), swp_offset(entry)) == (kind, offset)
    assert mmu.pte_to_swp_entry(pte) == entry and mmu.swp_entries_to_ptes([entry]) == [pte]
    assert 0 < pte < mmu.word_limit and not pte & 0x1FF & ~0x3E and mmu.hardware(pte) == pte


def test_the_entries_of_both_machines() -> None:
    """As __swp_entry() packs them: pgtable-2level.h, pgtable_64.h (the offset turned over)."""
    assert I386_MMU.swp_entry_to_pte(swp_entry(1, 1504)) == 1 << 1 | 1504 << 9
    assert X86_64_MMU.swp_entry_to_pte(swp_entry(1, 1504)) == (~1504 & (1 << 50) - 1) << 9 | 1 << 59
