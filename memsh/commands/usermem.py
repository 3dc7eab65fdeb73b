"""The current process's address space: mappings, and access to memory byte by byte or page by page."""

from __future__ import annotations

import re
from collections.abc import Callable

from memsh.commands.acting import Notes, act
from memsh.commands.hexfile import dump_files
from memsh.commands.paths import path_of
from memsh.digits import is_digits
from memsh.libc.process import UserProcess
from memsh.linux.box import Box
from memsh.linux.include import flags as uapi
from memsh.linux.include.errno import KernelError
from memsh.linux.include.flags import VM_GROWSDOWN, VM_WRITE
from memsh.linux.mm.memory.fault import touch_range
from memsh.linux.mm.memory.outcome import Segfault
from memsh.linux.mm.mmap import vma
from memsh.linux.mm.mmap.madvise import ADVICE
from memsh.procfs import tree
from memsh.shell import arg, command, opt, rest
from memsh.shell.errors import ShellError, UsageError
from memsh.shell.io import IO
from memsh.shell.registry import Args
from memsh.shell.values import address, size, wide_size
from memsh.textutils.dumps import dotted

TOPIC = "user space"
AT_ONCE = 2 << 20  # bytes of a run of accesses between two looks for Ctrl-C
ADDR = arg("addr", type=address, help="0x…, $1, $name", words="value")
LENGTH = arg("length", type=size, help="bytes: 4k, 1M")
SOME = arg("length", type=size, default=1, help="bytes (default 1): one access a page")
STEP = arg("step", type=size, default=4096, help="bytes from one access to the next (default a page)")
_PROT = {"PROT_NONE": 0, "PROT_READ": 1, "PROT_WRITE": 2, "PROT_EXEC": 4, "PROT_SEM": 8}
_MAP = {name: getattr(uapi, name) for name in (
    "MAP_SHARED", "MAP_PRIVATE", "MAP_FIXED", "MAP_ANONYMOUS", "MAP_GROWSDOWN", "MAP_DENYWRITE", "MAP_LOCKED",
    "MAP_NORESERVE", "MAP_POPULATE", "MAP_NONBLOCK", "MAP_STACK", "MAP_HUGETLB", "MAP_FIXED_NOREPLACE")}  # fmt: skip
_MAP_HUGE = {"MAP_HUGE_2MB": 21 << 26, "MAP_HUGE_1GB": 30 << 26}
_HUGETLB = {"HUGETLB2M": uapi.MAP_HUGETLB | 21 << 26, "HUGETLB1G": uapi.MAP_HUGETLB | 30 << 26}

_REMAP = {name: getattr(uapi, name) for name in ("MREMAP_MAYMOVE", "MREMAP_FIXED", "MREMAP_DONTUNMAP")}


def protection(word: str) -> int:
    """`rw`, `none`, `r--`, `PROT_READ|PROT_WRITE`, a number."""
    if word.lower() in ("none", "0", "---"):
        return 0
    if re.fullmatch(r"[rwx-]+", word.lower()):
        return sum(bit for letter, bit in (("r", 1), ("w", 2), ("x", 4)) if letter in word.lower())
    return _flags(word, _PROT, "PROT_", "protection (r, rw, rx, rwx, none, PROT_…)")


def map_text(bits: int) -> str:
    """The flags of mmap(), with the size of huge pages as strace writes it."""
    log = bits >> 26 & 0x3F
    return spelt(bits & ~(0x3F << 26), _MAP) + (f"|{log}<<MAP_HUGE_SHIFT" if log else "")


def map_flags(word: str) -> int:
    """`shared,populate`, `MAP_SHARED|MAP_POPULATE`, `hugetlb1g`."""
    names = _MAP | _MAP_HUGE | _HUGETLB
    return _flags(word, names, "MAP_", "mapping flag (private, shared, populate, fixed, noreserve, hugetlb, MAP_…)")


