"""/proc/pressure: how long work waited for CPU, disk and memory (kernel/sched/psi.c, psi_show).

A trigger that is written lives as long as the file stays open: nothing of it is seen here.

**Known deviations:** nothing waits for a CPU.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from memsh.linux.include.errno import KernelError
from memsh.linux.include.psi import FIXED_1, FSHIFT, PsiGroup

if TYPE_CHECKING:
    from memsh.linux.box import Box

WINDOW_MIN, WINDOW_MAX = 500_000, 10_000_000  # µs


def text(box: Box, group: PsiGroup, name: str) -> str:
    """A group's two lines for one resource; who waits is alone, so that all that could work waits."""
    group.look(box.timer.usec)
    averages = " ".join(f"avg{seconds}={load >> FSHIFT}.{(load & FIXED_1 - 1) * 100 >> FSHIFT:02}"
                        for seconds, load in zip((10, 60, 300), group.averages[name], strict=True))  # fmt: skip
    line = f"{averages} total={group.totals[name]}\n"
    return f"some {line}full {line}"


def store(box: Box, text: str) -> None:
    """`some 150000 1000000`: a trigger's threshold and window in µs (psi_trigger_create). EINVAL."""
    found = re.fullmatch(r"(?:some|full) (\d+) (\d+)\s*", text.partition("\0")[0], re.ASCII)
    if not found:
        raise KernelError("EINVAL", "some or full, a threshold and a window in microseconds")
    threshold, window = int(found[1]), int(found[2])
    if not WINDOW_MIN <= window <= WINDOW_MAX or not 0 < threshold <= window:
        raise KernelError("EINVAL", "a window from 0.5 to 10 seconds, a threshold within it")


def enabled(box: Box) -> bool:
    return box.psi.enabled


def show_cpu(box: Box) -> str:
    return text(box, box.psi.system, "cpu")


def show_io(box: Box) -> str:
    return text(box, box.psi.system, "io")


def show_memory(box: Box) -> str:
    return text(box, box.psi.system, "memory")
