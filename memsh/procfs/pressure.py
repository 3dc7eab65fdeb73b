"""/proc/pressure: how long work waited for CPU, disk and memory (kernel/sched/psi.c, psi_show).

**Known deviations:** only waiting for the disk is counted, in `io`; the averages of the last seconds are always 0. No
trigger can be written.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from memsh.linux.box import Box

_AVERAGES = "avg10=0.00 avg60=0.00 avg300=0.00"


def _text(some: int, full: int) -> str:
    """Totals in microseconds."""
    return f"some {_AVERAGES} total={some}\nfull {_AVERAGES} total={full}\n"


def show_cpu(box: Box) -> str:
    del box
    return _text(0, 0)


def show_io(box: Box) -> str:
    """Who waits is alone: all that could work waits."""
    waited = box.disk.waited_usec
    return _text(waited, waited)


def show_memory(box: Box) -> str:
    del box
    return _text(0, 0)