def remap_flags(word: str) -> int:
    """`maymove,fixed`, `MREMAP_MAYMOVE|MREMAP_FIXED`."""
    return _flags(word, _REMAP, "MREMAP_", "flag of mremap (maymove, fixed, dontunmap, MREMAP_…)")


def _flags(word: str, names: dict[str, int], prefix: str, what: str) -> int:
    bits = 0
    for part in re.split(r"[|,+]", word):
        name = part.strip().upper()
        if name == "MAP_ANON":
            name = "MAP_ANONYMOUS"
        if re.fullmatch(r"0X[0-9A-F]+|\d+", name):
            bits |= int(name, 0)
        elif name in names:
            bits |= names[name]
        elif prefix + name in names:
            bits |= names[prefix + name]
        else:
            raise ValueError(f"'{part}' is not a {what}")
    return bits


def advice(word: str) -> int:
    """`dontneed`, `MADV_DONTNEED`, a number."""
    name = word.lower().removeprefix("madv_")
    if name in ADVICE:
        return ADVICE[name]
    if is_digits(word):
        return int(word)
    raise ValueError(f"'{word}' is not an advice (dontneed, free, willneed, cold, pageout, …, or MADV_…)")


def spelt(bits: int, names: dict[str, int], none: str = "0") -> str:
    """Bits by name, as strace prints them."""
    found = [name for name, bit in names.items() if bit and bits & bit == bit]
    return "|".join(found) or none


PROT = arg("prot", type=protection, help="r, rw, rx, rwx, none, or 'PROT_READ|PROT_WRITE'", words="prot")


@command(
    arg("length", type=wide_size, help="bytes"),
    arg("prot", type=protection, default="rw", help="r, rw, rx, rwx, none, or 'PROT_READ|PROT_WRITE'", words="prot"),
    arg("flags", type=map_flags, default=0, help="private (default), shared, populate, fixed, hugetlb, …", words="map"),
    opt("--addr", type=address, help="where (a hint, or the place itself with fixed)", meta="ADDR"),
    opt("--file", help="a file of the box instead of zeroes; PATH", type=str, meta="PATH"),
    opt("--offset", type=wide_size, default=0, help="where in the file, bytes", meta="N"),
    topic=TOPIC,
)
def mmap(box: Box, args: Args, io: IO) -> int:
    """map memory: fresh pages, or a file

    mmap 4M rw shared,populate

    Yields the address. Nothing is taken yet but the area; pages come when they are touched (or at once with populate).
    `hugetlb` maps pages of the pool that vm.nr_hugepages sets aside, `hugetlb1g` those of 1 GiB: man hugetlb.
    """
    kind = args.flags & 0xF or uapi.MAP_PRIVATE
    bits = args.flags & ~0xF | kind | (0 if args.file else uapi.MAP_ANONYMOUS)
    at, length = args.addr or 0, args.length

    def operation(user: UserProcess, notes: Notes) -> int:
        if args.offset % 4096:  # the C library looks before it asks the kernel
            raise KernelError("EINVAL")
        place = hex(args.offset) if args.offset else "0"
        told = f"{user.box.arch.sys_mmap}({hex(at) if at else 'NULL'}"
        names = f"{spelt(args.prot, _PROT, 'PROT_NONE')}, {map_text(bits)}"
        if not args.file:
            return user.call(
                f"{told}, {length}, {names}, -1, 0)",
                lambda: vma.sys_mmap(box, user.mm, at, length, args.prot, bits),
                yields_address=True,
            )
        path = path_of(io.session, args.file)
        refusal = not_mappable(box, path)
        if refusal:
            user.log.append(f'openat(AT_FDCWD, "{path}", O_RDONLY) = 3')
            return user.call(f"{told}, {length}, {names}, 3, {place})", lambda: refuse(refusal, length))
        writable = kind != uapi.MAP_PRIVATE  # a shared area may be made writable later, if the file may be written
        try:
            file = box.fs.open(path, writable=writable)
        except KernelError:
            if not writable or args.prot & 2:
                raise
            writable = False
            file = box.fs.open(path)
        user.log.append(f'openat(AT_FDCWD, "{path}", {"O_RDWR" if writable else "O_RDONLY"}) = 3')
        try:
            return user.call(
                f"{told}, {length}, {names}, 3, {place})",
                lambda: vma.sys_mmap(box, user.mm, at, length, args.prot, bits, file, args.offset),
                yields_address=True,
            )
        finally:
            box.fs.fput(file)
            user.log.append("close(3) = 0")

    return act(box, io, operation)


