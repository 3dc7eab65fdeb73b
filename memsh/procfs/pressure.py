"""/proc/pressure: how long work waited for CPU, disk and memory (kernel/sched/psi.c, psi_show).

**Known deviations:** nothing waits for a CPU. No trigger can be written.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from memsh.linux.include.psi import FIXED_1, FSHIFT, PsiGroup

if TYPE_CHECKING:
    from memsh.linux.box import Box


def text(box: Box, group: PsiGroup, name: str) -> str:
    """A group's two lines for one resource; who waits is alone, so that all that could work waits."""
    group.look(box.timer.usec)
    averages = " ".join(f"avg{seconds}={load >> FSHIFT}.{(load & FIXED_1 - 1) * 100 >> FSHIFT:02}"
                        for seconds, load in zip((10, 60, 300), group.averages[name], strict=True))  # fmt: skip
    line = f"{averages} total={group.totals[name]}\n"
    return f"some {line}full {line}"


def show_cpu(box: Box) -> str:
    return text(box, box.psi.system, "cpu")


def show_io(box: Box) -> str:
    return text(box, box.psi.system, "io")


def show_memory(box: Box) -> str:
    return text(box, box.psi.system, "memory")
