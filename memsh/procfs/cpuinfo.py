"""/proc/cpuinfo: the recorded processor, once for each CPU (arch/x86/kernel/cpu/proc.c)."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from memsh.linux.box import Box


def show(box: Box) -> str:
    blocks = []
    for cpu in range(box.config.cpus):
        rows = box.model.start.cpuinfo(box, cpu)
        blocks.append("".join(_row(name, value) for name, value in rows) + "power management:\n\n")
    return "".join(blocks)


def _row(name: str, value: str) -> str:
    """The colon stands at the third tab stop; a longer name takes one tab."""
    tabs = "\t" if len(name) > 7 else "\t\t"
    return f"{name}{tabs}: {value}\n"