def not_mappable(box: Box, path: str) -> str:
    """The errno with which a file that is not on a disk or tmpfs refuses to be mapped; "" for the others.

    proc_reg_mmap (fs/proc/inode.c) finds no proc_mmap: EIO. Folders, a process's files, sysctls, sysfs and /dev/null
    have no mmap operation at all: ENODEV (mm/mmap.c, do_mmap).
    """
    if path == "/dev/null":
        return "ENODEV"
    if not path.startswith(("/proc", "/sys")) or not tree.exists(box, path):
        return ""
    first = path.split("/")[2:3]
    own = path.startswith("/sys") or tree.isdir(box, path) or first[0] in ("self", "sys") or is_digits(first[0])
    return "ENODEV" if own else "EIO"


def refuse(errno: str, length: int) -> int:
    raise KernelError(errno if length else "EINVAL")


def _call(box: Box, io: IO, text: str, function: Callable[..., int | None], *args: int) -> int:
    """A system call on the process's areas that yields nothing."""

    def operation(user: UserProcess, notes: Notes) -> None:
        user.call(text, lambda: function(box, user.mm, *args))

    return act(box, io, operation)


@command(ADDR, LENGTH, topic=TOPIC)
def munmap(box: Box, args: Args, io: IO) -> int:
    """take a range of addresses away

    mmap 64k; munmap $1 4k
    """
    return _call(box, io, f"munmap({args.addr:#x}, {args.length})", vma.do_munmap, args.addr, args.length)


@command(ADDR, LENGTH, PROT, topic=TOPIC)
def mprotect(box: Box, args: Args, io: IO) -> int:
    """change what may be done with a range

    mmap 64k; mprotect $1 4k r
    """
    text = f"mprotect({args.addr:#x}, {args.length}, {spelt(args.prot, _PROT, 'PROT_NONE')})"
    return _call(box, io, text, vma.do_mprotect, args.addr, args.length, args.prot)


@command(
    arg("old", type=address, help="where the mapping is", words="value"),
    arg("oldlen", type=size, help="its length, bytes"),
    arg("newlen", type=size, help="the length it shall have"),
    arg("flags", type=remap_flags, default=0, help="maymove, fixed, dontunmap, MREMAP_…", words="remap"),
    opt("--addr", type=address, help="where to, with fixed", meta="ADDR"),
    topic=TOPIC,
)
def mremap(box: Box, args: Args, io: IO) -> int:
    """give a mapping another length

    mmap 64k; mremap $1 64k 1M maymove

    Yields where it is then. Pages are moved by their page-table entries, not copied. `fixed --addr ADDR` says where to;
    `dontunmap` leaves the old range mapped, and empty.
    """
    to = args.addr or 0
    return act(box, io, lambda user, notes: user.mremap(args.old, args.oldlen, args.newlen, args.flags, to))


@command(ADDR, LENGTH, arg("advice", type=advice, help="dontneed, free, willneed, …", words="advice"), topic=TOPIC)
def madvise(box: Box, args: Args, io: IO) -> int:
    """tell the kernel what a range is for

    mmap 1M; madvise $1 1M dontneed
    """
    name = next((f"MADV_{name.upper()}" for name, number in ADVICE.items() if number == args.advice), str(args.advice))
    text = f"madvise({args.addr:#x}, {args.length}, {name})"
    return _call(box, io, text, vma.do_madvise, args.addr, args.length, args.advice)


@command(ADDR, LENGTH, topic=TOPIC)
def mlock(box: Box, args: Args, io: IO) -> int:
    """bring a range into memory and keep it there

    mmap 64k; mlock $1 64k
    """
    return _call(box, io, f"mlock({args.addr:#x}, {args.length})", vma.do_mlock, args.addr, args.length)


