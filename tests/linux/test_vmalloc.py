"""vmalloc and kmap: the recorded answers, and that addresses never overlap."""

from __future__ import annotations

import itertools
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from memsh.inspect.check import check
from memsh.linux.arch.x86.i386.layout import PAGE_OFFSET
from memsh.linux.config import GIB, MIB, Config
from memsh.linux.include.errno import KernelError
from memsh.linux.include.flags import GFP_HIGHUSER, GFP_KERNEL, PAGE_SIZE
from memsh.linux.include.memmap import K_OTHER
from memsh.machines.box import Box
from tests.paths import REFERENCE


def steps(text: str) -> list[tuple[list[str], list[str]]]:
    found: list[tuple[list[str], list[str]]] = []
    for line in text.splitlines():
        if line.startswith("$ "):
            found.append((line[2:].split(), []))
        elif found:
            found[-1][1].append(line)
    return found


def without_caller(text: str) -> list[str]:
    return [re.sub(r"(memsh_vmalloc|ctl_write)\S+", "CALLER", line) for line in text.splitlines()]


def answer(box: Box, words: list[str], frames: dict[str, int], expected: str) -> tuple[str, str]:
    """(ours, recorded) for one line, frame numbers translated to ours."""
    match words[1:]:
        case ["vmalloc", size]:
            return f"{box.vmalloc.vmalloc(int(size)):x}", expected
        case ["vfree", addr]:
            box.vmalloc.vfree(int(addr, 16))
            return "ok", expected
        case ["alloc_pages", order, kind]:
            frames[expected.split()[1]] = box.pages.alloc_pages(
                GFP_HIGHUSER if kind == "HIGHUSER" else GFP_KERNEL, int(order)
            )
            return "", ""
        case ["kmap", pfn]:
            ours = frames[pfn[2:]]
            low = int(expected, 16) < box.machine.layout.high_memory
            return f"{box.highmem.kmap(ours):x}", f"{ours * PAGE_SIZE + PAGE_OFFSET:x}" if low else expected
        case ["kunmap", pfn]:
            box.highmem.kunmap(frames[pfn[2:]])
            return "ok", expected
        case ["kmalloc", size]:
            addr = box.slab.kmalloc(int(size))
            return f"ksize={box.slab.ksize(addr) if addr else 0}", expected.split()[1]
        case ["layout"]:
            return box.machine.layout.text().strip(), expected
    raise ValueError(words)


def test_the_recorded_answers() -> None:
    box = Box(Config(ram=2 * GIB))
    frames: dict[str, int] = {}
    compared = 0
    for words, lines in steps((REFERENCE / "transcripts" / "vmalloc-kmap.txt").read_text()):
        if words[0] == "cat":
            if words[1] == "/proc/vmallocinfo":
                assert without_caller(box.vmalloc.info()) == without_caller("\n".join(lines))
            continue
        ours, recorded = answer(box, words, frames, lines[0])
        assert ours == recorded, " ".join(words)
        compared += 1
    assert compared > 30
    assert check(box) == []


@settings(max_examples=25, deadline=None)
@given(st.lists(st.one_of(st.integers(1, 40 * MIB), st.integers(-30, -1)), max_size=40))
def test_areas_never_overlap_and_nothing_is_lost(actions: list[int]) -> None:
    """A positive number allocates so many bytes, a negative one frees one of the live areas."""
    box = Box(Config(ram=128 * MIB))
    vm = box.vmalloc
    live: list[int] = []
    for action in actions:
        if action > 0:
            addr = vm.vmalloc(action % (2 * MIB) + 1 if action % 3 else action)
            if addr:
                live.append(addr)
        elif live:
            vm.vfree(live.pop(action % len(live)))
        spans = sorted(
            [(area.addr, area.addr + area.size) for area in vm.areas()] + [(a, b) for a, b, _ in vm.lazy] + vm.holes
        )
        assert spans[0][0] == vm.start and spans[-1][1] == vm.end
        assert all(before[1] == after[0] for before, after in itertools.pairwise(spans))
    for addr in live:
        vm.vfree(addr)
    assert check(box) == []


@pytest.mark.parametrize("addr", [1, 0x1000, 0xC0000000, 0xF8800000, 0xF8800001, 0xFFFFFFFF])
def test_vfree_of_what_vmalloc_did_not_give(addr: int) -> None:
    box = Box(Config())
    with pytest.raises(KernelError):
        box.vmalloc.vfree(addr)
    assert check(box) == []


def test_kmap_slots_run_out_and_come_back() -> None:
    box = Box(Config())
    pfns = [box.pages.alloc_pages(GFP_HIGHUSER, 0) for _ in range(1024)]
    for pfn in pfns:
        box.highmem.kmap(pfn)
    extra = box.pages.alloc_pages(GFP_HIGHUSER, 0)
    with pytest.raises(KernelError):
        box.highmem.kmap(extra)
    box.highmem.kunmap(pfns[0])
    assert box.highmem.kmap(extra)
    with pytest.raises(KernelError):
        box.highmem.kunmap(pfns[0])


def test_the_fixed_slots_fill_the_fixmap() -> None:
    box = Box(Config())
    layout = box.machine.layout
    slots = sum(count for _, _, count in box.highmem.fixmap())
    assert layout.fixaddr_top - slots * PAGE_SIZE == layout.fixaddr_start


@pytest.mark.parametrize(("arch", "tables"), [("i386", 4), ("x86_64", 8)])
def test_the_kernels_page_tables_take_memory_and_stay(arch: str, tables: int) -> None:
    """One for each 4 MiB (2 MiB) of addresses that had none; those that boot needed are boot's."""
    box = Box(Config(arch=arch, ram=256 * MIB))

    def kept() -> int:
        return bytes(box.memmap.kind[: box.machine.max_pfn]).count(K_OTHER)

    made, before = len(box.vmalloc.tables), kept()
    addr = box.vmalloc.vmalloc(16 * MIB)
    assert kept() - before == len(box.vmalloc.tables) - made == tables
    box.vmalloc.vfree(addr)
    assert kept() - before == tables
    box.vmalloc.purge()
    assert box.vmalloc.vmalloc(16 * MIB) == addr and kept() - before == tables
    assert check(box) == []
