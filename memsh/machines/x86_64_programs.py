"""The programs of the 64-bit box, most of them on its RAM disk: how their segments lie, which pages they use by
themselves, where their C library keeps its variables.

`a.out` is a static program laid out as the recorded one, `a.out-dyn` a dynamic one with Debian's libc.so.6 and
ld-linux-x86-64.so.2; `sh`, `cat`, `sleep`, `true` are busybox, `/init` the recorded machines' own init.

Known deviations: as in `memsh.machines.programs`.
"""

from __future__ import annotations

from memsh.linux.include.image import RW, RX, Image, R, Segment, Touch, pages
from memsh.linux.init.initramfs import Unpacked

LIBC, LINKER = "/lib/x86_64-linux-gnu/libc.so.6", "/lib64/ld-linux-x86-64.so.2"
LIBC_BASE = 0x7FFFF7DE0000  # without address randomisation

# the byte load and byte store of a.out's `read` and `write`, as recorded: movzbl (%rax),%eax and movb $1,(%rax)
_READ_WRITE = bytes.fromhex(
    "415e415fc3498b7d08ba00000000be00000000e884840000498b55100fb6520180fa77740f80fa7874140fb600b800000000ebbf"
    "c60001b800000000ebb5ffd0b800000000ebace8c5fd"
)
_LOAD_IP, _STORE_IP = 0x40186E, 0x401878
# around the system call of write(): the displacement of the variable that tells of threads is each build's own
_WRITE = (
    "4000{0}f7d864890248c7c0ffffffffebb70f1f00803d{1}007417b8010000000f05483d00f0ffff7758c30f1f80000000004883ec284889"
)
_WRITE_DEPTH = 42  # bytes of it before its return


def _write(at: int, errno: str, threads: str) -> dict[int, bytes]:
    """Its bytes, by the offset in the file of where it returns to."""
    return {at - _WRITE_DEPTH: bytes.fromhex(_WRITE.format(errno, threads))}


# chunk sizes less a header of what glibc's start-up asks of malloc, beside the thread's cache
_BEFORE_MAIN = (24, 1240, 40, 328, 168)


def _static() -> Image:
    """a.out: transcripts/touch.txt and fork-cow.txt 64-bit; its own buffers of 688 KiB are in .bss."""
    rodata = pages(0x498000, 0x4C0000)
    relro_read = pages(0x4C4000, 0x4C6000)
    return Image(
        "/bin/a.out",
        (
            Segment(0x400000, 0, 0x530, 0x530, R),
            Segment(0x401000, 0x1000, 0x96CA1, 0x96CA1, RX),
            Segment(0x498000, 0x98000, 0x29063, 0x29063, R),
            Segment(0x4C2698, 0xC1698, 0x5C18, 0xB2D68, RW),
        ),
        0x401560,
        size=0xDC9F0,
        sigcgt=1 << 10 | 1 << 6,  # SIGSEGV and SIGBUS: the recorded program reports its own faults
        relro=(0x4C2000, 0x4000),
        brk=0x22000,
        touched=(
            pages(0x400000, 0x401000),
            pages(0x401000, 0x498000),
            rodata,
            relro_read,
            pages(0x4C2000, 0x4C4000, True),
            pages(0x4C6000, 0x4C9000, True),
            pages(0x4C9000, 0x56A000, True),
            pages(0x574000, 0x575000, True),
            pages(0x576000, 0x578000, True),
        ),
        forking=(
            pages(0x4C6000, 0x4C7000, True),
            pages(0x576000, 0x577000, True),
            pages(0x4C9000, 0x4CB000, True),
        ),
        forked=(
            pages(0x401000, 0x460000),
            rodata,
            relro_read,
            pages(0x4C6000, 0x4C7000, True),
            pages(0x4C7000, 0x4C8000),
            pages(0x4C9000, 0x4CD000, True),
            pages(0x576000, 0x577000, True),
        ),
        settled=(
            pages(0x460000, 0x480000), pages(0x4CD000, 0x4CF000, True), pages(0x7FFFF7FFD000, 0x7FFFF7FFE000),
        ),
        load_ip=_LOAD_IP,
        store_ip=_STORE_IP,
        symbols={
            "_start": 0x401560, "main": 0x40181D, "mp_": 0x4C6740, "main_arena": 0x4C67E0, "stdout": 0x4C66F0,
            "__curbrk": 0x574BA0, "tcache": 0x576340, "tls": 0x576000, "tls_size": 0xD00, "_end": 0x575400,
            "tp": 0x576380, "_dl_stack_cache": 0x574EA0, "tls_static_size": 0x3C0,
        },
        before_main=_BEFORE_MAIN,
        kept=57,
        write_ip=0x43DDB0,
        text={0x1844: _READ_WRITE, **_write(0x3DDB0, "48c7c2b8ffffff", "d1920800")},
    )  # fmt: skip


