"""What malloc asks of the process: words of its memory, and system calls (malloc/malloc.c, misc/sbrk.c)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Protocol

from memsh.libc.abi import NON_MAIN_ARENA, PAGE, Abi
from memsh.linux.include.errno import KernelError
from memsh.linux.include.flags import UINT_MAX


class UserMemory(Protocol):
    """A process's memory. Addresses and lengths in bytes; system calls raise KernelError, brk() answers the break.

    `words[addr]` loads the word at `addr`, store() stores one: 4 or 8 bytes, as the machine's are. thp_size()
    is that of a transparent huge page where those are given to who asks for them by madvise, else 0; hugetlb_size()
    that of a page from a pool of huge pages, `wanted` or (0) the default one, 0 if the kernel has none.
    """

    @property
    def words(self) -> Mapping[int, int]: ...

    @property
    def store(self) -> Callable[[int, int], None]: ...

    def fill(self, addr: int, value: int, n: int) -> None: ...

    def copy(self, to: int, source: int, n: int) -> None: ...

    def brk(self, addr: int) -> int: ...

    def mmap(self, length: int, flags: int = 0) -> int: ...

    def map_at(self, addr: int, length: int, flags: int) -> int: ...

    def mprotect(self, addr: int, length: int) -> None: ...

    def munmap(self, addr: int, length: int) -> None: ...

    def mremap(self, addr: int, oldlen: int, newlen: int) -> int: ...

    def dontneed(self, addr: int, length: int) -> None: ...

    def hugepage(self, addr: int, length: int) -> None: ...

    def thp_size(self) -> int: ...

    def hugetlb_size(self, wanted: int) -> int: ...

    def environ(self) -> list[str]: ...

    def nprocs(self) -> int: ...

    def overcommit_memory(self) -> int: ...

    @property
    def threaded(self) -> bool: ...


class Memory:
    """Where malloc's variables lie in the process's memory, and how to reach them; sbrk().

    `w[addr]` is the word at `addr`, `st(addr, value)` stores one. `av` and `mp` hold the addresses of the fields of the
    arena and of the parameters: `w[av.top]` is C's `av->top`. `symbols`: addresses of `main_arena`, `mp_`, `tcache`,
    `__curbrk`, `tp` (what the first thread's own variables are counted from; `tls` is that of another thread). Measures
    of the ABI that hot code needs are attributes here.
    """

    __slots__ = (
        "abi", "aligned_heap_area", "arena", "av", "bin0", "bk", "bk_nextsize", "curbrk", "errno", "fd", "fd_nextsize",
        "free_list", "global_max_fast", "hdr", "low", "main_arena", "main_top", "may_shrink_heap", "mem", "min_large",
        "minsize", "mp", "narenas", "narenas_limit", "next_to_use", "non_main", "perturb_byte", "shutting_down", "st",
        "sz", "tcache", "tcache_first", "thread_arena", "threaded", "tls", "unsorted", "w",
    )  # fmt: skip

    def __init__(self, mem: UserMemory, symbols: dict[str, int], abi: Abi, tls: int = 0) -> None:
        self.mem = mem
        self.abi = abi
        self.w = mem.words
        self.st = mem.store
        self.sz, self.hdr, self.low = abi.word, abi.header, abi.low
        self.fd, self.bk, self.fd_nextsize, self.bk_nextsize = abi.fd, abi.bk, abi.fd_nextsize, abi.bk_nextsize
        self.minsize, self.min_large, self.tcache_first = abi.minsize, abi.min_large, abi.tcache_first
        self.mp = abi.par_at(symbols["mp_"])
        self.global_max_fast = self.mp.size + -self.mp.size % abi.word
        self.perturb_byte = self.global_max_fast + abi.word
        self.tls = tls
        self.threaded = mem.threaded
        self.shutting_down = False  # the thread's cache is gone for good
        self.tcache = symbols["tcache"] + (tls - symbols["tp"] if tls else 0)
        self.thread_arena = self.tcache + 2 * abi.word
        self.curbrk = symbols["__curbrk"]
        statics = [self.curbrk - at * abi.word for at in (8, 10, 12, 13, 14, 15)]
        self.free_list, self.aligned_heap_area, self.narenas_limit, self.next_to_use = statics[:4]
        self.narenas, self.may_shrink_heap = statics[4:]  # narenas counts from 0 for the main one
        self.main_arena = symbols["main_arena"]
        self.use(self.main_arena)
        self.main_top = self.av.top
        self.errno = ""  # the name of the last error, as in C's errno

    def at_hand(self, tls: int) -> bool:
        """Whether this is still how that thread reaches its malloc; if so it is ready for the next call."""
        if self.tls != tls or self.threaded != self.mem.threaded or self.shutting_down:
            return False
        self.errno = ""
        if self.arena != self.main_arena:
            self.use(self.main_arena)
        return True

    def use(self, arena: int) -> None:
        """Work in the arena at that address."""
        self.arena = arena
        self.av = self.abi.state_at(arena)
        self.non_main = NON_MAIN_ARENA if arena != self.main_arena else 0
        self.bin0 = self.av.bins - 2 * self.hdr
        self.unsorted = self.bin0 + self.hdr

    def bin_at(self, index: int) -> int:
        """The header of bin `index`, as the address of a chunk whose links it is."""
        return self.bin0 + index * self.hdr

    def load_int(self, addr: int) -> int:
        """The C int at `addr`."""
        place = addr & self.sz - 1
        return self.w[addr - place] >> 8 * place & UINT_MAX

    def store_int(self, addr: int, value: int) -> None:
        place = addr & self.sz - 1
        rest = self.w[addr - place] & ~(UINT_MAX << 8 * place)
        self.st(addr - place, rest | (value & UINT_MAX) << 8 * place)

    def _add(self, addr: int, value: int) -> int:
        total = self.w[addr] + value & self.low
        self.st(addr, total)
        return total

    def _at_least(self, addr: int, value: int) -> None:
        if value > self.w[addr]:
            self.st(addr, value)

    def page_align(self, value: int) -> int:
        """Rounded up to whole pages, as a size_t."""
        return value + PAGE - 1 & -PAGE & self.low

    def sbrk(self, increment: int) -> int:
        """The break before it moved by `increment` bytes; -1 with errno ENOMEM. The first call asks the kernel."""
        old = self.w[self.curbrk]
        if not old:
            old = self.mem.brk(0)
            self.st(self.curbrk, old)
        if not increment:
            return old
        wanted = old + increment
        if not 0 <= wanted <= self.low:
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

    def try_mmap(self, length: int, flags: int = 0) -> int:
        """Fresh pages, 0 if Linux has none; `flags` beside private and anonymous."""
        try:
            return self.mem.mmap(length, flags)
        except KernelError as error:
            self.errno = error.code
            return 0
