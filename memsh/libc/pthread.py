"""Threads of a process as glibc 2.36 makes them: stacks by mmap with a guard page, the descriptor at their upper end,
the cache of stacks whose threads are gone (nptl/allocatestack.c, nptl-stack.c, pthread_create.c, pthread_join.c).

All state lies in the process's memory: each thread's descriptor (struct pthread), and the two lists of them, stacks in
use and stacks in the cache, among the variables of the dynamic linker or of a static program.

Known deviations: only the fields that matter are written; the number that create() answered is kept as the thread's
argument; no thread-specific data, no cancellation, no robust mutexes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from memsh.libc.abi import PAGE
from memsh.libc.malloc import Malloc
from memsh.linux.include.errno import KernelError
from memsh.linux.include.flags import MAP_ANONYMOUS, MAP_PRIVATE, MAP_STACK, PROT_NONE, PROT_READ, PROT_WRITE
from memsh.linux.include.image import Touch
from memsh.linux.include.resource import RLIMIT_STACK
from memsh.linux.include.sched import threads_of
from memsh.linux.kernel.exit import do_exit, do_group_exit
from memsh.linux.kernel.fork import clone_thread
from memsh.linux.mm.mmap import vma

if TYPE_CHECKING:
    from memsh.libc.process import UserProcess
    from memsh.linux.include.sched import Task

PTHREAD_STACK_MIN = 16384
MINIMAL_REST_STACK = 2048
ARCH_STACK_DEFAULT_SIZE = 2 << 20  # where RLIMIT_STACK is unlimited
STACK_CACHE_MAXSIZE = 40 << 20
TLS_ALIGN = 64
DTV_ENTRIES = 17  # one module, 14 to spare, a count and a generation
SIGSETXID = 33  # the signal that every program with threads handles
FRAME = 0x48  # of the function that the thread runs first
CLONE = "|".join(f"CLONE_{name}" for name in (
    "VM", "FS", "FILES", "SIGHAND", "THREAD", "SYSVSEM", "SETTLS", "PARENT_SETTID", "CHILD_CLEARTID",
))  # fmt: skip


class Descriptor(NamedTuple):
    """struct pthread: where its fields lie, and how far below the end of the stack it begins."""

    dtv: int
    list: int  # next, previous
    tid: int
    joinid: int  # itself, if it is detached
    arg: int
    stackblock: int
    stackblock_size: int
    guardsize: int
    size: int


DESCRIPTORS = {
    4: Descriptor(4, 0x60, 0x68, 0x218, 0x22C, 0x260, 0x264, 0x268, 0x4C0),
    8: Descriptor(8, 0x2C0, 0x2D0, 0x620, 0x640, 0x690, 0x698, 0x6A0, 0x940),
}


class Threads:
    """The functions of <pthread.h>, in one process. KernelError with the number that they answer."""

    def __init__(self, user: UserProcess, heap: Malloc, symbols: dict[str, int]) -> None:
        self.user = user
        self.heap = heap
        self.w, self.st, self.word = heap.w, heap.st, heap.sz
        self.layout = DESCRIPTORS[self.word]
        self.below = symbols["tls_static_size"]  # bytes of thread-local storage between a stack and its descriptor
        self.cache = symbols["_dl_stack_cache"]
        self.used = self.cache + 4 * self.word
        self.actsize = self.cache - 2 * self.word
        self.default_size = self.cache + 8 * self.word  # in __default_pthread_attr

    # -- lists

    def _list(self, head: int) -> list[int]:
        """The descriptors on a list, last entered first."""
        if not self.w[head]:  # not set up: the program has had no thread yet
            return []
        found, at = [], self.w[head]
        while at != head:
            found.append(at - self.layout.list)
            at = self.w[at]
        return found

    def _add(self, head: int, pd: int) -> None:
        entry, word = pd + self.layout.list, self.word
        first = self.w[head] or head
        self.st(entry, first)
        self.st(entry + word, head)
        self.st(first + word, entry)
        self.st(head, entry)

    def _remove(self, pd: int) -> None:
        entry, word = pd + self.layout.list, self.word
        after, before = self.w[entry], self.w[entry + word]
        self.st(after + word, before)
        self.st(before, after)

    def tid(self, pd: int) -> int:
        return self.heap.load_int(pd + self.layout.tid)

    # -- stacks

    def _default_size(self) -> int:
        """What a thread gets if nobody asks: the stack's limit, as it was when the program began."""
        return self.w[self.default_size] or self.default_stacksize()

    def default_stacksize(self) -> int:
        """RLIMIT_STACK now, in whole pages (pthread_early_init.h)."""
        limit = self.user.mm.rlim[RLIMIT_STACK][0]
        if limit == self.user.mm.mmu.word_limit - 1:
            limit = ARCH_STACK_DEFAULT_SIZE
        return max(PTHREAD_STACK_MIN, limit) + PAGE - 1 & -PAGE

    def _get_cached_stack(self, size: int) -> int:
        """The smallest stack of the cache that is large enough, not four times as large; 0."""
        layout, best, found = self.layout, 0, 0
        for pd in self._list(self.cache):
            length = self.w[pd + layout.stackblock_size]
            if self.tid(pd) == 0 and length >= size and (not best or length < found):
                best, found = pd, length
                if length == size:
                    break
        if not best or found > 4 * size:
            return 0
        self._remove(best)
        self._add(self.used, best)
        self.st(self.actsize, self.w[self.actsize] - found)
        dtv = self.w[best + layout.dtv] - 2 * self.word
        self.user.fill(dtv + 2 * self.word, 0, (DTV_ENTRIES - 1) * 2 * self.word)
        return best

    def _new_stack(self, size: int, guard: int) -> int:
        """A stack mapped afresh, its lowest page never to be touched, with its descriptor; ENOMEM."""
        user, layout = self.user, self.layout
        prot = PROT_READ | PROT_WRITE
        flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK
        mem = user.call(
            f"{user.box.arch.sys_mmap}(NULL, {size}, {'PROT_NONE' if guard else 'PROT_READ|PROT_WRITE'}, "
            "MAP_PRIVATE|MAP_ANONYMOUS|MAP_STACK, -1, 0)",
            lambda: vma.sys_mmap(user.box, user.mm, 0, size, PROT_NONE if guard else prot, flags),
            yields_address=True,
        )
        if guard:
            try:
                user.mprotect(mem + guard, size - guard)
            except KernelError:
                user.munmap(mem, size)
                raise
        pd = mem + size - layout.size & -TLS_ALIGN
        for offset, value in (
            (layout.stackblock, mem), (layout.stackblock_size, size), (layout.guardsize, guard), (0, pd),
            (2 * self.word, pd),
        ):  # fmt: skip
            self.st(pd + offset, value)
        dtv = self.heap.calloc(DTV_ENTRIES, 2 * self.word)
        if not dtv:
            user.munmap(mem, size)
            raise KernelError("ENOMEM")
        self.st(dtv, DTV_ENTRIES - 2)
        self.st(pd + layout.dtv, dtv + 2 * self.word)
        self._add(self.used, pd)
        return pd

    def _allocate_stack(self, size: int, guard: int) -> int:
        """allocate_stack(): a descriptor with a stack of `size` bytes and as much of a guard. EINVAL, ENOMEM."""
        size = (size or self._default_size()) & -TLS_ALIGN
        guard = guard + PAGE - 1 & -PAGE
        size += guard
        least = guard + self.below + self.layout.size + MINIMAL_REST_STACK
        if size < (least + PAGE - 1 & -PAGE):
            raise KernelError("EINVAL")
        pd = self._get_cached_stack(size)
        if not pd:
            return self._new_stack(size, guard)
        layout, user, mem = self.layout, self.user, self.w[pd + self.layout.stackblock]
        old, length = self.w[pd + layout.guardsize], self.w[pd + layout.stackblock_size]
        if guard > old:
            user.mprotect(mem, guard, PROT_NONE)
            self.st(pd + layout.guardsize, guard)
        elif old - guard > length - size:
            user.mprotect(mem + guard, old - guard)
            self.st(pd + layout.guardsize, guard)
        return pd

    def _deallocate_stack(self, pd: int) -> None:
        """The stack goes to the cache; what is too much there, oldest first, to the kernel."""
        layout = self.layout
        self._remove(pd)
        self._add(self.cache, pd)
        size = self.w[self.actsize] + self.w[pd + layout.stackblock_size]
        self.st(self.actsize, size)
        if size <= STACK_CACHE_MAXSIZE:
            return
        for old in reversed(self._list(self.cache)):
            if self.tid(old):
                continue
            self._remove(old)
            size -= self.w[old + layout.stackblock_size]
            self.st(self.actsize, size)
            self.heap.free(self.w[old + layout.dtv] - 2 * self.word)
            self.user.munmap(self.w[old + layout.stackblock], self.w[old + layout.stackblock_size])
            if size <= STACK_CACHE_MAXSIZE:
                break

    # -- threads

    def create(self, stacksize: int = 0, guardsize: int = PAGE, *, detached: bool = False) -> Task:
        """pthread_create(): a thread that waits for what it is told. EAGAIN, EINVAL; `stacksize` 0: the default."""
        user, layout = self.user, self.layout
        box, task = user.box, user.task
        if not self.w[self.cache]:  # the first thread of this program
            for head in (self.cache, self.used):
                self.st(head, head)
                self.st(head + self.word, head)
            task.sigcgt |= 1 << SIGSETXID - 1
        try:
            pd = self._allocate_stack(stacksize, guardsize)
        except KernelError as error:
            raise KernelError("EAGAIN" if error.code == "ENOMEM" else error.code) from None
        self.st(pd + layout.joinid, pd if detached else 0)
        top = pd - self.below
        block = self.w[pd + layout.stackblock]
        made: list[Task] = []

        def clone() -> int:
            made.append(clone_thread(box, task, top - FRAME, pd, pd + layout.tid))
            return made[0].pid

        place = f"child_tid={pd + layout.tid:#x}, parent_tid={pd + layout.tid:#x}, exit_signal=0, stack={block:#x}"
        try:
            user.call(f"clone3({{flags={CLONE}, {place}, stack_size={top - block:#x}, tls={pd:#x}}}, 88)", clone)
        except KernelError as error:
            self._deallocate_stack(pd)
            raise KernelError("EAGAIN" if error.code == "ENOMEM" else error.code) from None
        thread = made[0]
        self.heap.store_int(pd + layout.tid, thread.pid)
        self.st(pd + layout.arg, thread.pid)
        thread.pending = ((Touch(thread.sp & -PAGE, PAGE, True),),)
        return thread

    def find(self, tid: int) -> int:
        """The descriptor of the thread that create() answered as `tid`. ESRCH for none that could be joined."""
        for pd in self._list(self.used):
            if self.w[pd + self.layout.arg] == tid:
                return pd
        raise KernelError("ESRCH")

    def detached(self, pd: int) -> bool:
        return self.w[pd + self.layout.joinid] == pd

    def join(self, tid: int) -> None:
        """pthread_join() of a thread that has ended: its stack goes to the cache. ESRCH, EINVAL (detached), EDEADLK;
        EAGAIN, which C never answers, if it would have to wait."""
        pd = self.find(tid)
        if self.detached(pd):
            raise KernelError("EINVAL")
        if pd == self.user.task.tls:
            raise KernelError("EDEADLK")
        if self.tid(pd):
            raise KernelError("EAGAIN")
        self._deallocate_stack(pd)

    def detach(self, tid: int) -> None:
        """pthread_detach(): ESRCH, EINVAL if it is detached already."""
        pd = self.find(tid)
        if self.detached(pd):
            raise KernelError("EINVAL")
        self.st(pd + self.layout.joinid, pd)
        if not self.tid(pd):
            self._deallocate_stack(pd)

    def exit(self) -> None:
        """pthread_exit(): the current thread ends, with the last one the process."""
        self.leave()
        self.end()

    def alone(self) -> bool:
        """Whether this thread is the last one."""
        box, me = self.user.box, self.user.task
        return not any(thread.alive for thread in threads_of(box, me) if thread is not me)

    def leave(self) -> None:
        """What the library does in a thread that ends, up to the system call."""
        user, layout, task = self.user, self.layout, self.user.task
        if self.alone():
            user.log.append("exit_group(0) = ?")
            return
        self.heap.thread_freeres()
        pd = task.tls
        if pd:
            mem = self.w[pd + layout.stackblock]
            unused = (task.sp - mem & -PAGE) - PTHREAD_STACK_MIN
            if unused > 0:
                user.dontneed(mem, unused)
            if self.detached(pd):
                self._deallocate_stack(pd)
        user.log.append("exit(0) = ?")

    def end(self) -> None:
        """That call."""
        (do_group_exit if self.alone() else do_exit)(self.user.box, self.user.task, 0)

    def reclaim_stacks(self) -> None:
        """After fork, in the child: the stacks of all threads but this one are free (__nptl_reclaim_stacks)."""
        layout, mine = self.layout, self.user.task.tls
        for pd in self._list(self.used):
            if pd != mine:
                self.heap.store_int(pd + layout.tid, 0)
                self._remove(pd)
                self._add(self.cache, pd)
                self.st(self.actsize, self.w[self.actsize] + self.w[pd + layout.stackblock_size])
        if mine:
            self.heap.store_int(mine + layout.tid, self.user.task.pid)