def _dynamic() -> Image:
    """a.out-dyn: transcripts/libc-malloc.txt of the 64-bit recordings. Its data lies 0xd7000 higher, so that the break
    starts where heap/*.out has it within a MiB: on that depends where an aligned allocation finds its place."""
    data = 0x4DC000
    return Image(
        "/bin/a.out-dyn",
        (
            Segment(0x400000, 0, 0x1000, 0x1000, R),
            Segment(0x401000, 0x1000, 0x21D9, 0x21D9, RX),
            Segment(0x404000, 0x4000, 0x514, 0x514, R),
            Segment(data + 0xDF8, 0x4DF8, 0x3A0, 0xA7528, RW),
        ),
        0x401340,
        size=0x68A0,
        relro=(data, 0x1000),
        interp=LINKER,
        libraries=(LIBC,),
        tls=0x3000,
        touched=(
            pages(0x400000, 0x405000),
            pages(data, data + 0x2000, True),
            pages(data + 0x2000, data + 0x3000, True),
            pages(0x7FFFF7DDD000, 0x7FFFF7DDF000, True),
        ),
        forked=(
            pages(0x400000, 0x405000),
            pages(LIBC_BASE + 0x26000, LIBC_BASE + 0x86000),
            pages(0x7FFFF7DDD000, 0x7FFFF7DDE000, True),
            pages(0x7FFFF7FCB000, 0x7FFFF7FCC000),
        ),
        load_ip=_LOAD_IP,
        store_ip=_STORE_IP,
        symbols={
            "_start": 0x401340, "main": 0x4015BE, "mp_": LIBC_BASE + 0x1D3340, "main_arena": LIBC_BASE + 0x1D3C60,
            "__curbrk": LIBC_BASE + 0x1DB338, "tcache": 0x7FFFF7DDD6A8, "_end": data + 0xA8320,
            "tp": 0x7FFFF7DDD740, "_dl_stack_cache": 0x7FFFF7FFE180, "tls_static_size": 0x740,
        },
        text={0x1844: _READ_WRITE},
    )  # fmt: skip


def _libc() -> Image:
    return Image(
        LIBC,
        (
            Segment(0, 0, 0x25388, 0x25388, R),
            Segment(0x26000, 0x26000, 0x1550FC, 0x1550FC, RX),
            Segment(0x17C000, 0x17C000, 0x52C31, 0x52C31, R),
            Segment(0x1CF8D0, 0x1CF8D0, 0x4F98, 0x12680, RW),
        ),
        0x27410,
        size=0x1D6458,
        relro=(0x1CF000, 0x4000),
        write_ip=0xF8350,
        text=_write(0xF8350, "488b15b1aa0d00", "91320e00"),
        touched=(
            pages(0, 0x25000),
            pages(0x26000, 0x26000 + 153 * 4096),
            pages(0x17C000, 0x17C000 + 32 * 4096),
            pages(0x1CF000, 0x1D3000, True),
            pages(0x1D3000, 0x1D5000, True),
            pages(0x1D5000, 0x1D7000, True),
            pages(0x1DB000, 0x1DC000, True),
        ),
    )


def _linker() -> Image:
    return Image(
        LINKER,
        (
            Segment(0, 0, 0xD58, 0xD58, R),
            Segment(0x1000, 0x1000, 0x25111, 0x25111, RX),
            Segment(0x27000, 0x27000, 0x9C7C, 0x9C7C, R),
            Segment(0x31900, 0x31900, 0x2810, 0x29D8, RW),
        ),
        0x1AB70,
        size=0x347D8,
        relro=(0x31000, 0x2000),
        touched=(pages(0, 0x1000), pages(0x1000, 0x27000), pages(0x27000, 0x31000), pages(0x31000, 0x35000, True)),
    )


def _plain(
    path: str, entry: int, segments: tuple[Segment, ...], size: int, touched: tuple[Touch, ...],
    symbols: dict[str, int] | None = None, *, write_ip: int = 0, text: dict[int, bytes] | None = None,
) -> Image:  # fmt: skip
    """A static program of which the layout is known, and where its C library's variables are, if `symbols` says."""
    start = segments[-1].vaddr & ~4095
    return Image(
        path, segments, entry, size=size, relro=(start, 0x4000), brk=0x22000, touched=touched, load_ip=_LOAD_IP,
        store_ip=_STORE_IP, write_ip=write_ip, text={0x1844: _READ_WRITE} | (text or {}),
        symbols={"_start": entry, "main": entry + 0x2BD} | (symbols or {}), before_main=_BEFORE_MAIN,
    )  # fmt: skip


