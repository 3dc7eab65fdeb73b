"""The current process's memory by libc: malloc and its kin, the break; strace."""

from __future__ import annotations

from typing import TYPE_CHECKING

from memsh.commands.acting import Notes, act
from memsh.commands.reasons import kept_back
from memsh.commands.tools import free_tool
from memsh.libc.process import UserProcess
from memsh.linux.box import Box
from memsh.linux.include.errno import KernelError
from memsh.shell import arg, command, rest
from memsh.shell.errors import ShellError, UsageError
from memsh.shell.io import IO
from memsh.shell.registry import Args
from memsh.shell.values import address, increment, size, wide_size

if TYPE_CHECKING:
    from memsh.libc.malloc import Malloc

TOPIC = "user space"
BLOCK = arg("addr", type=address, help="what malloc gave: 0x…, $1, $name", words="value")
SIZE = arg("size", type=size, help="bytes: 100, 4k, 1M")


def _must(heap: Malloc, mem: int) -> int:
    """What malloc gave, KernelError with its errno if that is NULL."""
    if not mem:
        raise KernelError(heap.errno or "ENOMEM")
    return mem


@command(SIZE, topic=TOPIC)
def malloc(box: Box, args: Args, io: IO) -> int:
    """take memory from the C library's heap

    malloc 200k

    glibc 2.36 as it is: small blocks come from the heap that brk makes, from 128 KiB on they are mapped by themselves.
    Yields the address; the faults are those of malloc's own bookkeeping. See heap.
    """

    def operation(user: UserProcess, notes: Notes) -> int:
        heap = user.malloc()
        return _must(heap, heap.malloc(args.size))

    return act(box, io, operation)


@command(
    arg("n", type=size, help="elements, or bytes"),
    arg("size", type=size, default=1, help="bytes each"),
    topic=TOPIC,
)
def calloc(box: Box, args: Args, io: IO) -> int:
    """take zeroed memory from the C library's heap

    calloc 100 4

    What comes fresh from the kernel is zero already and is not written.
    """

    def operation(user: UserProcess, notes: Notes) -> int:
        heap = user.malloc()
        return _must(heap, heap.calloc(args.n, args.size))

    return act(box, io, operation)


@command(BLOCK, SIZE, topic=TOPIC)
def realloc(box: Box, args: Args, io: IO) -> int:
    """give a block another size, moving it if need be

    p=$(malloc 100); realloc $p 5000

    Contents are kept. Address 0 is malloc, size 0 is free (and yields nothing).
    """

    def operation(user: UserProcess, notes: Notes) -> int | None:
        heap = user.malloc()
        new = heap.realloc(args.addr, args.size)
        if args.addr and not args.size:
            return None
        _must(heap, new)
        if args.addr:
            notes.append("in place" if new == args.addr else "moved")
        return new

    return act(box, io, operation)


@command(arg("alignment", type=size, help="a power of 2, else the next one"), SIZE, topic=TOPIC)
def memalign(box: Box, args: Args, io: IO) -> int:
    """take memory at a multiple of ALIGNMENT

    memalign 4096 100
    """

    def operation(user: UserProcess, notes: Notes) -> int:
        heap = user.malloc()
        return _must(heap, heap.memalign(args.alignment, args.size))

    return act(box, io, operation)


@command(arg("alignment", type=size, help="a power of 2"), SIZE, topic=TOPIC)
def aligned_alloc(box: Box, args: Args, io: IO) -> int:
    """take memory at a multiple of ALIGNMENT, as C11 has it

    aligned_alloc 64 1000

    In glibc 2.36 it is memalign under another name: SIZE need not be a multiple of ALIGNMENT.
    """

    def operation(user: UserProcess, notes: Notes) -> int:
        heap = user.malloc()
        return _must(heap, heap.memalign(args.alignment, args.size))

    return act(box, io, operation)


def _parameter(text: str) -> int:
    """One of M_MXFAST …, with or without the M_, or its number."""
    from memsh.libc.mallopt import PARAMETERS  # start-up: malloc alone

    known = PARAMETERS.get(text.upper(), PARAMETERS.get(f"M_{text.upper()}"))
    if known is None:
        if text[-1:].isalpha():
            raise ValueError(f"'{text}' is no parameter of malloc")
        return _int(text)
    return known


