"""Pages that stay, and which are there: mlockall, munlockall, mincore, msync; memory by a file without a name: memfd;
memory of another process: process_vm_readv, process_vm_writev."""

from __future__ import annotations

import re
from itertools import groupby

from memsh.commands.acting import Notes, act
from memsh.commands.processes import PID
from memsh.commands.usermem import ADDR, LENGTH
from memsh.digits import is_digits
from memsh.libc.process import UserProcess
from memsh.linux.box import Box
from memsh.linux.fs.file_table import O_RDWR, alloc_fds, install_file
from memsh.linux.include.errno import KernelError
from memsh.linux.include.flags import MAP_SHARED, PROT_READ, PROT_WRITE
from memsh.linux.include.sched import find_task
from memsh.linux.mm.mincore import do_mincore
from memsh.linux.mm.mmap import mlock, vma
from memsh.linux.mm.mmap import msync as kernel_msync
from memsh.linux.mm.process_vm_access import process_vm_rw
from memsh.linux.mm.shmem.shmem import shmem_file_setup
from memsh.shell import IO, Args, arg, command, opt
from memsh.shell.values import address, size, wide_size

TOPIC = "user space"
_MCL = {"current": mlock.MCL_CURRENT, "future": mlock.MCL_FUTURE, "onfault": mlock.MCL_ONFAULT}
_MS = {"async": kernel_msync.MS_ASYNC, "invalidate": kernel_msync.MS_INVALIDATE, "sync": kernel_msync.MS_SYNC}
NAME_MAX = 249


def _bits(word: str, names: dict[str, int], prefix: str, what: str) -> int:
    bits = 0
    for part in re.split(r"[|,+]", word):
        name = part.strip().lower().removeprefix(prefix)
        if name in names:
            bits |= names[name]
        elif is_digits(part.strip()):
            bits |= int(part)
        else:
            raise ValueError(f"'{part}' is not a {what} ({', '.join(names)})")
    return bits


def lock_flags(word: str) -> int:
    """`current,future`, `MCL_CURRENT|MCL_ONFAULT`, a number."""
    return _bits(word, _MCL, "mcl_", "flag of mlockall")


def sync_flags(word: str) -> int:
    """`sync`, `MS_SYNC|MS_INVALIDATE`, a number."""
    return _bits(word, _MS, "ms_", "flag of msync")


def _spelt(bits: int, names: dict[str, int], prefix: str) -> str:
    return "|".join(prefix + name.upper() for name, bit in names.items() if bits & bit) or str(bits)


@command(arg("flags", type=lock_flags, default="current", help="current, future, onfault", words="mcl"), topic=TOPIC)
def mlockall(box: Box, args: Args, io: IO) -> int:
    """bring all of the process's memory in and keep it there

    mlockall current,future

    `future` locks what is mapped from now on; with `onfault` pages are locked when they are touched.
    """
    text = f"mlockall({_spelt(args.flags, _MCL, 'MCL_')})"

    def operation(user: UserProcess, notes: Notes) -> None:
        user.call(text, lambda: mlock.do_mlockall(box, user.mm, args.flags))

    return act(box, io, operation)


@command(topic=TOPIC)
def munlockall(box: Box, args: Args, io: IO) -> int:
    """undo mlockall, and every mlock

    mlockall; munlockall
    """

    def operation(user: UserProcess, notes: Notes) -> None:
        user.call("munlockall()", lambda: mlock.do_munlockall(box, user.mm))

    return act(box, io, operation)


@command(ADDR, LENGTH, topic=TOPIC)
def mincore(box: Box, args: Args, io: IO) -> int:
    """which pages of a range are in memory, in runs

    p=$(mmap 64k); touch $p 16k; mincore $p 64k

    `1+4 0+12`: four pages that are there, twelve that are not. Of a file those in the page cache are there, mapped or
    not; of what went to swap those in the swap cache.
    """

    def operation(user: UserProcess, notes: Notes) -> None:
        found: list[bytes] = []

        def call() -> None:
            found.append(do_mincore(box, user.mm, args.addr, args.length))

        user.call(f"mincore({args.addr:#x}, {args.length})", call)
        io.out(" ".join(f"{there}+{len(list(run))}" for there, run in groupby(found[0])) + "\n")

    return act(box, io, operation)


