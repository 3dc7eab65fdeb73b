"""/sys/firmware/memmap: the map of memory that the firmware gave (drivers/firmware/memmap.c).

It is the firmware's own, whatever mem= and memmap= make of it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from memsh.procfs.node import Directory, Node, ProcFile

if TYPE_CHECKING:
    from memsh.linux.arch.x86.e820 import Entry
    from memsh.linux.box import Box


def _entry(entry: Entry) -> Directory:
    texts = {"end": f"{entry.end - 1:#x}", "start": f"{entry.start:#x}", "type": entry.name}
    return Directory({name: _line(text) for name, text in texts.items()}, 0o755)


def _line(text: str) -> ProcFile:
    return ProcFile(lambda box: text + "\n")


def _names(box: Box) -> list[str]:
    return [str(at) for at in range(len(box.machine.firmware_map))]


def _find(box: Box, name: str) -> Node | None:
    return _entry(box.machine.firmware_map[int(name)]) if name in _names(box) else None


MEMMAP = Directory({}, 0o755, _names, _find)
