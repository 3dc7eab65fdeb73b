"""Views of address spaces: the areas, the four gigabytes, one address's page-table walk, the kernel's gigabyte."""

from __future__ import annotations

from typing import NamedTuple

from memsh.commands.draw import beside, clip, human, say, table
from memsh.linux.arch.x86.paging import walk
from memsh.linux.box import Box
from memsh.linux.include.flags import (
    PAGE_SHIFT,
    PTE_ACCESSED,
    PTE_DIRTY,
    PTE_PRESENT,
    PTE_RW,
    PTE_USER,
    VM_EXEC,
    VM_NORESERVE,
    VM_READ,
    VM_SHARED,
    VM_WRITE,
)
from memsh.linux.include.mm_types import MmStruct, VmArea
from memsh.linux.include.sched import Task
from memsh.linux.include.swapops import swp_offset, swp_type
from memsh.linux.mm.memory.uaccess import peek
from memsh.shell import arg, command
from memsh.shell.errors import ShellError
from memsh.shell.io import IO
from memsh.shell.registry import Args
from memsh.shell.values import address

TOPIC = "views"


def current_mm(box: Box) -> MmStruct:
    mm = box.current.mm
    if mm is None:
        raise ShellError(f"{box.current.comm} is a kernel thread: it has no memory of its own")
    return mm


def protection(flags: int) -> str:
    """`rw-p`, as in maps."""
    letters = ((VM_READ, "r"), (VM_WRITE, "w"), (VM_EXEC, "x"))
    return "".join(letter if flags & bit else "-" for bit, letter in letters) + ("s" if flags & VM_SHARED else "p")


def resident(mm: MmStruct, start: int, end: int) -> int:
    """Pages of [start, end) that a page-table entry maps."""
    total = 0
    for index, pt in mm.tables.items():
        low, high = max(start, index << mm.table_shift), min(end, (index + 1) << mm.table_shift)
        if low < high:
            first = (low >> 12) & mm.table_mask
            part = pt.ptes[first : first + ((high - low + 4095) >> 12)]
            total += len(part) - part.count(0)
    return total


class Area(NamedTuple):
    name: str
    start: int
    end: int  # exclusive
    flags: int


def area_name(mm: MmStruct, vma: VmArea) -> str:
    """What a person calls this mapping."""
    if vma.name:
        return vma.name
    if vma.file is not None:
        if vma.file is mm.exe_file or (mm.exe_file is not None and vma.file.inode is mm.exe_file.inode):
            if vma.flags & VM_EXEC:
                return "code"
            return "data" if vma.flags & VM_WRITE else "read-only data"
        return vma.file.path
    if vma.start <= mm.start_stack < vma.end:
        return "stack"
    return "mmap"


def process_areas(mm: MmStruct) -> list[Area]:
    """The mappings by name; the anonymous memory behind the data is cut at start_brk into .bss and heap."""
    found: list[Area] = []
    end_data = (mm.end_data + 4095) & ~4095
    for vma in mm.mmap:
        name = area_name(mm, vma)
        if name == "mmap" and vma.start < mm.start_brk and vma.start >= end_data - 4096 and vma.file is None:
            cut = min(vma.end, (mm.start_brk + 4095) & ~4095)
            found.append(Area("bss", vma.start, cut, vma.flags))
            if cut < vma.end:
                found.append(Area("heap", cut, vma.end, vma.flags))
        elif name == "mmap" and mm.start_brk <= vma.start < max(mm.brk, mm.start_brk + 1):
            found.append(Area("heap", vma.start, vma.end, vma.flags))
        else:
            found.append(Area(name, vma.start, vma.end, vma.flags))
    return found