def _int(text: str) -> int:
    """A C int: decimal or 0x…, perhaps negative; k, M allowed."""
    value = -wide_size(text[1:]) if text.startswith("-") else wide_size(text)
    if not -(1 << 31) <= value < 1 << 31:
        raise ValueError(f"{text}: an int is from {-(1 << 31)} to {(1 << 31) - 1}")
    return value


@command(
    rest("words", help="M_TRIM_THRESHOLD, …, and an int", raw=True, required=True, meta="PARAMETER VALUE"), topic=TOPIC
)
def mallopt(box: Box, args: Args, io: IO) -> int:
    """set a parameter of malloc in the current process

    mallopt M_MMAP_THRESHOLD 64k

    M_MXFAST largest request of the fast bins; M_TRIM_THRESHOLD, M_TOP_PAD, M_MMAP_THRESHOLD, M_MMAP_MAX when the heap
    is trimmed, how much more is asked for, what is mapped and how often (each ends the thresholds' growth by itself);
    M_PERTURB fills what is given and freed; M_ARENA_TEST, M_ARENA_MAX; M_CHECK_ACTION does nothing any more.
    GLIBC_TUNABLES=glibc.malloc.NAME=VALUE:… and MALLOC_TOP_PAD_ and its like set them for a program that is run then.
    """
    from memsh.libc.mallopt import PARAMETERS  # start-up: malloc alone

    if len(args.words) != 2:
        raise UsageError(f"a parameter and a value (usage: mallopt PARAMETER VALUE); there are {' '.join(PARAMETERS)}")
    try:
        parameter, value = _parameter(args.words[0]), _int(args.words[1])
    except ValueError as error:
        raise UsageError(f"{error}; parameters are {' '.join(PARAMETERS)}") from None

    def operation(user: UserProcess, notes: Notes) -> None:
        if not user.malloc().mallopt(parameter, value):
            raise ShellError(f"mallopt({parameter}, {value}) = 0: not taken")

    return act(box, io, operation)


@command(topic=TOPIC)
def malloc_info(box: Box, args: Args, io: IO) -> int:
    """the C library's figures on its heap, free lists by size, as XML

    malloc_info
    """
    return act(box, io, lambda user, notes: io.out(user.malloc().malloc_info()))


@command(topic=TOPIC)
def malloc_stats(box: Box, args: Args, io: IO) -> int:
    """bytes in use and got from the system, as malloc_stats() prints them

    malloc_stats
    """
    return act(box, io, lambda user, notes: io.out(user.malloc().malloc_stats()))


@command(
    rest("words", help="ADDR; or the options of the tool", raw=True, meta="ADDR | OPTION"),
    topic=TOPIC,
    needs_box=False,
    help_option=False,
)
def free(box: Box, args: Args, io: IO) -> int:
    """give a block back to the C library (free ADDR); alone or with options: the machine's memory, as procps shows it

    malloc 100; free $1

    free ADDR: small blocks go to the thread's cache or a fast bin first, others are joined with free neighbours; the
    kernel gets memory back when a mapped block is freed, or when the top of the heap exceeds the trim threshold.

    free -h -w: total, used, free, shared, buff/cache, available. -b -k -m -g units, -h with suffixes, -w buffers and
    cache apart, -t a line of totals, -l lowmem and HighMem, -v committed memory, -s N every N seconds, -c N times.
    """
    if not args.words or args.words[0].startswith("-"):
        return int(free_tool(box, args.words, io))
    if box is None:
        raise ShellError("an address needs a kernel, and --proc has none: it reads a recorded /proc")
    if len(args.words) > 1:
        raise UsageError("one address at a time (usage: free ADDR, or free [-b|-k|-m|-g|-h] [-wtlv] [-s N] [-c N])")
    try:
        addr = address(args.words[0], box.arch.bits)
    except ValueError as error:
        raise UsageError(str(error)) from None

    told = ""

    def operation(user: UserProcess, notes: Notes) -> None:
        nonlocal told
        heap, before = user.malloc(), user.mm.total_vm
        heap.free(addr)
        if addr and io.session.reasons is not None and before == user.mm.total_vm:
            told = kept_back(box, heap, addr)

    status = act(box, io, operation)
    if told:
        io.err(f"  {told}\n")
    return status


