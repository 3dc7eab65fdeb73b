"""The programs on the box's disk: how their segments lie, which pages they use by themselves, where their C library
keeps its variables.

`a.out` is a static program laid out as the recorded one, `a.out-dyn` a dynamic one with libc.so.6 and ld-linux.so.2;
`sh`, `cat`, `sleep`, `true` are busybox, `/init` the recorded machines' own init.

Known deviations: contents of the files are generated, not compiled, but for the instructions that load and store one
byte; nothing is executed. What a.out catches (SIGSEGV) it lets happen again by default: it dies all the same, and the
log tells of it.
"""

from __future__ import annotations

from memsh.linux.include.image import RW, RX, Image, R, Segment, Touch, pages

LIBC, LINKER = "/lib32/libc.so.6", "/lib/ld-linux.so.2"

# the byte load and byte store of a.out's `read` and `write`, as recorded: movzbl (%eax),%eax and movb $1,(%eax)
_READ_WRITE = bytes.fromhex(
    "8b0083ec046a006a0050e81b82000083c4108945d08b460483c0088b0083c0010fb6003c7775088b45d0c60001eb1f"
    "8b460483c0088b0083c0010fb6003c7875078b45d0ffd0eb068b45d00fb600b800000000eb7a83ec086a006aff68"
    "22400000"
)


def _static() -> Image:
    """a.out: transcripts/touch.txt, maps and smaps; its own buffers of 384 KiB are in .bss."""
    rodata = pages(0x080B9000, 0x080E0000)
    relro_read = pages(0x080EB000, 0x080EE000)
    return Image(
        "/bin/a.out",
        (
            Segment(0x08048000, 0, 0x244, 0x244, R),
            Segment(0x08049000, 0x1000, 0x6F7A8, 0x6F7A8, RX),
            Segment(0x080B9000, 0x71000, 0x31D5C, 0x31D5C, R),
            Segment(0x080EB6EC, 0xA36EC, 0x41A4, 0x67254, RW),
        ),
        0x08049630,
        size=0xA9B24,
        sigcgt=1 << 10,  # SIGSEGV: the recorded program reports its own faults
        relro=(0x080EB000, 0x3000),
        brk=0x22000,
        touched=(
            pages(0x08048000, 0x08049000),
            pages(0x08049000, 0x080B9000),
            rodata,
            pages(0x080EC000, 0x080ED000),
            pages(0x080EB000, 0x080EC000, True),
            pages(0x080ED000, 0x080EE000, True),
            pages(0x080EE000, 0x080F0000, True),
            pages(0x080F0000, 0x08152000, True),
            pages(0x08153000, 0x08154000, True),
        ),
        forking=(
            pages(0x080EE000, 0x080EF000, True),
            pages(0x08153000, 0x08154000, True),
            pages(0x080F0000, 0x080F2000, True),
        ),
        forked=(
            pages(0x08049000, 0x08090000),
            rodata,
            relro_read,
            pages(0x080EE000, 0x080EF000, True),
            pages(0x080EF000, 0x080F0000),
            pages(0x080F0000, 0x080F4000, True),
            pages(0x080F4000, 0x080F5000),
            pages(0x08153000, 0x08154000, True),
            pages(0xB7FFE000, 0xB7FFF000),
        ),
        settled=(pages(0x08090000, 0x080B0000), pages(0x080F5000, 0x080F6000), pages(0x080F4000, 0x080F5000, True)),
        load_ip=0x080497F1,
        store_ip=0x080497D0,
        symbols={
            "_start": 0x08049630, "main": 0x08049700, "mp_": 0x080EE2C0, "main_arena": 0x080EE360, "stdout": 0x080EE0A4,
            "__curbrk": 0x080F0A40, "tcache": 0x0815335C, "tls": 0x08153000, "tls_size": 0x880, "_end": 0x08152940,
            "tp": 0x08153380, "_dl_stack_cache": 0x080F0CC0, "tls_static_size": 0x380,
        },
        text={0x17A6: _READ_WRITE},
    )  # fmt: skip


def _dynamic() -> Image:
    """a.out-dyn: transcripts/libc-malloc.txt."""
    return Image(
        "/bin/a.out-dyn",
        (
            Segment(0x08048000, 0, 0x5E4, 0x5E4, R),
            Segment(0x08049000, 0x1000, 0xB38, 0xB38, RX),
            Segment(0x0804A000, 0x2000, 0x4A4, 0x4A4, R),
            Segment(0x0804BEFC, 0x2EFC, 0x15C, 0x60F04, RW),
        ),
        0x08049240,
        size=0x3C2C,
        relro=(0x0804B000, 0x1000),
        interp=LINKER,
        libraries=(LIBC,),
        touched=(
            pages(0x08048000, 0x0804B000),
            pages(0x0804B000, 0x0804D000, True),
        ),
        forked=(
            pages(0x08048000, 0x0804B000),
            pages(0xB7DBD000, 0xB7E00000),
            pages(0xB7FC4000, 0xB7FC5000, True),
            pages(0xB7FC9000, 0xB7FCA000),
        ),
        load_ip=0x080494F1,
        store_ip=0x080494D0,
        symbols={
            "_start": 0x08049240, "main": 0x08049400, "mp_": 0xB7FB8200, "main_arena": 0xB7FB87A0,
            "__curbrk": 0xB7FC2A40, "tcache": 0xB7FC44F0, "_end": 0x080ACE00,
            "tp": 0xB7FC4540, "_dl_stack_cache": 0xB7FFFE00, "tls_static_size": 0x700,
        },
        text={0x14A6: _READ_WRITE},
    )  # fmt: skip