def areas_of(box: Box, task: Task) -> list[Area]:
    """The areas of a process, those that its C library mapped for threads by name: stacks, guard pages, arenas."""
    mm = task.mm
    if mm is None:
        return []
    stacks = {thread.tls: thread.pid for thread in box.threads.values() if thread.mm is mm and thread.tls}
    from memsh.libc.abi import ABIS, LEAST_HEAP_MAX_SIZE  # start-up: 10 ms, with all of libc

    abi = ABIS[box.arch.word]
    found: list[Area] = []
    for area in process_areas(mm):
        name = area.name
        aligned = not area.start % LEAST_HEAP_MAX_SIZE
        if name == "mmap" and area.flags & VM_NORESERVE and aligned and area.flags & VM_READ:
            first = peek(box, task, area.start, abi.word)
            if first is not None and int.from_bytes(first, "little") % LEAST_HEAP_MAX_SIZE == abi.heap_info:
                name = "arena"
        elif name == "mmap" and not area.flags & VM_READ and found and found[-1].name == "arena":
            name = "arena (rest)" if found[-1].end == area.start else name
        else:
            tid = next((stacks[tls] for tls in stacks if area.start <= tls < area.end), 0)
            if tid and name == "mmap":
                name = f"stack of {tid}"
                if found and found[-1].end == area.start and found[-1].name == "mmap" and not found[-1].flags & VM_READ:
                    found[-1] = found[-1]._replace(name="guard")
        found.append(area._replace(name=name))
    return found


@command(topic=TOPIC, looks=True)
def areas(box: Box, args: Args, io: IO) -> None:
    """the areas of the current process by name: code, data, BSS, heap, stack

    areas
    """
    mm = current_mm(box)
    rows: list[tuple[object, ...]] = [("area", "from", "to", "size", "resident", "")]
    for area in areas_of(box, box.current):
        size = human(area.end - area.start)
        here = human(resident(mm, area.start, area.end) << 12)
        rows.append((area.name, f"{area.start:08x}", f"{area.end:08x}", size, here, protection(area.flags)))
    io.out(table(rows, "<>>>><"))


@command(topic=TOPIC, looks=True)
def vmmap(box: Box, args: Args, io: IO) -> None:
    """the four gigabytes of the current process as a picture, user and kernel half

    vmmap
    """
    mm, mmu = current_mm(box), box.mmu
    wide = io.width >= 78
    said = {"fixmap": "fixed mappings", "pkmap": "permanent kmaps", "vmalloc": "vmalloc",
            "lowmem": "direct mapping: lowmem at PAGE_OFFSET"}  # fmt: skip
    rows = [
        (start, mmu.word_limit if name == "fixmap" else end, said.get(name, f"{name}: {what}"))
        for name, start, end, what in box.machine.layout.areas()
    ]
    size = human(mmu.word_limit - min(start for start, _, _ in rows))
    say(io, f"kernel space: {size}, the same in every process")
    _picture(io, rows, wide)
    say(io, f"{'-' * (16 if wide else 12)} {mm.task_size:08x} TASK_SIZE: user space ends here")
    mine = reversed(areas_of(box, box.current))
    user = [(area.start, area.end, f"{area.name} {protection(area.flags)}") for area in mine]
    _picture(io, user, wide)
    say(io, f"{'-' * (16 if wide else 12)} 00000000")


def _picture(io: IO, rows: list[tuple[int, int, str]], wide: bool) -> None:
    """Boxes from high addresses to low, with the gaps between them named by their size."""
    inner = 14 if wide else 10
    above = 0
    top = (1 << io.session.bits) - 1
    for start, end, name in rows:
        if above and above - end > 0xFFFFF:
            say(io, f"|{'.' * inner}| {'':8} {human(above - end)} unused")
        say(io, f"+{'-' * inner}+ {min(end, top):08x}")
        io.out(clip(f"|{human(end - start):^{inner}}| {start:08x} {name}", io.width) + "\n")
        above = start
    say(io, f"+{'-' * inner}+")


PTE_BITS = (
    (PTE_PRESENT, "present"),
    (PTE_RW, "writable"),
    (PTE_USER, "user"),
    (PTE_ACCESSED, "accessed"),
    (PTE_DIRTY, "dirty"),
)


def bits(entry: int) -> str:
    return " ".join(name for bit, name in PTE_BITS if entry & bit) or "not present"