@command(BLOCK, topic=TOPIC)
def malloc_usable_size(box: Box, args: Args, io: IO) -> int:
    """how many bytes of a block may be used

    malloc 100; malloc_usable_size $1
    """
    return act(box, io, lambda user, notes: user.malloc().malloc_usable_size(args.addr), dec=True)


@command(arg("pad", type=size, default=0, help="bytes to leave at the top of the heap"), topic=TOPIC)
def malloc_trim(box: Box, args: Args, io: IO) -> int:
    """give free pages of the heap back to the kernel

    malloc_trim

    Whole free pages inside the heap go by madvise, those at its top by brk.
    """

    def operation(user: UserProcess, notes: Notes) -> None:
        notes.append("memory was released" if user.malloc().malloc_trim(args.pad) else "there was nothing to release")

    return act(box, io, operation)


@command(topic=TOPIC)
def mallinfo(box: Box, args: Args, io: IO) -> int:
    """the C library's figures on its heap: mallinfo2's fields

    mallinfo

    arena: bytes got by brk; ordblks: free chunks, top among them; smblks, fsmblks: chunks in fast bins and their bytes;
    hblks, hblkhd: mapped blocks and their bytes; uordblks, fordblks: bytes in use and free; keepcost: bytes of top.
    """

    def operation(user: UserProcess, notes: Notes) -> None:
        for name, value in user.malloc().mallinfo2()._asdict().items():
            io.out(f"{name} {value}\n")

    return act(box, io, operation)


# -- the break -------------------------------------------------------------------------------------------------------


def _heap_of(user: UserProcess) -> Malloc | None:
    try:
        return user.malloc()
    except KernelError:
        return None  # a program without a C library of its own: the kernel keeps the break


@command(arg("addr", type=address, help="where the heap shall end", words="value"), topic=TOPIC)
def brk(box: Box, args: Args, io: IO) -> int:
    """move the end of the heap

    brk 0x8176000
    """

    def operation(user: UserProcess, notes: Notes) -> None:
        heap = _heap_of(user)
        done = heap.set_break(args.addr) if heap is not None else user.brk(args.addr) >= args.addr
        if not done:
            raise KernelError("ENOMEM")

    return act(box, io, operation)


@command(rest("words", help="bytes, + or -: 4k, -4k, 0", raw=True, required=True, meta="INCREMENT"), topic=TOPIC)
def sbrk(box: Box, args: Args, io: IO) -> int:
    """move the end of the heap by INCREMENT bytes

    sbrk 64k

    Yields where it was before; sbrk 0 only asks.
    """
    words = args.words[1:] if args.words[0] == "--" else args.words
    if len(words) != 1:
        raise UsageError("one increment (usage: sbrk INCREMENT)")
    try:
        by = increment(words[0], box.arch.bits)
    except ValueError as error:
        raise UsageError(str(error)) from None
    by = by - (1 << box.arch.bits) if by >= 1 << box.arch.bits - 1 else by

    def operation(user: UserProcess, notes: Notes) -> int:
        heap = _heap_of(user)
        if heap is not None:
            old = heap.sbrk(by)
        else:
            old = user.mm.brk
            if by and user.brk(old + by) != old + by:
                old = -1
        if old == -1:
            raise KernelError("ENOMEM")
        return old

    return act(box, io, operation)


@command(rest("command", help="a command that the process does", required=True, raw=True, words="command"), topic=TOPIC)
def strace(box: Box, args: Args, io: IO) -> int:
    """run a command and show the system calls that the process makes

    strace malloc 200k

    Only commands in which the current process acts (malloc, mmap, fork, exec, …) make any; page faults are none. Of the
    start of a program (run, exec) it shows execve alone.
    """
    found = io.session.registry.find(args.command)
    if found is None:
        raise ShellError(f"{args.command[0]}: command not found", 127)
    before = io.session.strace
    io.session.strace = True
    try:
        return int(io.run(args.command))
    finally:
        io.session.strace = before
