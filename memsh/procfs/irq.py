"""/proc/irq: which CPUs an interrupt may go to (kernel/irq/proc.c).

**Known deviations:** CPU 0 takes every interrupt but those of the disks' queues: another mask is refused, EIO, as of
one that cannot be moved.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

from memsh.linux.config import cpulist_text
from memsh.linux.include.errno import KernelError
from memsh.linux.lib.bitmap import bitmap_parse, bitmap_parselist, bits
from memsh.procfs.interrupts import handlers
from memsh.procfs.node import Directory, Node, ProcFile
from memsh.procfs.stat import queue_cpus
from memsh.procfs.sys_node import cpumap_text

if TYPE_CHECKING:
    from memsh.linux.box import Box

LEGACY = range(16)  # which the interrupt controller of old has lines for
CASCADE = 2  # which goes nowhere


def _mask(cpus: range) -> ProcFile:
    return ProcFile(lambda box: cpumap_text(cpus, box.config.cpus) + "\n")


def _aim(box: Box, cpus: Sequence[int]) -> None:
    """irq_set_affinity(): EINVAL, EIO."""
    if not any(cpu < box.config.cpus for cpu in cpus):
        raise KernelError("EINVAL", "none of these CPUs is online")
    if 0 not in cpus:
        raise KernelError("EIO")


def _store(box: Box, text: str) -> None:
    _aim(box, bits(bitmap_parse(text, box.config.present)))


def _store_list(box: Box, text: str) -> None:
    _aim(box, bits(bitmap_parselist(text, box.config.present)))


def _spurious(box: Box) -> str:
    """note_interrupt() counts only where some have gone unhandled."""
    return "count 0\nunhandled 0\nlast_unhandled 0 ms\n"


def _all(box: Box) -> str:
    return cpumap_text(range(box.config.cpus), box.config.cpus) + "\n"


def _taker(box: Box, who: str) -> int | None:
    """The one CPU that a queue's interrupt goes to; None if it may go to others (irq_do_set_affinity, managed)."""
    queue = re.fullmatch(r"virtio\d+-req\.(\d+)", who)
    return queue_cpus(box)[int(queue[1])] if queue is not None else None


def _bound(box: Box, text: str) -> None:
    """It is the kernel's choice, or nobody's."""
    raise KernelError("EIO")


def _irq(number: int, who: str, taker: int | None) -> Directory:
    first = range(int(number != CASCADE)) if taker is None else range(taker, taker + 1)

    def cpus(box: Box) -> range:
        return range(box.config.cpus) if taker is None else first

    fixed = who == "timer" or number == CASCADE or taker is not None  # irq_can_set_affinity_usr()
    files: dict[str, Node] = {
        "affinity_hint": _mask(range(0)), "effective_affinity": _mask(first),
        "effective_affinity_list": ProcFile(lambda box: cpulist_text(first) + "\n"),
        "node": ProcFile(lambda box: "0\n"),
        "smp_affinity": ProcFile(
            lambda box: cpumap_text(cpus(box), box.config.cpus) + "\n", _bound if fixed else _store, 0o644),
        "smp_affinity_list": ProcFile(
            lambda box: cpulist_text(cpus(box)) + "\n", _bound if fixed else _store_list, 0o644),
        "spurious": ProcFile(_spurious),
    }  # fmt: skip
    if who and who != "timer":
        files[who] = Directory({})
    return Directory(files)


def _numbers(box: Box) -> list[str]:
    return [str(number) for number in sorted({*LEGACY, *handlers(box)})]


def _find(box: Box, name: str) -> Node | None:
    if name not in _numbers(box):
        return None
    handler = handlers(box).get(int(name))
    who = handler.who if handler is not None else ""
    return _irq(int(name), who, _taker(box, who))


IRQ = Directory({"default_smp_affinity": ProcFile(_all, _store, 0o644)}, names=_numbers, find=_find)
