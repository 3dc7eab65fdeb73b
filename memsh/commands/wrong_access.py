"""What was wrong with an access to memory, in a line for the person who typed it."""

from __future__ import annotations

from memsh.commands.virtual import process_areas, protection
from memsh.linux.include.mm_types import MmStruct


def fault(mm: MmStruct, comm: str, addr: int, error_code: int) -> str:
    """What was wrong with an access, before the process is gone: the area in which the address lies, or the nearest."""
    how = "executing" if error_code & 16 else "writing" if error_code & 2 else "reading"
    areas = process_areas(mm)
    for area in areas:
        if area.start <= addr < area.end:
            bounds = f"{area.start:08x}-{area.end:08x} {protection(area.flags)}"
            return f"{how} {addr:#010x} is not allowed: it lies in {area.name} of {comm}, {bounds}"
    if addr >= mm.task_size:
        return f"{how} {addr:#010x}: that is the kernel's; user space ends at {mm.task_size:#010x}"
    below = max((area for area in areas if area.end <= addr), key=lambda area: area.end, default=None)
    above = min((area for area in areas if area.start > addr), key=lambda area: area.start, default=None)
    near = [f"{area.name} {area.start:08x}-{area.end:08x}" for area in (below, above) if area]
    return f"{how} {addr:#010x}: it lies in no area of {comm}; nearest: {', '.join(near)} (vmmap shows all)"