@command(ADDR, LENGTH, arg("flags", type=sync_flags, default="sync", help="sync, async, invalidate", words="ms"),
         topic=TOPIC)  # fmt: skip
def msync(box: Box, args: Args, io: IO) -> int:
    """write what was changed through a shared mapping to its file, and wait for the disk

    mkfile /data 64k; p=$(mmap 64k rw shared --file /data); write $p 64k; msync $p 64k

    `async` does nothing, as on Linux since 2.6.19.
    """
    text = f"msync({args.addr:#x}, {args.length}, {_spelt(args.flags, _MS, 'MS_')})"

    def operation(user: UserProcess, notes: Notes) -> None:
        user.call(text, lambda: kernel_msync.do_msync(box, user.mm, args.addr, args.length, args.flags))

    return act(box, io, operation)


@command(
    arg("name", help="shown in maps as /memfd:NAME"), arg("size", type=wide_size, help="bytes"),
    opt("-o", "--open", help="leave its descriptor open"), topic=TOPIC,
)  # fmt: skip
def memfd(box: Box, args: Args, io: IO) -> int:
    """map a file that has no name in any directory: memfd_create, ftruncate, mmap, close

    memfd cache 1M

    Yields the address, shared and writable: children of fork have the same pages.
    """

    def create() -> int:
        if len(args.name.encode("utf-8", "surrogateescape")) > NAME_MAX:
            raise KernelError("EINVAL")
        return alloc_fds(box, box.current, 1)[0]

    def operation(user: UserProcess, notes: Notes) -> int:
        number = user.call(f'memfd_create("{args.name}", 0)', create)
        file = shmem_file_setup(box, f"memfd:{args.name}", args.size, 0)
        try:
            user.call(f"ftruncate({number}, {args.size})", lambda: 0)
            return user.call(
                f"{box.arch.sys_mmap}(NULL, {args.size}, PROT_READ|PROT_WRITE, MAP_SHARED, {number}, 0)",
                lambda: vma.sys_mmap(box, user.mm, 0, args.size, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0),
                yields_address=True,
            )
        finally:
            if args.open:
                install_file(box, user.task, number, file, O_RDWR)
            else:
                box.fs.fput(file)
                user.log.append(f"close({number}) = 0")

    return act(box, io, operation)


_LOCAL = arg("local", type=address, help="the current process's memory", words="value")
_REMOTE = arg("remote", type=address, help="the other one's", words="value")


def _copy(box: Box, args: Args, io: IO, write: bool) -> int:
    name = "process_vm_writev" if write else "process_vm_readv"

    def operation(user: UserProcess, notes: Notes) -> int:
        local = f"[{{iov_base={args.local:#x}, iov_len={args.length}}}], 1"
        remote = f"[{{iov_base={args.remote:#x}, iov_len={args.length}}}], 1"
        return user.call(
            f"{name}({args.pid}, {local}, {remote}, 0)",
            lambda: process_vm_rw(
                box, user.task, find_task(box, args.pid), args.local, args.remote, args.length, write=write
            ),
        )

    return act(box, io, operation, dec=True)


@command(PID, _LOCAL, _REMOTE, arg("length", type=size, help="bytes"), topic=TOPIC)
def process_vm_readv(box: Box, args: Args, io: IO) -> int:
    """copy memory of another process into the current one's

    p=$(malloc 100); c=$(fork); process_vm_readv $c $p $p 100

    Yields how many bytes there were. EFAULT where the first page is missing.
    """
    return _copy(box, args, io, False)


@command(PID, _LOCAL, _REMOTE, arg("length", type=size, help="bytes"), topic=TOPIC)
def process_vm_writev(box: Box, args: Args, io: IO) -> int:
    """copy memory of the current process into another one's

    p=$(malloc 100); c=$(fork); process_vm_writev $c $p $p 100
    """
    return _copy(box, args, io, True)