@command(ADDR, LENGTH, topic=TOPIC)
def munlock(box: Box, args: Args, io: IO) -> int:
    """undo mlock

    mmap 64k; mlock $1 64k; munlock $1 64k
    """
    return _call(box, io, f"munlock({args.addr:#x}, {args.length})", vma.do_munlock, args.addr, args.length)


# -- access ----------------------------------------------------------------------------------------------------------


def _access(box: Box, user: UserProcess, notes: Notes, addr: int, length: int, write: bool, step: int = 4096) -> None:
    """One access every `step` bytes; those that share a page are one to it. Signals come between two of them."""
    end = addr + length
    at = addr
    while at < end:
        count = min(end, (at // AT_ONCE + 1) * AT_ONCE) - at if step <= 4096 else 1
        box.cond_resched()
        for note in touch_range(box, user.task, at, count, write).notes:
            if note not in notes:
                notes.append(note)
        at += count if step <= 4096 else step


@command(ADDR, SOME, STEP, topic=TOPIC)
def touch(box: Box, args: Args, io: IO) -> int:
    """access memory, one byte a page: a write where the mapping may be written, else a read

    malloc 200k; touch $1 200k

    A write puts back the byte it found.
    """

    def operation(user: UserProcess, notes: Notes) -> None:
        at, end = args.addr, args.addr + args.length
        while at < end:
            area = vma.find_vma(user.mm, at)
            if area is None or (at < area.start and not area.flags & VM_GROWSDOWN):
                _access(box, user, notes, at, 1, False)
                return
            stop = min(area.end, end)
            _access(box, user, notes, at, stop - at, bool(area.flags & VM_WRITE), args.step)
            at += -(-(stop - at) // args.step) * args.step if args.step > 4096 else stop - at

    return act(box, io, operation)


@command(ADDR, SOME, STEP, topic=TOPIC)
def read(box: Box, args: Args, io: IO) -> int:
    """read memory, one byte a page

    malloc 200k; read $1 200k
    """
    return act(box, io, lambda user, notes: _access(box, user, notes, args.addr, args.length, False, args.step))


@command(ADDR, SOME, STEP, topic=TOPIC)
def write(box: Box, args: Args, io: IO) -> int:
    """write memory, one byte a page

    malloc 200k; write $1 200k

    It puts back the byte that it found; poke changes bytes.
    """
    return act(box, io, lambda user, notes: _access(box, user, notes, args.addr, args.length, True, args.step))


@command(arg("length", type=size, help="bytes below the stack pointer"), topic=TOPIC)
def stack(box: Box, args: Args, io: IO) -> int:
    """grow the stack by touching it, page by page downwards

    stack 64k

    Linux grows the area down to the limit of 8 MiB (and leaves 1 MiB to the next mapping); below that: SIGSEGV.
    """

    def operation(user: UserProcess, notes: Notes) -> None:
        sp = user.task.sp
        for below in range(4096, args.length + 1, 4096) if args.length >= 4096 else range(args.length, 0, -4096):
            _access(box, user, notes, sp - below, 1, True)

    return act(box, io, operation)


@command(ADDR, topic=TOPIC)
def jump(box: Box, args: Args, io: IO) -> int:
    """fetch an instruction from an address

    jump 0x8049630

    Nothing is executed. The i386 box has no NX, there any mapped page will do; x86_64 wants a page with x.
    """

    def operation(user: UserProcess, notes: Notes) -> None:
        touch_range(box, user.task, args.addr, 1, False, exec=True)

    return act(box, io, operation, ip=args.addr)


def _bytes_of(words: list[str]) -> bytes:
    """Hexadecimal bytes (`0x41424344`, `41 42 43`), or else text, with \\n, \\t, \\0, \\xHH."""
    bare = [word[2:] if word[:2] in ("0x", "0X") else word for word in words]
    if all(re.fullmatch(r"(?:[0-9a-fA-F]{2})+", word) for word in bare):
        return bytes.fromhex("".join(bare))
    if any(re.fullmatch(r"0[xX][0-9a-fA-F]*", word) for word in words):
        raise UsageError("hexadecimal bytes come in pairs of digits: 0x41, 0x41424344")
    data = " ".join(words).encode("utf-8", "surrogateescape")
    plain = {b"n": b"\n", b"t": b"\t", b"r": b"\r", b"0": b"\0", b"\\": b"\\"}
    return re.sub(
        rb"\\(?:x([0-9a-fA-F]{2})|([ntr0\\]))",
        lambda match: bytes.fromhex(match[1].decode()) if match[1] else plain[match[2]],
        data,
    )


@command(
    ADDR,
    rest("bytes", help='"text", or bytes in hexadecimal', required=True, raw=True, meta='"TEXT"|HEX'),
    topic=TOPIC,
)
def poke(box: Box, args: Args, io: IO) -> int:
    """write bytes into memory

    malloc 100; poke $1 "hello"

    Words that consist of pairs of hexadecimal digits are bytes (poke $1 00ff 0x41), anything else is text, in which
    \\n, \\t, \\0 and \\xHH stand for the bytes they stand for in C. Nothing is added at the end.
    """
    data = _bytes_of(args.bytes)

    def operation(user: UserProcess, notes: Notes) -> None:
        user.write(args.addr, data)

    return act(box, io, operation)


def dump_lines(addr: int, data: bytes, across: int) -> list[str]:
    """`data` as hexdump -C shows it, with addresses: rows that repeat the one above are one `*`."""
    lines: list[str] = []
    before = None
    for place in range(0, len(data), across):
        row = data[place : place + across]
        if row == before and place + across < len(data):
            if lines[-1] != "*":
                lines.append("*")
            continue
        before = row
        halves = [" ".join(f"{byte:02x}" for byte in row[i : i + 8]) for i in range(0, across, 8)]
        lines.append(f"{addr + place:08x}  {'  '.join(f'{half:23}' for half in halves)}  |{dotted(row)}|")
    return lines


@command(rest("words", raw=True, meta="ADDR [LENGTH] | -C FILE", words="path"), topic=TOPIC, needs_box=False)
def hexdump(box: Box, args: Args, io: IO) -> int:
    """show bytes of memory, or of a file

    malloc 100; hexdump $1 64

    Reading takes the faults that reading takes. A word that is an address means memory, anything else a file:
    hexdump -C /proc/version; -n LENGTH, -s SKIP, -v all lines, without -C as words of two bytes.
    """
    words: list[str] = args.words
    if not words or words[0].startswith("-") or not _is_address(words[0]):
        return dump_files(words, io)
    if box is None:
        raise ShellError("needs a kernel, and --proc has none: it reads a recorded /proc")
    if len(words) > 2:
        raise UsageError(f"'{words[2]}' is one word too many (usage: hexdump ADDR [LENGTH])")
    try:
        where, length = address(words[0], box.arch.bits), size(words[1]) if len(words) > 1 else 64
    except ValueError as error:
        raise UsageError(f"{error} (usage: hexdump ADDR [LENGTH])") from None
    return _dump_memory(box, io, where, length)


def _is_address(word: str) -> bool:
    try:
        address(word, 64)
    except ValueError:
        return False
    return True


def _dump_memory(box: Box, io: IO, where: int, length: int) -> int:
    if length > 1 << 24:
        raise ShellError("at most 16 MiB at a time")
    across = 16 if io.width >= 78 else 8

    def operation(user: UserProcess, notes: Notes) -> None:
        data, at, end = b"", where, where + length
        try:
            while at < end:
                stop = min(end, (at & ~4095) + 4096)
                data += user.read(at, stop - at)
                at = stop
        except Segfault:
            io.out("".join(line + "\n" for line in dump_lines(where, data, across)))
            raise
        io.out("".join(line + "\n" for line in dump_lines(where, data, across)))

    return act(box, io, operation)
