"""A process as its own code sees it: memory through the page tables, system calls on its areas, and libc on top.

`UserProcess(box, task)` is the memory that malloc works in. Its `log` holds the system calls, as strace spells them.

Known deviations: what the library does in the child of a process with threads is done when it forks; malloc's
variables get their values when libc is first asked, not from the file; what a static program's libc allocates before
main is allocated then too, in the pages that the program has used already (run and exec ask at once where the
environment has a variable of malloc's).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from memsh.libc.programs import image_of, symbols_of
from memsh.linux.include.errno import KernelError
from memsh.linux.include.flags import (
    MAP_ANONYMOUS,
    MAP_FIXED,
    MAP_HUGE_SHIFT,
    MAP_HUGETLB,
    MAP_NORESERVE,
    MAP_PRIVATE,
    MREMAP_MAYMOVE,
    PROT_NONE,
    PROT_READ,
    PROT_WRITE,
)
from memsh.linux.mm.huge_memory.huge import HPAGE_PMD_SIZE
from memsh.linux.mm.memory import uaccess
from memsh.linux.mm.mmap import vma

if TYPE_CHECKING:
    from collections.abc import Callable

    from memsh.libc.malloc import Malloc
    from memsh.libc.pthread import Threads
    from memsh.linux.box import Box
    from memsh.linux.include.mm_types import MmStruct
    from memsh.linux.include.sched import Task

MADV_DONTNEED, MADV_HUGEPAGE = 4, 14


def _huge(flags: int) -> str:
    """MAP_HUGETLB and its size as strace spells them, behind other flags."""
    return f"|MAP_HUGETLB|{flags >> MAP_HUGE_SHIFT}<<MAP_HUGE_SHIFT" if flags & MAP_HUGETLB else ""


def accessors(user: UserProcess) -> tuple[Callable[[int], int], Callable[[int, int], None]]:
    """`load` and `store` of a process without the way through its attributes: malloc spends its time there.

    What was read or stored in the process's own pages stays in `mm.tlb.words`, until one of them is mapped otherwise.
    """
    box, task, tlb = user.box, user.task, user.tlb
    own, words, unsettled = tlb.own, tlb.words, box.memmap.unsettled
    keep, pages, limit = words.keep, words.pages, words.LIMIT
    size = user.mm.mmu.word
    low, odd, shift = (1 << 8 * size) - 1, size - 1, size.bit_length() - 1
    last = (4096 >> shift) - 1

    def load(addr: int) -> int:
        if not addr & odd:
            page = addr >> 12
            if page in own:
                value: int = own[page][addr >> shift & last]
                if page in pages and len(words) < limit:
                    pages[page].append(addr)
                    words[addr] = value
                else:
                    keep(addr, value)
                return value
            if page in tlb:
                return tlb[page][addr >> shift & last]  # type: ignore[no-any-return]
        return uaccess.read_word(box, task, addr & low)

    def store(addr: int, value: int) -> None:
        box.changes += 1
        if addr in words:  # so its page is the process's own
            if not words.late:
                unsettled.append(words)
                words.late = True
            words[addr] = value
        elif addr & odd or (page := addr >> 12) not in own:
            uaccess.write_word(box, task, addr & low, value & low)
        else:
            own[page][addr >> shift & last] = value
            if page in pages and len(words) < limit:  # it will be read soon
                pages[page].append(addr)
                words[addr] = value
            else:
                keep(addr, value)

    return load, store


class UserProcess:
    """A task's memory and system calls. Segfault, BusError (kernel.fault) where the CPU would, else KernelError."""

    def __init__(self, box: Box, task: Task) -> None:
        if task.mm is None:
            raise KernelError("ESRCH", "a kernel thread has no user memory")
        self.box = box
        self.task = task
        self.mm: MmStruct = task.mm
        self.tlb = self.mm.tlb
        self.words = self.tlb.words
        self.words.load, self.store = accessors(self)
        self.log: list[str] = []
        self.starting = 0  # where the break is as far as a program before main knows
        self._heap: Malloc | None = None

    @classmethod
    def of(cls, box: Box, task: Task) -> UserProcess:
        """The one that has been left at rest() for this task, its log empty again, or a new one. Until it is at rest
        again nobody else gets it: what it does may be held up, and somebody else work on the same memory meanwhile."""
        tlb = task.mm.tlb if task.mm is not None else None
        user: UserProcess | None = tlb.user if tlb is not None else None
        if tlb is None or user is None or user.task is not task:
            return cls(box, task)
        tlb.user = None
        user.log = []
        return user

    def rest(self) -> None:
        """It has done what it was to do: the next who comes for this task may have it."""
        self.tlb.user = self

    # -- memory

    def read(self, addr: int, n: int) -> bytes:
        return uaccess.read(self.box, self.task, addr, n)

    def write(self, addr: int, data: bytes) -> None:
        uaccess.write(self.box, self.task, addr, data)

    def fill(self, addr: int, value: int, n: int) -> None:
        uaccess.fill(self.box, self.task, addr, value, n)

    def copy(self, to: int, source: int, n: int) -> None:
        uaccess.copy(self.box, self.task, to, source, n)

    # -- system calls

    def call(self, text: str, function: Callable[[], int | None], *, yields_address: bool = False) -> int:
        """Make a system call and note it in the log with its answer; KernelError as Linux refuses."""
        try:
            answer = function() or 0
        except KernelError as error:
            self.log.append(f"{text} = -1 {error.code} ({error.strerror})")
            raise
        self.log.append(f"{text} = {answer:#x}" if yields_address else f"{text} = {answer}")
        return answer

    def brk(self, addr: int) -> int:
        """The break after asking for `addr`; unchanged if Linux refuses."""
        if self.starting and addr <= self.mm.brk:  # the program took that before main
            return addr or self.starting
        now = vma.do_brk(self.box, self.mm, addr)
        self.log.append(f"brk({f'{addr:#x}' if addr else 'NULL'}) = {now:#x}")
        return now

    def mmap(self, length: int, flags: int = 0) -> int:
        """Private anonymous pages, readable and writable, where Linux puts them; huge ones if `flags` says so."""
        names, flags = f"MAP_PRIVATE|MAP_ANONYMOUS{_huge(flags)}", flags | MAP_PRIVATE | MAP_ANONYMOUS
        return self.call(
            f"{self.box.arch.sys_mmap}(NULL, {length}, PROT_READ|PROT_WRITE, {names}, -1, 0)",
            lambda: vma.sys_mmap(self.box, self.mm, 0, length, PROT_READ | PROT_WRITE, flags),
            yields_address=True,
        )

    def map_at(self, addr: int, length: int, flags: int) -> int:
        """Private anonymous pages that nobody may touch yet, at `addr` if that is free or MAP_FIXED."""
        names = "MAP_PRIVATE|MAP_ANONYMOUS"
        names += "|MAP_FIXED" if flags & MAP_FIXED else "|MAP_NORESERVE" if flags & MAP_NORESERVE else _huge(flags)
        return self.call(
            f"{self.box.arch.sys_mmap}({f'{addr:#x}' if addr else 'NULL'}, {length}, PROT_NONE, {names}, -1, 0)",
            lambda: vma.sys_mmap(self.box, self.mm, addr, length, PROT_NONE, flags),
            yields_address=True,
        )

    def mprotect(self, addr: int, length: int, prot: int = PROT_READ | PROT_WRITE) -> None:
        names = "PROT_READ|PROT_WRITE" if prot else "PROT_NONE"
        self.call(
            f"mprotect({addr:#x}, {length}, {names})", lambda: vma.do_mprotect(self.box, self.mm, addr, length, prot)
        )

    def munmap(self, addr: int, length: int) -> None:
        self.call(f"munmap({addr:#x}, {length})", lambda: vma.do_munmap(self.box, self.mm, addr, length))

    def mremap(self, addr: int, oldlen: int, newlen: int, flags: int = MREMAP_MAYMOVE, to: int = 0) -> int:
        known = ("MREMAP_MAYMOVE", "MREMAP_FIXED", "MREMAP_DONTUNMAP")
        names = [name for bit, name in enumerate(known) if flags >> bit & 1]
        where = f", {to:#x}" if flags & 2 else ""
        return self.call(
            f"mremap({addr:#x}, {oldlen}, {newlen}, {'|'.join(names) or '0'}{where})",
            lambda: vma.do_mremap(self.box, self.mm, addr, oldlen, newlen, flags, to),
            yields_address=True,
        )

    def dontneed(self, addr: int, length: int) -> None:
        """madvise(MADV_DONTNEED), as malloc_trim uses it."""
        self._madvise(addr, length, "MADV_DONTNEED", MADV_DONTNEED)

    def hugepage(self, addr: int, length: int) -> None:
        """madvise(MADV_HUGEPAGE), as the tunable glibc.malloc.hugetlb asks for it."""
        self._madvise(addr, length, "MADV_HUGEPAGE", MADV_HUGEPAGE)

    def _madvise(self, addr: int, length: int, name: str, advice: int) -> None:
        """What Linux refuses is ignored."""
        try:
            self.call(
                f"madvise({addr:#x}, {length}, {name})",
                lambda: vma.do_madvise(self.box, self.mm, addr, length, advice),
            )
        except KernelError as error:
            if error.code == "ENOSYS":
                raise

    def thp_size(self) -> int:
        """What /sys/kernel/mm/transparent_hugepage says: bytes of a huge page in the mode `madvise`, else 0."""
        return HPAGE_PMD_SIZE if self.box.thp.available and self.box.thp.enabled == "madvise" else 0

    def hugetlb_size(self, wanted: int) -> int:
        """Bytes of a huge page of the pool in /sys/kernel/mm/hugepages for `wanted`, 0: of /proc/meminfo's; or 0."""
        pool = self.box.hugetlb.sizelog(0)
        if wanted:
            pool = next((h for h in self.box.hugetlb.states.values() if h.size == wanted), None)
        return pool.size if pool is not None else 0

    def environ(self) -> list[str]:
        """The program's environment, as it lies above its stack."""
        start, n = self.mm.env_start, self.mm.env_end - self.mm.env_start
        data = uaccess.peek(self.box, self.task, start, n)
        if data is None:
            data = self.read(start, n)
        return data.decode(errors="surrogateescape").split("\0")[:-1]

    # -- libc

    def malloc(self) -> Malloc:
        """The process's malloc. KernelError ENOSYS for a program without one."""
        heap = self._heap
        if heap is not None and heap.at_hand(self.task.tls) and heap.variables_loaded:
            return heap
        symbols = symbols_of(self.box, self.task)
        if "main_arena" not in symbols:
            raise KernelError("ENOSYS", f"{self.task.comm} has no malloc")
        from memsh.libc.abi import ABIS  # start-up: 8 ms, with all of malloc
        from memsh.libc.malloc import Malloc  # start-up: malloc alone

        heap = self._heap = Malloc(self, symbols, ABIS[self.mm.mmu.word], self.task.tls)
        if not heap.variables_loaded:  # written down now, but it was so before main()
            before = self.box.changes
            heap.load_variables()
            if "tls" in symbols:
                self._before_main(heap, symbols["tls"] + symbols["tls_size"])
            if "tp" in symbols:
                from memsh.libc.pthread import Threads  # start-up: malloc alone

                threads = Threads(self, heap, symbols)
                self.store(threads.default_size, threads.default_stacksize())
            self.box.changes = before
            self.box.deferred += 1
        return heap

    def threads(self) -> Threads:
        """The process's threads, as its C library keeps them. ENOSYS for a program without one."""
        heap = self.malloc()
        symbols = symbols_of(self.box, self.task)
        if "tp" not in symbols:
            raise KernelError("ENOSYS", f"{self.task.comm} has no threads")
        from memsh.libc.pthread import Threads  # start-up: malloc alone

        return Threads(self, heap, symbols)

    def after_fork(self) -> None:
        """What the C library does in the child of a process with threads, of which it has only the one that forked."""
        try:
            threads = self.threads()
        except KernelError:
            return  # it has no C library
        threads.heap.fork_unlock_child()
        threads.reclaim_stacks()

    def nprocs(self) -> int:
        """What /sys/devices/system/cpu/online says, which malloc reads to learn how many arenas there may be."""
        cpus = self.box.config.cpus
        online = "0" if cpus == 1 else f"0-{cpus - 1}"
        self.log.append('openat(AT_FDCWD, "/sys/devices/system/cpu/online", O_RDONLY|O_CLOEXEC) = 3')
        self.log += [f'read(3, "{online}\\n", 1024) = {len(online) + 1}', "close(3) = 0"]
        return cpus

    def overcommit_memory(self) -> int:
        """What a program reads in /proc/sys/vm/overcommit_memory."""
        self.log.append('openat(AT_FDCWD, "/proc/sys/vm/overcommit_memory", O_RDONLY|O_CLOEXEC) = 3')
        self.log += [f'read(3, "{self.box.vm.overcommit_memory}", 1) = 1', "close(3) = 0"]
        return self.box.vm.overcommit_memory

    @property
    def threaded(self) -> bool:
        """Whether there are, or were, other threads than the first."""
        return self.task.tls != 0 or len(self.task.signal.threads) > 1

    def _before_main(self, heap: Malloc, start: int) -> None:
        """What a static program's start-up has done: thread-local storage by sbrk(), then a few blocks. The environment
        may have told it to take less from the kernel than such a program does, or more."""
        self.store(heap.tcache, 0)
        self.store(heap.curbrk, 0)  # that first piece is taken behind sbrk()'s back
        self.starting = start
        image = image_of(self.box, self.task)
        for size in image.before_main if image is not None else ():
            heap.malloc(size)
        self.starting = 0
        end = heap.w[heap.curbrk] or start  # 0: malloc has not asked for the break at all
        if end != self.mm.brk:
            self.brk(end)