def _init() -> Image:
    """The recorded machines' init: boot-512m-1cpu/self_maps, self_smaps, self_stat."""
    return _plain(
        "/init",
        0x401560,
        (
            Segment(0x400000, 0, 0x530, 0x530, R),
            Segment(0x401000, 0x1000, 0x87D21, 0x87D21, RX),
            Segment(0x489000, 0x89000, 0x28E54, 0x28E54, R),
            Segment(0x4B2448, 0xB2448, 0x5C28, 0x151180, RW),
        ),
        0xCD358,
        (
            pages(0x400000, 0x401000),
            pages(0x401000, 0x489000),
            pages(0x490000, 0x4B0000),
            pages(0x4B2000, 0x4B4000, True),
            pages(0x4B4000, 0x4B6000),
            pages(0x4B6000, 0x4B9000, True),
            pages(0x4B9000, 0x4C1000, True),
            pages(0x604000, 0x606000, True),
        ),
        {
            "mp_": 0x4B6740, "main_arena": 0x4B67E0, "stdout": 0x4B66F0, "__curbrk": 0x602D68, "tcache": 0x604340,
            "tls": 0x604000, "tls_size": 0xD00, "_end": 0x6035C8, "tp": 0x604380, "_dl_stack_cache": 0x603068,
            "tls_static_size": 0x3C0,
        },
        write_ip=0x44AAE0,
        text=_write(0x4AAE0, "48c7c2b8ffffff", "a1c50600"),
    )


def _busybox(name: str) -> Image:
    return _plain(
        f"/bin/{name}",
        0x402A10,
        (
            Segment(0x400000, 0, 0x628, 0x628, R),
            Segment(0x401000, 0x1000, 0x18A2E1, 0x18A2E1, RX),
            Segment(0x58C000, 0x18C000, 0x6A6B8, 0x6A6B8, R),
            Segment(0x5F75A8, 0x1F65A8, 0x9268, 0xE9E8, RW),
        ),
        0x200258,
        (
            pages(0x400000, 0x401000),
            pages(0x401000, 0x4F0000),
            pages(0x58C000, 0x5CC000),
            pages(0x5F7000, 0x5FB000, True),
            pages(0x5FB000, 0x601000, True),
            pages(0x601000, 0x603000, True),
            pages(0x606000, 0x608000, True),
        ),
    )


# what the recorded machines' RAM disk holds: bytes of a file, or what the box has in its place
_ARCHIVE: tuple[tuple[str, int | str], ...] = (
    ("dev", 0), ("eat", 771744), ("heap", 16552), ("init", "/init"), ("lib", 0), ("lib/x86_64-linux-gnu", 0),
    ("lib/x86_64-linux-gnu/libc.so.6", LIBC), ("lib64", 0), ("lib64/ld-linux-x86-64.so.2", LINKER), ("mnt", 0),
    ("proc", 0), ("proc-dyn", "/bin/a.out-dyn"), ("proc-static", "/bin/a.out"), ("sys", 0), ("tmp", 0), ("traces", 0),
    ("traces/align-1.txt", 30724), ("traces/align-2.txt", 213567), ("traces/large-1.txt", 14410),
    ("traces/large-2.txt", 59167), ("traces/mixed-1.txt", 54706), ("traces/mixed-2.txt", 295494),
    ("traces/realloc-1.txt", 39415), ("traces/realloc-2.txt", 204312), ("traces/small-1.txt", 46741),
    ("traces/small-2.txt", 242821),
)  # fmt: skip
_FIRST_NUMBER = 4  # of dev's inode, which the kernel has made itself, two less


def ram_disk() -> list[Unpacked]:
    """What is unpacked as the machine comes up, in its order; each has the next inode."""
    images = programs()
    return [
        Unpacked(name, what, number) if isinstance(what, int) else Unpacked(name, images[what].size, number, what)
        for number, (name, what) in enumerate(_ARCHIVE, _FIRST_NUMBER)
    ]


def programs() -> dict[str, Image]:
    """Every program and library by its path."""
    images = [_static(), _dynamic(), _libc(), _linker(), _init()]
    images += [_busybox(name) for name in ("busybox", "cat", "sh", "sleep", "true")]
    return {image.path: image for image in images}
