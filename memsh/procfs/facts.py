"""Files of /proc whose text is a fact of the machine: who made its kernel, which devices it has.

Known deviations: ranges of memory types (mtrr) cannot be changed, nor can a device on the bus be configured: whatever
is written is refused (EINVAL).

A model's facts are path below /proc → text (memsh.linux.include.model).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from memsh.linux.include.errno import KernelError
from memsh.procfs.node import Directory, Node, ProcFile

if TYPE_CHECKING:
    from collections.abc import Callable

    from memsh.linux.box import Box


def _wake(box: Box, text: str) -> None:
    """acpi_system_write_wakeup_device(): a device that is not there is passed over."""


def _fixed(box: Box, text: str) -> None:
    raise KernelError("EINVAL", "this stays as the firmware set it")


STORES: dict[str, Callable[[Box, str], None]] = {"acpi/wakeup": _wake, "bus/pci/00/": _fixed, "mtrr": _fixed}
SIZED = "bus/pci/00/"  # where ls shows how long a file is


def names(box: Box, folder: str) -> list[str]:
    """The names in `folder` ("" or ending in a slash), each once."""
    rest = (path.removeprefix(folder).split("/")[0] for path in box.model.facts if path.startswith(folder))
    return [name for name in dict.fromkeys(rest) if name]


def find(box: Box, folder: str, name: str) -> Node | None:
    path = folder + name
    if path in box.model.facts:
        store = next((one for begin, one in STORES.items() if path.startswith(begin)), None)
        size = len(box.model.facts[path].encode("utf-8", "surrogateescape")) if path.startswith(SIZED) else 0
        return ProcFile(lambda box: box.model.facts[path], store, 0o644 if store else 0o444,
                        size=(lambda box: size) if size else None)  # fmt: skip
    below = path + "/"
    if any(other.startswith(below) for other in box.model.facts):
        return directory(below)
    return None


def directory(folder: str, fixed: dict[str, Node] | None = None) -> Directory:
    """What facts there are in a folder, and `fixed`."""
    return Directory(fixed or {}, 0o555, lambda box: names(box, folder), lambda box, name: find(box, folder, name))
