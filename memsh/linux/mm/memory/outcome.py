"""What an access to memory comes to: the kinds of faults, the signals and errors that end one.

Sources: include/linux/mm_types.h (enum vm_fault_reason), arch/x86/mm/fault.c.
"""

from __future__ import annotations

from typing import NamedTuple

from memsh.linux.include.errno import KernelError

SEGV_MAPERR, SEGV_ACCERR, SI_KERNEL = 1, 2, 0x80
# what a fault was; how many pages fault-around mapped, from bit 8 on
MAJOR, ZERO, COW, REUSE, RETRIED, SWAPPED, HUGE, HUGETLB = 1, 2, 4, 8, 16, 32, 64, 128
AROUND_SHIFT = 8


class Segfault(Exception):
    """An access that Linux answers with SIGSEGV: `addr`, the CPU's `error_code` (X86_PF_*), `si_code` (SEGV_*)."""

    def __init__(self, addr: int, error_code: int, si_code: int) -> None:
        super().__init__(f"segfault at {addr:x} error {error_code:x}")
        self.addr = addr
        self.error_code = error_code
        self.si_code = si_code


class BusError(Exception):
    """An access past the end of a mapped file, or without a huge page for it: SIGBUS."""

    def __init__(self, addr: int) -> None:
        super().__init__(f"bus error at {addr:x}")
        self.addr = addr


class OutOfMemory(KernelError):
    """A fault that found no memory (VM_FAULT_OOM)."""

    def __init__(self) -> None:
        super().__init__("ENOMEM", "no page for the fault")


class FaultResult(NamedTuple):
    """Faults taken, and words on their kind for people."""

    minflt: int
    majflt: int
    notes: list[str]


class Killed(Exception):
    """The current process was chosen by the OOM killer: it dies before it runs on in user space."""


class Tally:
    """What a range of accesses came to."""

    __slots__ = ("around", "kinds", "majflt", "minflt", "program")

    def __init__(self) -> None:
        self.minflt = self.majflt = self.kinds = self.around = 0
        self.program: list[tuple[int, bool]] = []

    def add(self, what: int) -> None:
        if what & MAJOR:
            self.majflt += 1
        else:
            self.minflt += 1
        self.kinds |= what & 0xFF
        self.around = max(self.around, what >> AROUND_SHIFT)

    def notes(self) -> list[str]:
        notes = []
        if self.kinds & HUGE:
            notes.append("2 MiB at once")
        if self.kinds & HUGETLB:
            notes.append("huge page of the pool")
        if self.kinds & ZERO:
            notes.append("zero page, RSS unchanged")
        if self.around > 1:
            notes.append(f"fault-around mapped {self.around} pages")
        if self.kinds & COW:
            notes.append("copy-on-write")
        if self.kinds & SWAPPED:
            notes.append("back from swap")
        return notes