def _libc() -> Image:
    return Image(
        LIBC,
        (
            Segment(0, 0, 0x21F80, 0x21F80, R),
            Segment(0x22000, 0x22000, 0x178A65, 0x178A65, RX),
            Segment(0x19B000, 0x19B000, 0x7FC3C, 0x7FC3C, R),
            Segment(0x21B4C0, 0x21B4C0, 0x2A80, 0xC7F0, RW),
        ),
        0x232A0,
        size=0x221D60,
        relro=(0x21B000, 0x2000),
        touched=(
            pages(0, 0x21000),
            pages(0x22000, 0x22000 + 192 * 4096),
            pages(0x19B000, 0x19B000 + 31 * 4096),
            pages(0x21B000, 0x21E000, True),
            pages(0x21E000, 0x222000, True),
            pages(0x228000, 0x22A000, True),
        ),
    )


def _linker() -> Image:
    return Image(
        LINKER,
        (
            Segment(0, 0, 0xF98, 0xF98, R),
            Segment(0x1000, 0x1000, 0x22C01, 0x22C01, RX),
            Segment(0x24000, 0x24000, 0xDE34, 0xDE34, R),
            Segment(0x32520, 0x31520, 0x2810, 0x2A74, RW),
        ),
        0x1F0D0,
        size=0x34BEC,
        relro=(0x32000, 0x2000),
        touched=(pages(0, 0x24000), pages(0x24000, 0x32000), pages(0x32000, 0x35000, True)),
    )


def _busybox(name: str, text_pages: int = 237) -> Image:
    return Image(
        f"/bin/{name}",
        (
            Segment(0x08048000, 0, 0x2C4, 0x2C4, R),
            Segment(0x08049000, 0x1000, 0x183E20, 0x183E20, RX),
            Segment(0x081CD000, 0x185000, 0x6CC4C, 0x6CC4C, R),
            Segment(0x0823A644, 0x1F2644, 0x5154, 0x9150, RW),
        ),
        0x0804A1B0,
        size=0x1F8A24,
        relro=(0x0823A000, 0x4000),
        brk=0x22000,
        touched=(
            pages(0x08048000, 0x08049000),
            Touch(0x08049000, text_pages * 4096),
            pages(0x081CD000, 0x0820D000),
            pages(0x0823A000, 0x0823C000, True),
            pages(0x0823C000, 0x0823E000),
            pages(0x0823E000, 0x08240000, True),
            pages(0x08240000, 0x08242000, True),
            pages(0x08244000, 0x08245000, True),
        ),
        load_ip=0x0804A3F1,
        store_ip=0x0804A3D0,
        symbols={
            "_start": 0x0804A1B0, "main": 0x0804A300, "mp_": 0x0823E2C0, "main_arena": 0x0823E360,
            "__curbrk": 0x08240A40, "tcache": 0x0824435C, "tls": 0x08244000, "tls_size": 0x880, "_end": 0x08243794,
            "tp": 0x08244380, "_dl_stack_cache": 0x08240CC0, "tls_static_size": 0x380,
        },
        text={0x23A6: _READ_WRITE},
    )  # fmt: skip


def _init() -> Image:
    """The recorded machines' init: boot-1g-1cpu/self_maps, self_smaps, self_stat."""
    return Image(
        "/init",
        (
            Segment(0x08048000, 0, 0x244, 0x244, R),
            Segment(0x08049000, 0x1000, 0x77794, 0x77794, RX),
            Segment(0x080C1000, 0x79000, 0x33C20, 0x33C20, R),
            Segment(0x080F5BEC, 0xACBEC, 0x36EC, 0x78AE4, RW),
        ),
        0x08049630,
        size=0xB32C0,
        relro=(0x080F5000, 0x3000),
        brk=0x22000,
        touched=(
            pages(0x08048000, 0x08049000),
            pages(0x08049000, 0x080C0000),
            pages(0x080C1000, 0x080E0000),
            pages(0x080F5000, 0x080F7000, True),
            pages(0x080F7000, 0x080F8000),
            pages(0x080F8000, 0x080FA000, True),
            pages(0x080FA000, 0x080FF000, True),
            pages(0x0816F000, 0x08171000, True),
        ),
        load_ip=0x080497F1,
        store_ip=0x080497D0,
        symbols={
            "_start": 0x08049630, "main": 0x08049700, "mp_": 0x080F82C0, "main_arena": 0x080F8360,
            "__curbrk": 0x080FAA40, "tcache": 0x0816F35C, "tls": 0x0816F000, "tls_size": 0x880, "_end": 0x0816E6D0,
            "tp": 0x0816F380, "_dl_stack_cache": 0x080FACC0, "tls_static_size": 0x380,
        },
        text={0x17A6: _READ_WRITE},
    )  # fmt: skip


def programs() -> dict[str, Image]:
    """Every program and library by its path."""
    images = [_static(), _dynamic(), _libc(), _linker(), _init()]
    images += [_busybox(name) for name in ("busybox", "cat", "sh", "sleep", "true")]
    return {image.path: image for image in images}
