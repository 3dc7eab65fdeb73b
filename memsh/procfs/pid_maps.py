"""/proc/PID/maps and the header lines of smaps (fs/proc/task_mmu.c, show_map_vma)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from memsh.linux.arch.x86.vsyscall import gate_areas
from memsh.linux.include.flags import VM_EXEC, VM_MAYSHARE, VM_READ, VM_WRITE

if TYPE_CHECKING:
    from memsh.linux.box import Box
    from memsh.linux.include.mm_types import MmStruct, VmArea
    from memsh.linux.include.sched import Task


def area_name(mm: MmStruct, vma: VmArea) -> str:
    """The last column: a path, [heap], [stack], [vdso], [vvar], or nothing."""
    if vma.file is not None:
        return vma.file.path.replace("\n", "\\012")
    if vma.name:
        return vma.name
    if vma.start <= mm.brk and vma.end >= mm.start_brk:
        return "[heap]"
    if vma.start <= mm.start_stack <= vma.end:
        return "[stack]"
    return ""


def header(
    mm: MmStruct, start: int, end: int, perms: str, offset: int, dev: tuple[int, int], inode: int, name: str
) -> str:
    """One line, the name in the column where seq_pad() puts it."""
    line = f"{start:08x}-{end:08x} {perms} {offset:08x} {dev[0]:02x}:{dev[1]:02x} {inode} "
    return f"{line:<{24 + 6 * mm.mmu.word}} {name}" if name else line


def area_line(mm: MmStruct, vma: VmArea) -> str:
    """One line of maps, without the newline."""
    flags = vma.flags
    perms = (
        ("r" if flags & VM_READ else "-")
        + ("w" if flags & VM_WRITE else "-")
        + ("x" if flags & VM_EXEC else "-")
        + ("s" if flags & VM_MAYSHARE else "p")
    )
    if vma.file is None:
        return header(mm, vma.start, vma.end, perms, 0, (0, 0), 0, area_name(mm, vma))
    inode = vma.file.named
    return header(mm, vma.start, vma.end, perms, vma.pgoff << 12, inode.dev, inode.number, area_name(mm, vma))


def show_maps(box: Box, task: Task) -> str:
    """/proc/PID/maps; empty for a kernel thread or a zombie."""
    del box
    mm = task.mm
    if mm is None:
        return ""
    return "".join(area_line(mm, vma) + "\n" for vma in (*mm.mmap, *gate_areas(mm)))
