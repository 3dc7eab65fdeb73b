"""/proc/kallsyms: the kernel's symbols (kernel/kallsyms.c).

**Known deviations:** only the bounds of the kernel's sections are known, of some 27,000 symbols.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from memsh.linux.box import Box

BOUNDS = {
    "Kernel code": (("T", "_text"), ("T", "_etext")), "Kernel rodata": (("D", "__start_rodata"), ("D", "__end_rodata")),
    "Kernel data": (("D", "_sdata"), ("D", "_edata")), "Kernel bss": (("B", "__bss_start"), ("B", "__bss_stop")),
}  # fmt: skip


def show(box: Box) -> str:
    wide = box.arch.word * 2
    found = []
    for name, start, last in box.machine.image.sections:
        found += [(at + box.arch.page_offset, *symbol)
                  for at, symbol in zip((start, last + 1), BOUNDS[name], strict=True)]  # fmt: skip
    return "".join(f"{address:0{wide}x} {kind} {name}\n" for address, kind, name in sorted(found))
