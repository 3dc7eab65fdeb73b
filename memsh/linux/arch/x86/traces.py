"""What a report of the kernel says of where it was: call traces and registers, as plain data
(arch/x86/kernel/dumpstack.c, process_32.c and process_64.c: __show_regs()).

Frames are `function+offset/length` of the recorded kernel's build. Known deviations: of the frames that only look like
return addresses (`? …`) none is shown.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

Frames = tuple[str, ...]


class Warn(NamedTuple):
    """A WARN_ON: `where` file and line, `place` the function, `code` the bytes there, `registers` with `{gfp}` …"""

    where: str
    place: str
    code: str
    registers: Frames


@dataclass(frozen=True, slots=True, eq=False)
class Traces:
    """`task`: whether the frames stand between <TASK> and </TASK>; `heads`: from the report down to the allocator, by
    what it tells; `via`: from there to who asked and where the kernel was entered.
    `fault` and `syscall` are the registers of user space, `warns` by name."""

    task: bool
    modules: bool
    heads: Mapping[str, Frames]
    via: Mapping[str, Frames]
    fault: Frames
    syscall: Frames
    syscall_ip: int  # of the system call's return, from the start of the vdso
    kernel_sp: int  # how deep the kernel's stack is in a WARN_ON
    warns: Mapping[str, Warn]
    caller: str  # of vmalloc, as vmallocinfo names who asks on a person's behalf
    huge_caller: str  # of vmalloc_huge; "" where there is none

    def __deepcopy__(self, memo: dict[int, Any]) -> Traces:
        return self
