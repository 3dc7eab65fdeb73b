"""Where programs lie when the kernel draws at random (arch/x86/mm/mmap.c), within the architecture's bounds."""

from __future__ import annotations

import pytest

from memsh.inspect.check import check
from memsh.libc.process import UserProcess
from memsh.linux.arch.x86.aslr import actual
from memsh.linux.box import Box as Kernel
from memsh.linux.config import Config
from memsh.linux.fs.exec import do_execve
from memsh.linux.include.sched import PF_RANDOMIZE, Task
from memsh.linux.kernel import fork, sysctl
from memsh.machines.box import Box

ARCHES = ["i386", "x86_64"]
STACK, BRK = {"i386": 0x7FF << 12, "x86_64": 0x3FFFFF << 12}, {"i386": 32 << 20, "x86_64": 1 << 30}


def started(box: Kernel, name: str, value: int) -> Task:
    sysctl.put(box, "kernel.randomize_va_space", str(value))
    task = fork.kernel_clone(box, box.init)
    do_execve(box, task, name, [name])
    return task


def places(task: Task) -> tuple[int, int, int, int]:
    mm = task.mm
    assert mm is not None
    return mm.mmap_base, mm.mmap[-1 if mm.vdso < mm.start_stack else -3].end, mm.start_brk, mm.vdso


@pytest.mark.parametrize("arch", ARCHES)
@pytest.mark.parametrize("name", ["a.out", "a.out-dyn"])
def test_what_moves(arch: str, name: str) -> None:
    box = Box(Config(arch=arch))
    fixed = places(started(box, name, 0))
    assert fixed == places(started(box, name, 0))
    for value, moved in ((1, (True, True, False, True)), (2, (True, True, True, True))):
        tasks = [started(box, name, value) for _ in range(12)]
        columns = list(zip(*map(places, tasks), strict=True))
        assert tuple(len(set(column)) > 6 for column in columns) == moved
        assert all(task.flags & PF_RANDOMIZE for task in tasks)
        stacks, breaks = columns[1], columns[2]
        assert all(fixed[1] - STACK[arch] - 8192 <= top <= fixed[1] for top in stacks)
        least = 4096 if value == 2 else 0  # a gap behind .bss
        assert all(least <= start - fixed[2] < least + BRK[arch] for start in breaks)
        rnd = 1 << box.arch.mmap_rnd_bits[0] + 12
        assert max(columns[0]) - min(columns[0]) < rnd
        heap = UserProcess(box, tasks[-1]).malloc()
        first = heap.malloc(100)
        assert actual(tasks[-1].mm, fixed[2]) <= first < tasks[-1].mm.brk  # type: ignore[arg-type, union-attr]
        child = fork.kernel_clone(box, tasks[-1])
        assert child.mm.mmap_base == tasks[-1].mm.mmap_base  # type: ignore[union-attr]
    assert check(box) == []


@pytest.mark.parametrize("arch", ARCHES)
def test_the_seed_repeats(arch: str) -> None:
    config = [Config(arch=arch, cmdline="", seed=seed) for seed in (7, 7, 8)]
    first = [places(Box(one).current) for one in config]
    assert first[0] == first[1] != first[2]


@pytest.mark.parametrize("arch", ARCHES)
def test_a_legacy_layout_grows_upwards_from_a_third(arch: str) -> None:
    box = Box(Config(arch=arch))
    running = box.current.mm
    sysctl.put(box, "vm.legacy_va_layout", "1")
    task = started(box, "a.out-dyn", 0)
    mm = task.mm
    assert mm is not None and running is not None and running.topdown
    assert min(vma.start for vma in mm.mmap if vma.start >= mm.brk + (1 << 20)) == box.mmu.unmapped_base
    assert UserProcess(box, task).malloc().malloc(100) >= mm.start_brk
    assert check(box) == []


def test_no_vdso() -> None:
    box = Box(Config())
    sysctl.put(box, "vm.vdso_enabled", "0")
    task = started(box, "a.out-dyn", 0)
    assert task.mm is not None and task.mm.vdso == 0 and 33 not in task.mm.saved_auxv[::8]
    box = Box(Config(arch="x86_64", cmdline="norandmaps vdso=0"))
    assert box.current.mm is not None and box.current.mm.vdso == 0
    assert check(box) == []
