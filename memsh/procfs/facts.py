"""Files of /proc whose text is a fact of the machine: who made its kernel, which devices it has.

Known deviation: ranges of memory types (mtrr) cannot be changed, whatever is written is refused (EINVAL).

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


def _range(box: Box, text: str) -> None:
    raise KernelError("EINVAL", "memory types stay as the firmware set them")


STORES: dict[str, Callable[[Box, str], None]] = {"acpi/wakeup": _wake, "mtrr": _range}  # mode 0644


def names(box: Box, folder: str) -> list[str]:
    """The names in `folder` ("" or ending in a slash), each once."""
    rest = (path.removeprefix(folder).split("/")[0] for path in box.model.facts if path.startswith(folder))
    return [name for name in dict.fromkeys(rest) if name]


def find(box: Box, folder: str, name: str) -> Node | None:
    path = folder + name
    if path in box.model.facts:
        store = STORES.get(path)
        return ProcFile(lambda box: box.model.facts[path], store, 0o644 if store else 0o444)
    below = path + "/"
    if any(other.startswith(below) for other in box.model.facts):
        return directory(below)
    return None


def directory(folder: str, fixed: dict[str, Node] | None = None) -> Directory:
    """What facts there are in a folder, and `fixed`."""
    return Directory(fixed or {}, 0o555, lambda box: names(box, folder), lambda box, name: find(box, folder, name))
