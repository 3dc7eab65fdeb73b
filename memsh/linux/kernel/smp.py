"""How CPUs interrupt each other: to give up the CPU, to run a function, to forget translations (arch/x86/kernel/smp.c,
arch/x86/mm/tlb.c).

A new process on another CPU asks that CPU to look again (RES); work that is queued on another CPU wakes its worker by a
function call (CAL), as does a function that all CPUs are to run; where page tables go, CPUs that were left idle with
the process's address space forget it (TLB).

Known deviations: what boot needed is what recorded machines with four CPUs had, whatever else is on them; wake-ups of
processes by others are not counted.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from memsh.linux.box import Box
    from memsh.linux.include.mm_types import MmStruct

BOOT_RESCHEDULES, BOOT_CALLS = (12, 32, 20, 14), (238, 277, 127, 43)


class Smp:
    """`box.smp`: interrupts by CPU; `loaded` is the number of the address space that each was left with."""

    def __init__(self, box: Box) -> None:
        cpus = box.config.cpus
        self.box = box
        self.reschedules, self.calls, self.shootdowns = ([0] * cpus for _ in range(3))
        self.loaded = [0] * cpus
        if cpus > 1:
            for cpu in range(cpus):
                self.reschedules[cpu] = BOOT_RESCHEDULES[cpu % len(BOOT_RESCHEDULES)]
                self.calls[cpu] = BOOT_CALLS[cpu % len(BOOT_CALLS)]

    def send_reschedule(self, cpu: int) -> None:
        """smp_send_reschedule(): nothing for the own CPU."""
        if cpu != self.box.pages.cpu:
            self.reschedules[cpu] += 1

    def call(self, cpu: int) -> None:
        """smp_call_function_single(), and what wakes a worker there: nothing for the own CPU."""
        if cpu != self.box.pages.cpu:
            self.calls[cpu] += 1

    def call_all(self) -> None:
        """on_each_cpu(), schedule_on_each_cpu(): all others."""
        for cpu in range(len(self.calls)):
            self.call(cpu)

    def flush_freed_tables(self, mm: MmStruct) -> None:
        """flush_tlb_mm_range() with tables gone: also CPUs that are idle and keep the address space for a while."""
        for cpu, number in enumerate(self.loaded):
            if number == mm.number and cpu != self.box.pages.cpu:
                self.shootdowns[cpu] += 1
                self.calls[cpu] += 1  # it is told by one
                self.loaded[cpu] = 0  # leave_mm()
