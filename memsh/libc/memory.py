"""What malloc asks of the process: words of its memory, and five system calls (malloc/malloc.c, misc/sbrk.c)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from memsh.linux.include.errno import KernelError


class UserMemory(Protocol):
    """A process's memory. Addresses and lengths in bytes; system calls raise KernelError, brk() answers the break."""

    def load(self, addr: int) -> int: ...

    def store(self, addr: int, value: int) -> None: ...

    def fill(self, addr: int, value: int, n: int) -> None: ...

    def copy(self, to: int, source: int, n: int) -> None: ...

    def brk(self, addr: int) -> int: ...

    def mmap(self, length: int) -> int: ...

    def munmap(self, addr: int, length: int) -> None: ...

    def mremap(self, addr: int, oldlen: int, newlen: int) -> int: ...

    def dontneed(self, addr: int, length: int) -> None: ...


class Words:
    """Where malloc's variables lie in the process's memory; sbrk().

    `symbols`: addresses of `main_arena`, `mp_`, `tcache`, `__curbrk`.
    """

    def __init__(self, mem: UserMemory, symbols: dict[str, int]) -> None:
        self.mem = mem
        self.ld: Callable[[int], int] = mem.load
        self.st: Callable[[int, int], None] = mem.store
        self.arena = symbols["main_arena"]
        self.par = symbols["mp_"]
        self.tcache = symbols["tcache"]
        self.curbrk = symbols["__curbrk"]
        self.unsorted = self.arena + 56  # the header of bin 1
        self.errno = ""  # the name of the last error, as in C's errno

    def sbrk(self, increment: int) -> int:
        """The break before it moved by `increment` bytes; -1 with errno ENOMEM. The first call asks the kernel."""
        old = self.ld(self.curbrk)
        if not old:
            old = self.mem.brk(0)
            self.st(self.curbrk, old)
        if not increment:
            return old
        wanted = old + increment
        if not 0 <= wanted < 1 << 32:
            self.errno = "ENOMEM"
            return -1
        return old if self.set_break(wanted) else -1

    def set_break(self, addr: int) -> bool:
        """brk(): whether the break is at `addr` or above now; errno ENOMEM if not."""
        now = self.mem.brk(addr)
        self.st(self.curbrk, now)
        if now < addr:
            self.errno = "ENOMEM"
        return now >= addr

    def try_mmap(self, length: int) -> int:
        """Fresh pages, 0 if Linux has none."""
        try:
            return self.mem.mmap(length)
        except KernelError as error:
            self.errno = error.code
            return 0
