"""/sys/kernel/irq: the interrupts, who raises and who takes them (kernel/irq/irqdesc.c)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from memsh.procfs.interrupts import Handler, handlers
from memsh.procfs.irq import CASCADE, LEGACY
from memsh.procfs.node import Directory, Node, ProcFile
from memsh.procfs.stat import FIRST_MSI, device_irqs, disk_irqs

if TYPE_CHECKING:
    from memsh.linux.box import Box

LINKS = (5, 10, 11)  # which the devices of the bus share
NOBODY = ""


def _line(box: Box, number: int) -> Handler:
    """Who listens, and the chip that is asked: the controller of old for the line that leads to the second one."""
    known = handlers(box).get(number)
    if known is not None:
        return known
    return Handler("IO-APIC", number, "fasteoi" if number in LINKS else "edge", NOBODY)


def _counts(box: Box, number: int) -> str:
    at = number - FIRST_MSI
    disks = disk_irqs(box)
    if 0 <= at < len(disks):
        counts = disks[at][1]
    else:
        counts = [device_irqs(box)[number]]
    counts = [*counts, *[0] * (box.config.present - len(counts))]
    return ",".join(map(str, counts)) + "\n"


def _irq(box: Box, number: int) -> Directory:
    chip, pin, flow, who = _line(box, number)
    cascade = number == CASCADE
    texts = {
        "actions": f"{who}\n" if who else "", "chip_name": "XT-PIC\n" if cascade else f"{chip}\n",
        "hwirq": "" if cascade else f"{pin}\n", "name": "" if cascade else f"{flow}\n",
        "type": "edge\n" if flow == "edge" and not cascade else "level\n", "wakeup": "disabled\n",
    }  # fmt: skip
    files: dict[str, Node] = {name: _text(text) for name, text in texts.items()}
    return Directory({**files, "per_cpu_count": ProcFile(lambda box: _counts(box, number))}, 0o755)


def _text(text: str) -> ProcFile:
    return ProcFile(lambda box: text)


def _numbers(box: Box) -> list[str]:
    return [str(number) for number in sorted({*LEGACY, *handlers(box)})]


def of_disk(box: Box, number: int) -> list[str]:
    """The numbers of a disk's interrupts."""
    each = 1 + box.config.cpus
    return [str(FIRST_MSI + number * each + at) for at in range(each)]


IRQ = Directory({}, 0o755, _numbers, lambda box, name: _irq(box, int(name)) if name in _numbers(box) else None)
