"""/proc/kcore: the kernel's memory as the core of a program (fs/proc/kcore.c).

An offset is an address, behind the headers. What no region has reads as zeros, without end.

Where all of it would be wanted at once, as for procdump, there are the headers only.

**Known deviations:** pages of processes, files and shared memory have their contents; the kernel's own, and its
task_struct in the notes, read as zeros. There is no note VMCOREINFO.
"""

from __future__ import annotations

from struct import pack
from typing import TYPE_CHECKING

from memsh.linux.include.flags import PAGE_SIZE
from memsh.linux.mm.filemap.pagecache import frame_view

if TYPE_CHECKING:
    from memsh.linux.box import Box

PT_LOAD, PT_NOTE = 1, 4
NT_PRSTATUS, NT_PRPSINFO, NT_TASKSTRUCT = 1, 3, 4
ET_CORE = 4
PSARGS = 80


def size(box: Box) -> int:
    return box.machine.layout.kcore_size


def _note(kind: int, words: bytes) -> bytes:
    return pack("<III", 5, len(words), kind) + b"CORE\0\0\0\0" + words + bytes(-len(words) % 4)


def _prpsinfo(box: Box) -> bytes:
    """Of a program `vmlinux` that runs with the kernel's command line."""
    form = "<4sIHHiiii16s80s" if box.arch.word == 4 else "<4s4xQIIiiii16s80s"
    words = box.config.cmdline.encode()[:PSARGS]
    return pack(form, b"\0R\0\0", 0, 0, 0, 0, 0, 0, 0, b"vmlinux", words)


def headers(box: Box) -> bytes:
    """The ELF header, a program header for the notes and for each region, the notes."""
    word, layout = box.arch.word, box.machine.layout
    wide = word == 8
    regions = layout.kcore_regions(_ram(box))
    elf, entry = (64, 56) if wide else (52, 32)
    behind = elf + entry * (1 + len(regions))
    prstatus, task = layout.kcore_notes
    notes = (_note(NT_PRSTATUS, bytes(prstatus)) + _note(NT_PRPSINFO, _prpsinfo(box))
             + _note(NT_TASKSTRUCT, bytes(task)))  # fmt: skip
    ident = b"\x7fELF" + bytes((2 if wide else 1, 1, 1)) + bytes(9)
    address = "Q" if wide else "I"
    head = ident + pack(f"<HHI{address * 3}IHHHHHH", ET_CORE, layout.elf_machine, 1, 0, elf, 0, 0, elf, entry,
                        1 + len(regions), 0, 0, 0)  # fmt: skip
    rows = [_program_header(wide, PT_NOTE, behind, 0, 0, len(notes), 0, 0)]
    for start, phys, length in regions:
        at = layout.kcore_offset(start) + layout.kcore_headers
        rows.append(_program_header(wide, PT_LOAD, at, start, phys & (1 << 8 * word) - 1, length, length, PAGE_SIZE))
    found = head + b"".join(rows) + notes
    return found + bytes(layout.kcore_headers - len(found))


def _program_header(wide: bool, kind: int, at: int, start: int, phys: int, held: int, length: int, align: int) -> bytes:
    flags = 7 if kind == PT_LOAD else 0
    if wide:
        return pack("<IIQQQQQQ", kind, flags, at, start, phys, held, length, align)
    return pack("<IIIIIIII", kind, at, start, phys, held, length, flags, align)


def _ram(box: Box) -> list[tuple[int, int]]:
    """Whole frames of RAM as [first, behind)."""
    regions = box.machine.memblock.memory
    return [(-(-region.start // PAGE_SIZE), region.end // PAGE_SIZE) for region in regions]


def show(box: Box) -> str:
    return headers(box).decode("utf-8", "surrogateescape")


def pread(box: Box, offset: int, count: int) -> bytes:
    """`count` bytes at `offset`: of the headers, or of the memory at that address."""
    layout = box.machine.layout
    parts: list[bytes] = []
    if offset < layout.kcore_headers:
        parts.append(headers(box)[offset : offset + count])
        offset, count = layout.kcore_headers, count - len(parts[0])
    addr = layout.kcore_address(offset - layout.kcore_headers) if count else 0
    while count > 0:
        inside = addr % PAGE_SIZE
        part = min(count, PAGE_SIZE - inside)
        pfn = _frame(box, addr)
        parts.append(bytes(frame_view(box, pfn)[inside : inside + part]) if pfn else bytes(part))
        addr, count = addr + part, count - part
    return b"".join(parts)


def _frame(box: Box, addr: int) -> int:
    """The frame of an address in the direct mapping; 0 for others."""
    if not box.arch.page_offset <= addr < box.machine.layout.high_memory:
        return 0
    return addr - box.arch.page_offset >> 12