@command(arg("addr", type=address, help="a virtual address"), topic=TOPIC, looks=True)
def pagewalk(box: Box, args: Args, io: IO) -> None:
    """how the CPU translates an address: directory entry, table entry, frame

    pagewalk 0x08048000
    """
    addr = args.addr
    mmu = box.mmu
    indexes = [(addr >> shift) & mmu.entries - 1 for shift in mmu.shifts[-2::-1]]
    steps = ", ".join(f"{name} {index}" for name, index in zip(mmu.names[::-1], indexes, strict=True))
    say(io, f"{addr:#010x} = {steps}, offset {addr & 4095:#x}")
    if addr in mmu.hole:
        say(io, "  " + not_canonical(box))
        return
    if addr >= mmu.task_size:
        _kernel_walk(box, addr, io)
        return
    found = walk(current_mm(box), addr)
    digits = 2 + 2 * mmu.word
    *above, last = found.levels
    if len(found.levels) < len(mmu.names) and not last.entry:
        above.append(last)
    for level in above:
        if not level.entry:
            say(io, f"  {level.name}[{level.at}] = 0: no page table; a touch would fault")
            return
        entry = level.entry
        say(io, f"  {level.name}[{level.at}] = {entry:#0{digits}x}  table in frame {entry >> 12:#x}: {bits(entry)}")
    shown = f"  {last.name}[{last.at}] = {mmu.hardware(last.entry):#0{digits}x}  "
    if found.pfn is None:
        what = "no page here yet; a touch would fault"
        if found.pte:
            entry = mmu.pte_to_swp_entry(found.pte)
            what = f"swapped out, to slot {swp_offset(entry)} of {box.swap.info[swp_type(entry)].path}"
        say(io, shown + what)
        return
    size = 1 << mmu.shifts[len(mmu.names) - len(found.levels)]
    frames = f"frame {found.pfn:#x}" if size == 4096 else f"{human(size)} at once, here frame {found.pfn:#x}"
    say(io, f"{shown}{frames}: {bits(found.pte)}{' no-execute' if found.pte & mmu.nx else ''}")
    zone = box.pages.zone_of(found.pfn).name
    say(io, f"  physical {(found.pfn << 12) + found.offset:#010x}, zone {zone}")


def not_canonical(box: Box) -> str:
    """What the processor makes of an address whose upper bits are not all alike."""
    low = box.mmu.hole.start.bit_length() - 1
    return f"not canonical: bits {8 * box.mmu.word - 1} to {low} differ, the processor refuses it"


def _kernel_walk(box: Box, addr: int, io: IO) -> None:
    lay = box.machine.layout
    offset = box.arch.page_offset
    if offset <= addr < lay.high_memory:
        pfn = (addr - offset) >> PAGE_SHIFT
        size, what = lay.direct_entry(pfn)
        first = pfn & -size
        say(io, f"  the direct mapping: one {what} entry maps frames {first:#x} to {first + size - 1:#x}")
        say(io, f"  physical {addr - offset:#010x}, frame {pfn:#x}, zone {box.pages.zone_of(pfn).name}")
        return
    for area in box.vmalloc.areas():
        if area.addr <= addr < area.addr + area.size:
            page = (addr - area.addr) >> 12
            frames = area.pages or ()
            if page < len(frames):
                say(io, f"  vmalloc area at {area.addr:#x}: page {page} lies in frame {frames[page]:#x}")
                return
            say(io, f"  vmalloc area at {area.addr:#x}: {'its guard page' if frames else 'not RAM (ioremap)'}")
            return
    slot = (addr - lay.pkmap_base) >> PAGE_SHIFT if lay.last_pkmap else -1
    if 0 <= slot < lay.last_pkmap and box.highmem.count[slot]:
        pfn = box.highmem.page[slot]
        say(io, f"  permanent kmap {slot}: frame {pfn:#x}, physical {(pfn << 12) + (addr & 4095):#010x}, zone "
                f"{box.pages.zone_of(pfn).name}")  # fmt: skip
        return
    section = box.machine.image.section_at(addr - lay.image_base)
    if section:
        phys = addr - lay.image_base
        say(io, f"  {section}: physical {phys:#010x}, frame {phys >> PAGE_SHIFT:#x}")
        return
    say(io, "  nothing is mapped here")


@command(topic=TOPIC, looks=True)
def layout(box: Box, args: Args, io: IO) -> None:
    """the kernel's part of the address space: direct mapping, vmalloc, fixed mappings and the like

    layout
    """
    rows = box.machine.layout.areas()
    width = 2 + 2 * box.arch.word
    out: list[tuple[object, ...]] = [("area", "from", "to", "size", "")]
    out += [
        (name, f"{start:#0{width}x}", f"{end:#0{width}x}", human(end - start), what) for name, start, end, what in rows
    ]
    beside(io, out, "<>>><")
