"""Where the areas of a booting 64-bit machine lie in the vmalloc space: in the order in which its kernel makes them,
which is not the order in which a box takes their pages.

The order is that of the recorded machines (transcripts/vmalloc.txt of the 64-bit recordings has it with addresses, for
one CPU). Every area has the lowest addresses that are free and aligned, so a small one made late fills a gap between
stacks.

Known deviations: hash tables of a machine of several nodes lie behind all others; what further CPUs have for a short
while is left out.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import TYPE_CHECKING

from memsh.linux.include.flags import PAGE_SIZE
from memsh.linux.mm.vmalloc import Row

if TYPE_CHECKING:
    from memsh.linux.box import Box

IRQ_STACK, SCOMP_SCRATCH = 16384, 128 << 10
IRQ, TTY = "irq_init_percpu_irqstack+0xe4/0x120", "n_tty_open+0xf/0xa0"
GEN_POOL = "gen_pool_add_owner+0x3a/0xc0"
SCOMP = ("crypto_scomp_init_tfm+0x70/0xd0", "crypto_scomp_init_tfm+0x8e/0xd0")
FIRST_STACKS = 16  # of tasks that are there before the further CPUs' idle tasks
_PASSING = (PAGE_SIZE, 0x74000, 0x1C000)  # bytes of what is used for a while


def remapped(box: Box) -> list[tuple[int, int, str]]:
    """Device and firmware memory: (physical address, bytes, caller)."""
    acpi = box.machine.top - 0x20000
    return [
        (acpi + 0x1000, 0x1000, "acpi_os_map_iomem+0x1b1/0x1d0"),
        (acpi, 0x2000, "acpi_os_map_iomem+0x1b1/0x1d0"),
        (0xFED00000, 0x1000, "hpet_enable+0x9e/0x40a"),
        (0xFED00000, 0x1000, "acpi_os_map_iomem+0x1b1/0x1d0"),
        (0xF5000, 0x1000, "memremap+0x13a/0x1f0"),
    ]


def chunk_rows(unit: int) -> list[tuple[int, str]]:
    """What describes a chunk of per-CPU memory of `unit` bytes a CPU (pcpu_alloc_chunk): (bytes, caller).

    A bit for each 4 bytes, one for each limit between two, a block's summary for each page, and a word for each of the
    first, for the cgroup that is charged.
    """
    bits = unit // 4
    sizes = ((bits // 8, 0x49), (bits // 8 + 8, 0x70), (unit // PAGE_SIZE * 32, 0x8D), (bits * 8, 0x119))
    return [(-(-size // PAGE_SIZE) * PAGE_SIZE, f"pcpu_create_chunk+{at:#x}/0x160") for size, at in sizes]


def lay_out(box: Box, unit: int) -> None:
    """Keep the addresses of everything that the machine will have when it is up."""
    devices = [Row(caller, size, size) for _, size, caller in remapped(box)]
    stacks = list(_stacks(box))
    late = min(6, 3 + box.config.cpus)  # stacks of the last tasks
    chunk = [Row(caller, size) for size, caller in chunk_rows(unit)]
    array = chunk[-1].size // PAGE_SIZE * box.arch.word
    if array > PAGE_SIZE:
        chunk.append(Row(chunk[-1].caller, array))
    scomp = [Row(caller, SCOMP_SCRATCH) for _ in range(box.config.cpus) for caller in SCOMP]
    first, unpacked, exited = (Row("", size) for size in _PASSING)
    box.vmalloc.lay_out([
        Row(IRQ, IRQ_STACK), *devices[:3], Row(GEN_POOL, PAGE_SIZE),
        *stacks[:-late], *devices[3:], first, unpacked, *chunk, exited, stacks[-late], *scomp, *stacks[1 - late :],
    ])  # fmt: skip
    box.vmalloc.lay_out([Row(TTY, 3 * PAGE_SIZE)])


def _stacks(box: Box) -> Iterable[Row]:
    """Kernel stacks of init, kthreadd and its children, of idle tasks, and for interrupts, as the CPUs come up."""
    size = box.arch.thread_size
    stack, idle = Row(box.arch.vmap_stack, size, size), Row(box.arch.vmap_idle_stack, size, size)
    names = ["init", "kthreadd", *(thread.name for thread in box.model.start.kernel_threads(box) if thread.name)]
    homes = [re.match(r"(?:ksoftirqd|migration|cpuhp)/(\d+)|kworker/(\d+):", name) for name in names]
    cpus = [int(home[1] or home[2]) if home else 0 for home in homes]
    up = {cpu: at for at, cpu in enumerate(cpus) if cpu}  # the last one of each further CPU's
    for at in range(len(names)):
        if at == FIRST_STACKS:
            yield from [idle] * (box.config.cpus - 1)
        yield stack
        if up.get(cpus[at]) == at:
            yield Row(IRQ, IRQ_STACK)
